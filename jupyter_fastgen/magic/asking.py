"""Questions to an engine, with what goes along: the cells that ran, and what is named in braces."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .. import link
from ..errors import FastgenError
from ..protocol import Cell, Chunk, FromServer, Generate, Hunks, Rewrite
from .cells import context, kernel_id, saved_cells, saved_notebook
from .changes import Target
from .describe import fill
from .history import Ran, Recorder, bound
from .job import Job
from .options import Asked, nearest
from .pictures import Picture

if TYPE_CHECKING:
    from ..link import Link, Stream


class NoCellError(FastgenError):
    """No cell that ran is the one that is meant."""


@dataclass(frozen=True)
class Change:
    """What is to become of a target: an instruction, an action of the product, or both."""

    target: Target
    said: str = ""
    action: str = ""
    error: str = ""


class Asking:
    """What one shell can ask. Nothing is connected before the first question."""

    def __init__(self, shell: Any, recorder: Recorder) -> None:
        self._shell = shell
        self._recorder = recorder
        self._links: dict[tuple[str, str], Link] = {}
        self._lock = threading.Lock()

    def link(self, asked: Asked) -> Link:
        """The engine that is meant; raises `LinkError`."""
        key = asked.url, asked.token
        with self._lock:
            if key not in self._links:
                self._links[key] = link.find(*key)
            return self._links[key]

    def close(self) -> None:
        """End what runs, and an engine of our own."""
        with self._lock:
            links, self._links = list(self._links.values()), {}
        for found in links:
            found.close()

    def code(self, asked: Asked, cell: str, pictures: Sequence[Picture], prompt: str) -> Job:
        """The job that writes code; `cell` is the id of the one that asks.

        Raises `UnknownNameError`.
        """
        said, about = fill(prompt, self._shell.user_ns)
        question = Generate(
            prompt=said,
            cells=context(self._recorder, saved_cells(self._recorder.gone), cell),
            about=about,
            model=asked.model,
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            seed=asked.seed,
            job=uuid4().hex,
            images=tuple(picture.data for picture in pictures),
            notebook=saved_notebook(),
            kernel=kernel_id(),
        )
        return Job(lambda: self.link(asked).generate(question), question.job)

    def change(self, asked: Asked, change: Change) -> Job:
        """The job that changes code: its end has the hunks. Raises `UnknownNameError`."""
        question = self._rewrite(asked, change)
        return Job(lambda: self.link(asked).edit(question), question.job)

    def new_cell(self, asked: Asked, change: Change) -> Job:
        """The job of an action whose answer is a new cell, as text. Raises `UnknownNameError`."""
        question = self._rewrite(asked, change)
        return Job(lambda: _NewCells(self.link(asked).edit(question)), question.job)

    def making(self, name: str) -> Ran:
        """The last cell that makes a name; raises `NoCellError`."""
        clean: Callable[[str], str] = self._shell.transform_cell
        ran = self._recorder.defining(name, clean)
        if ran is not None:
            return ran
        if name in self._shell.user_ns:
            reason = "no cell that ran here makes it; change its file with --file PATH"
            raise NoCellError(f"{name} is there, but {reason}")
        names = {made for ran in self._recorder.cells for made in bound(clean(ran.source))}
        hint = nearest(name, names) or "run the cell that makes it first"
        raise NoCellError(f"no cell that ran makes {name}; {hint}")

    def numbered(self, number: int | None) -> Ran:
        """The cell that ran as In [number], the last for None; raises `NoCellError`."""
        cells = self._recorder.cells
        if not cells:
            raise NoCellError("no cell has run yet; run the one that is meant first")
        if number is None:
            return cells[-1]
        ran = self._recorder.numbered(number)
        if ran is None:
            numbers = ", ".join(str(ran.number) for ran in cells[-10:])
            raise NoCellError(f"no cell ran last as In [{number}]; there are {numbers}")
        return ran

    def _rewrite(self, asked: Asked, change: Change) -> Rewrite:
        said, about = fill(change.said, self._shell.user_ns)
        return Rewrite(
            cells=change.target.cells,
            instruction=said,
            action=change.action,
            error=change.error,
            about=about,
            language=change.target.language,
            model=asked.model,
            job=uuid4().hex,
            notebook=saved_notebook(),
            kernel=kernel_id(),
        )


def as_target(ran: Ran) -> Target:
    """A cell that is to be changed."""
    return Target(f"In [{ran.number}]", [Cell(ran.id or "0", "code", ran.source)])


class _NewCells:
    """A stream of hunks that insert cells, as their text."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[FromServer]:
        for frame in self._stream:
            if not isinstance(frame, Hunks):
                yield frame
            elif frame.final:
                cells = ("\n".join(hunk.new) for hunk in frame.hunks)
                yield Chunk(frame.id, "\n\n".join(cells))

    def cancel(self) -> None:
        self._stream.cancel()
