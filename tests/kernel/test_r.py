"""What is known of a live R session: a real IRkernel, where one is installed."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from jupyter_fastgen.completion.namespace import Namespace
from jupyter_fastgen.kernel.kernels import parse, request

COMMAND = ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]


def has_irkernel() -> bool:
    code = 'quit(status = !requireNamespace("IRkernel", quietly = TRUE))'
    rscript = shutil.which("Rscript")
    return rscript is not None and not subprocess.run([rscript, "-e", code]).returncode


pytestmark = pytest.mark.skipif(
    not has_irkernel(), reason="no R with IRkernel here; Debian: r-cran-irkernel"
)


@asynccontextmanager
async def irkernel() -> AsyncGenerator[Any]:
    """A client of a kernel that runs."""
    manager: Any = AsyncKernelManager()
    manager._kernel_spec = KernelSpec(argv=COMMAND, language="R")
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    try:
        yield client
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


async def reply(client: Any) -> dict[str, Any]:
    return (await asyncio.wait_for(client.get_shell_msg(), 30))["content"]


async def ask(client: Any) -> Namespace | None:
    """The answer of a probe that had time enough: it stops after 40 ms, and the first is slow."""
    found = None
    for _ in range(20):
        client.shell_channel.send(client.session.msg("execute_request", request("r")))
        found = parse("r", await reply(client))
        if found is None or found.complete:
            break
    return found


async def test_an_r_session_tells_its_variables_and_notices_nothing():
    async with irkernel() as client:
        client.execute(
            'rides <- data.frame(city = c("Bern", "Ulm"), minutes = c(12, 25)); count <- 3L\n'
            "grid <- matrix(1:6, 2); load <- function(path, sep = ',') read.csv(path)\n"
            'text <- "a \\"quoted\\" \\u00e9"; .hidden <- 1'
        )
        before = await reply(client)
        found = await ask(client)
        client.execute("ls()")
        after = await reply(client)
    assert after["execution_count"] == before["execution_count"] + 1
    assert found is not None
    assert found.complete
    assert set(found.variables) == {"rides", "count", "grid", "load", "text"}
    rides = found.variables["rides"]
    assert (rides.type, rides.shape) == ("data.frame", (2, 2))
    assert rides.columns == (("city", "character"), ("minutes", "double"))
    assert found.variables["count"].type == "integer"
    assert found.variables["grid"].shape == (2, 3)
    assert found.variables["load"].signature == "(path, sep)"
