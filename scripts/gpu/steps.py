"""What is checked and measured, step by step. A step's docstring stands in the report."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import inspect
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[1] / "gpu_check.py"

AGREE = 0.97
"""Of the tokens that two ways of computing the same choose alike, at least: half precision decides
near ties this way or that."""

ELSEWHERE = {
    "test_a_cancelled_answer_stops_within_a_token",
    "test_leaving_the_stream_cancels",
    "test_cancelled_while_the_prompt_is_computed",
}
"""Of the contract, what looks into a document's slot, where this engine has none, or waits for a
prompt that takes a processor long. `behaviour` times cancelling itself."""

Result = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """What a step works with: its folder, and that of a real code model if one was named."""

    work: Path
    model: Path | None

    @property
    def tiny(self) -> Path:
        return self.work / "tiny"

    @property
    def exl2(self) -> Path:
        return self.work / "tiny-exl2"

    @property
    def seven(self) -> Path:
        return self.work / "synthetic-7b"


def extension(given: Given) -> Result:
    """Import the library, which compiles its extension where none is built."""
    from jupyter_fastgen.engine.exllamav2 import library

    attention = library.import_library()
    return {"attention": attention, "missing": library.missing()}


def train(given: Given) -> Result:
    """Train a tiny model, and keep what transformers says of a text."""
    from gpu import tiny

    return dict(tiny.train(given.tiny, seconds=60))


def logits(given: Given) -> Result:
    """The engine's logits against those of transformers, in each attention there is."""
    told = {}
    for way, settings in {
        "paged": {},
        "unpaged": {"EXLLAMA_NO_FLASH_ATTN": "1"},
        # The trap: this one is expected to be wrong.
        "unpaged, library's SDPA": {"EXLLAMA_NO_FLASH_ATTN": "1", "FASTGEN_SDPA": "1"},
    }.items():
        command = [sys.executable, str(SCRIPT), "--compare", str(given.tiny)]
        done = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, check=False
        )
        said = done.stdout.strip().splitlines()
        told[way] = json.loads(said[-1]) if not done.returncode else {"failed": done.stderr[-2000:]}
    for way in ("paged", "unpaged"):
        assert told[way].get("agree", 0) >= AGREE, (way, told)
    return told


def compare(folder: Path) -> Result:
    """How the engine's logits differ from the reference beside the model in `folder`."""
    from safetensors.torch import load_file

    from gpu import timing, tiny

    kept = load_file(folder / tiny.REFERENCE)
    loaded = load(folder, "fp16")
    if os.environ.get("FASTGEN_SDPA"):
        import exllamav2.attn

        exllamav2.attn.has_lower_right_sdpa = True
        loaded.model.config.no_sdpa = False
    ids = kept["ids"].tolist()
    got = timing.forward(loaded, ids)[:, : kept["logits"].shape[1]]
    return {"attention": loaded.attention} | distance(got, kept["logits"], kept["ids"])


def distance(got: Any, want: Any, ids: Any) -> Result:
    """How far logits are from others: how often they choose alike, and the loss on a text."""
    import torch

    def loss(of: Any) -> float:
        return float(torch.nn.functional.cross_entropy(of[:-1], ids[1:]))

    return {
        "agree": float((got.argmax(-1) == want.argmax(-1)).float().mean()),
        "farthest": float((got - want).abs().max()),
        "loss": loss(got),
        "reference_loss": loss(want),
    }


