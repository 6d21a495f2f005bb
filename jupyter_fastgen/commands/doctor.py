"""`jupyter fastgen doctor`: what is there, what is missing, and the command that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..diagnosis.finding import Finding
    from ..engine.base import Done
    from ..host.host import ModelHost

_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "failed": ("FAILED", "red")}


def doctor(
    load: Annotated[
        bool, typer.Option("--load", help="Also start the engine and measure its speed.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether ghost text can work here, and what mends it; exit code 1 if it can't."""
    from ..diagnosis.examine import examine

    findings: list[Finding] = []
    for finding in examine():
        findings.append(finding)
        if not json:
            print_finding(finding)
    if load and not _failures(findings):
        findings.append(_load())
        if not json:
            print_finding(findings[-1])
    failures = _failures(findings)
    if json:
        _print_json(findings)
    elif failures:
        things = ", ".join(finding.name for finding in failures)
        typer.echo(f"\nGhost text can't work here until this is mended: {things}.")
    else:
        typer.echo("\nGhost text can work here.")
    if failures:
        raise typer.Exit(1)


def _failures(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.verdict == "failed"]


def print_finding(finding: Finding) -> None:
    """One line, and one for what mends it."""
    mark, colour = _MARKS[finding.verdict]
    typer.echo(f"{typer.style(f'{mark:8}', fg=colour)} {finding.name}: {finding.text}")
    if finding.mend:
        typer.echo(f"{'':8} mend it: {finding.mend}")


def _print_json(findings: list[Finding]) -> None:
    import json

    answer = {
        "works": not _failures(findings),
        "findings": [
            {
                "name": finding.name,
                "verdict": finding.verdict,
                "text": finding.text,
                "mend": finding.mend or None,
                "facts": finding.facts,
            }
            for finding in findings
        ],
    }
    typer.echo(json.dumps(answer, indent=2))


def _load() -> Finding:
    import asyncio

    from ..configured import load_app
    from ..diagnosis.finding import Finding
    from ..engine.base import EngineError

    try:
        seconds, cost = asyncio.run(_measure(load_app().host))
    except EngineError as error:
        return Finding("speed", "failed", error.reason, error.remedy, {})
    prefill = 1000 * cost.prefilled_tokens / max(cost.prefill_ms, 1.0)
    decode = 1000 * cost.new_tokens / max(cost.decode_ms, 1.0)
    text = f"loaded in {seconds:.1f} s, reads {prefill:.0f} tokens/s, writes {decode:.0f} tokens/s"
    facts: dict[str, object] = {
        "load_s": round(seconds, 2),
        "prefill_tokens_per_s": round(prefill, 1),
        "decode_tokens_per_s": round(decode, 1),
    }
    return Finding("speed", "ok", text, "", facts)


async def _measure(host: ModelHost) -> tuple[float, Done]:
    """Start the engine for one suggestion: the seconds until it was ready, and what it cost."""
    import time
    from contextlib import aclosing

    from ..completion.writing import End
    from ..document import Cell, Cursor, Document
    from ..engine.base import EngineError

    code = "".join(f"def add_{n}(value):\n    return value + {n}\n\n" for n in range(12))
    document = Document("python", "", 0, [Cell("cell", "code", code + "def add_12(value):\n    ")])
    start = time.perf_counter()
    try:
        service = await host.ready()
        ready = time.perf_counter()
        cursor = Cursor(document, "cell", len(document.cells[0].source))
        async with aclosing(service.complete("doctor", cursor, invoked=True)) as pieces:
            async for piece in pieces:
                if isinstance(piece, End) and piece.cost is not None:
                    return ready - start, piece.cost
        raise EngineError("the engine ended without an answer", "run `jupyter fastgen doctor`")
    finally:
        await host.close()
