"""What came of a step, in a file that is written anew with each value."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import time
from pathlib import Path

from .goals import Result, judged

PACKAGES = ("torch", "exllamav2", "transformers", "flash-attn", "llguidance", "tokenizers")


def read(out: Path, step: str) -> Result:
    """What is known of a step; nothing where it never began."""
    path = out / f"{step}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


class Record:
    """A step's file in `out`: as a context, of one that runs here and now."""

    def __init__(self, out: Path, step: str) -> None:
        self._path = out / f"{step}.json"
        today = datetime.date.today().isoformat()
        self._told: Result = {"step": step, "date": today, "result": {}} | read(out, step)

    def __enter__(self) -> Record:
        self._started = time.perf_counter()
        self._told |= {"device": device(), "versions": versions(), "result": {}}
        self._write()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._told["seconds"] = round(time.perf_counter() - self._started, 1)
        self._told.pop("failed", None)
        if error is not None:
            self.fail(f"{type(error).__name__}: {error}"[:2000])
        else:
            self._write()

    def tell(self, name: str, value: object) -> None:
        """Note a value of the result."""
        result = self._told["result"] = self._told["result"] | {name: value}
        self._told["goals"] = judged(self._told["step"], result)
        self._write()

    def fail(self, why: str) -> None:
        """Note that the step failed; what was told of it stays."""
        self._told["failed"] = why
        self._write()

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._told, indent=2) + "\n", "utf-8")
        os.replace(partial, self._path)


def versions() -> dict[str, str]:
    """What runs the step."""
    told = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            told[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return told


def device() -> str:
    """The GPU's name."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
