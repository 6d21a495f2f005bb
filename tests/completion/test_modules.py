"""Signatures of the modules beside a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.context import Budget, guess_tokens
from jupyter_fastgen.completion.modules import Import, LocalModules, imports
from jupyter_fastgen.document import Cursor, Document

HELPERS = '''
import pandas as pd
raise SystemExit("a module is read, never run")

def load(path: str, sep=",", *, limit: int | None = None) -> "pd.DataFrame":
    """Reads."""

async def fetch(url): ...

def _private(): ...

class Model:
    depth = 2
    def __init__(self, width, *, bias=True): ...

class Point:
    x: float
    y: float = 0.0
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "work" / "pack" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "helpers.py").write_text(HELPERS)
    (tmp_path / "work" / "pack" / "__init__.py").write_text("def top(): ...")
    (tmp_path / "work" / "pack" / "deep" / "leaf.py").write_text("def bottom(n): ...")
    return tmp_path


def told(
    root: Path, *cells: str, path: str = "work/a.ipynb", budget: Budget | None = None, **more: Any
) -> list[str]:
    made = [protocol.Cell(f"c{n}", "code", cell) for n, cell in enumerate(cells)]
    document = Document.opened(protocol.Open("d", made, path=path, **more))
    last = document.cells[-1]
    cursor = Cursor(document, last.id, len(last.source))
    return LocalModules(root).describe(cursor, budget or Budget()).splitlines()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import a, b.c as d", [Import("a", "", "a"), Import("b.c", "", "d")]),
        ("from .a import b as c, d", [Import(".a", "b", "c"), Import(".a", "d", "d")]),
        ("from a import (\n    b,\n    c,\n)", [Import("a", "b", "b"), Import("a", "c", "c")]),
        ("if x:\n    import a  # as b", [Import("a", "", "a")]),
        ("from a import *", [Import("a", "*", "*")]),
        ("important = 1\nx = 'import a'\nfrom a import", []),
    ],
)
def test_imports_are_found(code: str, found: list[Import]):
    assert list(imports(code)) == found


def test_an_imported_module_tells_its_public_functions_and_classes(root: Path):
    assert told(root, "import helpers", "") == [
        "# helpers.load(path: str, sep=',', *, limit: int | None=None) -> 'pd.DataFrame'",
        "# helpers.fetch(url)",
        "# helpers.Model(width, *, bias=True)",
        "# helpers.Point(x: float, y: float = 0.0)",
    ]
    assert told(root, "import helpers as h", "")[1] == "# h.fetch(url)"


def test_of_imported_names_only_these_are_told(root: Path):
    assert told(root, "from helpers import fetch as get, missing", "") == ["# get(url)"]
    assert told(root, "from helpers import *", "")[1] == "# fetch(url)"
    assert told(root, "import helpers\nimport helpers", "")[4:] == []


def test_packages_and_modules_in_them_are_found(root: Path):
    cell = "import pack\nfrom pack.deep.leaf import bottom\nimport numpy, gone.away"
    assert told(root, cell, "") == ["# pack.top()", "# bottom(n)"]
    assert told(root, "from ..helpers import fetch", "", path="work/pack/a.ipynb") == [
        "# fetch(url)"
    ]


def test_a_line_that_is_being_written_imports_nothing_yet(root: Path):
    assert told(root, "import helpers") == []
    assert told(root, "import helpers\n")[1:] != []


def test_nothing_outside_of_the_root_is_read(root: Path):
    (root / "secret.py").write_text("def outside(): ...")
    inner = root / "work"
    assert told(inner, "from ..secret import outside", "", path="a.ipynb") == []
    os.symlink(root / "secret.py", inner / "linked.py")
    assert told(inner, "import linked", "", path="a.ipynb") == []
    assert told(inner, "import secret", "", path="../a.ipynb") == []


def test_a_changed_module_is_read_again_and_a_broken_one_says_nothing(root: Path):
    helpers = root / "work" / "helpers.py"
    assert told(root, "import helpers", "")
    helpers.write_text("def changed(): ...")
    os.utime(helpers, ns=(1, 1))
    assert told(root, "import helpers", "") == ["# helpers.changed()"]
    helpers.write_text("def broken(:")
    os.utime(helpers, ns=(2, 2))
    assert told(root, "import helpers", "") == []


def test_the_room_is_kept(root: Path):
    many = "\n".join(f"def function_{n}(first, second, third): ..." for n in range(100))
    (root / "work" / "many.py").write_text(many)
    lines = told(root, "import many, helpers", "", budget=Budget(above=400))
    assert lines
    assert guess_tokens("\n".join(lines)) <= 50


def test_other_languages_import_otherwise(root: Path):
    assert told(root, "import helpers", "", language="julia") == []
