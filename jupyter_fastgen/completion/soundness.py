"""Whether suggested Python can work where it would stand: it parses, and what it uses exists.

A name counts as bound wherever the notebook binds it, whatever the scope and the order:
to hold back a right suggestion is worse than to show a wrong one.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import lexer, names
from .lexer import Token
from .namespace import Namespace, Variable

_IPYTHON = (
    "display get_ipython In Out exit quit __file__ __builtins__ __class__"
    " _ __ ___ _i _ii _iii _ih _oh _dh _exit_code"
)
_ALWAYS = frozenset((*dir(builtins), *_IPYTHON.split(), "match", "case", "type"))
_HISTORY = re.compile(r"_i?\d+")

_BINDING = "as async case class def except for global import lambda match nonlocal type with :="
_BINDERS = frozenset(_BINDING.split())
"""With one of these in a statement, what looks like a use may be bound further right."""

_READING = ". ( [ + - * / // % ** @ & | ^ << >> == != < > <= >="
_USES = frozenset(_READING.split())
"""Behind a name outside of brackets: it is read."""

_NAMELESS = frozenset(("import", "from", "global", "nonlocal"))


@dataclass(frozen=True)
class Problem:
    """Why it can't work: the `kind` of check that says so, and a sentence for the person."""

    kind: str
    why: str


@dataclass(frozen=True)
class _Statement:
    """Tokens of one statement; those at `start:end` of the text are suggested, the rest stands.

    `above` is the code that leads to it, of which `cell` is in the cursor's cell.
    """

    tokens: Sequence[Token]
    start: int
    end: int
    finished: bool
    above: str
    cell: str

    def around(self, index: int) -> tuple[str, str]:
        """The tokens before and after one, '' where there is none."""
        before = self.tokens[index - 1].text if index else ""
        after = self.tokens[index + 1].text if index + 1 < len(self.tokens) else ""
        return before, after

    def suggests(self, token: Token) -> bool:
        return token.end > self.start and token.start < self.end

    def is_sure(self, index: int) -> bool:
        """Whether the token is read and bound nowhere in the statement, whatever will follow."""
        if self.finished:
            return True
        found = self.tokens
        if any(t.text in _BINDERS or not t.closed for t in found) or index + 1 == len(found):
            return False
        if found[index].depth == 0:
            return found[index + 1].text in _USES
        brackets = self._brackets(index)
        before = found[brackets[0] - 1] if brackets[0] else None
        is_target = before is None or not (before.kind == "name" or before.text in (")", "]", "="))
        return not is_target and all(self._is_settled(bracket, index) for bracket in brackets)

    def _brackets(self, index: int) -> list[int]:
        """The brackets around a token, from outside to inside."""
        around: list[int] = []
        for n, token in enumerate(self.tokens[:index]):
            if token.kind == "op" and token.text in ("(", "[", "{"):
                around.append(n)
            elif token.kind == "op" and token.text in (")", "]", "}") and around:
                around.pop()
        return around

    def _is_settled(self, bracket: int, index: int) -> bool:
        """Whether no comprehension can follow in the bracket around a token.

        So where it is closed, or where commas divide what it holds.
        """
        depth = self.tokens[bracket].depth
        if any(token.depth <= depth for token in self.tokens[index:]):
            return True
        inside = self.tokens[bracket + 1 :]
        return any(token.text == "," and token.depth == depth + 1 for token in inside)


def is_given(name: str) -> bool:
    """Whether a name exists without being defined: a builtin, or one of IPython's."""
    return name in _ALWAYS or _HISTORY.fullmatch(name) is not None