def convert(given: Given) -> Result:
    """Quantize the tiny model to 4 bits with the library's own conversion."""
    from jupyter_fastgen.engine.exllamav2 import library

    scratch, stubs = given.work / "conversion", given.work / "stubs"
    for folder in (scratch, given.exl2):
        shutil.rmtree(folder, ignore_errors=True)
    paths = [str(library.STANDIN), os.environ.get("PYTHONPATH", "")]
    if importlib.util.find_spec("fastparquet") is None:
        # It is imported with the conversion, and used only for calibration files of one's own.
        (stubs / "fastparquet").mkdir(parents=True, exist_ok=True)
        (stubs / "fastparquet" / "__init__.py").touch()
        paths.append(str(stubs))
    options = ["-b", "4.0", "-nr", "-mr", "4", "-ml", "512", "-r", "16", "-l", "512"]
    command = [sys.executable, "-m", "exllamav2.conversion.convert_exl2", *options]
    folders = ["-i", str(given.tiny), "-o", str(scratch), "-cf", str(given.exl2)]
    scratch.mkdir(parents=True)
    subprocess.run(
        [*command, *folders],
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "EXLLAMA_NO_SDPA": "1"},
    )
    before, after = (
        sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        for folder in (given.tiny, given.exl2)
    )
    return {"bytes_before": before, "bytes_after": after}


def kv(given: Given) -> Result:
    """What the quantized model and each kind of KV cache cost in quality."""
    from safetensors.torch import load_file

    from gpu import timing, tiny

    kept = load_file(given.tiny / tiny.REFERENCE)
    told = {}
    for name, folder in (("fp16", given.tiny), ("exl2", given.exl2)):
        for kind in ("fp16", "q8", "q6", "q4"):
            got = timing.forward(load(folder, kind), kept["ids"].tolist())
            told[f"{name}, {kind}"] = distance(
                got[:, : kept["logits"].shape[1]], kept["logits"], kept["ids"]
            )
    return told


def behaviour(given: Given) -> Result:
    """Prefixes, cancelling and drafts, through the adapter; the contract with a real model."""
    return asyncio.run(_behaviour(given))


async def _behaviour(given: Given) -> Result:
    from gpu import timing
    from jupyter_fastgen.engine.base import Done, Request, Text

    folder = given.model or given.tiny
    told: Result = {"model": folder.name}
    ids = itertools.count(10**6)

    async def answer(engine: Any, prompt: str, **options: Any) -> tuple[str, Done]:
        text = ""
        async for event in engine.stream(Request(next(ids), prompt, **options)):
            if isinstance(event, Done):
                return text, event
            text += event.text if isinstance(event, Text) else ""
        raise AssertionError("an answer without an end")

    code = Path(inspect.getsourcefile(argparse) or __file__).read_text("utf-8")
    async with adapter(folder, context=8000) as engine:
        prompt = code[:6000]
        cold = (await answer(engine, prompt, max_tokens=1))[1]
        warm = (await answer(engine, prompt, max_tokens=1))[1]
        told["prefix"] = {"cold": cold.prefilled_tokens, "cached": warm.prefilled_tokens}
        assert warm.prefilled_tokens == 1
        told["cancel_reading_ms"] = await timing.cancelling(engine, code[:20000], decode=False)
        told["cancel_writing_ms"] = await timing.cancelling(engine, code[:500], decode=True)
        same = total = accepted = 0
        for at in range(0, 20000, 1000):
            asked = code[at : at + 800]
            plain = (await answer(engine, asked, max_tokens=64))[0]
            drafted, done = await answer(engine, asked, max_tokens=64, original=plain)
            same += next(
                (n for n, (a, b) in enumerate(zip(plain, drafted, strict=False)) if a != b),
                min(len(plain), len(drafted)),
            )
            total += max(1, len(plain))
            accepted += done.accepted
        told["same_with_drafts"] = same / total
        told["accepted"] = accepted
        if given.model:
            told["contract"] = await contract(engine)
    return told


async def contract(engine: Any) -> dict[str, str]:
    """What came of each check that every engine must pass."""
    from tests.engine.contract import EngineContract

    checks, told = EngineContract(), {}
    for name, check in inspect.getmembers(checks, inspect.ismethod):
        if not name.startswith("test_") or name in ELSEWHERE:
            continue
        marks = getattr(check, "pytestmark", [])
        values = next((mark.args[1] for mark in marks if mark.name == "parametrize"), [None])
        for value in values:
            given = {"engine": engine, "pid": os.getpid(), "begin": value}
            wanted = {key: given[key] for key in inspect.signature(check).parameters}
            label = name if value is None else f"{name}[{value!r}]"
            try:
                await asyncio.wait_for(check(**wanted), 60)
                told[label] = "passed"
            except Exception as error:
                told[label] = f"{type(error).__name__}: {error}"[:300]
    return told


