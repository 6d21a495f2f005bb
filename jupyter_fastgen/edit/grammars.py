"""Which grammar reads a language, and which language a file, a MIME type or a kernel has. Pure."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Language

TEXT = "text"
"""The language of what is not known: blocks by indentation and blank lines."""

_WHEELS = {
    "bash": ("tree_sitter_bash", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "css": ("tree_sitter_css", "language"),
    "html": ("tree_sitter_html", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "json": ("tree_sitter_json", "language"),
    "julia": ("tree_sitter_julia", "language"),
    "markdown": ("tree_sitter_markdown", "language"),
    "python": ("tree_sitter_python", "language"),
    "sql": ("tree_sitter_sql", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "yaml": ("tree_sitter_yaml", "language"),
}
"""Module of the wheel and the function in it that gives the grammar."""

_PACK = "tree_sitter_language_pack"
_PACKED = (
    *("fortran", "go", "java", "latex", "lua", "matlab"),
    *("r", "ruby", "rust", "scala", "scss", "toml", "xml"),
)
"""Languages that are read with the pack that the extra `languages` installs."""

LANGUAGES = tuple(sorted((*_WHEELS, *_PACKED)))

_ALIASES = {
    "bash": "sh zsh ksh shell bashrc",
    "c": "h csrc",
    "cpp": "cc cxx c++ hpp hh hxx cu cuh c++src",
    "fortran": "f f90 f95 f03",
    "html": "htm xhtml",
    "javascript": "js mjs cjs jsx ecmascript node",
    "json": "ipynb geojson jsonl",
    "julia": "jl",
    "latex": "tex stex",
    "markdown": "md ipythongfm gfm rmd qmd",
    "matlab": "octave",
    "python": "py pyi pyw ipython ipython3 python3 pypy",
    "r": "rsrc rscript",
    "ruby": "rb",
    "rust": "rs rustsrc",
    "sql": "mysql postgresql sqlite plsql ddl",
    "tsx": "typescript-jsx",
    "typescript": "ts mts cts",
    "xml": "svg",
    "yaml": "yml",
}
_BY_NAME = {name: name for name in LANGUAGES} | {
    alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()
}


def language_of(name: str) -> str:
    """Language of a file name, a MIME type, a kernel's language or a cell magic; or `TEXT`."""
    word = name.strip().lower()
    mime, slash, subtype = word.partition("/")
    if slash and mime in {"text", "application"}:
        word = subtype.split(";")[0].strip().removeprefix("x-")
    path = PurePath(word)
    return _BY_NAME.get(word) or _BY_NAME.get((path.suffix or path.name).lstrip(".")) or TEXT


@cache
def grammar(language: str) -> Language | None:
    """The grammar of a language, imported when first asked for; None if there is none.

    `missing_grammars` tells what to install.
    """
    try:
        from tree_sitter import Language

        if language in _WHEELS:
            module, function = _WHEELS[language]
            capsule: object = getattr(importlib.import_module(module), function)()
            return Language(capsule)
        if language in _PACKED:
            pack: Any = importlib.import_module(_PACK)
            return pack.get_language(language)
    except (ImportError, LookupError):
        return None
    return None


def missing_grammars() -> dict[str, str]:
    """Languages without a grammar here, and what to install for each; imports no grammar."""
    needed = {name: package for name, (package, _) in _WHEELS.items()} | dict.fromkeys(
        _PACKED, _PACK
    )
    has_reader = importlib.util.find_spec("tree_sitter") is not None
    return {
        name: "jupyter-fastgen[languages]" if package == _PACK else package.replace("_", "-")
        for name, package in sorted(needed.items())
        if not has_reader or importlib.util.find_spec(package) is None
    }
