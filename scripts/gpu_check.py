"""Check and measure the ExLlamaV2 engine on a machine with a CUDA GPU; needs no internet there.

    python scripts/gpu_check.py [STEP ...] [--work DIR] [--out DIR] [--model DIR] [--limit SECONDS]
    python scripts/gpu_check.py --report

Each step runs in a process of its own, and writes its JSON as soon as it ends, so that what was
measured stays whatever comes after. Needed there: torch, transformers, exllamav2, tokenizers,
safetensors, msgspec, filelock, pillow, rich, psutil and pytest; and llguidance for grammars. Where
no built extension of ExLlamaV2 is on the path it is compiled first, which needs nvcc and ninja.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import platform
import subprocess
import sys
import time
import types
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from gpu.steps import STEPS, Given, Result, compare  # noqa: E402

RESULTS = ROOT / "benchmarks" / "gpu"

LIMIT = 520
"""Seconds for a step."""

PACKAGES = ("torch", "exllamav2", "transformers", "flash-attn", "llguidance", "tokenizers")


def versions() -> dict[str, str]:
    told = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            told[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return told


def device() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"


def run_step(name: str, given: Given, out: Path) -> Result:
    """Run a step here, and write what came of it."""
    started = time.perf_counter()
    record: Result = {
        "step": name,
        "date": datetime.date.today().isoformat(),
        "device": device(),
        "versions": versions(),
    }
    try:
        record["result"] = STEPS[name](given)
    except BaseException as error:
        record["failed"] = f"{type(error).__name__}: {error}"[:2000]
        raise
    finally:
        record["seconds"] = round(time.perf_counter() - started, 1)
        write(out, record)
    return record


def write(out: Path, record: Result) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{record['step']}.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")


def run_all(names: list[str], options: argparse.Namespace) -> int:
    """Run each step in a process of its own; gives how many failed."""
    failed = 0
    for name in names:
        command = [sys.executable, __file__, name, "--here", "--work", str(options.work)]
        command += ["--out", str(options.out)]
        command += ["--model", str(options.model)] if options.model else []
        try:
            code = subprocess.run(command, timeout=options.limit, check=False).returncode
        except subprocess.TimeoutExpired:
            code = -1
            why = f"it took more than {options.limit} s"
            today = datetime.date.today().isoformat()
            write(options.out, {"step": name, "date": today, "failed": why})
        print(f"{name}: {'done' if not code else 'FAILED'}", flush=True)
        failed += code != 0
    return failed


def report(out: Path) -> str:
    """The results as Markdown; what was not run is said to be so."""
    lines = [
        "# The ExLlamaV2 engine on a GPU",
        "",
        "Written by `python scripts/gpu_check.py --report` from the files beside it, which"
        " `make gpu-check` writes.",
        "",
        "| step | what it does | outcome |",
        "| --- | --- | --- |",
    ]
    for name, step in STEPS.items():
        path = out / f"{name}.json"
        outcome = "not yet run"
        if path.is_file():
            record = json.loads(path.read_text("utf-8"))
            where = f"{record.get('device', '')}, {record['date']}".strip(", ")
            failed = record.get("failed")
            outcome = f"failed ({where}): {failed}" if failed else f"[done]({name}.json) ({where})"
        doc = " ".join((step.__doc__ or "").split())
        lines.append(f"| {name} | {doc} | {outcome.replace('|', '/').splitlines()[0]} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(STEPS))
    parser.add_argument("--work", type=Path, default=Path("/tmp/fastgen-gpu"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--model", type=Path, help="folder of a real code model")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for a step")
    parser.add_argument("--report", action="store_true", help="write the table of the results")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--compare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.steps if name not in STEPS]:
        parser.error(f"no such step: {', '.join(unknown)}; there are {', '.join(STEPS)}")
    if options.report:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "README.md").write_text(report(options.out), "utf-8")
        return 0
    name_version()
    if options.compare:
        print(json.dumps(compare(options.compare)))
        return 0
    if options.here:
        for name in options.steps:
            run_step(name, Given(options.work, options.model), options.out)
        return 0
    failed = run_all(options.steps or list(STEPS), options)
    (options.out / "README.md").write_text(report(options.out), "utf-8")
    return min(failed, 1)


def name_version() -> None:
    """Let the package be imported from a checkout that was never installed."""
    if not (ROOT / "jupyter_fastgen" / "_version.py").is_file():
        version = types.ModuleType("jupyter_fastgen._version")
        version.__version__ = json.loads((ROOT / "package.json").read_text())["version"]  # type: ignore[attr-defined]
        sys.modules[version.__name__] = version


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
