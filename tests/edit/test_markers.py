from __future__ import annotations

import pytest

from jupyter_fastgen.edit.markers import (
    Delete,
    Keep,
    Line,
    delete_marker,
    keep_marker,
    read,
    split,
)

LANGUAGES = ("python", "r", "javascript", "typescript", "css", "html", "markdown", "sql", "json")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_spelling_that_is_asked_for_is_understood(language: str):
    assert read("  " + keep_marker(language), set()) == Keep(2)
    assert read(delete_marker(language, "  old()"), {"old()"}) == Delete(0, "old()")


@pytest.mark.parametrize(
    "line",
    [
        "# ...",
        "...",
        "// … rest of the code …",
        "# rest of the code remains unchanged",
        "# (existing code)",
        "/* ... same as before ... */",
        "# [... unchanged ...]",
        "{/* ... existing code ... */}",
        "-- ... other columns ...",
        "<!-- ... existing text ... -->",
    ],
)
def test_what_models_write_instead_is_understood(line: str):
    assert isinstance(read(line, set()), Keep)
    assert read(line, {line}) == Line(line)


@pytest.mark.parametrize(
    "line",
    [
        "# Existing users keep their rate",
        "...rest",
        "...other,",
        "x = [...previous]",
        "# Remaining budget in euros",
        "# deleted: rows that nobody needs",
        "# Removed files are kept for a day",
        "def same(): ...",
        "",
    ],
)
def test_code_and_ordinary_comments_are_no_markers(line: str):
    assert read(line, set()) == Line(line)


def test_dots_are_the_body_of_a_new_function_and_stand_for_that_of_an_old_one():
    assert read("    ...", set(), "def new(self):") == Line("    ...")
    assert read("    ...", {"def old(self):"}, "def old(self):") == Keep(4)


def test_a_deletion_names_a_line_of_the_original_by_its_start():
    assert read("# removed block: def fit", {"def fit(self):"}) == Delete(0, "def fit")
    assert read("/* deleted block .card:hover */", {".card:hover {"}) != Keep(0)


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("  x = 1", "# ... existing code ..."),
        ("| km | how far | ", "<!-- ... existing code ... -->"),
        ("  color: red;", "/* ... rest of the rule ... */"),
        ("call();", "// … other code unchanged …"),
    ],
)
def test_a_marker_behind_text_is_split_off(text: str, marker: str):
    indent = text[: len(text) - len(text.lstrip())]
    assert split(f"{text} {marker}", set()) == [text.rstrip(), indent + marker]
    line = f"{text} {marker}"
    assert split(line, {line.strip()}) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "print('# ... existing code ...')",
        "x = 1  # ... and so on ...",
        "x = [...rest]  # the rest",
        "# ... existing code ...",
        "  # ... existing code ...",
        "",
    ],
)
def test_what_is_no_marker_behind_text_is_one_line(line: str):
    assert split(line, set()) == [line]
