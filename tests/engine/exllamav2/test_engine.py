"""The adapter on a model that says what the test wants."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from jupyter_fastgen.engine.base import EngineError, Text
from jupyter_fastgen.engine.exllamav2 import adapters, loading, memory
from jupyter_fastgen.engine.exllamav2.adapter import ExLlamaV2

from .harness import (
    Engine,
    answered,
    asked,
    loaded,
    until,
    vocabulary,
)
from .language import SURE, Parrot, Scripted

PROMPT = "1, 2, 3, 4,"


def scripted(answer: str, prompt: str = PROMPT, end: str = "<|endoftext|>") -> Scripted:
    words = vocabulary()
    stop = words.special(end)
    assert stop is not None
    return Scripted(
        len(words.pieces), len(words.encode(prompt)), words.encode_part(answer), end=stop
    )


class Fixed:
    """The same logits after any text."""

    def __init__(self, size: int, **logits: float) -> None:
        self.logits = np.full(size, -20.0, dtype=np.float32)
        for text, logit in logits.items():
            (token,) = vocabulary().encode_part(text)
            self.logits[token] = logit

    def __call__(self, tokens: Sequence[int]) -> np.ndarray:
        return self.logits


SIZE = len(vocabulary().pieces)


async def test_repetition_is_not_penalized():
    # ExLlamaV2's own settings take 2.5 % from the logit of what was said already.
    async with Engine(loaded(Fixed(SIZE, a=10.0, b=9.9))) as engine:
        text, _ = await answered(engine, asked(max_tokens=8))
    assert text == "a" * 8


async def test_how_likely_tokens_were_is_true_also_where_the_likeliest_is_taken():
    async with Engine(loaded(Fixed(SIZE, a=1.0, b=0.0))) as engine:
        request = asked(max_tokens=4, logprobs=True)
        events = [event async for event in engine.stream(request)]
    told = [value for event in events if isinstance(event, Text) for value in event.logprobs]
    assert told == pytest.approx([math.log(math.e / (math.e + 1))] * 4, abs=1e-3)


async def test_logits_beyond_the_vocabulary_are_no_tokens():
    padded = loaded(Fixed(SIZE + 200, a=1.0), size=SIZE + 200)
    language = padded.model.language  # pyright: ignore[reportAttributeAccessIssue]
    language.logits[SIZE + 3] = SURE
    async with Engine(padded) as engine:
        assert (await answered(engine, asked(max_tokens=3)))[0] == "aaa"


async def test_special_tokens_of_a_prompt_are_tokens():
    prompt = "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"
    async with Engine(loaded(scripted("c", prompt))) as engine:
        text, done = await answered(engine, asked(prompt, max_tokens=8))
    assert done.prompt_tokens == 5
    assert text == "c"


@pytest.mark.parametrize("end", ["<|endoftext|>", "<|im_end|>"])
async def test_any_of_the_models_end_tokens_ends_an_answer(end: str):
    async with Engine(loaded(scripted("one", end=end))) as engine:
        text, done = await answered(engine, asked(max_tokens=50))
    assert (text, done.reason) == ("one", "stop")


async def test_a_special_token_that_is_a_stop_ends_an_answer():
    async with Engine(loaded(scripted("one", end="<|fim_suffix|>"))) as engine:
        request = asked(max_tokens=50, stop=("<|fim_suffix|>", "never"))
        text, done = await answered(engine, request)
    assert (text, done.reason) == ("one", "stop")


async def test_an_answer_ends_at_the_end_of_the_context():
    made = loaded(Fixed(SIZE, a=1.0), tokens=512)
    async with Engine(made) as engine:
        prompt = "a" * (made.context - 20)
        length = len(vocabulary().encode(prompt))
        text, done = await answered(engine, asked(prompt, max_tokens=5000))
    assert done.reason == "length"
    assert len(text) == made.context - length


async def test_a_prompt_that_is_too_long_never_reaches_the_library():
    made = loaded(tokens=512)
    async with Engine(made) as engine:
        with pytest.raises(EngineError, match=r"the prompt has \d+ tokens, and the context 480"):
            await answered(engine, asked("z" * 500))
        with pytest.raises(EngineError, match="empty"):
            await answered(engine, asked(""))
        assert engine.model.prefilled == 0


async def test_the_original_of_an_edit_is_its_draft():
    text = "def total(values):\n    return sum(values)\n" * 6
    language = scripted(text.replace("total", "whole"))
    async with Engine(loaded(language)) as engine:
        plain, without = await answered(engine, asked(max_tokens=900))
        drafted, done = await answered(engine, asked(max_tokens=900, original=text))
    assert plain == drafted
    assert without.drafted == 0
    assert done.new_tokens == without.new_tokens
    assert done.passes < without.passes / 4


async def test_a_prompt_is_looked_up_only_where_that_is_set():
    prompt = "for key in table:\n    print(key)\n" * 4
    costs = []
    for draft in (0, None):
        async with Engine(loaded(Parrot(vocabulary())), draft=draft) as engine:
            costs.append((await answered(engine, asked(prompt, max_tokens=60)))[1])
    assert costs[0].accepted == 0
    assert costs[1].accepted > 30


async def test_a_grammar_is_followed_with_a_draft():
    rule = 'root ::= ("ab" | "cd")+ "."'
    async with Engine(loaded(Fixed(SIZE, a=2.0, c=1.0))) as engine:
        text, done = await answered(engine, asked(grammar=rule, original="abab.", max_tokens=9))
    assert text == "ababababa"
    assert done.reason == "length"


async def test_without_llguidance_it_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jupyter_fastgen.engine.exllamav2.grammar.is_installed", lambda: False)
    async with Engine(loaded()) as engine:
        assert not (await engine.stats()).grammar
        with pytest.raises(EngineError, match="llguidance"):
            await answered(engine, asked(grammar='root ::= "a"'))
        assert (await answered(engine, asked(max_tokens=3)))[1].new_tokens == 3


# --- what goes wrong ------------------------------------------------------------


async def test_an_exception_fails_what_runs_and_the_next_request_is_answered():
    async with Engine(loaded()) as engine:
        first = (await answered(engine, asked(max_tokens=4)))[0]
        engine.model.failing = RuntimeError("a kernel failed\nwith details")
        running = [asyncio.create_task(answered(engine, asked(max_tokens=4))) for _ in range(2)]
        for task in running:
            with pytest.raises(EngineError, match="RuntimeError: a kernel failed"):
                await task
        assert (await answered(engine, asked(max_tokens=4)))[0] == first


async def test_what_failed_is_not_taken_for_computed():
    async with Engine(loaded()) as engine:
        prompt = "one two three " * 30
        await answered(engine, asked(prompt, max_tokens=0))
        engine.model.failing = RuntimeError("lost")
        with pytest.raises(EngineError):
            await answered(engine, asked(prompt, max_tokens=1))
        _, done = await answered(engine, asked(prompt, max_tokens=0))
        assert done.cached_tokens == 0


async def test_out_of_memory_says_so():
    async with Engine(loaded()) as engine:
        engine.model.failing = torch.cuda.OutOfMemoryError("Tried to allocate 20 GiB")
        with pytest.raises(EngineError, match=r"the GPU ran out of memory.*KV cache"):
            await answered(engine, asked(max_tokens=4))
        assert (await answered(engine, asked(max_tokens=4)))[1].new_tokens == 4


async def test_a_gpu_that_answers_no_more_ends_the_process(monkeypatch: pytest.MonkeyPatch):
    ended: list[int] = []

    def broken() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr("jupyter_fastgen.engine.exllamav2.scheduler.release_memory", broken)
    monkeypatch.setattr("os._exit", ended.append)
    async with Engine(loaded()) as engine:
        engine.model.failing = RuntimeError("CUDA error")
        with pytest.raises(EngineError, match="CUDA error"):
            await answered(engine, asked(max_tokens=4))
        await until(lambda: ended)
    assert ended == [70]


async def test_without_a_gpu_it_says_what_is_missing():
    with pytest.raises(EngineError, match=r"needs an NVIDIA GPU.*GGUF"):
        await ExLlamaV2().load(Engine(loaded()).spec, lambda _: None)


async def test_a_missing_folder_is_named(tmp_path: Path):
    engine = Engine(loaded())
    engine.spec = type(engine.spec)("gone", str(tmp_path / "gone"))
    with pytest.raises(EngineError, match=r"gone does not exist.*models pull"):
        await engine.__aenter__()


# --- adapters -------------------------------------------------------------------


@pytest.fixture
def adapter_folder(tmp_path: Path) -> Path:
    for name in ("pandas", "torch"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter_config.json").write_text(json.dumps({"r": 1}))
        (tmp_path / name / "adapter_model.safetensors").write_bytes(b"")
    return tmp_path


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapters are their weights' folders' names."""
    monkeypatch.setattr(
        adapters.exllamav2, "ExLlamaV2Lora", lambda _, __, path: Path(path).parent.name
    )


