from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_fastgen.diagnosis.examine import examine
from jupyter_fastgen.edit import grammars
from jupyter_fastgen.edit.grammars import LANGUAGES, grammar, language_of, missing_grammars

PROMISED = (
    *("python", "r", "julia", "sql", "javascript", "typescript", "tsx", "html", "css", "scss"),
    *("json", "yaml", "markdown", "bash", "c", "cpp"),
)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("notebooks/ride.py", "python"),
        ("Model.R", "r"),
        ("a.b.tsx", "tsx"),
        ("style.css", "css"),
        ("C:\\x\\main.cpp", "cpp"),
        (".bashrc", "bash"),
        ("text/x-python", "python"),
        ("text/x-python; charset=utf-8", "python"),
        ("application/json", "json"),
        ("text/x-c++src", "cpp"),
        ("text/typescript-jsx", "tsx"),
        ("text/x-rsrc", "r"),
        ("text/notes.md", "markdown"),
        ("ipython", "python"),
        ("Julia", "julia"),
        ("R", "r"),
        ("Makefile", "text"),
        ("", "text"),
        ("/", "text"),
    ],
)
def test_language_of(name: str, language: str):
    assert language_of(name) == language


def test_every_language_has_a_grammar_that_loads():
    assert set(LANGUAGES) >= set(PROMISED)
    assert [name for name in LANGUAGES if grammar(name) is None] == []
    assert missing_grammars() == {}
    assert grammar("text") is None


def without(*packages: str) -> Callable[[str], Any]:
    find = importlib.util.find_spec
    return lambda name: None if name in packages else find(name)


def languages_finding() -> Any:
    return next(finding for finding in examine() if finding.name == "languages")


def test_doctor_names_languages_without_a_grammar(monkeypatch: pytest.MonkeyPatch):
    assert languages_finding().verdict == "ok"
    hidden = without("tree_sitter_language_pack", "tree_sitter_sql")
    monkeypatch.setattr(grammars.importlib.util, "find_spec", hidden)
    finding = languages_finding()
    assert finding.verdict == "warning"
    assert {"r", "scss", "sql"} <= set(finding.facts["missing"])
    assert "r, ruby" in finding.text
    assert finding.mend == "pip install 'jupyter-fastgen[languages]' 'tree-sitter-sql'"


def test_without_the_parser_every_grammar_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(grammars.importlib.util, "find_spec", without("tree_sitter"))
    assert list(missing_grammars()) == list(LANGUAGES)