class Soundness:
    """Checks what may be suggested at one cursor of a Python cell."""

    def __init__(
        self,
        cells: Sequence[str],
        before: str,
        after: str,
        namespace: Namespace | None,
    ) -> None:
        """`cells` are the other code cells; `before` and `after` the cursor's, around it."""
        own = names.bound(before + after)
        self._known = own
        for cell in cells:
            self._known |= names.bound(cell)
        self._own = own.names
        self._code = "\n".join((*cells, before, after))
        variables: Mapping[str, Variable] = namespace.variables if namespace else {}
        self._variables = variables
        # Whether what stands above has been executed is not known: a live kernel settles nothing.
        self._open = namespace is not None and not namespace.complete
        self._rest = after.split("\n", 1)[0]
        parts = list(lexer.statements(lexer.tokens(before)))
        if parts and not lexer.ends_statement(parts[-1][-1]):
            parts.pop()
        self._head = before[parts[-1][-1].end :] if parts else before
        self._cell = before[: len(before) - len(self._head)]
        sources = [lexer.source(before, part) for part in parts]
        self._parses = all(names.parse_statement(source) is not None for source in sources)
        if "\n" in self._head:
            endings = ("", "_", " _")
            self._parses &= any(names.parse_statement(self._head + end) for end in endings)

    def problem(self, text: str, complete: bool) -> Problem | None:
        """What is wrong with `text`, judged as far as more text can't change it."""
        code = self._head + text
        end = len(code)
        if complete:
            code += self._rest
        found = lexer.tokens(code)
        if not complete and found and found[-1].end == end and found[-1].kind != "newline":
            found.pop()  # it may go on
        known, own = self._known, self._own
        for part in lexer.statements(found):
            if part[0].start >= end:
                break
            ended = lexer.ends_statement(part[-1])
            # In brackets that stay open a comprehension may follow on the next line.
            finished = ended or (complete and not lexer.is_open(part))
            cell = self._cell + code[: part[0].start]
            above = self._code + code[: part[0].start]
            statement = _Statement(part, len(self._head), end, finished, above, cell)
            if complete or ended:
                source = lexer.source(code, part)
                if self._parses and names.parse_statement(source) is None:
                    return Problem("syntax", "is not Python where it would stand")
                bound = names.bound_by(source)
                known, own = known | bound, own | bound.names
            if found_problem := self._statement(statement, known, own):
                return found_problem
        return None

    def _statement(
        self, statement: _Statement, known: names.Bound, own: frozenset[str]
    ) -> Problem | None:
        if statement.tokens[0].text in _NAMELESS:
            return None
        for index, token in enumerate(statement.tokens):
            if token.kind != "name" or keyword.iskeyword(token.text):
                continue
            before, after = statement.around(index)
            if before == "." or (after == "=" and token.depth) or not statement.is_sure(index):
                continue
            if statement.suggests(token) and not self._exists(token.text, known):
                why = f"uses the name `{token.text}`, which nothing above defines"
                return Problem("names", why)
            variable = self._variables.get(token.text)
            if variable is not None and token.text not in own:
                problem = self._attribute(statement, index, variable) or self._columns(
                    statement, index, variable
                )
                if problem:
                    return problem
        return None

    def _exists(self, name: str, known: names.Bound) -> bool:
        if name in known.names or name in self._variables or is_given(name):
            return True
        return known.open or self._open

    def _attribute(self, statement: _Statement, index: int, variable: Variable) -> Problem | None:
        """An attribute that is read and that the live object does not have."""
        dot, attribute, following = _texts(statement.tokens, index + 1, 3)
        columns = {name for name, _ in variable.columns}
        if (
            dot != "."
            or not variable.members
            or (columns and not _has_all_columns(variable))
            # What this cell does with it may give it more, as `fit` does; no array has more.
            or (variable.shape is None and re.search(rf"\b{variable.name}\b", statement.cell))
            or not statement.suggests(statement.tokens[min(index + 2, len(statement.tokens) - 1)])
            or following == "="
            or (not following and not statement.finished)
            or not attribute.isidentifier()
            or attribute in variable.members | columns
            or (attribute.startswith("__") and attribute.endswith("__"))
            or re.search(rf"\b{re.escape(variable.name)}\s*\.\s*{attribute}\b", statement.above)
        ):
            return None
        reads = f"reads `{variable.name}.{attribute}`"
        return Problem("attributes", f"{reads}, which the {variable.type} does not have")

    def _columns(self, statement: _Statement, index: int, variable: Variable) -> Problem | None:
        """A column that is read and that the live data frame does not have."""
        found = statement.tokens
        depth = found[index].depth
        opener = found[index + 1] if index + 1 < len(found) else None
        if not _has_all_columns(variable) or opener is None or opener.text != "[":
            return None
        inside = index + 2
        closing = next(
            (n for n in range(inside, len(found)) if found[n].depth == depth and found[n].closed),
            None,
        )
        if closing is None or _texts(found, closing + 1, 1) == ["="]:
            return None
        if closing + 1 == len(found) and not statement.finished:
            return None
        keys = found[inside:closing]
        if len(keys) > 1 and keys[0].text == "[" and keys[-1].text == "]":
            keys = [key for key in keys[1:-1] if key.text != ","]
        columns = {name for name, _ in variable.columns}
        for key in keys if all(key.kind == "string" for key in keys) else ():
            column = key.text[1:-1]
            if (
                key.text[0] in "'\""
                and statement.suggests(key)
                and column not in columns
                and "\\" not in column
                and not _mentions(statement.above, column)
            ):
                why = f"reads the column {key.text}, which `{variable.name}` does not have"
                return Problem("columns", why)
        return None


def _has_all_columns(variable: Variable) -> bool:
    """Whether it is a table and no column was left out."""
    shape = variable.shape
    return shape is not None and len(shape) == 2 and shape[1] == len(variable.columns)


def _mentions(code: str, column: str) -> bool:
    """Whether `code` names the column, as a string or as a keyword argument."""
    word = re.escape(column)
    return bool(re.search(rf"(['\"]){word}\1|\b{word}\s*=(?!=)", code))


def _texts(found: Sequence[Token], start: int, count: int) -> list[str]:
    """The next texts, '' past the end."""
    return [found[n].text if n < len(found) else "" for n in range(start, start + count)]