async def test_adapters_change_with_an_empty_queue_only(adapter_folder: Path, named: None):
    async with Engine(loaded(), adapters=str(adapter_folder)) as engine:
        names = ["", "pandas", "pandas", "torch", ""]
        requests = [asked(max_tokens=6, adapter=name) for name in names]
        await asyncio.gather(*(answered(engine, request) for request in requests))
        used = engine.model.adapters
    changes = [now for before, now in zip(["", *used], used, strict=False) if now != before]
    assert changes == [None, ["pandas"], ["torch"], None]


async def test_what_one_adapter_computed_is_nothing_to_another(adapter_folder: Path, named: None):
    async with Engine(loaded(), adapters=str(adapter_folder)) as engine:
        prompt = "one two three " * 30
        await answered(engine, asked(prompt, max_tokens=0))
        _, other = await answered(engine, asked(prompt, max_tokens=0, adapter="pandas"))
        _, again = await answered(engine, asked(prompt, max_tokens=0, adapter="pandas"))
    assert other.cached_tokens == 0
    assert again.cached_tokens == again.prompt_tokens - 1


async def test_an_unknown_adapter_fails_one_request_and_names_the_others(adapter_folder: Path):
    async with Engine(loaded(), adapters=str(adapter_folder)) as engine:
        with pytest.raises(EngineError, match=r"no adapter 'r'.*there are: pandas, torch"):
            await answered(engine, asked(adapter="r"))
        with pytest.raises(EngineError, match=r"no adapter '\.\./pandas'"):
            await answered(engine, asked(adapter="../pandas"))
        assert (await answered(engine, asked(max_tokens=2)))[1].new_tokens == 2


