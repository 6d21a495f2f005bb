"""A real Chromium, driven over its DevTools protocol. No driver needs to be installed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

from .browser import BenchError

NAMES = (
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--window-size=1280,900",
)

START_S = 60.0


def find_chromium() -> str:
    """The browser that CHROMIUM_PATH names, or one of the usual ones; raises `BenchError`."""
    chosen = os.environ.get("CHROMIUM_PATH")
    for name in (chosen,) if chosen else NAMES:
        path = shutil.which(name)
        # Ubuntu's package is a placeholder for a snap: only a browser that answers counts.
        if path and _version(path):
            return path
    raise BenchError(
        "no Chromium was found: install Chromium or Google Chrome, or set CHROMIUM_PATH"
    )


def _version(path: str) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30)
        if done.returncode == 0:
            return done.stdout.strip()
    return ""


def chromium_version() -> str:
    """What the browser calls itself."""
    return _version(find_chromium())


class Page:
    """One tab."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._session = ""
        self._reader = asyncio.create_task(self._read())

    async def attach(self) -> None:
        """Open the tab."""
        target = await self.call("Target.createTarget", url="about:blank")
        answer = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = answer["sessionId"]
        await self.call("Page.enable")

    async def call(self, method: str, **params: Any) -> Any:
        """Send a command of the DevTools protocol; its result."""
        id = next(self._ids)
        message: dict[str, Any] = {"id": id, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        future = self._waiting[id] = asyncio.get_running_loop().create_future()
        await self._connection.write_message(json.dumps(message))
        return await asyncio.wait_for(future, START_S)

    async def run_on_load(self, script: str) -> None:
        """Run `script` in every document before its own scripts."""
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def open(self, url: str) -> None:
        """Go to `url`; returns before it is loaded."""
        await self.call("Page.navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited where it is a promise."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            details: Any = answer["exceptionDetails"]
            text = details.get("exception", {}).get("description") or details["text"]
            raise BenchError(f"the page failed: {text.splitlines()[0]}")
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float, complaint: str) -> None:
        """Wait until a JavaScript expression is true; errors in it count as not yet."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            with contextlib.suppress(BenchError):
                if await self.evaluate(f"(async () => Boolean({expression}))()"):
                    return
            await asyncio.sleep(0.1)
        raise BenchError(f"{complaint} within {seconds:.0f} s")

    async def press(self, key: str) -> None:
        """Press and release a key: a character (a line break is Enter) or "Backspace"."""
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, **_key_event(key))

    async def _read(self) -> None:
        while (frame := await self._connection.read_message()) is not None:
            message: Any = json.loads(frame)
            future = self._waiting.pop(message.get("id", 0), None)
            if future is None or future.done():
                continue
            if "error" in message:
                future.set_exception(BenchError(f"Chromium: {message['error']['message']}"))
            else:
                future.set_result(message["result"])
        for future in self._waiting.values():
            future.set_exception(BenchError("Chromium ended"))


def _key_event(key: str) -> dict[str, Any]:
    if key == "\n":
        return {"key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}
    if key == "Backspace":
        return {"key": "Backspace", "code": "Backspace", "windowsVirtualKeyCode": 8}
    event: dict[str, Any] = {"key": key, "text": key, "unmodifiedText": key}
    if key.isascii() and key.isalnum():
        code = f"Digit{key}" if key.isdigit() else f"Key{key.upper()}"
        event |= {"code": code, "windowsVirtualKeyCode": ord(key.upper())}
    return event


@asynccontextmanager
async def run_chromium() -> AsyncGenerator[Page]:
    """Start a browser with a fresh profile, and end it."""
    profile = Path(tempfile.mkdtemp(prefix="fastgen-chromium-"))
    command = [find_chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = _start(command)
    try:
        address = await _address(profile, process)
        connection = await websocket_connect(address, max_message_size=64 << 20)
        page = Page(connection)
        await page.attach()
        yield page
        with contextlib.suppress(BenchError, asyncio.TimeoutError):
            await page.call("Browser.close")
        connection.close()
    finally:
        await asyncio.to_thread(_end, process)
        shutil.rmtree(profile, ignore_errors=True)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl+C is for us: the browser is ended in order.
        start_new_session=True,
    )


async def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the DevTools protocol is spoken, from the file Chromium writes."""
    for _ in range(int(START_S / 0.1)):
        with contextlib.suppress(OSError, ValueError):
            port, path = (profile / "DevToolsActivePort").read_text().splitlines()
            return f"ws://127.0.0.1:{port}{path}"
        if process.poll() is not None:
            break
        await asyncio.sleep(0.1)
    raise BenchError("Chromium did not start; set CHROMIUM_PATH to another one")


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
        return
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
        return
    process.kill()
    process.wait()
