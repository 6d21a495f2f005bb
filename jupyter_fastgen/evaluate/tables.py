"""Measured figures as rows of text, for the terminal and for Markdown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .code import functions
from .edits import instructed, merging, sheet, viewing
from .quality.effects import Effect
from .speed import replay, starting
from .speed.keystrokes import Replay, Summary
from .speed.ui import UiSummary
from .stats import Spread, interval

Row = list[str]


def number(value: float | None, unit: str = "") -> str:
    """A figure with at most one decimal; a dash for what never happened."""
    if value is None:
        return "–"  # noqa: RUF001 (a dash that is as long as a digit)
    text = f"{value:,.1f}".removesuffix(".0")
    return f"{text} {unit}".rstrip()


def percent(value: float | None) -> str:
    """A share of 0 to 1 in per cent; a dash for a share of nothing."""
    return number(None) if value is None else f"{100 * value:.0f} %"


def spread(figures: Spread, unit: str = "") -> str:
    """Median and 95th percentile."""
    return f"{number(figures.p50)} / {number(figures.p95, unit)}"


def keystroke_rows(summaries: Sequence[Summary]) -> list[Row]:
    """What a replay found, a row for each figure and a column for each replay."""

    def row(name: str, *cells: str) -> Row:
        return [name, *cells]

    s = summaries
    return [
        row("keys", *(number(x.keys) for x in s)),
        row(
            "prefilled tokens per key within a line, p50 / p95",
            *(spread(x.within_line) for x in s),
        ),
        row("… of keys whose request came to a text", *(spread(x.within_line_answered) for x in s)),
        row(
            "prefilled / cached / decoded tokens",
            *(f"{number(x.prefilled)} / {number(x.cached)} / {number(x.decoded)}" for x in s),
        ),
        row("decoded tokens never typed", *(number(x.wasted) for x in s)),
        row("model starts per 100 keys", *(number(x.requests_per_100_keys) for x in s)),
        row("requests cancelled or superseded", *(number(x.cancelled) for x in s)),
        row("typed-through keys: no request", *(number(x.typed_through) for x in s)),
        row("keys that wait for a running answer: none", *(number(x.waiting) for x in s)),
        row("largest message of a key", *(number(x.frame_bytes.worst, "bytes") for x in s)),
        row(
            "messages sent / received",
            *(f"{number(x.sent)} / {number(x.received)}" for x in s),
        ),
        row(
            "bytes sent / received",
            *(f"{number(x.sent_bytes)} / {number(x.received_bytes)}" for x in s),
        ),
        row("engine: time to first text, p50 / p95", *(spread(x.engine_first, "ms") for x in s)),
        row("key to ghost text, p50 / p95", *(spread(x.ghost, "ms") for x in s)),
        row("… where the typist pauses after it", *(spread(x.ghost_resting, "ms") for x in s)),
        row("… where the typist paused before it", *(spread(x.ghost_after_rest, "ms") for x in s)),
        row("keys with ghost text within 150 ms", *(percent(x.coverage) for x in s)),
    ]


def ui_rows(s: UiSummary) -> list[Row]:
    """What typing in the browser found, a row for each figure."""
    return [
        ["keys", number(s.keys)],
        ["keys with painted ghost text within 150 ms", percent(s.coverage)],
        ["keys with ghost text when the next one is pressed", percent(s.standing)],
        ["key to painted ghost text, p50 / p95", spread(s.ghost, "ms")],
        ["… where the typist pauses after it", spread(s.ghost_resting, "ms")],
        ["… where the typist paused before it", spread(s.ghost_after_rest, "ms")],
        ["keys that agreed with the ghost text", number(s.agreeing)],
        ["requests that these caused", number(s.agreeing_requests)],
        ["model starts per 100 keys", number(s.requests_per_100_keys)],
        ["largest message of a key", number(s.message_bytes.worst, "bytes")],
        ["requests unanswered 0.5 s after the last key", number(s.running)],
        ["the cells then held what was typed", "yes" if s.faithful else "**no**"],
        ["key to its own character, p50 / p99", _editor(s.editor)],
        ["… without the extension", _editor(s.editor_without)],
    ]


def _editor(figures: Spread) -> str:
    return f"{number(figures.p50)} / {number(figures.p99, 'ms')}"


def key_lines(replay: Replay) -> list[str]:
    """A line for each key."""
    lines = ["key       prefill cached decode  first   ghost bytes"]
    for key in replay.keys:
        asked = key.kind == "asks"
        tokens = (key.prefilled, key.cached, key.decoded) if asked else ("", "", "")
        first = number(key.first_ms) if asked else key.kind
        prefilled, cached, decoded = tokens
        lines.append(
            f"{key.insert!r:10}{prefilled:>7}{cached:>7}{decoded:>7}{first:>8}"
            f"{number(key.ghost_ms):>8}{key.sent_bytes:>6} {key.reason}"
        )
    return lines


def text_table(head: Row, rows: Sequence[Row]) -> str:
    """Aligned columns."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )


