"""Check and measure the ExLlamaV2 engine on a machine with a CUDA GPU; needs no internet there.

    python scripts/gpu_check.py [STEP ...] [--work DIR] [--out DIR] [--model DIR] [--limit SECONDS]
    python scripts/gpu_check.py --report

Each step runs in a process of its own, makes what it needs of other steps where that is not there,
and writes each value to its JSON as soon as it has it, so that what was measured stays whatever
comes after. Needed there: torch, transformers, exllamav2, tokenizers, safetensors, msgspec,
filelock, pillow, rich, numpy; llguidance for grammars; psutil and pytest with --model. Where no
built extension of ExLlamaV2 is on the path it is compiled first, which needs nvcc, a C++ compiler
and ninja. The exit status is 0 where every step ran and every goal was met.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from gpu.goals import GOALS, Result  # noqa: E402
from gpu.record import Record, read  # noqa: E402
from gpu.steps import STEPS, Given, compare  # noqa: E402

RESULTS = ROOT / "benchmarks" / "gpu"

LIMIT = 520.0
"""Seconds for a step."""

GRACE = 20.0
"""Seconds that a step has to end by itself what it started."""

PACKAGES = ("transformers", "msgspec", "filelock", "numpy")
"""Needed beside what ExLlamaV2 needs."""

FOR_CONTRACT = ("psutil", "pytest")
"""And with a real model."""


def obstacles(model: Path | None) -> list[str]:
    """Why no step can run here; empty where they can, as far as seen."""
    from jupyter_fastgen.engine.exllamav2.requirements import import_faults

    wanted = (*PACKAGES, *(FOR_CONTRACT if model else ()))
    absent = [name for name in wanted if importlib.util.find_spec(name) is None]
    found = [f"{fault.text}: {fault.mend}" for fault in import_faults()]
    if absent:
        found.append(f"{', '.join(absent)} not installed: pip install {' '.join(absent)}")
    if not found:
        import torch

        if not torch.cuda.is_available():
            why = "see what `nvidia-smi` says" if torch.version.cuda else "it is built without CUDA"
            found.append(f"torch {torch.__version__} sees no NVIDIA GPU: {why}")
    return found


def run_step(name: str, given: Given, out: Path) -> None:
    """Run a step here, and write what comes of it."""
    with Record(out, name) as record:
        STEPS[name](given, record.tell)


def run_all(names: list[str], options: argparse.Namespace) -> int:
    """Run each step in a process of its own; gives how many failed or missed a goal."""
    bad = 0
    for name in names:
        print(f"{name} ...", flush=True)
        command = [sys.executable, __file__, name, "--here", "--work", str(options.work)]
        command += ["--out", str(options.out)]
        command += ["--model", str(options.model)] if options.model else []
        (options.out / f"{name}.json").unlink(missing_ok=True)
        bad += not run_one(name, command, options)
    return bad


def run_one(name: str, command: list[str], options: argparse.Namespace) -> bool:
    """Run a step's process, and say what came of it; False where it failed or missed a goal."""
    # In a group of its own, all of which can be ended: compilers, too.
    child = subprocess.Popen(command, start_new_session=True)
    why = ""
    try:
        code = child.wait(options.limit)
    except subprocess.TimeoutExpired:
        code, why = -1, f"it took more than {options.limit:g} s"
    finally:
        end(child)
    record = read(options.out, name)
    failed = why or record.get("failed") or (f"it ended with status {code}" if code else "")
    if failed:
        Record(options.out, name).fail(failed)
    for goal in record.get("goals", []):
        met = "met" if goal["met"] else "MISSED"
        print(f"  {goal['goal']}: {goal['measured']:.4g}, wanted {goal['wanted']}: {met}")
    print(f"{name}: {f'FAILED: {brief(failed)}' if failed else 'done'}", flush=True)
    return not failed and all(goal["met"] for goal in record.get("goals", []))


def end(child: subprocess.Popen[bytes]) -> None:
    """End a step's process and all that it started, if it still runs."""
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGINT)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def brief(why: str) -> str:
    """The beginning of a reason, for a table."""
    line = next(iter(why.splitlines()), "")
    return line if len(line) <= 200 else f"{line[:200]}…"


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
    records = {name: read(out, name) for name in STEPS}
    for name, step in STEPS.items():
        doc = " ".join((step.__doc__ or "").split())
        lines.append(f"| {name} | {doc} | {outcome(name, records[name]).replace('|', '/')} |")
    lines += ["", "| step | goal | wanted | measured |", "| --- | --- | --- | --- |"]
    for goal in GOALS:
        value = goal.measured(records[goal.step].get("result", {}))
        told = "not measured"
        if value is not None:
            told = f"{value:.4g}{'' if goal.is_met(value) else ', missed'}"
        lines.append(f"| {goal.step} | {goal.what} | {goal.wanted} | {told} |")
    return "\n".join(lines) + "\n"


def outcome(name: str, record: Result) -> str:
    """What came of a step, for the table."""
    if not record:
        return "not yet run"
    where = ", ".join(filter(None, [record.get("device"), record["date"]]))
    if failed := record.get("failed"):
        return f"[failed]({name}.json) ({where}): {brief(failed)}"
    return f"[done]({name}.json) ({where})"


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
    options.out.mkdir(parents=True, exist_ok=True)
    if options.report:
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
    if found := obstacles(options.model):
        print("\n".join(f"gpu-check can't run: {why}" for why in found), file=sys.stderr)
        return 1
    bad = run_all(options.steps or list(STEPS), options)
    (options.out / "README.md").write_text(report(options.out), "utf-8")
    return min(bad, 1)


def name_version() -> None:
    """Let the package be imported from a checkout that was never installed."""
    if not (ROOT / "jupyter_fastgen" / "_version.py").is_file():
        version = types.ModuleType("jupyter_fastgen._version")
        version.__version__ = json.loads((ROOT / "package.json").read_text())["version"]  # type: ignore[attr-defined]
        sys.modules[version.__name__] = version


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
