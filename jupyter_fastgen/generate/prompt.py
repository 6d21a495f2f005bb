"""Prompts for code that is described in words, short enough for small models. Pure.

What changes least stands first, so that a second request about the same notebook finds its cells
in the KV cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..completion.prompt import plain
from ..edit.fence import fence_for
from ..edit.prompt import Chat

_RULES = """\
You write {language} code for the next cell of a notebook. Answer with the code that the task asks \
for, and no explanation. Use what is there and do not repeat it."""


@dataclass(frozen=True)
class Prompt:
    """`text` for the engine, what ends the answer, and the `fence` that ends its code."""

    text: str
    stop: tuple[str, ...]
    fence: str


def build(task: str, above: str, about: str, language: str, chat: Chat) -> Prompt:
    """The prompt for `task`, in words, behind the code `above`; `about` is what else is known."""
    fence = fence_for([task, above, about])
    said = f"Code so far:\n{fence}{language}\n{above}\n{fence}\n\n" if above else ""
    said += f"{about}\n\n" if about else ""
    text = (
        chat.system
        + plain(_RULES.format(language=language))
        + chat.user
        + plain(f"{said}Task: {task}")
        + chat.assistant
        + f"{fence}{plain(language)}\n"
    )
    return Prompt(text, ("\n" + fence, *chat.stop), fence)
