"""A shell with the magic, and an engine that answers what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from jupyter_fastgen import link
from jupyter_fastgen.magic import loaded
from tests.magic.scripted import ScriptedLink, Step

QUIET = Config({"HistoryManager": {"enabled": False}})


@dataclass
class Ran:
    """What a cell did."""

    success: bool
    out: str
    err: str


@dataclass
class Session:
    """Runs cells, and shows what they print."""

    shell: Any
    capsys: pytest.CaptureFixture[str]

    def run(self, source: str, id: str | None = None) -> Ran:
        result = self.shell.run_cell(source, store_history=True, cell_id=id)
        out, err = self.capsys.readouterr()
        return Ran(result.success, out, err)

    @property
    def names(self) -> dict[str, Any]:
        return self.shell.user_ns

    @property
    def displays(self) -> list[dict[str, Any]]:
        """What was displayed."""
        return self.shell.display_pub.outputs


@pytest.fixture
def session(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    monkeypatch.setattr(InteractiveShell, "_instance", None)
    shell: Any = InteractiveShell.instance(config=QUIET)
    monkeypatch.setattr(shell, "display_pub", CapturingDisplayPublisher())
    shell.run_line_magic("load_ext", "jupyter_fastgen")
    yield Session(shell, capsys)
    shell.run_line_magic("unload_ext", "jupyter_fastgen")
    assert loaded(shell) is None
    shell.restore_sys_module_state()


@pytest.fixture
def page(session: Session) -> Session:
    """A session with a notebook's page: its shell belongs to a kernel."""
    session.shell.kernel = object()
    return session


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedLink]:
    """Make every question go to an engine with these answers."""

    def make(*steps: Step) -> ScriptedLink:
        made = ScriptedLink(*steps)
        found: list[tuple[str, str]] = []

        def find(url: str = "", token: str = "") -> ScriptedLink:
            found.append((url, token))
            return made

        monkeypatch.setattr(link, "find", find)
        made.found = found
        return made

    return make
