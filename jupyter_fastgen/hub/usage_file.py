"""What users have had today, kept over a restart of the gateway: names and counts, no text."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from ..atomic import replace_file
from ..errors import UNREADABLE
from .quota import Ledger, Today

SAVE_S = 10.0
"""Seconds between two writings; at most so much is forgotten when the gateway is killed."""

_log = logging.getLogger(__name__)


def default_path() -> Path:
    """`fastgen/gateway-usage.json` in Jupyter's data directory of this user."""
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "fastgen" / "gateway-usage.json"


class UsageFile:
    """A ledger, and the file it is kept in. What can't be read or written is done without."""

    def __init__(self, path: Path) -> None:
        """Read `path`, if it is there."""
        self._path = path
        self._can_write = True
        self.ledger = Ledger(_read(path))

    async def keep(self) -> None:
        """Write what is new, now and then, until this is cancelled."""
        while True:
            await asyncio.sleep(SAVE_S)
            if self.ledger.is_changed:
                self.ledger.is_changed = False
                # A snapshot: the ledger goes on while the disk is slow.
                data = msgspec.json.encode(self.ledger.today)
                await asyncio.to_thread(self._write, data)

    def save(self) -> None:
        """Write what is known now."""
        if self.ledger.is_changed:
            self.ledger.is_changed = False
            self._write(msgspec.json.encode(self.ledger.today))

    def _write(self, data: bytes) -> None:
        try:
            replace_file(self._path, data)
        except OSError as error:
            if self._can_write:  # said once
                _log.warning(
                    "%s can't be written, and a restart forgets today's use: %s; name another file"
                    " in c.GatewayApp.usage_file",
                    self._path,
                    error.strerror or error,
                )
            self._can_write = False


def _read(path: Path) -> Today:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Today)
    except FileNotFoundError:
        return Today()
    except (OSError, *UNREADABLE) as error:
        _log.warning("%s can't be read, and today's use is counted anew: %s", path, error)
        return Today()
