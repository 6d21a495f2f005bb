"""Notebooks that really run: what their kernel holds before each cell.

Their code is executed, in a kernel of this machine: only for notebooks one would run anyway.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ...completion.namespace import Namespace
from ...document import Document
from ...kernel.kernels import parse, request

CELL_S = 60.0
"""The longest that one cell may take; past it the cell is interrupted, and the notebook goes on."""


def namespaces(document: Document, beside: Path) -> list[Namespace | None]:
    """Run all code cells; what the kernel held before each cell, None where it did not answer.

    It runs in a folder of its own, with copies of the files that lie in `beside`. A cell that fails
    is passed over, as a person would.
    """
    return asyncio.run(_namespaces(document, beside))


def names_column(text: str, namespace: Namespace | None) -> bool:
    """Whether `text` names a column of a data frame of the kernel, in quotes or behind a dot."""
    columns = {
        re.escape(name)
        for variable in (namespace.variables.values() if namespace else ())
        if variable.shape is not None and len(variable.shape) == 2
        for name, _ in variable.columns
    }
    return any(re.search(rf"(['\"]){name}\1|\.{name}\b", text) for name in columns)


async def _namespaces(document: Document, beside: Path) -> list[Namespace | None]:
    jupyter: Any = importlib.import_module("jupyter_client.manager")  # it has no complete types
    with tempfile.TemporaryDirectory() as folder:
        _copy_files(beside, folder)
        environment = os.environ | {"MPLBACKEND": "agg"}
        manager, client = await jupyter.start_new_async_kernel(cwd=folder, env=environment)
        try:
            found: list[Namespace | None] = []
            for cell in document.cells:
                found.append(await _held(client))
                if cell.type == "code" and cell.source.strip():
                    await _run(manager, client, cell.source)
            return found
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)


def _copy_files(source: Path, target: str) -> None:
    for path in source.iterdir():
        if path.is_file() and path.suffix != ".ipynb":
            shutil.copy(path, target)


async def _run(manager: Any, client: Any, source: str) -> None:
    client.execute(source, allow_stdin=False, stop_on_error=False)
    try:
        await _reply(client)
    except asyncio.TimeoutError:
        await manager.interrupt_kernel()
        await _reply(client)


async def _held(client: Any) -> Namespace | None:
    message = client.session.msg("execute_request", request("python"))
    client.shell_channel.send(message)
    return parse("python", (await _reply(client))["content"])


async def _reply(client: Any) -> dict[str, Any]:
    return await asyncio.wait_for(client.get_shell_msg(), CELL_S)
