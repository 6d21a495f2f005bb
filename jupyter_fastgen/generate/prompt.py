"""Prompts for code that is described in words, short enough for small models. Pure.

What changes least stands first, so that a second request about the same notebook finds its cells
in the KV cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..completion.prompt import plain
from ..edit.fence import fence_for
from ..edit.prompt import Chat
from ..images import MARK

_RULES = """\
You write {language} code for the next cell of a notebook. Answer with the code that the task asks \
for, and no explanation. Use what is there and do not repeat it."""

_SEEING = """\
You write {language} code for what a picture shows. Of a plot, write code that draws it again with \
matplotlib, with its values as you read them off it. Of a sketch or a screenshot of a user \
interface, write code that builds it with ipywidgets, or as HTML that the code displays. Answer \
with one block of code, and no explanation. Use what is there and do not repeat it."""

TURN = Chat("", "\n\n", "", ())
"""For a server that writes the special tokens of turns itself: all is one turn of the person."""

_GO_ON = "\nThe code so far has run. Go on behind it and do not write it again."
"""Said last, for a small model begins with the imports that it sees however the rules forbid it."""


@dataclass(frozen=True)
class Prompt:
    """`text` for the engine, what ends the answer, and the `fence` that ends its code."""

    text: str
    stop: tuple[str, ...]
    fence: str


def build(task: str, above: str, about: str, language: str, chat: Chat, images: int = 0) -> Prompt:
    """The prompt for `task`, in words, behind the code `above`; `about` is what else is known.

    Of so many `images` each has its `MARK`.
    """
    if images:
        # What marks a picture may stand in any text.
        task, above, about = (text.replace(MARK, " ") for text in (task, above, about))
    fence = fence_for([task, above, about])
    said = f"Code so far:\n{fence}{language}\n{above}\n{fence}\n\n" if above else ""
    said += f"{about}\n\n" if about else ""
    said += "".join(f"Picture:\n{MARK}\n\n" for _ in range(images))
    text = (
        chat.system
        + plain((_SEEING if images else _RULES).format(language=language))
        + chat.user
        + plain(f"{said}Task: {task}{_GO_ON if above else ''}")
        + chat.assistant
        + ("" if chat is TURN else f"{fence}{plain(language)}\n")
    )
    return Prompt(text, ("\n" + fence, *chat.stop), fence)