async def test_weights_in_a_pickle_are_not_read(adapter_folder: Path, named: None):
    (adapter_folder / "pandas/adapter_model.safetensors").rename(
        adapter_folder / "pandas/adapter_model.bin"
    )
    async with Engine(loaded(), adapters=str(adapter_folder)) as engine:
        with pytest.raises(EngineError, match=r"no adapter_model\.safetensors"):
            await answered(engine, asked(adapter="pandas"))


# --- reading a folder -----------------------------------------------------------


def write_model(folder: Path, **config: object) -> Path:
    """A model folder whose one layer has all the tensors that are looked for, and no weights."""
    from safetensors.torch import save_file

    known = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "num_key_value_heads": 1,
        "vocab_size": 320,
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 4096,
    }
    names = [
        *("model.embed_tokens", "model.norm", "lm_head"),
        *(f"model.layers.0.{norm}" for norm in ("input_layernorm", "post_attention_layernorm")),
        *(f"model.layers.0.self_attn.{part}_proj" for part in "qkvo"),
        *(f"model.layers.0.mlp.{part}_proj" for part in ("gate", "up", "down")),
    ]
    save_file({f"{name}.weight": torch.zeros(1) for name in names}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(known | config))
    return folder


def test_the_rotary_base_of_new_configurations_is_read(tmp_path: Path):
    new = {"rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}}
    config = loading.read_config(write_model(tmp_path, **new))
    assert config.rotary_embedding_base == 1000000.0
    assert config.model_dir == str(tmp_path)
    files = {*config.tensor_files, *config.tensor_file_map.values()}
    assert files == {str(tmp_path / "model.safetensors")}
    assert "rope_theta" not in json.loads((tmp_path / "config.json").read_text())


def test_room_is_made_for_the_context_and_no_more(tmp_path: Path):
    config = loading.read_config(write_model(tmp_path))
    loading.limit(config, 1000)
    assert config.max_seq_len == 1280
    # All rows of a pass fit, and the smallest cache holds what is read while loading.
    assert loading.JOBS * 32 <= config.max_input_len <= memory.LEAST
    loading.limit(config, 10**6)
    assert config.max_seq_len == 1280  # never more than there is


@pytest.mark.parametrize("mended", [True, False])
def test_attention_that_is_not_causal_is_never_taken(
    tmp_path: Path, mended: bool, monkeypatch: pytest.MonkeyPatch
):
    # Its configuration asks for this, and so does its import.
    monkeypatch.delenv("EXLLAMA_NO_SDPA")
    given = {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}} if mended else {}
    assert loading.read_config(write_model(tmp_path, **given)).no_sdpa


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"architectures": ["A", "B"]}, "one architecture"),
        ({"architectures": ["Wat"]}, "its architecture is Wat"),
    ],
)
def test_a_model_it_does_not_know_is_an_error(tmp_path: Path, config: dict, says: str):
    with pytest.raises(EngineError, match=says):
        loading.read_config(write_model(tmp_path, **config))
    with pytest.raises(EngineError, match=r"no config\.json"):
        loading.read_config(tmp_path / "nothing")