def markdown_table(head: Row, rows: Sequence[Row]) -> str:
    """The same in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def replay_rows(found: replay.Summary) -> list[Row]:
    """What an accepting person's replay found."""
    return [
        ["keys and acceptances", number(found.presses)],
        ["acceptances", number(found.acceptances)],
        ["characters that came by accepting", percent(found.accepted_characters)],
        ["keys and acceptances that asked nothing of the model", percent(found.without_work)],
        ["model starts per 100, for a suggestion", number(found.starts_per_100)],
        ["model starts per 100, for what follows one", number(found.ahead_per_100)],
        ["acceptances after which a new start was needed", percent(found.after_acceptance)],
        ["decoded tokens", number(found.decoded)],
        ["decoded tokens never typed or accepted", percent(found.wasted)],
    ]


EFFECTS_HEAD: Row = [
    "gates",
    "shown, %",
    "precision, %",
    "gain",
    "right lines rejected, %",
    "… shortened, %",
    "saved, %",
]


def effects_rows(found: Sequence[Effect]) -> list[Row]:
    """What gates do, a row for each setting."""
    return [
        [
            e.gates if e.threshold is None else f"{e.gates}, at {e.threshold:.2f}",
            *map(number, (e.shown, e.precision)),
            number(None) if e.gain is None else f"{e.gain:.2f}",
            *map(number, (e.rejected, e.shortened, e.saved)),
        ]
        for e in found
    ]


def starting_rows(found: starting.Starting) -> list[Row]:
    """How soon cells start and end: without us, and beside a typist."""
    return [
        ["to the start of a cell, p50 / p95", *_two(found.start_without, found.start_beside)],
        ["to its end, p50 / p95", *_two(found.end_without, found.end_beside)],
    ]


MERGE_HEADS = [
    "edits merged",
    "exact",
    "exact up to 20 lines",
    "exact cells",
    "wrong unflagged",
    "lost unflagged",
    "flagged though right",
    "lines shown",
    "ms, p50 / p99 / worst",
]


def merge_rows(outcomes: Mapping[str, merging.Outcome]) -> list[Row]:
    """What the merge of sparse edits came to, a row for each kind of edits."""
    return [
        [
            f"{name} ({found.edits})",
            *(exactly(share) for share in (found.exact, found.exact_small, found.exact_cells)),
            str(found.silently_wrong),
            str(found.silently_lost),
            exactly(found.flagged_right),
            percent(found.shown),
            " / ".join(map(number, (found.ms.p50, found.ms.p99, found.ms.worst))),
        ]
        for name, found in outcomes.items()
    ]


VIEW_HEADS = [
    "instruction",
    "tokens",
    "edits",
    "found",
    "lines shown",
    "used, p50 / worst",
    "ms, p50 / p99",
]


