"""What stands on the line of `%%fastgen` and `%fastgen`, as text: parsed, explained, completed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import FastgenError


class BadOptionError(FastgenError):
    """The line can't be understood; the text says what would be."""


@dataclass(frozen=True)
class Asked:
    """A line that was understood. Of `edit`, `cell` and `file` at most one is given."""

    prompt: str = ""
    edit: str = ""
    cell: int | None = None
    file: str = ""
    write: bool = False
    wait: bool = False
    var: str = ""
    model: str = ""
    max_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0
    image: str = ""
    url: str = ""
    token: str = ""
    help: bool = False

    @property
    def changes(self) -> bool:
        """Whether code that is there is to be changed."""
        return bool(self.edit or self.file) or self.cell is not None


@dataclass(frozen=True)
class Option:
    """`takes` names its value, "" of one that has none; `read` raises `ValueError`."""

    takes: str
    says: str
    read: Callable[[str], Any] = str


def _whole(low: int, high: int = 2**32 - 1) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError("is no whole number") from None
        if value < low:
            raise ValueError(f"is less than {low}")
        if value > high:
            raise ValueError(f"is more than {high}")
        return value

    return read


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("is no number") from None
    if not 0 <= value <= 2:
        raise ValueError("is not between 0 and 2")
    return value


def _name(text: str) -> str:
    if not text.isidentifier():
        raise ValueError("is no name of Python")
    return text


OPTIONS: Mapping[str, Option] = {
    "--edit": Option("NAME", "change the cell where this function, class or variable is made"),
    "--cell": Option("N", "change the cell that ran as In [N]", _whole(1)),
    "--file": Option("PATH", "change a text file or a notebook"),
    "--write": Option("", "with --file: write what is safe, not only show it"),
    "--wait": Option("", "come back when all is written, as text: for scripts and nbconvert"),
    "--var": Option("NAME", "put the code into this variable as well", _name),
    "--model": Option("NAME", "which model writes; %fastgen models lists them"),
    "--max-tokens": Option("N", "how long the answer may become (512)", _whole(1)),
    "--temperature": Option("T", "0 takes the likeliest words, 1 is bolder (0)", _temperature),
    "--seed": Option("N", "with a temperature: another seed, another answer (0)", _whole(0)),
    "--image": Option("FILE", "a picture to write code for; above: the one pasted above the cell"),
    "--url": Option("URL", "the Jupyter server that has the model, as in its address"),
    "--token": Option("TOKEN", "the token of that server"),
    "-h": Option("", "this text"),
}

COMMANDS: Mapping[str, tuple[str, str]] = {
    "fix": ("", "mend the cell that failed last"),
    "explain": ("[NAME]", "say in comments what a cell does, the last one that ran or NAME's"),
    "test": ("NAME", "write a cell of asserts for a function or a class"),
    "status": ("", "which engine and model answer, and how they were found"),
    "models": ("", "the models of the catalog, and which are here"),
    "config": ("[KEY VALUE]", "keep an option for this session: model, max-tokens, url, …"),
}
"""What `%fastgen` does: the words that follow, and what for."""

KEPT = ("model", "max-tokens", "temperature", "seed", "url", "token", "wait")
"""What `%fastgen config` can set."""

_EXAMPLES = """\
%%fastgen
plot the rides of each month, from {rides}

%%fastgen --image plot.png
draw it with the columns of {rides}

%%fastgen --edit parse_line
return None for an empty line

%%fastgen --wait --var code --max-tokens 200
a function that finds the prime factors of a number

%fastgen fix"""

_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")


def parse(line: str, body: str = "", kept: Mapping[str, Any] | None = None) -> Asked:
    """The options of a line; its other words and then `body` are the description.

    `kept`: what `%fastgen config` set, by field. Raises `BadOptionError`.
    """
    values: dict[str, Any] = dict(kept or {})
    said: list[str] = []
    given: set[str] = set()
    words = iter(_WORD.findall(line))
    for word in words:
        if word == "--":
            said.extend(words)
        elif word == "--help" or _is_option(word):
            name, _, value = word.partition("=")
            name = "-h" if name == "--help" else name
            found = OPTIONS.get(name)
            if found is None:
                raise BadOptionError(_unknown("option", name, OPTIONS))
            if found.takes:
                value = value or next(words, "")
                if not value or _is_option(value):
                    raise BadOptionError(f"{name} needs a value: {name} {found.takes}")
            elif value:
                raise BadOptionError(f"{name} takes no value; leave ={value} out")
            values[_field(name)] = _read(name, _unquoted(value)) if found.takes else True
            given.add(name)
        else:
            said.append(word)
    values["prompt"] = "\n".join(part for part in (" ".join(said), body.strip()) if part)
    _check(given)
    return Asked(**values)


