"""Prompts for edits, short enough for small models. Pure.

The code stands before the instruction: so its part of the KV cache is the same for every
instruction, and can be computed while that is typed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..completion.prompt import plain
from .constraint import sparse
from .fence import fence_for
from .lines import body, split_lines
from .markers import keep_marker, nested_marker

WHOLE_LINES = 25
"""A text of so many lines is written anew: markers and the lines beside them save little there,
and small models copy better than they elide."""


@dataclass(frozen=True)
class Chat:
    """How a model is spoken to: what stands before each turn, and what ends its own."""

    system: str
    user: str
    assistant: str
    stop: tuple[str, ...]


CHATS = {
    "chatml": Chat(
        "<|im_start|>system\n",
        "<|im_end|>\n<|im_start|>user\n",
        "<|im_end|>\n<|im_start|>assistant\n",
        ("<|im_end|>", "<|im_start|>", "<|endoftext|>"),
    ),
    "plain": Chat("", "\n\n", "\nAnswer:\n", ("<|endoftext|>",)),
}
"""By the catalog's `chat`."""

_WHOLE = """\
You edit code. Do what the task says and leave all else exactly as it is.
Answer with {what}, with its changed and its unchanged lines, and no explanation."""

_SPARSE = """\
You edit code. Answer with the changed lines only. Write `{keep}` for every part that stays the \
same, also inside of a block."""

_NEW = """\
You write code. Answer with the new code that the task asks for, and no explanation. Do not repeat \
the code that is there."""

_PART = "Change only this part of it:"

# Indented: of what stands at the margin models learn to put everything there.
_EXAMPLE = """\
shelf {
  red {
    size = 1
    colour = none
    width = 2
  }
  blue {
    size = 1
    colour = none
    width = 3
  }
  grey {
    size = 1
    colour = none
  }
}"""
_EXAMPLE_TASK = "make the width of blue 30 and add the height 4 to grey"
_EXAMPLE_ANSWER = """\
  blue {{
    {nested}
    width = 30
  }}
{keep}
  grey {{
    {nested}
    height = 4
  }}"""


@dataclass(frozen=True)
class Task:
    """Do `instruction` to lines [start, end) of `lines`, which are without ends.

    `whole` says that these are to be written anew, not as a sparse edit; `about` is what else there
    is to know, as text.
    """

    lines: tuple[str, ...]
    start: int
    end: int
    language: str
    instruction: str
    whole: bool
    about: str = ""

    @property
    def part(self) -> tuple[str, ...]:
        """The lines that may change."""
        return self.lines[self.start : self.end]

    @property
    def is_all(self) -> bool:
        """Whether these are all lines but blank ones."""
        return not any(map(str.strip, (*self.lines[: self.start], *self.lines[self.end :])))


@dataclass(frozen=True)
class Prompt:
    """`text` for the engine, what the answer must begin with or follow, and what ends it.

    `fence` ends the code; `own` are lines of the prompt that belong into no code.
    """

    text: str
    begin: str
    grammar: str
    stop: tuple[str, ...]
    fence: str
    own: frozenset[str]


def task(
    text: str,
    language: str,
    instruction: str,
    part: tuple[int, int] | None = None,
    whole: bool | None = None,
    about: str = "",
) -> Task:
    """The task to edit `text`, or only the lines [start, end) that `part` names.

    Blank lines at either end stay as they are: a model drops them without a thought. With `whole`
    None the length decides how the answer is written.
    """
    lines = tuple(body(line) for line in split_lines(text))
    start, end = part if part is not None else (0, len(lines))
    filled = [n for n in range(start, end) if lines[n].strip()]
    start, end = (filled[0], filled[-1] + 1) if filled else (start, start)
    if whole is None:
        whole = end - start <= WHOLE_LINES
    said = " ".join(instruction.split())
    return Task(lines, start, end, language, said, whole, about.strip())


def build(asked: Task, chat: Chat) -> Prompt:
    """The prompt for a task; of the code around its part as much as `asked.lines` holds."""
    fence = fence_for(asked.lines)
    first = next((line for line in asked.part if line.strip()), "")
    return Prompt(
        text=opening(asked, chat) + _question(asked, chat, fence),
        # Small models begin a part at the margin, wherever it stands.
        begin=first[: len(first) - len(first.lstrip())] if asked.whole else "",
        grammar="" if asked.whole else sparse(asked.part, asked.language, fence),
        stop=("\n" + fence, *chat.stop),
        fence=fence,
        own=_own(asked) | {_PART},
    )


def build_new(asked: Task, chat: Chat) -> Prompt:
    """The prompt for code that is to stand behind that of the task."""
    fence = fence_for(asked.lines)
    return Prompt(
        text=chat.system + _NEW + _shown(asked, chat) + _question(asked, chat, fence),
        begin="",
        grammar="",
        stop=("\n" + fence, *chat.stop),
        fence=fence,
        own=_own(asked),
    )


def opening(asked: Task, chat: Chat) -> str:
    """What of its prompt does not rest on the instruction: all up to that."""
    return chat.system + _rules(asked, chat, fence_for(asked.lines)) + _shown(asked, chat)


def _shown(asked: Task, chat: Chat) -> str:
    """The code, and what else there is to know."""
    fence = fence_for(asked.lines)
    begin = fence + asked.language
    said = asked.about + "\n\n" if asked.about else ""
    keep = keep_marker(asked.language)
    is_excerpt = any(line.strip() == keep for line in asked.lines)
    said += f"Code, with `{keep}` for what is left out:\n" if is_excerpt else "Code:\n"
    said += f"{_fenced(begin, asked.lines, fence)}\n"
    if not asked.is_all:
        said += f"{_PART}\n{_fenced(begin, asked.part, fence)}\n"
    return chat.user + plain(said)


def _question(asked: Task, chat: Chat, fence: str) -> str:
    """The instruction, and how the answer begins."""
    return f"{plain(_told(asked))}{chat.assistant}{fence}{asked.language}\n"


def _told(asked: Task) -> str:
    return f"Task: {asked.instruction}"


def _rules(asked: Task, chat: Chat, fence: str) -> str:
    """What to answer with, and an example."""
    if asked.whole:
        what = "all of the code" if asked.is_all else "all of the part that is to be changed"
        return _WHOLE.format(what=what)
    keep = keep_marker(asked.language)
    rules = _SPARSE.format(keep=keep)
    opening = fence + asked.language
    code = _fenced(opening, (_EXAMPLE,), fence)
    told = _EXAMPLE_ANSWER.format(keep=keep, nested=nested_marker(asked.language))
    answer = _fenced(opening, (told,), fence)
    question = f"Code:\n{code}\nTask: {_EXAMPLE_TASK}"
    return f"{rules}{chat.user}{question}{chat.assistant}{answer}"


def _fenced(opening: str, lines: tuple[str, ...], fence: str) -> str:
    return "\n".join([opening, *lines, fence])


def _own(asked: Task) -> frozenset[str]:
    """Lines of the prompt that stand in no code."""
    said = {_told(asked), *asked.about.splitlines()}
    return frozenset(said - {line.strip() for line in asked.lines})
