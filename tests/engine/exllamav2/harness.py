"""The library's real scheduler on a CPU: a stub of its C++ extension, and a model that is none.

The model keeps, in place of keys and values, the token that each slot of the cache was computed
for, and reads the whole prefix back from there: a stale or a missing one changes what it says.
"""

from __future__ import annotations

import itertools
import json
import tempfile
import time
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import exllamav2
import numpy as np
import torch

from jupyter_fastgen.engine.base import (
    Done,
    EngineError,
    Event,
    ModelSpec,
    Priority,
    Progress,
    Request,
)
from jupyter_fastgen.engine.exllamav2 import adapter, loading
from jupyter_fastgen.engine.exllamav2.answer import Answer
from jupyter_fastgen.engine.exllamav2.copying import Copier
from jupyter_fastgen.engine.exllamav2.generator import MARGIN
from jupyter_fastgen.engine.exllamav2.loading import Loaded
from jupyter_fastgen.engine.exllamav2.memory import PAGE
from jupyter_fastgen.engine.exllamav2.pictures import FIRST, Picture
from jupyter_fastgen.engine.exllamav2.scheduler import Scheduler
from jupyter_fastgen.engine.exllamav2.vision import Vision
from jupyter_fastgen.engine.exllamav2.vocabulary import load_vocabulary

from ...waiting import until as until
from ..collecting import collect
from . import ATTENTION
from .language import SPECIAL, Language, Parrot
from .seeing import FakeTower

WORDS = """Once upon a time there was a cat. The capital of France is Paris. My favourite colour
is red, green, blue. The name of my neighbour's dog is import numpy as np import pandas as pd
"""


HIDDEN = 2
"""Numbers in place of a token."""


@cache
def folder() -> Path:
    """A model folder without weights: its tokenizer is byte-level, with few merges."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([WORDS] * 3, trainer)
    made = Path(tempfile.mkdtemp())
    tokenizer.save(str(made / "tokenizer.json"))
    (made / "config.json").write_text(json.dumps({"eos_token_id": [0, 4]}))
    return made


@cache
def vocabulary():
    return load_vocabulary(folder())


class FakeCache:
    """Of `tokens` slots, in each of which a token may stand, or -1 for none."""

    batch_size = 1

    def __init__(self, tokens: int) -> None:
        self.max_seq_len = tokens
        self.current_seq_len = 0
        self.kv = torch.full((1, tokens, 1, 1), -1, dtype=torch.long)

    def all_tensors(self) -> list[torch.Tensor]:
        return [self.kv]

    def copy_states(self, to: FakeCache, at: int, count: int, to_at: int, *_: int) -> None:
        to.kv[:, to_at : to_at + count] = self.kv[:, at : at + count]


class FakeModel:
    """Says what `language` says; `prefill_ms` is the time it computes for a token of a prompt."""

    def __init__(self, language: Language, size: int, prefill_ms: float = 0.0) -> None:
        self.language = language
        self.prefill_ms = prefill_ms
        self.config = SimpleNamespace(
            vocab_size=size,
            hidden_size=HIDDEN,
            max_seq_len=8192,
            max_input_len=2048,
            max_batch_size=1,
            no_flash_attn=False,
            arch=SimpleNamespace(lm=SimpleNamespace(mrope=False)),
            model_dir=str(folder()),
            eos_token_id=0,
            bos_token_id=None,
            pad_token_id=0,
        )
        self.prefilled = 0
        """Tokens of prompts computed so far."""
        self.steps: list[tuple[int, int]] = []
        """Jobs and rows of each pass that decoded."""
        self.adapters: list[Any] = []
        """Those of each pass."""
        self.failing: Exception | None = None
        """Raised by the next pass."""

    def forward_chunk(
        self,
        input_ids,
        attn_params,
        cache,
        preprocess_only=False,
        loras=None,
        indexed_embeddings=(),
        **_: Any,
    ):
        if self.failing is not None:
            error, self.failing = self.failing, None
            raise error
        assert loras is None or loras, "the library's layers ask for the first"
        self.adapters.append(loras)
        jobs, rows = input_ids.shape
        if preprocess_only:
            self.prefilled += jobs * rows
            until = time.process_time() + self.prefill_ms / 1000 * jobs * rows
            while time.process_time() < until:
                pass
        else:
            self.steps.append((jobs, rows))
        size = -(-self.config.vocab_size // 32) * 32
        logits = torch.zeros((jobs, rows, size))
        kv = cache.kv[0, :, 0, 0]
        for job in range(jobs):
            past = _past(attn_params, job)
            slots = [_slot(attn_params, job, at) for at in range(past + rows)]
            kv[slots[past:]] = as_read(input_ids[job], indexed_embeddings)
            if preprocess_only:
                continue
            known = kv[slots].tolist()
            assert -1 not in known, "a key of the prefix was never computed"
            for row in range(rows):
                told = torch.from_numpy(np.asarray(self.language(known[: past + row + 1])))
                logits[job, row, : len(told)] = told
        return {"logits": logits}


def as_read(ids: torch.Tensor, embeddings: Sequence[Any]) -> torch.Tensor:
    """`ids`, where those of pictures give way to what is seen there."""
    read = ids.clone()
    for at in (ids >= FIRST).nonzero().flatten().tolist():
        (row,) = (
            made.embeddings[int(ids[at]) - made.first_index]
            for made in embeddings
            if made.first_index <= int(ids[at]) < made.first_index + made.length
        )
        read[at] = FIRST + zlib.crc32(row.numpy().tobytes())
    return read


def _past(params: Any, job: int) -> int:
    return int(params.cache_seqlens[job]) if _paged(params) else params.past_len


def _paged(params: Any) -> bool:
    return hasattr(params, "block_index")


def _slot(params: Any, job: int, at: int) -> int:
    return int(params.block_index[job, at // PAGE]) * PAGE + at % PAGE if _paged(params) else at


def loaded(
    language: Language | None = None,
    tokens: int = 4096,
    paged: bool = True,
    size: int | None = None,
    context: int = 8192,
    prefill_ms: float = 0.0,
    draft: Language | None = None,
    tower: Any = None,
) -> Loaded:
    """A fake model with a cache of so many tokens; `draft` is what a draft model says.

    With a `tower` it sees.
    """
    words = vocabulary()
    count = size or len(words.pieces)
    model: Any = FakeModel(language or Parrot(words), count, prefill_ms)
    cache: Any = FakeCache(tokens)
    made = Loaded(
        model,
        cache,
        exllamav2.ExLlamaV2Tokenizer(model.config),
        words,
        min(context, tokens - MARGIN),
        ATTENTION,
        "q8",
        paged,
    )
    if tower is not None:
        made.vision = Vision(tower, made.model, made.tokenizer)
    if draft is not None:
        guesser: Any = FakeModel(draft, count)
        guessed: Any = FakeCache(tokens)
        made.draft_model, made.draft_cache = guesser, guessed
    return made


def install(prefill_ms: float = 0.0) -> None:
    """Let the adapter load the harness' model, with a cache for two documents."""

    def open_model(spec: ModelSpec, _: str, progress: Progress) -> Loaded:
        for percent in range(0, 100, 20):
            progress(percent / 100)
        return loaded(
            tokens=2 * spec.context,
            context=spec.context + MARGIN,
            prefill_ms=prefill_ms,
            tower=FakeTower(),
        )

    loading.open_model = open_model
    loading.CHUNK = 256


