"""What is remembered of the person from day to day: one number, on their own disk."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from ..atomic import replace_file
from ..completion.confidence import MOST_BIAS, Habit
from ..errors import UNREADABLE

SAVE_EVERY = 10
"""Outcomes; at most so many are lost when the server is killed."""

_log = logging.getLogger(__name__)


class _Saved(msgspec.Struct, frozen=True):
    """What the file holds: neither text nor names."""

    bias: float
    count: int


def default_path() -> Path:
    """`fastgen/habit.json` in Jupyter's data directory of this user."""
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "fastgen" / "habit.json"


class HabitFile:
    """A habit, and the file it is kept in. What can't be read or written is done without."""

    def __init__(self, path: Path) -> None:
        """Read `path`, if it is there."""
        self._path = path
        self._was_there = path.exists()
        self._unsaved = 0
        self.habit = _read(path)

    def learn(self, probability: float, right: bool) -> None:
        """Learn from one outcome; what comes of it is written now and then, without waiting."""
        self.habit.learn(probability, right)
        self._unsaved += 1
        if self._unsaved >= SAVE_EVERY:
            self._unsaved = 0
            asyncio.get_running_loop().run_in_executor(None, self.save)

    def save(self) -> None:
        """Write what is known. If the file was removed, by `jupyter fastgen forget`, forget."""
        if self._was_there and not self._path.exists():
            self.forget()
            return
        if self.habit.count == 0:
            return
        data = msgspec.json.encode(_Saved(round(self.habit.bias, 4), self.habit.count))
        try:
            replace_file(self._path, data)
        except OSError as error:
            _log.warning("%s can't be written: %s", self._path, error.strerror or error)
            return
        self._was_there = True

    def forget(self) -> None:
        """Forget all, on the disk too; raises `OSError`."""
        self._path.unlink(missing_ok=True)
        self._was_there = False
        self._unsaved = 0
        self.habit.forget()


def _read(path: Path) -> Habit:
    try:
        saved = msgspec.json.decode(path.read_bytes(), type=_Saved)
    except FileNotFoundError:
        return Habit()
    except (OSError, *UNREADABLE) as error:
        _log.warning("%s can't be read, and begins anew: %s", path, error)
        return Habit()
    return Habit(max(-MOST_BIAS, min(MOST_BIAS, saved.bias)), max(0, saved.count))
