"""`%%fastgen` and `%fastgen`: what is asked, and where the answer goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion

from ..errors import FastgenError
from . import changes, printing
from .asking import Asking, Change, as_target
from .history import Ran, Recorder
from .job import End, Job
from .options import (
    KEPT,
    Asked,
    BadOptionError,
    complete,
    explain,
    parse,
    parse_command,
    read_kept,
)
from .pictures import TASK, read

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext

CONFIGURED = {
    "model": "c.FastgenApp.model in jupyter_fastgen_config.py sets it for all notebooks,"
    " ghost text included"
}
"""Settings that the server's configuration has, too, and what they do there."""


class MagicError(FastgenError):
    """What goes wrong in a magic: IPython shows one line of it, and the cell counts as failed."""

    def _render_traceback_(self) -> list[str]:
        return [f"fastgen: {self}"]


class Interrupted(KeyboardInterrupt):
    """A person pressed Ctrl+C or interrupted the kernel."""

    def _render_traceback_(self) -> list[str]:
        return ["fastgen: interrupted; what was written stands above"]


class Fastgen:
    """The magics of one shell."""

    def __init__(self, shell: Any, recorder: Recorder) -> None:
        self._shell = shell
        self._recorder = recorder
        self._asking = Asking(shell, recorder)
        self._kept: dict[str, Any] = {}

    def cell(self, line: str, body: str) -> None:
        """`%%fastgen`."""
        with _one_line():
            asked = parse(line, body, self._kept)
            if asked.help:
                print(explain())
            elif asked.image:
                self._write_seen(asked)
            elif not asked.prompt:
                raise BadOptionError(
                    "there is no description: say below %%fastgen what the code is to do;"
                    " %%fastgen -h has examples"
                )
            elif asked.file:
                self._change_file(asked)
            elif asked.changes:
                find = self._asking
                ran = find.making(asked.edit) if asked.edit else find.numbered(asked.cell)
                self._change_cell(asked, ran, Change(as_target(ran), asked.prompt))
            else:
                self._write(asked, partial(self._asking.code, asked, self._recorder.current, ()))

    def line(self, line: str) -> None:
        """`%fastgen`."""
        commands: dict[str, Callable[[Asked], None]] = {
            "fix": self._fix,
            "explain": self._explain,
            "test": self._test,
            "status": self._status,
            "models": self._models,
        }
        with _one_line():
            name, rest = parse_command(line)
            if name == "config":
                self._config(rest)
                return
            asked = parse(rest, kept=self._kept)
            if name and not asked.help:
                commands[name](asked)
            else:
                print(explain())

    def complete(self, context: CompletionContext) -> dict[str, Any]:
        """What may follow, for IPython's completer."""
        lines = context.full_text.split("\n")[: context.cursor_line + 1]
        lines[-1] = lines[-1][: context.cursor_position]
        names = set(self._shell.user_ns) - set(self._shell.user_ns_hidden)
        found = complete("\n".join(lines), names, _model_names)
        texts = found.texts if found else []
        replaces = found.replaces if found else 0
        return {
            "completions": [SimpleCompletion(text, type="fastgen") for text in texts],
            "matched_fragment": lines[-1][len(lines[-1]) - replaces :],
            "suppress": found is not None,
            "ordered": True,
        }

    def close(self) -> None:
        """End an engine of our own."""
        self._asking.close()

    # --- writing and changing ---

    def _write_seen(self, asked: Asked) -> None:
        """Code for a picture."""
        if asked.changes:
            raise BadOptionError("--image is for new code: leave --edit, --cell and --file out")
        cell = self._recorder.current
        pictures = read(asked.image, cell)
        said = replace(asked, prompt=asked.prompt or TASK)
        seen = ", ".join(map(str, pictures))
        if not self._is_live(asked):
            print(f"fastgen: read {seen}", file=sys.stderr, flush=True)
        self._write(said, partial(self._asking.code, said, cell, pictures), seen)

    def _write(self, asked: Asked, ask: Callable[[str], Job], image: str = "") -> None:
        """Show new text, where there is a page for it in that; `image` says what was looked at."""

        def bind(text: str) -> None:
            if asked.var:
                self._shell.user_ns[asked.var] = text

        first = ask(asked.prompt)  # a name that is not there is said at once
        if self._is_live(asked):
            from .widget import FastgenAnswer, Live

            widget = FastgenAnswer(prompt=asked.prompt, cell=self._recorder.current, image=image)
            live = Live(widget, ask, lambda end, text: bind(text) if end.phase == "done" else None)
            live.show()
            live.start(first)
        else:
            bind(self._run(first)[1])

    def _change_file(self, asked: Asked) -> None:
        target = changes.of_file(asked.file)
        if target.source is not None and not target.source.notebook.enabled:
            raise MagicError(f"the metadata of {asked.file} turn changes off (fastgen.enabled)")

        def ask(prompt: str) -> Job:
            return self._asking.change(asked, Change(target, prompt))

        first = ask(asked.prompt)
        if not self._is_live(asked):
            self._print_changes(asked, target, first)
            return
        from .widget import FastgenAnswer, Live

        widget = FastgenAnswer(
            prompt=asked.prompt,
            cell=self._recorder.current,
            path=asked.file,
            language=target.language,
        )
        live = Live(widget, ask, target=target, writes=asked.write)
        live.show()
        live.start(first)

    def _change_cell(self, asked: Asked, ran: Ran, change: Change) -> None:
        """The page changes its own cells; without one, what would change is printed."""
        if not (ran.id and self._is_live(asked)):
            self._print_changes(asked, change.target, self._asking.change(asked, change))
            return
        from .widget import FastgenAnswer, Live

        said = change.said
        if change.action:
            from ..edit.actions import load_actions

            said = load_actions()[change.action].say(said, change.error)
        widget = FastgenAnswer(
            phase="done",
            prompt=said,
            cell=self._recorder.current,
            target=ran.id,
            wish={"instruction": change.said, "action": change.action, "error": change.error},
        )
        Live(widget).show()

    def _print_changes(self, asked: Asked, target: changes.Target, job: Job) -> None:
        end, _ = self._run(job)
        taken = changes.sure(end.hunks)
        print(changes.difference(target, changes.apply(target.cells, taken)), end="")
        for hunk in changes.doubtful(end.hunks):
            print(f"# left out, it needs a look: {changes.in_words(target, hunk)}")
        if asked.write and taken:
            changes.write(target, taken)
            print(f"# written to {target.name}")

    # --- commands ---

    def _fix(self, asked: Asked) -> None:
        ran = self._recorder.failed
        if ran is None:
            raise MagicError("no cell has failed; run the one that does, then %fastgen fix")
        change = Change(as_target(ran), asked.prompt, "fix", self._recorder.failure)
        self._change_cell(asked, ran, change)

    def _explain(self, asked: Asked) -> None:
        name, find = asked.prompt, self._asking
        ran = find.making(name) if name else find.numbered(asked.cell)
        self._change_cell(asked, ran, Change(as_target(ran), action="explain"))

    def _test(self, asked: Asked) -> None:
        name, _, said = asked.prompt.partition(" ")
        if not name:
            raise BadOptionError("say of what: %fastgen test NAME")
        target = as_target(self._asking.making(name))
        self._write(
            replace(asked, prompt=said or f"test {name}"),
            lambda said: self._asking.new_cell(asked, Change(target, said, "test")),
        )

    def _status(self, asked: Asked) -> None:
        link = self._asking.link(asked)
        print(f"engine: {link.where}")
        status = link.status()
        name = status.model or ("not known yet" if status.where else "none")
        name += f" ({status.engine})" if status.engine else ""
        print(f"model: {name}{f' at {status.where}' if status.where else ''}, {status.state}")
        if status.remote:
            print(f"what is too much for it goes to {status.remote}")
        for line in (status.detail, status.remedy):
            if line:
                print(line)
        for field, value in self._kept.items():
            print(f"for this session: {_in_words(field, value)}")

    def _models(self, asked: Asked) -> None:
        rows = self._asking.link(asked).models()
        width = max((len(str(row["name"])) for row in rows), default=0)
        for row in rows:
            size = f"{row['size'] / 1e6:,.0f} MB" if row.get("size") else ""
            print(f"{row['name']:<{width}}  {row['state']:<8}  {size:>8}  {row['licence']}")
        print("To get one, in a terminal: jupyter fastgen models pull NAME")

    def _config(self, rest: str) -> None:
        key, _, value = rest.partition(" ")
        if not key:
            for field in (name.replace("-", "_") for name in KEPT):
                print(_in_words(field, self._kept.get(field, getattr(Asked(), field))))
            return
        if not value.strip():
            raise BadOptionError(f"{key} needs a value: %fastgen config {key} VALUE")
        field, read = read_kept(key, value.strip())
        self._kept[field] = read
        hint = f" ({CONFIGURED[field]})" if field in CONFIGURED else ""
        print(f"for this session: {_in_words(field, read)}{hint}")

    # --- what both need ---

    def _is_live(self, asked: Asked) -> bool:
        # A front end that has cells says which one runs; consoles and nbconvert do not.
        has_page = bool(self._recorder.current) and hasattr(self._shell, "kernel")
        return has_page and not asked.wait

    def _run(self, job: Job) -> tuple[End, str]:
        """Wait for the answer; raises `MagicError` or `Interrupted` where there is none."""
        try:
            end, text = printing.run(job)
        except KeyboardInterrupt:
            raise Interrupted from None
        if end.phase != "done":
            raise MagicError(end.why or "it was stopped")
        return end, text


def _in_words(field: str, value: Any) -> str:
    hidden = field == "token" and value
    shown = "…" if hidden else {True: "on", False: "off"}.get(value, value)
    return f"{field.replace('_', '-')} = {shown}"


def _model_names() -> Iterable[str]:
    from ..models.catalog import load_catalog

    return [entry.name for entry in load_catalog()]


@contextmanager
def _one_line() -> Generator[None]:
    """Makes every error that is meant for a person one line, without a traceback."""
    try:
        yield
    except MagicError:
        raise
    except FastgenError as error:
        raise MagicError(str(error)) from None