def view_rows(outcomes: Mapping[str, Mapping[str, viewing.Outcome]]) -> list[Row]:
    """What is shown of long texts, a row for each kind of instruction and number of tokens."""
    return [
        [
            kind,
            tokens,
            str(found.edits),
            percent(found.found),
            percent(found.shown),
            " / ".join(map(number, (found.tokens.p50, found.tokens.worst))),
            " / ".join(map(number, (found.ms.p50, found.ms.p99))),
        ]
        for kind, by_tokens in outcomes.items()
        for tokens, found in by_tokens.items()
    ]


EDITS_HEAD = [
    "tasks",
    "right",
    "right if all is taken",
    "applied",
    "flagged",
    "refused",
    "wrong",
    "lines lost unseen",
    "… by the merge",
    "tokens, p50 / p95",
    "passes, p50",
    "prefill, p50",
    "decoding, p50 / p95",
]


def edits_row(found: instructed.Outcome) -> Row:
    """What instructed edits came to."""
    return [
        str(found.tasks),
        *map(
            percent,
            (
                found.right,
                found.right_taken,
                found.applied,
                found.flagged,
                found.refused,
                found.wrong,
                found.lost,
                found.misread,
            ),
        ),
        spread(found.new_tokens),
        number(found.passes.p50),
        seconds(found.prefill_ms.p50),
        f"{seconds(found.decode_ms.p50)} / {seconds(found.decode_ms.p95)}",
    ]


SHEET_HEAD = [
    "",
    "tokens",
    "passes",
    "prefill",
    "decoding",
    "tokens of a full rewrite, times fewer",
    "times faster",
    "bytes changed elsewhere",
    "right",
]


def sheet_rows(found: sheet.Sheet) -> list[Row]:
    """What a change of a stylesheet came to, a row for each format; the first one is rewritten."""
    full = found.arms[0]
    whole_ms = full.prefill_ms + full.decode_ms
    return [
        [
            arm.name,
            number(arm.new_tokens),
            number(arm.passes),
            seconds(arm.prefill_ms),
            seconds(arm.decode_ms),
            number(full.new_tokens / max(1, arm.new_tokens)),
            number(whole_ms / max(1.0, arm.prefill_ms + arm.decode_ms)),
            number(arm.elsewhere),
            "yes" if arm.right else f"**no**{', needs a look' * (arm.flagged > 0)}",
        ]
        for arm in found.arms
    ]


def seconds(ms: float | None) -> str:
    """Milliseconds as seconds."""
    return number(None if ms is None else ms / 1000, "s")


def exactly(value: float | None) -> str:
    """A share of 0 to 1 in per cent with a decimal; a dash for a share of nothing."""
    return number(None) if value is None else f"{100 * value:.1f} %"


def _two(one: Spread, other: Spread) -> list[str]:
    return [spread(one, "ms"), spread(other, "ms")]


CODE_HEAD = [
    "problems",
    "right (pass@1), 95 % interval",
    "broken off",
    "efficient@1",
    "timed",
    "speed-up, all / median",
    "tokens, p50 / p95",
    "prefill, p50",
    "decoding, p50 / p95",
]


def code_row(found: functions.Outcome) -> Row:
    """What whole functions came to."""
    low, high = interval(found.right, found.problems)
    return [
        str(found.problems),
        f"{percent(found.right)} ({100 * low:.0f} to {100 * high:.0f})",
        *map(percent, (found.broken_off, found.efficient)),
        number(found.timed if found.measure else None),
        f"{_times(found.speedup)} / {_times(found.typical)}",
        spread(found.new_tokens),
        seconds(found.prefill_ms.p50),
        f"{seconds(found.decode_ms.p50)} / {seconds(found.decode_ms.p95)}",
    ]


STYLE_HEAD = [
    "snake case",
    "short",
    "docstrings",
    "comments per statement",
    "maintainability index",
    "functions",
]


def style_row(found: functions.Outcome) -> Row:
    """How whole functions read."""
    return [
        *map(percent, (found.snake_case, found.short, found.docstrings)),
        _times(found.comments),
        number(found.maintainability),
        _times(found.functions),
    ]


def _times(value: float | None) -> str:
    """A ratio with two decimals."""
    return number(None) if value is None else f"{value:.2f}"
