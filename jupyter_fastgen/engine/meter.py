"""What one answer cost, added up over the bursts it was asked for in."""

from __future__ import annotations

import time
from typing import Any, Literal

from .base import Done, Start


class Meter:
    """Counts and times of one request.

    Both are llama.cpp's own `timings`. Of a server that only counts, the times are what was waited:
    for the first text, and from there to the end.
    """

    def __init__(self, id: int) -> None:
        self._id = id
        self._start = time.perf_counter()
        self._first: float | None = None
        self.bursts = 0
        """Requests so far, this one included."""
        self._prompt = 0
        self._cached = 0
        self._prefill = 0.0
        self._tokens = 0
        self._decode = 0.0
        self._drafted = self._accepted = 0
        self._earlier = (0, 0.0, 0, 0)
        self._counted: dict[int, tuple[int, int, int]] = {}
        self.burst_tokens = 0
        """Tokens decoded in this burst, those included that make half a character."""
        self.token_ms = 0.0
        """Of a token of this burst; 0 where a single one was computed with the prompt."""

    def start_burst(self) -> None:
        """Another request follows for the same answer."""
        self.bursts += 1
        self._earlier = (self._tokens, self._decode, self._drafted, self._accepted)
        self.burst_tokens = 0

    def read(self, data: dict[str, Any]) -> None:
        """Take what an event of the server tells."""
        progress = data.get("prompt_progress")
        if progress and self.bursts == 1:
            self._cached = int(progress.get("cache", 0))
            self._prompt = int(progress.get("processed", 0))
            self._prefill = float(progress.get("time_ms", 0.0))
        timings = data.get("timings")
        if not timings:
            return
        prompt_ms, decode_ms = float(timings["prompt_ms"]), float(timings["predicted_ms"])
        self.burst_tokens = int(timings["predicted_n"])
        tokens, decode, drafted, accepted = self._earlier
        self._tokens = tokens + self.burst_tokens
        self._drafted = drafted + int(timings.get("draft_n", 0))
        self._accepted = accepted + int(timings.get("draft_n_accepted", 0))
        if self.bursts == 1:
            self._cached = int(timings.get("cache_n", 0))
            self._prompt = self._cached + int(timings["prompt_n"])
            self._prefill = prompt_ms
            self._decode = decode_ms
            # The first token's step is the prompt's.
            self.token_ms = decode_ms / (self.burst_tokens - 1) if self.burst_tokens > 1 else 0.0
        else:
            # Its prompt is the answer so far, of which only the last token is new.
            self._decode = decode + prompt_ms + decode_ms
            self.token_ms = (prompt_ms + decode_ms) / max(1, self.burst_tokens)

    def count(self, prompt: int, cached: int, new: int) -> None:
        """Take what a server that tells no times counted of this burst so far."""
        self._counted[self.bursts] = (prompt, prompt - cached, new)

    def text(self) -> None:
        """Text was handed on."""
        if self._first is None:
            self._first = (time.perf_counter() - self._start) * 1000

    def done(
        self, reason: Literal["stop", "length", "cancelled"], starts: tuple[Start, ...] = ()
    ) -> Done:
        """The last event of the answer."""
        total = (time.perf_counter() - self._start) * 1000
        if self._counted:
            prompts, prefilled, new = zip(*self._counted.values(), strict=True)
            self._prompt, self._tokens = prompts[-1], sum(new)
            self._cached = max(0, self._prompt - sum(prefilled))
            self._prefill = total if self._first is None else self._first
            self._decode = total - self._prefill
        return Done(
            id=self._id,
            reason=reason,
            prompt_tokens=self._prompt,
            cached_tokens=self._cached,
            new_tokens=self._tokens,
            queue_ms=max(0.0, total - self._prefill - self._decode),
            prefill_ms=self._prefill,
            decode_ms=self._decode,
            first_ms=self._first,
            starts=starts,
            drafted=self._drafted,
            accepted=self._accepted,
        )
