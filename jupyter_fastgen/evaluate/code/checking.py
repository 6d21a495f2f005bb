"""Whether a generated program is right, and how long it takes: judged in a process of its own."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import Literal

import msgspec

from ...errors import FastgenError
from . import trial
from .costs import Measure
from .problems import Problem

SECONDS = 600.0
"""Of a whole trial, if all else fails: most take less than one."""

ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    # The same order of sets in every run.
    "PYTHONHASHSEED": "0",
    # A program may not start threads.
    "OPENBLAS_NUM_THREADS": "1",
}
"""All that a program finds of its environment."""


class Stress(msgspec.Struct, frozen=True, array_like=True):
    """What a heavy input cost the program and the reference; None where that one failed.

    `same`: both returned the same.
    """

    program: float | None
    reference: float | None
    same: bool


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with a program, in a line ("": nothing), and what it costs.

    `isolation` tells what kept it from network, processes and files; "" where it was not run.
    """

    fault: str
    isolation: str = ""
    measure: Measure | Literal[""] = ""
    stress: tuple[Stress, ...] = ()


class _Told(Verdict, frozen=True, kw_only=True):
    nonce: str


def judge(problem: Problem, program: str) -> Verdict:
    """Run `program` on the tests of `problem`, and if it is right on its heavy inputs.

    Raises `FastgenError` where programs can't be run on this machine.
    """
    if os.name != "posix":
        raise FastgenError("generated code is run on Linux or macOS only, for its limits")
    nonce = secrets.token_hex()
    job = {
        "nonce": nonce,
        "program": program,
        "entry": problem.entry,
        "given": problem.given,
        "test": problem.test,
        "cases": problem.cases,
        "stress": problem.stress if sys.platform == "linux" else (),
        "reference": problem.solution,
        "reference_entry": problem.solution_entry,
    }
    told = _run(msgspec.json.encode(job))
    if told is None:
        return Verdict(f"it does not end within {SECONDS:.0f} s")
    try:
        verdict = msgspec.json.decode(told, type=_Told)
    except msgspec.MsgspecError:
        return Verdict("it ended its judge")
    if verdict.nonce != nonce:
        return Verdict("it forged a verdict")
    return Verdict(verdict.fault, verdict.isolation, verdict.measure, verdict.stress)


def _run(job: bytes) -> bytes | None:
    """What a trial says to a job; None if it takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-s", "-m", trial.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=ENVIRONMENT,
            start_new_session=True,
        )
        try:
            return process.communicate(job, timeout=SECONDS)[0]
        except subprocess.TimeoutExpired:
            return None
        finally:
            # With all that it began.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
