from __future__ import annotations

import pytest

from jupyter_fastgen.document import Cell, Document
from jupyter_fastgen.evaluate.quality.points import KINDS, QUOTED, Point, cut, draw

CODE = """import math

# a comment
def area(radius):
    return math.pi * radius ** 2

%time area(3)
print(area(2), 'a.b(c')"""


def document(*sources: str) -> Document:
    return Document("python", "n.ipynb", 0, [Cell("same", "code", s) for s in sources])


BOOK = document(
    CODE, "areas = [area(r) for r in range(9)]", "%%bash\nls --color | wc", "max(areas)"
)


def test_points_are_kept_by_the_seed():
    assert draw(BOOK, 9, "1") == draw(BOOK, 9, "1")
    assert draw(BOOK, 9, "1") != draw(BOOK, 9, "2")


def test_more_points_hold_the_fewer():
    assert set(draw(BOOK, 4, "1")) <= set(draw(BOOK, 9, "1"))


def test_kinds_have_equal_parts():
    kinds = [point.kind for point in draw(BOOK, 9, "1")]
    assert [kinds.count(kind) for kind in KINDS] == [3, 3, 3]


def test_notebooks_that_get_one_point_do_not_all_get_the_same_kind():
    assert {draw(BOOK, 1, str(seed))[0].kind for seed in range(30)} == set(KINDS)


def test_points_are_in_code_and_expect_the_rest_of_their_line():
    points = draw(BOOK, 1000, "1")
    assert len(points) == len(set(points))
    for point in points:
        source = BOOK.cells[point.cell].source
        line_start = source.rfind("\n", 0, point.offset) + 1
        line, typed = source[line_start:].split("\n")[0], source[line_start : point.offset]
        assert typed + point.expected == line
        assert point.expected.strip()
        assert not line.startswith(("#", "%"))
        assert point.cell != 2
        if point.kind == "line start":
            assert not typed.strip()
        elif point.kind == "after a sign":
            assert typed[-1] in ".([=,"
        else:
            assert typed[-2:].isidentifier()
            assert point.expected[0].isidentifier()
        assert "'" not in typed


def test_places_in_strings_and_comparisons_are_none():
    book = document("'f(a, b.c = d)' == 'e'")
    assert [point.kind for point in draw(book, 9, "1")] == ["line start"]


def test_for_every_three_about_one_more_is_in_a_quoted_name():
    book = document("\n".join(f"mean_{n} = table['weight'] + \"two words\"" for n in range(10)))
    for count, quoted in ((3, 0), (4, 1), (10, 3)):
        points = draw(book, count, "1")
        found = [point.expected for point in points if point.kind == QUOTED]
        assert len(points) == count + quoted
        assert len(found) == quoted
        assert all(rest.split("'")[0] in ("ight", "ght", "ht") for rest in found)


@pytest.mark.parametrize("below", [True, False])
def test_the_rest_of_the_line_is_taken_out_and_what_is_below_may_be(below: bool):
    book = document("a = 1", "b = a\nc = b\nd = c", "e = d")
    cursor = cut(book, Point(1, 9, "after a sign", " b"), below)
    found = cursor.document
    assert cursor.before == "b = a\nc ="
    if below:
        assert cursor.after == "\nd = c"
        assert [cell.source for cell in found.cells[2:]] == ["e = d"]
    else:
        assert cursor.after == ""
        assert len(found.cells) == 2
    # The cell can be found by its id, and the notebook that was read is as it was.
    assert cursor.index == 1
    assert book.cells[1].source == "b = a\nc = b\nd = c"
