"""What ran in a kernel, and what of it goes along with a question."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from jupyter_fastgen.magic import cells
from jupyter_fastgen.magic.cells import context, saved_cells
from jupyter_fastgen.magic.history import Recorder, bound, deleted_cells
from jupyter_fastgen.protocol import Cell


class Kernel:
    """Runs nothing, and tells a recorder what IPython would."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.recorder = Recorder(lambda: self.deleted)
        self._count = 0

    def run(self, source: str, id: str = "", error: Exception | None = None) -> None:
        self._count += 1
        info = SimpleNamespace(raw_cell=source, store_history=True, cell_id=id)
        self.recorder.before(info)
        self.deleted = []  # the page says it once
        self.recorder.after(
            SimpleNamespace(
                info=info,
                execution_count=self._count,
                success=error is None,
                error_in_exec=error,
                error_before_exec=None,
            )
        )


def raised(source: str) -> Exception:
    import linecache

    linecache.cache["cell"] = (len(source), None, source.splitlines(True), "cell")

    def run_code() -> None:
        exec(compile(source, "cell", "exec"), {})

    try:
        run_code()
    except Exception as error:
        return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
    raise AssertionError(source)


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def sources(found: list[Cell]) -> list[str]:
    return [cell.source for cell in found]


def test_names_that_a_cell_makes():
    source = (
        "import os\ndef f():\n    inner = 1\nclass K:\n    a = 1\nx, y = 1, 2\nfor z in x: w = 1\n"
    )
    assert bound(source) == {"f", "K", "x", "y", "z", "w"}
    assert bound("(a for b in c)") == set()
    assert bound("def f(:") == set()


def test_the_last_cell_that_makes_a_name_is_found(kernel: Kernel):
    clean = TransformerManager().transform_cell
    kernel.run("def f(): return 1")
    kernel.run("%matplotlib inline\ndef f(): return 2")
    kernel.run("f()")
    found = kernel.recorder.defining("f", clean)
    assert found is not None
    assert found.number == 2
    assert kernel.recorder.defining("g", clean) is None
    kernel.run("%%time\ndef g(): return 3")
    found = kernel.recorder.defining("g", clean)
    assert found is not None
    assert found.number == 4


def test_a_cell_that_ran_again_counts_once_as_it_is_now(kernel: Kernel):
    kernel.run("a = 1", "one")
    kernel.run("b = 1", "two")
    kernel.run("a = 2", "one")
    assert [(ran.number, ran.source) for ran in kernel.recorder.cells] == [
        (2, "b = 1"),
        (3, "a = 2"),
    ]
    assert kernel.recorder.numbered(1) is None


def test_questions_are_no_code(kernel: Kernel):
    kernel.run("a = 1")
    kernel.run("%%fastgen\nwrite")
    kernel.run("%fastgen status")
    assert sources(context(kernel.recorder, [])) == ["a = 1"]


def test_a_failure_is_kept_until_its_cell_runs_again(kernel: Kernel):
    kernel.run("x = [1]\nx[5]", "one", raised("x = [1]\nx[5]"))
    assert kernel.recorder.failed is not None
    assert kernel.recorder.failed.id == "one"
    assert "IndexError: list index out of range" in kernel.recorder.failure
    assert "----> 2 x[5]" in kernel.recorder.failure
    kernel.run("other = 1", "two")
    assert kernel.recorder.failed is not None
    kernel.run("x = [1]\nx[0]", "one")
    assert kernel.recorder.failed is None


def test_a_deleted_cell_is_forgotten_and_so_is_its_failure(kernel: Kernel):
    kernel.run("a = 1", "one")
    kernel.run("1 / 0", "two", raised("1 / 0"))
    kernel.deleted = ["one", "two", "never ran"]
    kernel.run("b = 1", "three")
    assert sources(context(kernel.recorder, [])) == ["b = 1"]
    assert kernel.recorder.failed is None
    kernel.run("a = 2", "one")  # the deletion was undone
    assert sources(context(kernel.recorder, [])) == ["b = 1", "a = 2"]


def test_a_deleted_cell_counts_again_when_the_file_has_it_later(
    kernel: Kernel, tmp_path: Path, monkeypatch: Any
):
    path = tmp_path / "n.ipynb"
    cell = {"id": "one", "cell_type": "code", "source": "a = 1", "outputs": []}
    path.write_text(json.dumps({"cells": [cell]}))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    os.utime(path, (1000, 1000))
    kernel.run("a = 1", "one")
    kernel.deleted = ["one"]
    kernel.run("b = 1", "two")
    assert saved_cells(kernel.recorder.gone) == []
    later = kernel.recorder.gone["one"] + 1
    os.utime(path, (later, later))
    assert sources(saved_cells(kernel.recorder.gone)) == ["a = 1"]
    assert sources(context(kernel.recorder, [])) == ["a = 1", "b = 1"]


@pytest.mark.parametrize(
    "message",
    [None, {}, {"metadata": {}}, {"metadata": {"deletedCells": None}}, {"metadata": []}],
)
def test_a_front_end_that_says_nothing_of_deleted_cells(message: Any):
    assert deleted_cells(SimpleNamespace(parent_header=message)) == []
    assert deleted_cells(object()) == []


def test_the_cells_above_go_along_in_their_order_each_as_it_ran(kernel: Kernel):
    saved = [
        Cell("one", "code", "a = 1"),
        Cell("two", "code", "b = 1"),
        Cell("asking", "code", "%%fastgen\nx"),
        Cell("below", "code", "c = 1"),
    ]
    kernel.run("c = 2", "below")
    kernel.run("a = 2", "one")
    found = context(kernel.recorder, saved, "asking")
    assert sources(found) == ["c = 2", "a = 2", "b = 1"]
    assert [cell.ran for cell in found] == ["ok", "ok", ""]


def test_only_so_much_goes_along(kernel: Kernel):
    for n in range(10):
        kernel.run(f"x{n} = '{'y' * (cells.MOST_CHARS // 4)}'")
    found = context(kernel.recorder, [])
    assert [source[:2] for source in sources(found)] == ["x7", "x8", "x9"]


def test_the_notebook_that_the_server_names_is_read(tmp_path: Path, monkeypatch: Any):
    notebook = {
        "cells": [
            {
                "id": "m",
                "cell_type": "markdown",
                "source": "# Rides\nLong story.\n## Map",
            },
            {"id": "n", "cell_type": "markdown", "source": "Only a story."},
            {"id": "c", "cell_type": "code", "source": ["a = 1\n", "b = 2"], "outputs": []},
            {"id": "r", "cell_type": "raw", "source": "raw"},
        ]
    }
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert saved_cells({}) == [
        Cell("m", "markdown", "# Rides\n## Map"),
        Cell("c", "code", "a = 1\nb = 2"),
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": [1]}', '{"cells": [{}]}', "\xff"])
def test_a_file_that_is_no_notebook_is_left_out(text: str, tmp_path: Path, monkeypatch: Any):
    path = tmp_path / "n.ipynb"
    path.write_bytes(text.encode("latin-1"))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert saved_cells({}) == []


@pytest.mark.parametrize("name", ["", "nowhere/n.ipynb", "1234-kernel"])
def test_no_such_file_is_no_error(name: str, monkeypatch: Any):
    monkeypatch.setenv("JPY_SESSION_NAME", name)
    assert saved_cells({}) == []
