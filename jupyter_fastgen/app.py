"""The server extension: configuration, wiring, start and stop."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from jupyter_core.paths import jupyter_config_path
from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError
from traitlets import Bool, Enum, Float, Int, Unicode

from .completion.confidence import THRESHOLD
from .completion.context import Budget
from .completion.modules import LocalModules
from .completion.service import Options
from .edit.actions import load_actions
from .engine import frames
from .engine.base import KVFormat
from .handlers import ROUTES
from .host.allowed import Allowed
from .host.edits import Edits, edit_host, image_model, remote_host
from .host.host import ModelHost
from .host.settings import Settings
from .kernel.kernels import Kernels
from .link import CERTIFICATE, SECRET, URL
from .models.catalog import load_catalog
from .models.resolve import listed
from .models.store import ModelStore
from .policy import Notebook, PolicyFile
from .session.answers import Answers
from .session.habit import HabitFile, default_path
from .telemetry.seen import Seen

if TYPE_CHECKING:
    from .engine.remote import Told
    from .handlers import StreamHandler
    from .session.session import Session


LOOPBACK: dict[str, str] = {
    "": "127.0.0.1",
    "localhost": "127.0.0.1",
    "0.0.0.0": "127.0.0.1",
    "::": "::1",
}
"""Where a server that listens at this address is reached from the same machine."""


LOOK_MS = 5000
"""Between two looks whether the policy's file is another."""


def environment(server: Any, secret: str) -> dict[str, str]:
    """By which variables kernels and terminals of a listening `ServerApp` know how to reach it."""
    if server.sock:
        return {}  # it listens at a socket's file only
    ip: str = server.ip
    host = LOOPBACK.get(ip, ip)
    host = f"[{host}]" if ":" in host else host
    scheme = "https" if server.certfile else "http"
    told = {URL: f"{scheme}://{host}:{server.port}{server.base_url}", SECRET: secret}
    if server.certfile:
        told[CERTIFICATE] = str(Path(server.certfile).absolute())
    return told


