from __future__ import annotations

import pytest

from jupyter_fastgen.edit.ending import Ending

CODE = """\
import math


class Circle:
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        area = math.pi
        return area * self.radius**2

    def scale(self, factor):
        self.radius *= factor
        return self


def main():
    circle = Circle(2)
    print(circle.area())
""" + "".join(f"    print(circle.scale({n}).area())\n" for n in range(2, 17))

LINES = CODE.split("\n")


def end(answer: str) -> str | None:
    """The line at which an answer is complete; None if it is not."""
    ending = Ending(LINES)
    return next((line for line in answer.split("\n") if ending.reached(line)), None)


def test_copies_behind_the_block_of_a_change_end_the_answer():
    answer = CODE.replace("        return area *", "        print(area)\n        return area *")
    assert end(answer) == "    circle = Circle(2)"
    assert end("# ... existing code ...\n" + answer[answer.index("    def area") :]) is not None


def test_in_the_block_of_a_change_another_may_come():
    answer = CODE.replace("def main():", "def main():\n    print(1)")
    assert end(answer) == "    print(circle.scale(15).area())"
    both = answer.replace("    print(circle.area())", "    print(circle.area(1))")
    assert end(both) is None


@pytest.mark.parametrize(
    "answer",
    [
        CODE,
        CODE.replace("area * self", "area + self").replace("*= factor", "/= factor")[:260],
        "    def area(self):\n        return 1\n# ... existing code ...\n" + CODE[-120:],
        "# deleted: import math\n",
        "# ... existing code ...\ndef main():\n    circle = Circle(2)",
        "",
    ],
)
def test_without_a_change_or_enough_copies_nothing_ends(answer: str):
    last = "    print(circle.scale(16).area())"
    assert end(answer.removesuffix(last + "\n")) is None


def test_lines_that_go_are_a_change():
    answer = CODE.replace("        area = math.pi\n", "")
    assert end(answer) == "    circle = Circle(2)"
