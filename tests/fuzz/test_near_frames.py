"""Frames that are nearly right do a gateway no harm: others are served."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.websocket import WebSocketClosedError

from jupyter_fastgen.engine import frames

from ..engine.collecting import collect
from ..engine.scripted import ScriptedEngine
from ..hub.running import ask, running
from ..waiting import until


def near_frames() -> st.SearchStrategy[bytes]:
    """Frames as they should be, but for their values; and what is no frame at all."""
    value = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.floats()
        | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    )
    names = [field.name for field in msgspec.structs.fields(frames.Ask)]
    request = st.dictionaries(st.sampled_from(names), value)
    kinds = st.sampled_from(["hello", "start", "stop", "welcome", "x"])
    frame = st.fixed_dictionaries(
        {"type": kinds | value}, optional={"request": request | value, "id": value}
    )
    return frame.map(msgspec.msgpack.encode) | st.binary(max_size=50)


@settings(max_examples=60)
@given(st.lists(near_frames(), min_size=1, max_size=6))
def test_whatever_a_client_sends_others_are_served(sent: list[bytes]):
    async def attack() -> None:
        async with running(ScriptedEngine("fine")) as at:
            socket = await at.greeted()
            for frame in sent:
                with contextlib.suppress(WebSocketClosedError):
                    await socket.write_message(frame, binary=True)
            text, _ = await collect((await at.remote("bob-token")).stream(ask()))
            assert text == "fine"
            socket.close()
            await until(lambda: at.gateway.sockets["alice"] == 0)
            assert at.scheduler.running == 0

    asyncio.run(attack())