class Engine(adapter.ExLlamaV2):
    """The adapter on a fake model that is given."""

    def __init__(self, made: Loaded, **spec: Any) -> None:
        super().__init__()
        self.made = made
        self.model: Any = made.model
        self.spec = ModelSpec("small", str(folder()), **spec)

    async def __aenter__(self) -> Engine:
        real, loading.open_model = loading.open_model, lambda *_: self.made
        try:
            await self.load(self.spec, lambda _: None)
        finally:
            loading.open_model = real
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Stepped(Scheduler):
    """A scheduler without a thread: each round is run by the test, on prompts in tokens."""

    def __init__(self, made: Loaded) -> None:
        super().__init__("")
        self._loaded = made
        self._generator = made.generator()
        self._cold = list(made.widths)
        self.model: Any = made.model
        self.told: dict[int, list[Event | EngineError]] = {}

    def ask(
        self,
        prompt: Sequence[int],
        count: int,
        copier: Copier | None = None,
        priority: Priority = "ghost",
        salt: str = "",
        pictures: Sequence[Picture] = (),
        logprobs: bool = False,
    ) -> Answer:
        """Submit a request for `count` tokens; gives its answer, which has the request's id."""
        request = asked("", max_tokens=count, priority=priority, salt=salt, logprobs=logprobs)
        answer = Answer(request, self._loaded.vocabulary, count, copier=copier)
        events = self.told[request.id] = []
        self.submit(request, prompt, answer, events.append, pictures)
        return answer

    def round(self) -> None:
        self._commands.put(lambda: None)
        self._drain()
        self._step()

    def finish(self) -> None:
        """Round after round until nothing is left to do."""
        self.round()
        while self._active or self._waiting:
            self.round()

    def done(self, answer: Answer) -> Done:
        """How a request ended."""
        last = self.told[answer.request.id][-1]
        assert isinstance(last, Done)
        return last

    def answer(
        self,
        prompt: Sequence[int],
        count: int,
        copier: Copier | None = None,
        salt: str = "",
        pictures: Sequence[Picture] = (),
    ) -> Done:
        """Ask and wait."""
        asked = self.ask(prompt, count, copier, salt=salt, pictures=pictures)
        self.finish()
        return self.done(asked)


_ids = itertools.count(1)


def asked(prompt: str = "1, 2, 3, 4,", **options: Any) -> Request:
    return Request(next(_ids), prompt, **options)


async def answered(engine: Engine, request: Request) -> tuple[str, Done]:
    return await collect(engine.stream(request))
