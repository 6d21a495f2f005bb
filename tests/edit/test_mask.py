from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_fastgen.edit.blocks import parse
from jupyter_fastgen.edit.mask import mask, without_header

IPYTHON = [
    "%matplotlib inline",
    "%time total = sum(rides)",
    "%timeit -n 10 f()",
    "%timeit f(1,\n    2)",
    "%time rides = read([\n    1,\n])\nx = 1",
    "%%time\nx = 1",
    "%%capture out\nx = 1",
    "%%timeit -n 3\nfor x in y:\n    f(x)",
    "files = !ls -l",
    "files = %sql SELECT *",
    "a.b[0] = !ls",
    "!pip install 'a[b]' \\\n  c \\\n  d\nx = 1",
    "!!ls",
    "?f",
    "f?",
    "f.g??",
    "*load*?",
    "%a",
    "!l",
    "if x:\n    !ls\nelse:\n    %cd ..\n",
    "for f in files:\n\t!cat {f}\n\tf?\n",
    "!echo é",
    "!éa b",
    "pip install pandas",
    "x = [\n    1,\n]\n%pdb on\n\ndef f():\n    pass",
]


@pytest.mark.parametrize("cell", IPYTHON)
def test_ipython_is_read_as_python(cell: str):
    assert not parse(cell, "python").has_errors


@pytest.mark.parametrize(
    "code",
    [
        'text = """\n%time x\n!ls\n"""\n',
        "x = (a\n    % b)\n",
        "x = a \\\n    % b\n",
        "x != y\nf'{x!r}'\n",
        "@property\ndef f(self): ...\n",
    ],
)
def test_python_is_left_alone(code: str):
    assert mask(code) == code


@pytest.mark.parametrize(
    ("cell", "language"),
    [
        ("x = 1", "python"),
        ("%time x", "python"),
        ("\n  %%time\nx", "python"),
        ("%%bash -s", "bash"),
        ("%%sh", "bash"),
        ("%%HTML", "html"),
        ("%%javascript", "javascript"),
        ("%%R -i df", "r"),
        ("%%sql", "sql"),
        ("%%unknown", "text"),
    ],
)
def test_language_of_a_cell(cell: str, language: str):
    assert without_header(cell)[0] == language


PIECES = st.sampled_from(
    [
        *(
            "%",
            "%%",
            "!",
            "?",
            "??",
            "=",
            "\\\n",
            "\n",
            "\r\n",
            " ",
            "    ",
            "time ",
            "x",
            "é",
            "🚲",
        ),
        *('"""', "'", "(", ")", "[", "f'{", "}", "#", "\ud800", "\x00", "pip install ", "%time f("),
    ]
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60))
def test_every_line_keeps_its_size(text: str):
    for masked in (mask(text), without_header(text)[1]):
        assert sizes(masked) == sizes(text)


def sizes(text: str) -> list[int]:
    return [len(line.encode("utf-8", "surrogatepass")) for line in text.split("\n")]


def test_strings_in_strings_without_end():
    text = "%time x\n" + "f'{" * 3000
    assert sizes(mask(text)) == sizes(text)
