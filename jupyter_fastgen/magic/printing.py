"""An answer as text: in a terminal, in nbconvert, with `--wait`."""

from __future__ import annotations

import sys

from .job import End, Job


class Printer:
    """Prints what is written as it comes, and keeps it."""

    def __init__(self) -> None:
        self.whole = ""
        self._told = ""

    def progress(self, phase: str, fraction: float | None, place: int) -> None:
        """Told where a line can be taken back: not in what a file or a notebook keeps."""
        if sys.stderr.isatty():
            part = f" at place {place}" if place else "" if fraction is None else f" {fraction:.0%}"
            self._say(f"fastgen: {phase}{part}")

    def text(self, more: str) -> None:
        """More of it."""
        self._say("")
        self.whole += more
        print(more, end="", flush=True)

    def end(self, end: End) -> None:
        """Notes go where they are not taken for code."""
        self._say("")
        if self.whole and not self.whole.endswith("\n"):
            print(flush=True)
        if end.why and end.phase == "done":
            print(f"fastgen: {end.why}", file=sys.stderr, flush=True)
        if end.by:
            print(f"fastgen: written by {end.by}", file=sys.stderr, flush=True)

    def _say(self, line: str) -> None:
        if line != self._told:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
            self._told = line


def run(job: Job) -> tuple[End, str]:
    """Wait for an answer; `KeyboardInterrupt` ends it."""
    printer = Printer()
    try:
        return job.run(printer), printer.whole
    except KeyboardInterrupt:
        printer.end(End("stopped"))
        raise
