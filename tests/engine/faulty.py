"""A server with OpenAI's API that goes wrong in the ways it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]

MODELS = {"data": [{"id": "big", "owned_by": "vllm", "max_model_len": 4096}, {"id": "other"}]}


def piece(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"text": text, "finish_reason": finish, **more}]}


def stream(*events: dict[str, Any] | str, end: str = "data: [DONE]\n\n") -> bytes:
    """The body of an answer."""
    said = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return ("".join(f"data: {text}\n\n" for text in said) + end).encode()


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole response, after which the connection ends."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def cut(body: bytes) -> bytes:
    """A response whose end never comes."""
    return reply(body).replace(b"Content-Length: ", b"Content-Length: 9")


GOOD = reply(
    stream(
        piece("fine"),
        piece("", "stop"),
        {"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 1}},
    )
)


class Faulty:
    """`replies` are given to requests for completions in order, then `GOOD` ones."""

    def __init__(self) -> None:
        self.url = ""
        self.key = ""
        self.replies: list[Reply] = []
        self.fields: dict[str, list[str]] = {}
        self.models: dict[str, Any] = MODELS
        self.running: list[int] = []
        """Answers that are being written, each time that it is asked; the last stays."""
        self.is_seeing = False
        self.asked: list[dict[str, Any]] = []
        self.heads: list[str] = []
        self.closed = asyncio.Event()
        """Set when a client closes the connection of an answer that is not written yet."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            size = [line for line in head.lower().split("\r\n") if line.startswith("content-len")]
            body = await reader.readexactly(int(size[0].split(":")[1])) if size else b""
            path = head.split(" ")[1]
            if self.key and f"Bearer {self.key}" not in head:
                writer.write(reply(b'{"error": {"message": "no such key"}}', "401 Unauthorized"))
            elif path == "/v1/models":
                writer.write(reply(json.dumps(self.models).encode()))
            elif path == "/metrics" and self.running:
                now = self.running.pop(0) if len(self.running) > 1 else self.running[0]
                gauge = f'# TYPE x gauge\nvllm:num_requests_running{{engine="0"}} {now}.0\n'
                writer.write(reply(gauge.encode()))
            elif path == "/openapi.json" and self.fields:
                schemas = {
                    name: {"properties": {field: {} for field in fields}}
                    for name, fields in self.fields.items()
                }
                writer.write(reply(json.dumps({"components": {"schemas": schemas}}).encode()))
            elif path in ("/v1/completions", "/v1/chat/completions"):
                self.asked.append(json.loads(body))
                if "chat" in path and not self.is_seeing:
                    self.replies.insert(0, reply(b'{"error": "text only"}', "400 Bad Request"))
                answer = self.replies.pop(0) if self.replies else GOOD
                if isinstance(answer, bytes):
                    writer.write(answer)
                else:
                    await answer(writer)
                    if await reader.read(1) == b"":
                        self.closed.set()
            else:
                writer.write(reply(b'{"detail": "Not Found"}', "404 Not Found"))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.closed.set()
        finally:
            writer.close()


@asynccontextmanager
async def faulty() -> AsyncGenerator[Faulty, None]:
    """A server that is there until this is left."""
    server = Faulty()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield server
