"""The grammar, on a real engine with a model that would write otherwise."""

from __future__ import annotations

from pathlib import Path

from jupyter_fastgen.edit.constraint import sparse
from jupyter_fastgen.edit.markers import keep_marker, nested_marker
from jupyter_fastgen.engine.base import ModelSpec, Request, Text
from jupyter_fastgen.engine.worker import Worker

END = "~ no model would write this ~"

LINES = {
    "python": [
        "def f(x):",
        '    return "a\\b" + x',
        "",
        "\tTab = [1]  # ^]-",
        "    # ... ",
        "é = 1",
    ],
    "css": ["a {", "  color: red;", "}", "/* note */"],
    "html": ["<p>", "  text", "</p>"],
    "json": ["{", '  "a": 1', "}"],
}


async def test_where_an_answer_may_not_be_free_it_is_an_original_line(small_model: Path):
    worker = Worker("llamacpp", ModelSpec("small", str(small_model), context=1024, slots=1))
    try:
        await worker.ready()
        for number, (language, lines) in enumerate(LINES.items()):
            # The model goes on with what it sees: markers and lines that are not the original's.
            prompt = f"{keep_marker(language)}\nsomething = new\n" * 8
            rule = sparse(lines, language, END)
            asked = Request(number, prompt, grammar=rule, max_tokens=40)
            pieces = [e.text async for e in worker.stream(asked) if isinstance(e, Text)]
            written = "".join(pieces).split("\n")[:-1]
            assert len(written) >= 2
            known = {line.strip() for line in lines}
            is_free = is_copy = False
            for line in written:
                is_marker = line.strip() in {keep_marker(language), nested_marker(language)} - known
                assert is_free or is_marker or line.strip() in known
                # What is inside of a block may end with something new.
                is_nested = is_copy and line != line.lstrip()
                is_free, is_copy = not is_marker or is_nested, line.strip() in known
    finally:
        await worker.close()
