"""What can go wrong with models. Each text names the thing, the reason and the way out."""

# The names say what happened, and read as well without an Error at the end.
# ruff: noqa: N818

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from ..errors import FastgenError


class ModelError(FastgenError):
    """Any failure of the catalog, the store or a source."""


class CatalogError(ModelError):
    """A catalog file cannot be read or says something that cannot be."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"The model catalog {path} cannot be used: {reason}")


class UnknownModel(ModelError):
    """A name that no catalog entry has; `near` holds the names that look like it."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.near: list[str] = get_close_matches(name, known, n=3, cutoff=0.5)
        if self.near:
            hint = f"Did you mean {' or '.join(self.near)}?"
        else:
            hint = f"The catalog has: {', '.join(known)}."
        super().__init__(f"There is no model named {name!r}. {hint}")


class ModelNotHere(ModelError):
    """A model of the catalog that is not on this machine."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The model {name} is not on this machine: run `jupyter fastgen models pull {name}`"
        )


class BadModelFile(ModelError):
    """A file or folder that is not a model this product can load."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path = path
        super().__init__(f"{path} cannot be used as a model: {reason}")


class ConversionFailed(ModelError):
    """A conversion ended without the model `out`; what it has so far is kept."""

    def __init__(self, out: Path, reason: str, remedy: str) -> None:
        super().__init__(f"{out} could not be made: {reason} ({remedy})")


class NotEnoughSpace(ModelError):
    """The disk is too full for what is to be written; raised before writing where possible."""

    def __init__(self, path: Path, need: int | None, free: int) -> None:
        self.path, self.need, self.free = path, need, free
        wanted = f"needs {human_size(need)} more" if need is not None else "needs more"
        super().__init__(
            f"Not enough disk space: the model {wanted}, {human_size(free)} is free at {path}. "
            "Free some space there, or set FASTGEN_MODELS_DIR to a folder on a larger disk."
        )


class StoreNotWritable(ModelError):
    """The models directory cannot be written to."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The models directory {path} cannot be written to: {reason}. "
            "Set FASTGEN_MODELS_DIR to a folder of yours."
        )


class SourceFailed(ModelError):
    """One source did not deliver; the next one is tried."""


class PullFailed(ModelError):
    """No source delivered. `failures` pairs each source, in the order tried, with its reason."""

    def __init__(
        self, name: str, failures: Sequence[tuple[str, str]], kept: int, way_out: str
    ) -> None:
        self.failures = list(failures)
        tried = "1 source was" if len(failures) == 1 else f"{len(failures)} sources were"
        lines = [f"The model {name} could not be fetched; {tried} tried:"]
        lines += [f"  {source}: {reason}" for source, reason in failures]
        if kept:
            lines.append(
                f"The {human_size(kept)} that did arrive are kept: the same command goes on there."
            )
        lines.append(way_out)
        super().__init__("\n".join(lines))


class PullCancelled(ModelError):
    """The caller asked to stop; what was fetched is kept for the next time."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The download of {name} was stopped; the next pull goes on from here.")


def human_size(count: int) -> str:
    """Write a byte count as a person reads it, in powers of 1000: `491 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            digits = 2 if unit == "GB" and value < 10 else 0
            return f"{value:.{digits}f} {unit}"
        value /= 1000
    return f"{value:.2f} TB"