class FastgenApp(ExtensionApp):
    """Ghost text in Jupyter from a quantized model on your own machine."""

    name = "jupyter_fastgen"
    app_name = "jupyter-fastgen"
    description = "Ghost text in Jupyter from a quantized model on your own machine."
    load_other_extensions = True
    config_file_name = Unicode("jupyter_fastgen_config")

    model = Unicode(
        "",
        help="A name of the catalog, a path to a .gguf file or an EXL2 folder, or the URL of a"
        " server: llama-server, or any with OpenAI's completions, such as http://HOST:8000/v1#MODEL,"
        " or fastgen+ and the URL of a gateway."
        " Empty: what fits this machine; `jupyter fastgen doctor` says why.",
    ).tag(config=True)
    models_dir = Unicode(
        "", help="Where models are kept. Empty: FASTGEN_MODELS_DIR or Jupyter's data directory."
    ).tag(config=True)
    catalog = Unicode(
        "", help="A TOML file with more models, read after the built-in catalog."
    ).tag(config=True)
    api_key = Unicode("", help="The key of the server that `model` names.").tag(config=True)
    remote = Unicode(
        "",
        help="The URL of a server, as for `model`, that is asked for edits and descriptions where"
        " the model here is not made for them, or they are too long for it. Empty: nothing leaves"
        " this machine.",
    ).tag(config=True)
    remote_api_key = Unicode("", help="The key of the server that `remote` names.").tag(config=True)
    policy_file = Unicode(
        "",
        help="A TOML file of what is allowed, as a gateway has. Of both the stricter counts."
        " Empty: all.",
    ).tag(config=True)
    threads = Int(0, help="Threads of the engine. 0: fit the machine.").tag(config=True)
    slots = Int(2, min=1, help="Documents kept warm in the KV cache at once.").tag(config=True)
    context_tokens = Int(1024, min=64, help="Prompt tokens for the cells above the cursor's.").tag(
        config=True
    )
    cell_tokens = Int(768, min=64, help="Prompt tokens for the cursor's cell.").tag(config=True)
    suffix_tokens = Int(64, min=0, help="Prompt tokens for what follows the cursor.").tag(
        config=True
    )
    kv_cache = Enum(
        get_args(KVFormat),
        "q8",
        help="How ExLlamaV2 keeps the KV cache; fewer bits take less of the GPU's memory.",
    ).tag(config=True)
    draft_model = Unicode(
        "",
        help="Folder of a small model with the same vocabulary, which drafts for ExLlamaV2's.",
    ).tag(config=True)
    adapters = Unicode(
        "", help="Folder of LoRA adapters for ExLlamaV2, one folder each, as PEFT writes them."
    ).tag(config=True)
    ghost_adapter = Unicode("", help="The adapter that writes ghost text. Empty: none.").tag(
        config=True
    )
    edit_adapter = Unicode(
        "", help="The adapter that writes edits and described code. Empty: none."
    ).tag(config=True)
    idle_unload = Float(
        1800.0, min=0, help="Seconds without work until the model leaves memory. 0: never."
    ).tag(config=True)
    engine_output = Bool(False, help="Show the engine's own output on the server's console.").tag(
        config=True
    )
    kernel_context = Bool(
        True,
        help="Look at live kernels after an execution: names, types, columns and signatures"
        " go into prompts.",
    ).tag(config=True)
    anchored = Bool(
        True,
        help="Keep the prompt fixed while a line is typed. False is the usual prompt,"
        " there to be compared with.",
    ).tag(config=True)

    gate = Bool(
        True,
        help="Hold back suggestions that can't be right: they don't parse, use unknown names,"
        " or repeat what is there.",
    ).tag(config=True)

    confidence = Float(
        THRESHOLD,
        min=0,
        max=1,
        help="End a suggestion where the model takes the line to be less likely than this."
        " 0: show all.",
    ).tag(config=True)

    host: ModelHost
    edits: Edits
    answers: Answers
    secret: str
    habit_file: HabitFile
    kernels: Kernels
    allowed: Allowed
    seen: Seen
    sessions: set[Session]
    streams: dict[str, StreamHandler]
    _told: Mapping[str, str] = {}
    _look: PeriodicCallback | None = None

    def initialize_settings(self) -> None:
        """Make what the handlers use. Starts nothing."""
        self.sessions = set()
        self.streams = {}
        self.habit_file = HabitFile(default_path())
        # The command line has no server, and so neither kernels nor sessions that ask for them.
        manager = self.settings.get("kernel_manager")
        self.kernels = Kernels(
            manager,
            self.settings.get("session_manager"),
            self.kernel_context and manager is not None,
        )
        budget = Budget(self.context_tokens, self.cell_tokens, self.suffix_tokens)
        # Room for the prompt, what is typed past the anchor, and the answer.
        context = self.context_tokens + self.cell_tokens + self.suffix_tokens + 1024
        file = PolicyFile(Path(self.policy_file)) if self.policy_file else None
        self.allowed = Allowed(file)
        self._model_settings = Settings(
            model=self.model,
            models_dir=Path(self.models_dir) if self.models_dir else None,
            catalog=Path(self.catalog) if self.catalog else None,
            context=context,
            slots=self.slots,
            threads=self.threads,
            idle_unload=self.idle_unload,
            engine_output=self.engine_output,
            api_key=self.api_key,
            kv_cache=self.kv_cache,
            draft_model=self.draft_model,
            adapters=self.adapters,
            edit_adapter=self.edit_adapter,
            remote=self.remote,
            remote_api_key=self.remote_api_key,
        )
        options = Options(
            budget=budget,
            anchored=self.anchored,
            gate=self.gate,
            modules=self._local_modules(),
            confidence=self.confidence or None,
            habit=self.habit_file.habit,
            adapter=self.ghost_adapter,
        )
        # The command line has no server: nothing that must start soon, and nobody who listens.
        server: Any = self.serverapp
        self.host = ModelHost(self._model_settings, options, self.allowed, server is not None)
        folders = [Path(folder, "fastgen", "actions") for folder in jupyter_config_path()[::-1]]
        actions = load_actions(folders, self.log.warning)
        image_name = partial(image_model, self._model_settings)
        self.seen = Seen(server.event_logger if server else None)
        self.host.follow(self.seen.told)
        self.edits = Edits(
            self.make_edit_host,
            actions,
            self.make_remote_host,
            image_name,
            self.allowed,
            self.seen,
        )
        self.answers = Answers(self.edits, self._rest, self._notebook_of)
        self.secret = secrets.token_urlsafe(32)
        if manager is not None:
            # Its port is known when it listens.
            server.io_loop.add_callback(self._tell_kernels, server)
            self._look = PeriodicCallback(self.allowed.look, LOOK_MS)
            server.io_loop.add_callback(self._look.start)
            self.allowed.listen(self._leave_kernels)

    def _rest(self) -> None:
        for session in self.sessions:
            session.rest()

    def _leave_kernels(self) -> None:
        if not self.allowed.feature("kernel_context").on:
            self.kernels.forget()

    async def _notebook_of(self, kernel: str) -> Notebook | None:
        """What the notebook of a kernel says of us, in a page that has it open."""
        try:
            sessions: Any = self.settings["session_manager"]
            path = (await sessions.get_session(kernel_id=kernel))["path"]
        except (KeyError, HTTPError):  # it is nobody's
            return None
        found = [told for session in self.sessions if (told := session.notebook(path))]
        # Of several pages one may be behind: where any turns it off, it is.
        return min(found, key=lambda told: (told.enabled, not told.course), default=None)

    def _tell_kernels(self, server: Any) -> None:
        self._told = environment(server, self.secret)
        os.environ.update(self._told)

    def make_edit_host(self, model: str = "") -> ModelHost:
        """See `edit_host`; the host of ghost text where that serves edits, too."""
        if not model and self.host.serves_edits:
            return self.host
        host = edit_host(self._model_settings, self.allowed, model, lambda: self.host.machine)
        host.follow(self._told_elsewhere)
        return host

    def make_remote_host(self) -> ModelHost | None:
        """See `remote_host`."""
        host = remote_host(self._model_settings, self.allowed)
        if host is not None:
            host.follow(self._told_elsewhere)
        return host

    def _told_elsewhere(self, told: Told) -> None:
        """The budget is one for all that a user asks; pages follow the host of ghost text."""
        if isinstance(told, frames.Hint):
            return  # that is of another model's queue
        self.host.tell(told)

    def _local_modules(self) -> LocalModules | None:
        # The command line has no server, and contents may not be files.
        root = getattr(self.serverapp, "root_dir", "") if self.serverapp else ""
        return LocalModules(Path(root)) if root else None

    def initialize_handlers(self) -> None:
        """Open the doors."""
        self.handlers.extend(ROUTES)

    async def stop_extension(self) -> None:
        """End the connections' jobs and the engine process."""
        await asyncio.gather(*(session.close() for session in list(self.sessions)))
        if self._look is not None:
            self._look.stop()
        self.kernels.close()
        for name, value in self._told.items():
            if os.environ.get(name) == value:
                del os.environ[name]
        await asyncio.to_thread(self.habit_file.save)
        await self.edits.close()
        await self.host.close()

    async def restart(self) -> None:
        """End the engine processes and start anew, with the models that are chosen then."""
        await self.edits.close()
        await self.host.restart()

    def computing(self) -> bool:
        """Whether a kernel of this server runs a cell right now."""
        kernels: Any = self.settings["kernel_manager"]
        return any(
            getattr(kernels.get_kernel(id), "execution_state", "") == "busy"
            for id in kernels.list_kernel_ids()
        )

    def list_models(self) -> list[dict[str, Any]]:
        """The catalog; see `listed`."""
        settings = self._model_settings
        return listed(load_catalog(settings.catalog), ModelStore(settings.models_dir))
