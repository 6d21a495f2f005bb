"""The library's generator and job, with our drafts and our choice of tokens.

Imported only once `library.import_library` has run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
from exllamav2 import ExLlamaV2Lora
from exllamav2.generator import dynamic
from exllamav2.generator.dynamic import ExLlamaV2DynamicGenerator, ExLlamaV2DynamicJob

from .answer import Logits
from .copying import WIDTHS, width
from .pictures import Picture

MARGIN = WIDTHS[-1] + 1
"""Tokens of room behind an answer, for drafts that begin before its end and go beyond it."""

MODEL_WIDTH = 3
"""Tokens that a draft model guesses at once: each costs a pass of that model."""

_NOTHING = torch.empty((1, 1), device="meta")


_checksum = dynamic._tensor_hash_checksum  # pyright: ignore[reportPrivateUsage]
_seeds: list[bytes] = []
"""Of the job that hashes pages just now."""


def _seeded(tokens: torch.Tensor, before: bytes | None) -> bytes:
    """The hash of a page, which tells the pages before it apart; of the first, the job's salt."""
    return _checksum(tokens, before or _seeds[-1])


dynamic._tensor_hash_checksum = _seeded  # pyright: ignore[reportPrivateUsage]


class Writing(Protocol):
    """What a job asks its answer."""

    left: int
    drafted: int
    reason: Literal["stop", "length"] | None

    def choose(self, logits: Logits, /) -> int:
        """The next token; `reason` says whether the answer ends with it."""
        ...

    def draft(self, most: int) -> list[int]:
        """Tokens that are likely to follow, at most so many."""
        ...


class Job(ExLlamaV2DynamicJob):
    """Continues `tokens` with an answer, which chooses each next one.

    It sees of the cache what jobs of the same `salt` left there. The tower must have looked at the
    `pictures` among the tokens.
    """

    def __init__(
        self,
        answer: Writing,
        tokens: Sequence[int],
        salt: str = "",
        pictures: Sequence[Picture] = (),
    ) -> None:
        # With drafts on, the library ends answers short of this by the width of a draft, and it
        # takes pages for this many. The answer itself knows how many it may have.
        super().__init__(
            input_ids=torch.tensor([tokens], dtype=torch.long),
            max_new_tokens=answer.left + MARGIN,
            decode_special_tokens=True,
            # One may stand in several places.
            embeddings=[picture.embedding for picture in dict.fromkeys(pictures)],
        )
        self.answer = answer
        self.lagging: int | None = None
        """From which token on the draft model's cache is behind, if it is."""
        self._seed = hashlib.blake2b(salt.encode(), digest_size=16).digest()

    def prepare_for_queue(self, generator: ExLlamaV2DynamicGenerator, serial_number: int) -> None:
        """Hash the pages of the prompt."""
        _seeds.append(self._seed)
        try:
            super().prepare_for_queue(generator, serial_number)
        finally:
            _seeds.pop()

    def receive_sample(self, *arguments: Any) -> tuple[bool, torch.Tensor]:
        """Take a token, and hash the page that is full with it."""
        _seeds.append(self._seed)
        try:
            return super().receive_sample(*arguments)
        finally:
            _seeds.pop()

    def allocate_pages(self) -> None:
        """Take pages for all of the prompt and the answer."""
        super().allocate_pages()
        first = self.sequences[0].allocated_pages[0]
        if not self.generator.paged and first.prev_hash_revert != self._seed:
            first.kv_position_revert = 0  # the only page, which holds what another salt left
        self._mark([first])

    def prefill(self, results: list[Any]) -> None:
        """Compute the next tokens of the prompt that are not in a page with the same beginning."""
        # The library looks for a first page among those that have none before them.
        mine = [page for page in self.generator.all_pages if page.prev_hash == self._seed]
        for page in mine:
            page.prev_hash = None
        draft_model = self.generator.draft_model
        if self.embeddings:
            self.generator.draft_model = None  # it knows no tokens of pictures
        try:
            super().prefill(results)
        finally:
            self.generator.draft_model = draft_model
            self._mark(mine)

    def _mark(self, pages: list[dynamic.CachePage]) -> None:
        """Tell first pages from those of other salts."""
        for page in pages:
            page.prev_hash = page.prev_hash or self._seed

    def receive_logits(self, logits: torch.Tensor) -> tuple[Any, Any, Any, Any, bool]:
        """The next token by `logits`, (1, 1, vocabulary), and whether the answer ends with it."""
        token = self.answer.choose(logits[0, -1].numpy())
        chosen = torch.tensor([[token]], dtype=torch.long)
        return chosen, _NOTHING, _NOTHING, _NOTHING, self.answer.reason is not None


class Generator(ExLlamaV2DynamicGenerator):
    """Drafts what answers copy; where they copy nothing, the draft model guesses, if there is one.

    Tokens are accepted where they are what would have been chosen, so no draft changes an answer.
    """

    def set_loras(self, loras: ExLlamaV2Lora | None) -> None:
        """Compute with an adapter from now on, or with none; no job may be there."""
        super().set_loras(loras)
        # For none it keeps an empty list, of which its layers ask for the first.
        self.current_loras = self.current_loras or None

    def iterate_ngram_gen(self, results: list[Any]) -> torch.Tensor | None:
        """The drafts of all jobs that are past their prompt, (jobs, width), or None."""
        return self._copied(self._ready())

    def iterate_draftmodel_gen(self, results: list[Any]) -> torch.Tensor | None:
        """The same, with a draft model."""
        ready = self._ready()
        copied = self._copied(ready)
        # The library guesses for none while one answer is about a picture.
        if copied is not None or any(job.embeddings for job in self.active_jobs):
            for job in ready:
                if job.lagging is None:
                    job.lagging = job.sequences[0].kv_position
            return copied
        for job in ready:
            self._catch_up(job)
        whole, self.num_draft_tokens = self.num_draft_tokens, MODEL_WIDTH
        try:
            guessed: torch.Tensor | None = super().iterate_draftmodel_gen(results)
        finally:
            self.num_draft_tokens = whole
        if guessed is None:
            return None
        for job in ready:
            job.answer.drafted += MODEL_WIDTH
        return guessed[: len(ready), :MODEL_WIDTH]

    def _ready(self) -> list[Job]:
        return [job for job in self.active_jobs if job.is_prefill_done()]

    def _copied(self, ready: list[Job]) -> torch.Tensor | None:
        most = width(WIDTHS[-1], len(ready), self.num_draft_tokens)
        drafts = [job.answer.draft(most) for job in ready] if most else []
        wide = width(max(map(len, drafts), default=0), len(ready), most)
        if not wide:
            return None
        # The rows must be equally long: what is filled in is rejected.
        return torch.tensor([draft + [0] * (wide - len(draft)) for draft in drafts])

    def _catch_up(self, job: Job) -> None:
        """Let the draft model read what was copied without it."""
        sequence = job.sequences[0]
        start, end = job.lagging, sequence.kv_position
        job.lagging = None
        if self.draft_model is None or start is None or start >= end:
            return
        params = self.get_paged_params(
            1,
            job.get_block_index(sequence, end).unsqueeze(0),
            torch.tensor([start], dtype=torch.int32),
            end - start,
        )
        self.draft_model.forward_chunk(
            input_ids=sequence.sequence_ids.torch_slice(start, end),
            preprocess_only=True,
            attn_params=params,
            cache=self.draft_cache,
        )
