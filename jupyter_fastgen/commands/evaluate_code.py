"""`jupyter fastgen eval code`: how good whole functions are, on HumanEval and COFFE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from .evaluate import AsJson, Out, Seed, print_json, progress

CONTEXT = 2048
"""Tokens of KV cache: room for the longest problem and its answer."""


def code(
    out: Out,
    coffe: Annotated[
        Path | None,
        typer.Option("--coffe", help="COFFE's folder datasets/function, instead of HumanEval."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many problems; 0: all.")] = 0,
    seed: Seed = 1,
    model: Annotated[
        str, typer.Option("--model", help="A name or .gguf file; the best for edits that is here.")
    ] = "",
    reference: Annotated[
        bool, typer.Option("--reference", help="Judge the data's own solutions, without a model.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Let the product write functions, and run them: are they right, how fast, how do they read.

    HumanEval's problems come with the extra `eval` of jupyter-fastgen, COFFE's with --coffe.
    Generated code runs in processes of its own, without network, files and subprocesses.
    """
    import asyncio
    from functools import partial

    from ..evaluate.code import functions, writing
    from ..evaluate.code.problems import Problem, human_eval
    from ..evaluate.code.problems import coffe as read_coffe
    from ..evaluate.code.style import require_radon
    from ..evaluate.quality.running import edit_model, running
    from ..evaluate.rows import sample

    require_radon()
    problems, data = human_eval() if coffe is None else read_coffe(coffe)
    asked = None if reference else edit_model(model)
    prompts = [writing.prompt_for(p, asked.chat) for p in problems] if asked else []
    settings = functions.Settings(
        "code",
        "HumanEval" if coffe is None else "COFFE",
        data,
        asked.name if asked else "reference",
        functions.digest(prompts),
        seed,
        limit,
    )
    results = functions.open_results(out, settings)

    async def solve(problem: Problem) -> writing.Answer:
        return writing.reference(problem)

    async def run(advance: Callable[[], None]) -> None:
        if asked is None:
            await functions.evaluate(problems, solve, results, advance)
            return
        async with running(asked, CONTEXT) as engine:
            write = partial(writing.write, engine=engine, chat=asked.chat)
            await functions.evaluate(problems, write, results, advance)

    with progress(len(sample(len(problems), limit, seed))) as advance:
        asyncio.run(run(advance))
    found = functions.outcome(results.records)
    if json:
        isolation = sorted({r.verdict.isolation for r in results.records} - {""})
        print_json({"settings": settings, "isolation": isolation, "summary": found})
        return
    from ..evaluate.tables import CODE_HEAD, STYLE_HEAD, code_row, style_row, text_table

    typer.echo(text_table(CODE_HEAD, [code_row(found)]))
    typer.echo(text_table(STYLE_HEAD, [style_row(found)]))
    if found.measure:
        typer.echo(f"Efficiency is measured in {found.measure}.")


def code_report(
    folder: Annotated[Path, typer.Argument(help="A folder of results of eval code.")],
    out: Annotated[Path, typer.Option("--out", help="The Markdown file to be written.")],
) -> None:
    """Write down what the results of whole functions in a folder say."""
    from ..evaluate.code import report

    out.write_text(report.write(folder), encoding="utf-8")
    typer.echo(str(out))
