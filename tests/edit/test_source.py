from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen.edit.source import BadSourceError, read_source, write_source


def notebook(sources: list[Any], indent: int | None = 1, ascii_only: bool = False) -> str:
    cells = [
        {"cell_type": "code", "execution_count": 3, "metadata": {"source": "no"}, "source": source,
         "outputs": [{"output_type": "stream", "name": "stdout", "text": ["source\n"]}]}
        for source in sources
    ]  # fmt: skip
    whole = {
        "cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# é"]}, *cells],
        "metadata": {"kernelspec": {"language": "R"}, "x": 1.50},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=indent, ensure_ascii=ascii_only)


@pytest.mark.parametrize("indent", [1, 2, None])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize(
    "sources", [["a <- 1\n", "b <- 'é \\u0041'\n", "c"], "a <- 1\nb", ["a <- 1"]]
)
@pytest.mark.parametrize("ending", ["\n", "", "\r\n"])
def test_of_a_notebook_only_the_source_of_the_cell_changes(
    tmp_path: Path, sources: Any, indent: int | None, ascii_only: bool, ending: str
):
    path = tmp_path / "some.ipynb"
    raw = notebook([sources, ["z"]], indent, ascii_only) + ending
    path.write_bytes(raw.encode())
    source = read_source(path, 1)
    assert source.text == "".join(sources)
    assert source.language == "r"
    write_source(source, source.text)
    assert path.read_bytes() == raw.encode()
    text = source.text.replace("a <- 1", 'a <- "2"\nnew')
    new = text.splitlines(keepends=True) if isinstance(sources, list) else text
    write_source(source, text)
    assert path.read_bytes() == (notebook([new, ["z"]], indent, ascii_only) + ending).encode()


def test_a_new_cell_in_a_notebook_that_says_little_of_itself(tmp_path: Path):
    path = tmp_path / "some.ipynb"
    cell = {"cell_type": "code", "source": "a = 1"}
    path.write_text(json.dumps({"cells": [cell, cell], "metadata": {"language_info": None}}))
    source = read_source(path)
    write_source(source, source.text + "# %%\nb = 2\n")
    assert [c["source"] for c in json.loads(path.read_text())["cells"]][2:] == [["b = 2"]]
    source = read_source(path)
    write_source(source, "")
    (left,) = json.loads(path.read_text())["cells"]
    assert left["source"] == []


def test_cells_are_counted_from_either_end_and_have_a_language(tmp_path: Path):
    path = tmp_path / "some.ipynb"
    path.write_text(notebook([["a"], ["b"]]), encoding="utf-8")
    assert read_source(path, -1).text == "b"
    assert read_source(path, -1).cell == 2
    assert read_source(path, 0).language == "markdown"


@pytest.mark.parametrize("text", ["a = 1\r\nb = 2", "\ufeffa = 1\n", "\n\na"])
def test_a_text_file_is_read_and_written_byte_for_byte(tmp_path: Path, text: str):
    path = tmp_path / "some.py"
    path.write_bytes(text.encode())
    path.chmod(0o640)
    source = read_source(path)
    assert (source.text, source.language) == (text, "python")
    write_source(source, text + "#")
    assert path.read_bytes() == text.encode() + b"#"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path):
    path, link = tmp_path / "some.py", tmp_path / "link.py"
    path.write_text("a")
    link.symlink_to(path)
    write_source(read_source(link), "b")
    assert link.is_symlink()
    assert path.read_text() == "b"


@pytest.mark.parametrize(
    ("name", "content", "cell", "why"),
    [
        ("a.py", b"a\0b", None, "binary"),
        ("a.py", b"a = '\xe9'", None, "not UTF-8 (byte 5)"),
        ("a.py", b"", None, "empty"),
        ("a.py", b"\xef\xbb\xbf \r\n", None, "empty"),
        ("a.py", b"a", 0, "--cell"),
        ("a.py", b"a" * (17 << 20), None, "longer than 16 MiB"),
        ("a.ipynb", b"{}", None, "format 4"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": []}]}', None, "empty"),
        ("a.ipynb", b"{}", 0, "format 4"),
        ("a.ipynb", b"[1]", 0, "format 4"),
        ("a.ipynb", b"nothing", 0, "format 4"),
        ("a.ipynb", b'{"cells": []}', 0, "no cells"),
        ("a.ipynb", b'{"cells": [3]}', 0, "cell 0"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": []}]}', 1, "cells 0 to 0"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": []}]}', 0, "empty"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": [1]}]}', 0, "can't be read"),
        (
            "a.ipynb",
            b'{"cells": [{"cell_type": "code", "source": "\\ud800"}]}',
            0,
            "can't be read",
        ),
    ],
)
def test_what_cannot_be_edited(
    tmp_path: Path, name: str, content: bytes, cell: int | None, why: str
):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadSourceError) as caught:
        read_source(path, cell)
    assert why in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_file(tmp_path: Path):
    for path in (tmp_path, tmp_path / "none.py"):
        with pytest.raises(BadSourceError, match=r"directory|No such file"):
            read_source(path)
