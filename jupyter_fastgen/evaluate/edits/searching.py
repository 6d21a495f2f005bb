"""Search/replace blocks, the format of many tools, to compare with. Pure.

The marks are those of aider (aider.chat/docs/more/edit-formats.html): a block names lines of the
text by copying them, and says what they become.
"""

from __future__ import annotations

from ...completion.prompt import plain
from ...edit.lines import body, split_lines
from ...edit.prompt import Chat

SEARCH, DIVIDE, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"

_RULES = f"""\
You edit code. Answer with blocks that say which lines are replaced by which, and no explanation. \
Copy the lines to be replaced exactly, with one unchanged line before and after.

Code:
```
first = 1
second = 2
third = 3
fourth = 4
```
Task: make third 30
Answer:
{SEARCH}
second = 2
third = 3
fourth = 4
{DIVIDE}
second = 2
third = 30
fourth = 4
{REPLACE}"""


def prompt(text: str, language: str, instruction: str, chat: Chat) -> str:
    """The prompt for an edit of `text`; the answer goes on behind the first `SEARCH`."""
    code = "\n".join(body(line) for line in split_lines(text))
    asked = plain(f"Code:\n```{language}\n{code}\n```\nTask: {instruction}")
    return f"{chat.system}{_RULES}{chat.user}{asked}{chat.assistant}{SEARCH}\n"


class UnfitError(Exception):
    """The blocks don't fit the text."""


def apply(text: str, answer: str) -> str:
    """`text` with the blocks of an answer, which begins behind the first `SEARCH`.

    As in aider the lines must stand in the text exactly, and of several places the first counts.
    Raises `UnfitError`.
    """
    lines = [body(line) for line in split_lines(text)]
    for block in f"{SEARCH}\n{answer}".split(f"{SEARCH}\n")[1:]:
        search, divided, rest = block.partition(f"{DIVIDE}\n")
        replace, closed, _ = rest.partition(REPLACE)
        if not (divided and closed):
            raise UnfitError("a block has no end")
        old, new = search.splitlines(), replace.splitlines()
        starts = range(len(lines) - len(old) + 1)
        at = next((n for n in starts if old and lines[n : n + len(old)] == old), None)
        if at is None:
            raise UnfitError("the lines to be replaced do not stand in the text")
        lines[at : at + len(old)] = new
    return "\n".join(lines) + "\n" * text.endswith("\n")
