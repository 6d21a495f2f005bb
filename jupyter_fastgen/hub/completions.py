"""`/v1/completions`, for tools that know OpenAI's API; the limits are those of the websocket."""

from __future__ import annotations

import itertools
import time
from contextlib import aclosing
from typing import Annotated, Any, Literal

import msgspec
from tornado import web

from ..completion.prompt import TEMPLATES
from ..engine import frames
from ..engine.base import Done, Text
from ..errors import UNREADABLE
from .auth import Identity
from .dispatch import Caller
from .gateway import Door
from .models import Model, UnknownModelError

_clients = itertools.count(1)


class Body(msgspec.Struct):
    """What of a request is looked at; all else is not."""

    prompt: str
    model: str = ""
    suffix: str | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = 16
    stop: str | list[str] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = 0.0
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] | None = 0
    stream: bool = False
    n: Literal[1] = 1


class Completions(Door):
    """Text that follows a prompt, or stands between it and a suffix."""

    _left = False
    _streams = False
    _caller: Caller | None = None

    async def post(self) -> None:
        """Answer at once or, with `stream`, as it comes (server-sent events)."""
        user = await self.known()
        if self.gateway.ends:
            raise web.HTTPError(503, "the gateway ends")
        ask, model = self._ask(user)
        self._dispatcher = model.dispatcher
        self._caller = caller = Caller(user, f"h{next(_clients)}")
        self._body = {
            "id": f"cmpl-{caller.client}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model.id,
        }
        text = ""
        async with aclosing(self._dispatcher.stream(caller, ask)) as replies:
            # No header leaves before it is known that there is an answer.
            async for reply in replies:
                if self._left:
                    return
                if isinstance(reply, Text):
                    if self._streams:
                        self._event(_choice(reply.text, None))
                    text += reply.text
                elif isinstance(reply, Done):
                    self._end(text, reply)
                elif not isinstance(reply, frames.Place):
                    self._refuse(reply)

    def on_connection_close(self) -> None:
        """Nobody reads on."""
        self._left = True
        if self._caller is not None:
            self._dispatcher.cancel(self._caller, 0)

    def _ask(self, user: Identity) -> tuple[frames.Ask, Model]:
        if len(self.request.body) > self.gateway.quotas.everybody.body_bytes:
            raise web.HTTPError(413, "the request is too large")
        try:
            body = msgspec.json.decode(self.request.body, type=Body)
            stop = [body.stop] if isinstance(body.stop, str) else body.stop or []
            self._streams = body.stream
            model = self.gateway.models.find(user, body.model)
            template = TEMPLATES[model.abilities.fim]
            if body.suffix is not None and not template.suffix:
                raise web.HTTPError(400, "the model knows no suffix: send a prompt alone")
            fields: dict[str, Any] = {
                "id": 0,
                "prompt": body.prompt
                if body.suffix is None
                else template.prefix
                + body.prompt
                + template.suffix
                + body.suffix
                + template.middle,
                "max_tokens": body.max_tokens or 0,
                "stop": [*stop, *template.stop],
                "temperature": body.temperature or 0.0,
                "seed": body.seed or 0,
            }
            return msgspec.convert(fields, frames.Ask), model
        except UnknownModelError as error:
            raise web.HTTPError(404, str(error)) from error
        except UNREADABLE as error:
            raise web.HTTPError(400, f"the request was not understood: {error}") from error

    def _end(self, text: str, done: Done) -> None:
        reason = "length" if done.reason == "length" else "stop"
        usage = {
            "prompt_tokens": done.prompt_tokens,
            "completion_tokens": done.new_tokens,
            "total_tokens": done.prompt_tokens + done.new_tokens,
            "prompt_tokens_details": {"cached_tokens": done.cached_tokens},
        }
        if self._streams:
            self._event(_choice("", reason) | {"usage": usage})
            self._line(b"[DONE]")
            self.answer()
        else:
            self.answer(self._body | _choice(text, reason) | {"usage": usage})

    def _refuse(self, reply: frames.Failed | frames.Busy | frames.Superseded) -> None:
        if isinstance(reply, frames.Busy):
            status = 503 if reply.reason else 429
            said = reply.reason or "the engine has too much to do"
        elif isinstance(reply, frames.Failed):
            status = 403 if reply.refused else 502
            said = f"{reply.reason} ({reply.remedy})" if reply.remedy else reply.reason
        else:
            status, said = 409, "a newer request took its place"
        error = {"error": {"message": said, "code": status}}
        if self._headers_written:
            self._line(msgspec.json.encode(error))
            self.answer()
            return
        self.set_status(status)
        if isinstance(reply, frames.Busy):
            self.set_header("Retry-After", str(max(1, round(reply.retry_ms / 1000))))
        self.answer(error)

    def _event(self, fields: dict[str, Any]) -> None:
        if not self._headers_written:
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("Cache-Control", "no-cache")
            self.set_header("X-Accel-Buffering", "no")  # for proxies that hold back what they get
        self._line(msgspec.json.encode(self._body | fields))

    def _line(self, data: bytes) -> None:
        self.write(b"data: " + data + b"\n\n")  # pyright: ignore[reportUnknownMemberType]
        # Not awaited: who does not read must not keep a slot of the engine.
        self.flush()


class Models(Door):
    """The models there are, in OpenAI's words."""

    async def get(self) -> None:
        """To who has a token: those that they may use."""
        user = await self.known()
        data = [{"id": model.id, "object": "model"} for model in self.gateway.models.of(user)]
        self.answer({"object": "list", "data": data})


def _choice(text: str, reason: str | None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": reason}]}
