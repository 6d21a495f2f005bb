"""What the services tell an engine beside the prompt: whom to serve first, what is repeated."""

from __future__ import annotations

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.prompt import TEMPLATES
from jupyter_fastgen.completion.service import CompletionService, Options
from jupyter_fastgen.document import Cell, Cursor, Document
from jupyter_fastgen.edit.prompt import CHATS
from jupyter_fastgen.edit.service import EditService
from jupyter_fastgen.engine.base import Stats
from jupyter_fastgen.generate.service import GenerateService

from .scripted import ScriptedEngine

LONG = "".join(f"def f{n}(x):\n    return x + {n}\n\n\n" for n in range(12))


async def test_who_types_comes_before_what_is_prepared_and_after_who_asked():
    engine = ScriptedEngine("1\n")
    service = CompletionService(engine, TEMPLATES["qwen"], Options())
    cursor = Cursor(Document("python", "", 0, [Cell("c", "code", "x = ")]), "c", 4)
    for ahead, invoked in (("", False), ("1", False), ("", True)):
        async for _ in service.complete("d", cursor, None, ahead, invoked):
            pass
    await service.warm("d", cursor)
    priorities = [request.priority for request in engine.requests]
    assert priorities == ["ghost", "prefetch", "explicit", "prefetch"]


async def test_described_code_is_waited_for():
    engine = ScriptedEngine("x = 1\n```")
    async for _ in GenerateService(engine, CHATS["chatml"]).generate(protocol.Generate("x"), 1):
        pass
    assert [request.priority for request in engine.requests] == ["explicit"]


async def test_an_edit_is_waited_for_and_repeats_what_it_edits():
    engine = ScriptedEngine("x = 2\ny = 1\n```")
    service = EditService(engine, CHATS["chatml"])
    await service.prepare("d", "x = 1\ny = 1\n", "python")
    async for _ in service.edit("d", "x = 1\ny = 1\n", "python", "make x 2"):
        pass
    told = [(request.priority, request.original) for request in engine.requests]
    assert told == [("prefetch", ""), ("explicit", "x = 1\ny = 1")]


async def test_each_kind_of_work_has_its_adapter():
    engine = ScriptedEngine("1\n```")
    ghost = CompletionService(engine, TEMPLATES["qwen"], Options(adapter="pandas"))
    cursor = Cursor(Document("python", "", 0, [Cell("c", "code", "x = ")]), "c", 4)
    await ghost.warm("d", cursor)
    async for _ in ghost.complete("d", cursor):
        pass
    async for _ in EditService(engine, CHATS["chatml"], "edits").edit("d", "x = 1", "python", "2"):
        pass
    described = GenerateService(engine, CHATS["chatml"], "edits")
    async for _ in described.generate(protocol.Generate("x"), 1):
        pass
    # What is read ahead must be read with the adapter that then writes.
    assert [request.adapter for request in engine.requests] == ["pandas"] * 2 + ["edits"] * 2


async def test_services_of_one_engine_do_not_take_each_others_ids():
    engine = ScriptedEngine("1\n```")
    cursor = Cursor(Document("python", "", 0, [Cell("c", "code", "x = ")]), "c", 4)
    for _ in range(2):
        # As after a restart of the engine: new services.
        await CompletionService(engine, TEMPLATES["qwen"], Options()).warm("d", cursor)
        await EditService(engine, CHATS["chatml"]).prepare("d", "x = 1", "python")
        described = GenerateService(engine, CHATS["chatml"])
        async for _ in described.generate(protocol.Generate("x"), 1):
            pass
    assert len({request.id for request in engine.requests}) == len(engine.requests) == 6


async def test_an_engine_that_follows_no_grammar_is_asked_without_one():
    class Plain(ScriptedEngine):
        async def stats(self) -> Stats:
            return Stats("scripted", "scripted", context=4096, grammar=False)

    for engine in (ScriptedEngine("```"), Plain("```")):
        service = EditService(engine, CHATS["chatml"])
        async for _ in service.edit("d", LONG, "python", "rename f3 to g3"):
            pass
        assert bool(engine.requests[0].grammar) is not isinstance(engine, Plain)