def pictures(given: Given) -> Result:
    """Tiny models that see: towers and answers about a picture, against transformers."""
    from gpu import seeing

    told = {}
    for kind in seeing.KINDS:
        folder = given.work / f"seeing-{kind}"
        seeing.write(folder, kind)
        told[kind] = seeing.check(load(folder, "fp16"), folder)
        assert told[kind]["embeddings"] < 0.02, told
        assert told[kind]["sure"] < 0.1, told
    return told


def speed(given: Given) -> Result:
    """Times and memory of seven billion 4-bit weights, which are random."""
    import torch

    from gpu import synthetic, timing

    if not (given.seven / "config.json").is_file():
        synthetic.write(given.seven)
    weights = sum(path.stat().st_size for path in given.seven.glob("*.safetensors"))
    loaded = load(given.seven, "q8", context=12288, slots=4)
    told: Result = {
        "weights_bytes": weights,
        "copy_gb_per_s": bandwidth(),
        "memory_bytes": torch.cuda.max_memory_allocated(),
        "cache_tokens": loaded.cache.max_seq_len,
        "first_token_ms": timing.first_token(loaded, (1000, 4000, 8000)),
        "pass_ms_by_rows": timing.passes(loaded),
        "pass_ms_by_jobs": timing.batches(loaded, (1, 4, 16)),
        "edit_of_400_lines": timing.edit(loaded, 400),
    }
    one = told["pass_ms_by_jobs"]["1"]
    told["share_of_bandwidth"] = weights / (one / 1000) / (told["copy_gb_per_s"] * 1e9)
    return told


def typists(given: Given) -> Result:
    """Sixteen people who type at once, each with a prompt of 1,500 tokens, on the same weights."""
    from gpu import timing

    async def measure() -> Result:
        async with adapter(given.seven, slots=16) as engine:
            return await timing.typists(engine, lambda person: f"{person:04}" * 375, 16, 20)

    return asyncio.run(measure())


STEPS: dict[str, Callable[[Given], Result]] = {
    step.__name__: step
    for step in (extension, train, logits, convert, kv, behaviour, pictures, speed, typists)
}


# --- what they share ------------------------------------------------------------


def spec_for(folder: Path, kv: Any = "q8", context: int = 4096, slots: int = 2) -> Any:
    from jupyter_fastgen.engine.base import ModelSpec

    return ModelSpec("small", str(folder), context, slots, kv=kv)


def load(folder: Path, kv: Any, context: int = 4096, slots: int = 2) -> Any:
    """A model on the GPU, in this thread."""
    from jupyter_fastgen.engine.exllamav2 import library

    attention = library.import_library()
    from jupyter_fastgen.engine.exllamav2 import loading

    loaded = loading.open_model(spec_for(folder, kv, context, slots), attention, lambda _: None)
    if os.environ.get("EXLLAMA_NO_FLASH_ATTN"):
        loaded.paged, loaded.attention = False, "one job at a time"
    return loaded


@asynccontextmanager
async def adapter(folder: Path, **options: Any) -> AsyncGenerator[Any]:
    """The engine as the worker process runs it."""
    from jupyter_fastgen.engine.exllamav2.adapter import ExLlamaV2

    engine = ExLlamaV2()
    await engine.load(spec_for(folder, **options), lambda _: None)
    try:
        yield engine
    finally:
        await engine.close()


def bandwidth() -> float:
    """GB/s that the GPU's memory reads and writes, copying."""
    import torch

    source = torch.empty(2**31, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    times = []
    for _ in range(10):
        torch.cuda.synchronize()
        started = time.perf_counter()
        target.copy_(source)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return 2 * source.numel() / min(times) / 1e9