def parse_command(line: str) -> tuple[str, str]:
    """The command of a `%fastgen` line, "" for its help, and what follows it.

    Raises `BadOptionError`.
    """
    name, _, rest = line.strip().partition(" ")
    if name in ("", "-h", "--help"):
        return "", ""
    if name not in COMMANDS:
        hint = _unknown("command", name, COMMANDS)
        raise BadOptionError(f"{hint}. A description goes below %%fastgen, with two %")
    return name, rest.strip()


def read_kept(key: str, value: str) -> tuple[str, Any]:
    """The field and the value that `%fastgen config KEY VALUE` sets; raises `BadOptionError`."""
    key = key.strip("-").replace("_", "-")
    if key not in KEPT:
        raise BadOptionError(_unknown("setting", key, KEPT))
    if key == "wait":
        if value not in ("on", "off"):
            raise BadOptionError("wait is on or off: %fastgen config wait on")
        return key, value == "on"
    return _field(f"--{key}"), _read(f"--{key}", _unquoted(value))


def explain() -> str:
    """What `-h` prints."""
    rows = [(f"{name} {option.takes}".strip(), option.says) for name, option in OPTIONS.items()]
    commands = [(f"%fastgen {name} {words}".strip(), s) for name, (words, s) in COMMANDS.items()]
    return "\n".join(
        [
            "%%fastgen writes code from the description below it, or changes code as it says.",
            "{name} in a description tells the model what that object of yours looks like;",
            "{{name}} stays as {name}.",
            "",
            *_table(rows),
            "",
            *_table(commands),
            "",
            "Examples:",
            "",
            *("  " + line if line else "" for line in _EXAMPLES.splitlines()),
        ]
    )


@dataclass(frozen=True)
class Completed:
    """What may stand in place of the last `replaces` characters before the cursor."""

    texts: list[str] = field(default_factory=list[str])
    replaces: int = 0


def complete(
    before: str, names: Iterable[str], models: Callable[[], Iterable[str]]
) -> Completed | None:
    """What may follow `before`, the text of a cell up to the cursor.

    None where it is no cell of ours, or a file's name is asked for. `names`: of the namespace.
    """
    first, newline, _ = before.partition("\n")
    line = before.rpartition("\n")[2].lstrip()
    in_cell = first.lstrip().startswith("%%fastgen")
    if not in_cell and not line.startswith("%fastgen"):
        return None
    inside = re.search(r"(?<!\{)\{(\w*)$", before)
    if inside:
        return _starting(inside[1], names)
    words = line.split()
    if (in_cell and newline) or len(words) < 1 + (not line[-1:].isspace()):
        return None
    last = "" if line[-1:].isspace() else words.pop()
    previous = words[-1]
    if previous in ("--file", "--image"):
        return None
    if previous == "--model" or words[1:] == ["config", "model"]:
        return _starting(last, models())
    if previous in ("--edit", "--var", "test", "explain"):
        return _starting(last, names)
    if previous == "config":
        return _starting(last, KEPT)
    if not in_cell and len(words) == 1:
        return _starting(last, [*COMMANDS, "-h"])
    return _starting(last, OPTIONS) if last.startswith("-") or not last else None


def _starting(start: str, texts: Iterable[str]) -> Completed:
    found = [text for text in texts if text.startswith(start)]
    return Completed(sorted(found, key=lambda text: (text.startswith("_"), text)), len(start))


def nearest(name: str, known: Iterable[str], most: int = 3) -> str:
    """A part of a sentence that names what may have been meant; "" where nothing is close."""
    close = difflib.get_close_matches(name, list(known), most)
    return f"did you mean {' or '.join(close)}?" if close else ""


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    known = list(known)
    there = "there are " if what != "option" else "%%fastgen -h lists "
    hint = nearest(name, known, 1) or there + ("all" if what == "option" else ", ".join(known))
    return f"there is no {what} {name}; {hint}"


def _check(given: set[str]) -> None:
    """Raises `BadOptionError` for options that say two things, or need another."""
    targets: Sequence[str] = [name for name in ("--edit", "--cell", "--file") if name in given]
    if len(targets) > 1:
        raise BadOptionError(f"{targets[0]} and {targets[1]} name two targets; leave one out")
    if "--write" in given and "--file" not in given:
        raise BadOptionError("--write writes to a file: say which with --file PATH")
    if "--var" in given and targets:
        raise BadOptionError(f"--var takes new code, and {targets[0]} changes what is there")


def _is_option(word: str) -> bool:
    # "-1" and a lone "-" are words of a description.
    return bool(re.match(r"--\w|-[A-Za-z]$", word))


def _read(name: str, text: str) -> Any:
    try:
        return OPTIONS[name].read(text)
    except ValueError as error:
        raise BadOptionError(f"{name} {text}: {text} {error}") from None


def _field(name: str) -> str:
    return "help" if name == "-h" else name.lstrip("-").replace("-", "_")


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _table(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in rows)
    return [f"  {name.ljust(width)}  {says}" for name, says in rows]
