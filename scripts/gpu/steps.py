"""What is checked and measured, step by step. A step's docstring stands in the report."""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import inspect
import itertools
import json
import os
import random
import shutil
import string
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .goals import Result

SCRIPT = Path(__file__).parents[1] / "gpu_check.py"

ELSEWHERE = {
    "test_a_cancelled_answer_stops_within_a_token",
    "test_leaving_the_stream_cancels",
    "test_cancelled_while_the_prompt_is_computed",
}
"""Of the contract, what looks into a document's slot, where this engine has none, or waits for a
prompt that takes a processor long. `behaviour` and `typists` cancel by themselves."""

Tell = Callable[[str, object], None]
"""Notes a value of a step's result, at once."""


class StepError(Exception):
    """A part of a step failed."""


@dataclass(frozen=True)
class Given:
    """What a step works with: its folder, and that of a real code model if one was named."""

    work: Path
    model: Path | None = None

    @property
    def tiny(self) -> Path:
        """A tiny model, trained where there is none: before the engine is imported."""
        from gpu import tiny

        folder = self.work / "tiny"
        if not (folder / tiny.REFERENCE).is_file():
            tiny.train(folder, seconds=60)
        return folder

    @property
    def exl2(self) -> Path:
        """The same, quantized."""
        folder = self.work / "tiny-exl2"
        if not folder.is_dir():
            quantize(self.tiny, folder, self.work / "stubs")
        return folder

    @property
    def seven(self) -> Path:
        """Seven billion random weights."""
        from gpu import synthetic

        folder = self.work / "synthetic-7b"
        if not (folder / "config.json").is_file():
            synthetic.write(folder)
        return folder


def extension(given: Given, tell: Tell) -> None:
    """Import the library, which compiles its extension where none is built."""
    from jupyter_fastgen.engine.exllamav2 import library

    started = time.perf_counter()
    tell("attention", library.import_library())
    tell("seconds", time.perf_counter() - started)
    built: Any = importlib.import_module("exllamav2.ext")
    tell("file", built.exllamav2_ext.__file__)


def train(given: Given, tell: Tell) -> None:
    """Train a tiny model, and keep what transformers says of a text."""
    from gpu import tiny

    shutil.rmtree(given.work / "tiny", ignore_errors=True)
    for name, value in tiny.train(given.work / "tiny", seconds=60).items():
        tell(name, value)


def logits(given: Given, tell: Tell) -> None:
    """The engine's logits against those of transformers, in each attention there is."""
    command = [sys.executable, str(SCRIPT), "--compare", str(given.tiny)]

    def compared(settings: dict[str, str]) -> Result:
        done = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            raise StepError(next(iter(done.stderr.strip().splitlines()[-1:]), "no word of it"))
        return json.loads(done.stdout.strip().splitlines()[-1])

    each(
        tell,
        {
            "paged": lambda: compared({}),
            "unpaged": lambda: compared({"EXLLAMA_NO_FLASH_ATTN": "1"}),
            # The trap: this one is expected to be wrong.
            "unpaged, library's SDPA": lambda: compared(
                {"EXLLAMA_NO_FLASH_ATTN": "1", "FASTGEN_SDPA": "1"}
            ),
        },
    )


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


def convert(given: Given, tell: Tell) -> None:
    """Quantize the tiny model to 4 bits, as `jupyter fastgen models convert` does."""
    shutil.rmtree(given.work / "tiny-exl2", ignore_errors=True)
    for name, folder in (("bytes_before", given.tiny), ("bytes_after", given.exl2)):
        tell(name, sum(path.stat().st_size for path in folder.glob("*.safetensors")))


def quantize(source: Path, target: Path, stubs: Path) -> None:
    """Quantize with shorter texts than is usual; `stubs` is a folder for modules nobody uses."""
    from jupyter_fastgen.models import exl2

    # They are imported with the conversion, and used only for calibration files of one's own.
    for name in ("pandas", "fastparquet"):
        if importlib.util.find_spec(name) is None:
            (stubs / name).mkdir(parents=True, exist_ok=True)
            (stubs / name / "__init__.py").touch()
    paths = [path for path in (os.environ.get("PYTHONPATH"), str(stubs)) if path]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    converter = (*exl2.CONVERTER, "-ml", "512", "-l", "512")
    said = ""

    def show(_: float, what: str) -> None:
        nonlocal said
        if what != said:
            print(f"  {what}", flush=True)
        said = what

    exl2.convert(source, target, 4.0, show, converter=converter)


def kv(given: Given, tell: Tell) -> None:
    """What the quantized model and each kind of KV cache cost in quality."""
    from safetensors.torch import load_file

    folder = given.tiny
    from gpu import timing, tiny

    kept = load_file(folder / tiny.REFERENCE)

    def cost(folder: Path, kind: str) -> Result:
        got = timing.forward(load(folder, kind), kept["ids"].tolist())
        gc.collect()
        return distance(got[:, : kept["logits"].shape[1]], kept["logits"], kept["ids"])

    def costs(name: str, folder: Path) -> None:
        kinds = ("fp16", "q8", "q6", "q4")
        each(tell, {f"{name}, {kind}": partial(cost, folder, kind) for kind in kinds})

    costs("fp16", folder)
    costs("exl2", given.exl2)


def behaviour(given: Given, tell: Tell) -> None:
    """Prefixes, cancelling and drafts, through the adapter; the contract with a real model."""
    asyncio.run(_behaviour(given, tell))


