"""A whole editing session, with the real model: how much of its prompts is computed again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.prompt import TEMPLATES
from jupyter_fastgen.completion.service import CompletionService, Options
from jupyter_fastgen.document import Cursor, Document
from jupyter_fastgen.evaluate.quality.running import Model, running

STATIONS = ("Harbour", "Museum", "Park", "Bridge", "Market")


def notebook(cells: int) -> Document:
    """Cells as people write them: notes, definitions, tables, a plot now and then."""
    kinds = (
        lambda n: ("markdown", f"## Station {STATIONS[n % 5]}\n\nRides of week {n}, by hour."),
        lambda n: ("code", f"week_{n} = rides[rides['week'] == {n}]\nweek_{n}.describe()"),
        lambda n: ("code", f"def mean_of_{n}(frame):\n    return frame['minutes'].mean()"),
        lambda n: ("code", f"hours_{n} = week_{n - 2}.groupby('hour')['minutes'].agg('mean')"),
        lambda n: ("code", f"ax = hours_{n - 1}.plot(title='Week {n}')\nax.set_ylabel('minutes')"),
    )
    made = [protocol.Cell(f"c{n}", *kinds[n % 5](n)) for n in range(cells)]
    return Document.opened(protocol.Open("d", made))


@dataclass
class Person:
    """Types into a document; after each key the prompt at the cursor is computed."""

    document: Document
    service: CompletionService
    prompt_tokens: int = 0
    prefilled_tokens: int = 0

    async def type(self, cell: str, text: str, at: int | None = None) -> None:
        """Key by key, at the cell's end if not elsewhere."""
        source = self.document.cells[self.document.index(cell)].source
        start = len(source) if at is None else at
        for offset, character in enumerate(text, start):
            await self.change(cell, offset, offset, character)

    async def change(self, cell: str, start: int, end: int, text: str) -> None:
        rev = self.document.rev + 1
        self.document.change(protocol.Change("d", rev, cell, start, end, text))
        await self.rest(cell, start + len(text))

    async def rest(self, cell: str, offset: int) -> None:
        done = await self.service.warm("d", Cursor(self.document, cell, offset))
        assert done is not None
        self.prompt_tokens += done.prompt_tokens
        self.prefilled_tokens += done.prefilled_tokens

    def run(self, cell: str) -> None:
        self.document.executed(protocol.Executed("d", cell, ok=True))

    def insert(self, below: str, cell: str) -> None:
        index = self.document.index(below) + 1
        made = [protocol.Cell(cell, "code", "")]
        self.document.splice(protocol.Splice("d", self.document.rev + 1, index, 0, made))


async def test_a_session_in_a_notebook_of_100_cells_computes_little_again(default_model: Path):
    model = Model("default", str(default_model), TEMPLATES["qwen"])
    async with running(model, 4096) as engine:
        person = Person(notebook(100), CompletionService(engine, model.template, Options()))
        await person.type("c51", "\nweek_51['hour'] = week_51['start'].dt.hour")
        person.run("c51")
        await person.type("c52", "\n\nprint(mean_of_52(week_51))")
        person.run("c52")
        person.insert("c52", "new")
        await person.type("new", "long = week_51[week_51['minutes'] > 30]\n")
        await person.type("new", "for station, group in long.groupby('station'):\n    print(")
        # A mistake further up is mended, then the person goes on.
        await person.change("c46", 0, 7, "Week_46")
        await person.change("c46", 0, 7, "week_46")
        await person.type("new", "station, len(group))")
        person.run("new")
        await person.type("c53", "\nhours_53.loc[8:20]")
        await person.type("c99", "\nax.figure.savefig('weeks.png', dpi=150)")
    assert person.prompt_tokens > 150_000
    share = person.prefilled_tokens / person.prompt_tokens
    print(f"prefilled {person.prefilled_tokens} of {person.prompt_tokens} prompt tokens")
    assert share < 0.05
