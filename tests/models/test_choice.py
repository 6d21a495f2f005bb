"""Which model runs where nobody named one."""

from __future__ import annotations

import pytest

from jupyter_fastgen.models.catalog import Catalog, ModelEntry
from jupyter_fastgen.models.choice import RESERVE, Machine, choose, gpu_memory

GIB = 1 << 30
TOKENS = 16_384


def entry(name: str, engine: str, **needs: float) -> ModelEntry:
    fields = {"engine": engine, "fim": "qwen", "licence": "MIT", "context": 1, **needs}
    return ModelEntry(name=name, title=name, roles=("completion",), **fields)  # type: ignore[arg-type]


# Four bits of 8 * 2**30 parameters are 4 GiB; 65,536 bytes for each of 16,384 tokens are 1 GiB.
ENTRIES = [
    entry("cpu", "llamacpp", parameters=1, bits=4.0, kv_bytes=1),
    entry("large", "exllamav2", parameters=8 * GIB, bits=8.0, kv_bytes=65_536),
    entry("small", "exllamav2", parameters=8 * GIB, bits=4.0, kv_bytes=65_536),
    entry("unmeasured", "exllamav2"),
]
CATALOG = Catalog({each.name: each for each in ENTRIES}, "cpu")

BIG = Machine("H200", 100 * GIB)


@pytest.mark.parametrize(
    ("machine", "here", "chosen", "better", "reason"),
    [
        (Machine(), {"cpu", "small"}, "cpu", None, "no NVIDIA GPU"),
        (Machine("H200", 100 * GIB, "no torch"), {"small"}, "cpu", None, "no torch"),
        (Machine(fault="no torch"), set(), "cpu", None, "no torch"),
        (BIG, {"cpu", "small", "large"}, "large", None, "107 GB free"),
        (BIG, {"cpu", "small"}, "small", "large", "largest here"),
        (BIG, {"cpu"}, "cpu", "large", "none of the models that fit"),
        (BIG, set(), "large", None, "the largest that fits in H200"),
        (BIG, {"unmeasured"}, "large", None, "the largest that fits"),
        # 8 GiB of weights, 1 of cache and 2 in reserve.
        (Machine("GPU", 11 * GIB), {"large", "small"}, "large", None, "largest here"),
        (Machine("GPU", 11 * GIB - 1), {"large", "small"}, "small", None, "largest here"),
        (Machine("GPU", 7 * GIB), set(), "small", None, "the largest that fits"),
        (Machine("GPU", 7 * GIB - 1), {"small"}, "cpu", None, "no model of the catalog fits"),
    ],
)
def test_the_choice(machine: Machine, here: set[str], chosen: str, better: str | None, reason: str):
    choice = choose(CATALOG, machine, TOKENS, lambda entry: entry.name in here)
    assert choice.entry.name == chosen
    assert (choice.better and choice.better.name) == better
    assert reason in choice.reason


def test_what_a_model_takes():
    large = CATALOG.get("large")
    assert gpu_memory(large, TOKENS) == 8 * GIB + GIB + RESERVE
    assert gpu_memory(large, 0) == 8 * GIB + RESERVE
    seeing = entry("seeing", "exllamav2", parameters=GIB, bits=8.0, kv_bytes=1, tower_bytes=3 * GIB)
    assert gpu_memory(seeing, 0) == 4 * GIB + RESERVE
    assert gpu_memory(CATALOG.get("cpu"), TOKENS) is None
    assert gpu_memory(CATALOG.get("unmeasured"), TOKENS) is None