async def _behaviour(given: Given, tell: Tell) -> None:
    folder = given.model or given.tiny
    tell("model", folder.name)
    from gpu import timing
    from jupyter_fastgen.engine.base import Done, Request, Text

    ids = itertools.count(10**6)

    async def answer(engine: Any, prompt: str, **options: Any) -> tuple[str, Done]:
        text = ""
        async for event in engine.stream(Request(next(ids), prompt, **options)):
            if isinstance(event, Done):
                return text, event
            text += event.text if isinstance(event, Text) else ""
        raise StepError("an answer without an end")

    code = Path(inspect.getsourcefile(argparse) or __file__).read_text("utf-8")
    async with adapter(folder, context=8000) as engine:
        prompt = code[:6000]
        cold = (await answer(engine, prompt, max_tokens=1))[1]
        warm = (await answer(engine, prompt, max_tokens=1))[1]
        tell("prefix", {"cold": cold.prefilled_tokens, "cached": warm.prefilled_tokens})
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
        tell("same_with_drafts", same / total)
        tell("accepted", accepted)
        if given.model:
            tell("contract", await contract(engine))
        long = code[30000:45000]
        tell("cancel_reading", await timing.cancelling(engine, long, decode=False))
        again = (await answer(engine, long, max_tokens=1))[1]
        tell("known_of_a_cancelled_prompt", again.cached_tokens)
        tell("cancel_writing", await timing.cancelling(engine, code[:500], decode=True))


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


def pictures(given: Given, tell: Tell) -> None:
    """Tiny models that see, one quantized, too: towers and answers against transformers."""
    from gpu import seeing

    def checked(kind: str, quantized: bool) -> Result:
        folder = given.work / f"seeing-{kind}"
        seeing.write(folder, kind)
        target = given.work / f"seeing-{kind}-exl2"
        if quantized:
            shutil.rmtree(target, ignore_errors=True)
            quantize(folder, target, given.work / "stubs")
        told = seeing.check(load(target if quantized else folder, "fp16"), folder)
        gc.collect()
        return told

    parts = {kind: partial(checked, kind, False) for kind in seeing.KINDS}
    each(tell, parts | {"qwen2_5_vl, exl2": partial(checked, "qwen2_5_vl", True)})


def speed(given: Given, tell: Tell) -> None:
    """Times and memory of seven billion 4-bit weights, which are random."""
    import torch

    from gpu import synthetic, timing

    folder = given.seven
    copying = timing.bandwidth()
    tell("copy_gb_per_s", copying)
    free = torch.cuda.mem_get_info()[0]
    loaded = load(folder, "q8", context=12288, slots=4)
    tell("loaded_bytes", free - torch.cuda.mem_get_info()[0])
    tell("cache_tokens", loaded.cache.max_seq_len)
    read = synthetic.read_bytes(folder)
    tell("read_bytes_per_pass", read)
    torch.cuda.reset_peak_memory_stats()

    def by_jobs() -> dict[str, float]:
        times = timing.batches(loaded, (1, 4, 16))
        tell("tokens_per_s_by_jobs", {jobs: int(jobs) * 1000 / ms for jobs, ms in times.items()})
        tell("share_of_bandwidth", read / (times["1"] / 1000) / (copying * 1e9))
        return times

    each(
        tell,
        {
            # First: it chooses the kernels that all others run with.
            "pass_ms_by_rows": lambda: timing.passes(loaded),
            "pass_ms_by_jobs": by_jobs,
            "first_token_ms": lambda: timing.first_token(loaded, (1000, 4000, 8000)),
            "edit_of_400_lines": lambda: timing.edit(loaded, 400),
            "logits_copy_ms": lambda: timing.logits_copies(loaded),
            "a_pass": lambda: timing.kernels(loaded),
            "peak_bytes": torch.cuda.max_memory_allocated,
        },
    )


def typists(given: Given, tell: Tell) -> None:
    """Sixteen people who type at once, each in 1,500 tokens, and cancelling, on these weights."""
    asyncio.run(_typists(given, tell))


async def _typists(given: Given, tell: Tell) -> None:
    from gpu import timing

    async with adapter(given.seven, slots=16) as engine:
        await timing.warmed(engine)
        told = await timing.typists(engine, lambda person: f"{person:04}" * 375, 16, 20)
        tell("typists", told)
        chance = random.Random(0)
        for name, decode, length in (
            ("cancel_reading", False, 3500),
            ("cancel_writing", True, 500),
        ):
            tries = [
                await timing.cancelling(
                    engine, "".join(chance.choices(string.ascii_letters, k=length)), decode
                )
                for _ in range(5)
            ]
            tell(name, {key: max(one[key] for one in tries) for key in tries[0]})


STEPS: dict[str, Callable[[Given, Tell], None]] = {
    step.__name__: step
    for step in (extension, train, logits, convert, kv, behaviour, pictures, speed, typists)
}


# --- what they share ------------------------------------------------------------


def each(tell: Tell, parts: Mapping[str, Callable[[], object]]) -> None:
    """Tell what each part gives; where one fails the others are measured all the same."""
    failed: list[str] = []
    for name, part in parts.items():
        try:
            tell(name, part())
        except Exception as error:
            failed.append(f"{name}: {type(error).__name__}: {error}")
            tell(name, {"failed": failed[-1]})
    if failed:
        raise StepError("; ".join(failed))


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
