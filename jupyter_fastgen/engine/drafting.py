"""How far ahead to draft: guess tokens, and verify them in one pass of the model. Pure.

A pass over several tokens costs more than one over a single token where the computer's arithmetic
is what limits it, as on a CPU (Leviathan et al., arXiv 2211.17192, give the gain that a draft
brings, from its length, what is accepted and what a pass costs).
"""

from __future__ import annotations

LENGTHS = (4, 8, 16, 32, 64)
"""Of drafts; a longer one saves little, even where its tokens cost nothing."""

ACCEPTED = 0.95
"""How likely a drafted token is right, if the ones before it are. Where code is copied it is 0.98;
but a draft that is wrong must not cost much either."""

GAIN = 1.1
"""So much faster drafting must be to be worth it, and another length to be worth a new start."""


def gain(length: int, step_ms: float, token_ms: float) -> float:
    """How many times faster drafts of `length` tokens are than none.

    `step_ms` is a pass over one token, `token_ms` what each further one adds to it.
    """
    written = (1 - ACCEPTED ** (length + 1)) / (1 - ACCEPTED)
    return written * step_ms / (step_ms + length * token_ms)


def fitting_length(step_ms: float, pass_ms: float, width: int) -> int:
    """The length of drafts that pays; 0 if none does.

    `pass_ms` is a pass that verifies `width` tokens, the length in use, `step_ms` one over a single
    token. It stays in use unless another gains clearly more.
    """
    token_ms = max(0.0, pass_ms - step_ms) / width
    best = max(LENGTHS, key=lambda length: gain(length, step_ms, token_ms))
    most = gain(best, step_ms, token_ms)
    if most < GAIN:
        return 0
    return best if most >= GAIN * gain(width, step_ms, token_ms) else width
