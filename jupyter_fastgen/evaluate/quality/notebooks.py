"""Ghost text in notebooks: what a person would be shown at some cursors, and how good it is.

Answers come through `CompletionService`, so they are cut and held back as in the editor.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from ...completion.confidence import Judgement
from ...completion.gate import Screen, context_at
from ...completion.namespace import Namespace
from ...completion.service import CompletionService
from ...completion.writing import Piece
from ...document import Cursor, Document
from ...errors import FastgenError
from ...notebook import read_notebook
from . import layouts, live, names
from .layouts import Layout
from .lines import Record, Texts, correct_start, repeats_below, similarity
from .points import Point, cut, draw
from .results import Results

_BEGUN = re.compile(r"['\".]?\w+$")
"""The name that a cursor stands in, with the sign before it."""


@dataclass(frozen=True)
class Place:
    """A cursor in the notebook `name`; `namespace`: what its kernel holds there, if it ran."""

    name: str
    document: Document
    point: Point
    namespace: Namespace | None = None


@dataclass(frozen=True)
class Suggestion:
    """What was shown, and by which gate it was held back; how sure the model was."""

    text: str
    held: str = ""
    judgement: Judgement | None = None


def read_notebooks(folder: Path) -> tuple[dict[str, Document], str]:
    """Read all notebooks below `folder`, by their paths in it; also their digest.

    Raises `BadNotebookError`, and `FastgenError` where there is none.
    """
    paths = sorted(p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    if not paths:
        raise FastgenError(f"{folder} holds no .ipynb file; name a folder of notebooks")
    digest = hashlib.sha256()
    found: dict[str, Document] = {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        found[name] = read_notebook(path)
        digest.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found, digest.hexdigest()


def places(notebooks: dict[str, Document], limit: int, seed: int) -> list[Place]:
    """About `limit` cursors, as many from each notebook as there are lines for."""
    share, more = divmod(limit, len(notebooks))
    return [
        Place(name, document, point)
        for number, (name, document) in enumerate(notebooks.items())
        for point in draw(document, share + (number < more), f"{seed}:{name}")
    ]


def with_kernels(chosen: Sequence[Place], folder: Path, advance: Callable[[], None]) -> list[Place]:
    """Run the notebooks of `folder`, and tell each place what the kernel holds there."""
    held: dict[str, list[Namespace | None]] = {}
    found: list[Place] = []
    for place in chosen:
        if place.name not in held:
            held[place.name] = live.namespaces(place.document, (folder / place.name).parent)
        found.append(replace(place, namespace=held[place.name][place.point.cell]))
        advance()
    return found


async def evaluate(
    chosen: Sequence[Place],
    layout: Layout,
    service: CompletionService,
    results: Results,
    advance: Callable[[], None],
) -> None:
    """Complete at each place, with what is below kept and removed, unless `results` holds it.

    `advance` is called twice for each place. Raises `EngineError`.
    """
    done = {record.key for record in results.records}
    for place in chosen:
        for below in (True, False):
            if (place.name, place.point.cell, place.point.offset, below) not in done:
                cursor = cut(place.document, place.point, below)
                shown = layouts.arrange(layout, cursor)
                found = await _suggest(service, place, shown)
                if results.settings.gates == "off":
                    found = replace(found, held=_unsound(place, shown, found.text))
                results.add(score(place, cursor.document, below, found, results.settings.texts))
            advance()


async def _suggest(service: CompletionService, place: Place, cursor: Cursor) -> Suggestion:
    # A cursor that was set here by a click: no anchor is left of the place before.
    service.forget(place.name)
    text = ""
    async with aclosing(service.complete(place.name, cursor, place.namespace)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Piece):
                text += piece.text
            else:
                held = piece.gate if piece.reason == "held" else ""
                return Suggestion("" if held else text, held, piece.judgement)
    raise FastgenError("the engine ended without an answer; run `jupyter fastgen doctor`")


def _unsound(place: Place, cursor: Cursor, text: str) -> str:
    """The gate that would hold back all of `text`, '' if none would."""
    screen = Screen(context_at(cursor, place.namespace))
    screen.push(text)
    screen.finish(complete=True)
    return screen.held.gate if screen.held and not screen.keeps else ""


def score(place: Place, document: Document, below: bool, found: Suggestion, texts: bool) -> Record:
    """Judge what was `found` in `document`, which is cut at the place."""
    shown = found.text
    point = place.point
    source = document.cells[point.cell].source
    before, after = source[: point.offset], source[point.offset :]
    line = before[before.rfind("\n") + 1 :]
    first = shown.split("\n", 1)[0]
    elsewhere = _bound_above(document, point.cell)
    here = names.bound(before[: len(before) - len(line)])
    known = elsewhere | here | names.bound(line + shown)
    following = next(
        (c.source for c in document.cells[point.cell + 1 :] if c.type == "code" and c.source), ""
    )
    return Record(
        group=place.name,
        cell=point.cell,
        offset=point.offset,
        kind=point.kind,
        exact=first.strip() == point.expected.strip(),
        similarity=similarity(point.expected, first),
        expected_chars=len(point.expected.rstrip()),
        shown_chars=len(shown),
        saved=correct_start(point.expected, first),
        below=below,
        earlier=bool((names.used(line + point.expected) - here) & elsewhere),
        unresolved=len(names.unresolved(line + first, known)),
        repeats=repeats_below(shown, f"{after}\n{following}"),
        texts=Texts(point.expected, shown) if texts else None,
        held=found.held,
        judgement=found.judgement,
        right=bool(first.strip()) and point.expected.strip().startswith(first.strip()),
        column=live.names_column("".join(_BEGUN.findall(line)) + point.expected, place.namespace),
    )


def _bound_above(document: Document, cell: int) -> frozenset[str]:
    code = (c.source for c in document.cells[:cell] if c.type == "code")
    return frozenset[str]().union(*map(names.bound, code))
