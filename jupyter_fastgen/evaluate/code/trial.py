"""Judges one generated program: started as a program of its own. Standard library only.

Two processes are made before anything is read: one for the generated program, one for a reference
to measure beside it. The tests, the expected results and the verdict are in this one, which runs no
generated code. It is confined like the others, for the tests are somebody's code, too.

A job comes as JSON on standard input, the verdict goes as JSON to standard output.
"""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import random
import select
import sys
import time
from contextlib import suppress
from typing import Any, NamedTuple, cast

from .confine import confine
from .costs import counter, cpu_clock
from .serving import DONE, FAULT, FAULT_LENGTH, READY, VALUE, described, framed, serve, silence

SECONDS = 5.0
"""Most CPU time of one call: other programs may keep the processor busy."""

WALL_SECONDS = 60.0
"""Most time of one call that sleeps, or that gets no processor."""

ANSWER_BYTES = 64 << 20
"""Longest result of a call."""

LEAST_SECONDS = 0.01
"""A shorter call is measured several times at once."""

MOST_CALLS = 256

PREPARING_SECONDS = 0.1
"""Most for making the arguments of these calls anew, each its own."""

ROUNDS = 6
"""A call that is not long is measured so often, by turns with the reference; the least counts."""

LONG_SECONDS = 1.0

SEED = 1024
"""For the arguments that are drawn: the one that COFFE uses."""

DIGITS = 1_000_000
"""Of the longest number that may be read or written, as with COFFE."""


class SolverError(BaseException):
    """A program failed. No test that catches `Exception` may take it for a result."""


def main() -> None:
    """Judge one job."""
    told = os.dup(1)
    silence(1, 2)
    with suppress(AttributeError):  # Python < 3.10.7 has no such limit
        sys.set_int_max_str_digits(DIGITS)
    answer, reference = Solver(), Solver()
    job: dict[str, Any] = json.load(sys.stdin)
    isolation = confine()
    fault = _fault(job, answer)
    stress: list[Any] = [] if fault else _stress(job, answer, reference)
    verdict = {
        "nonce": job["nonce"],
        "fault": fault,
        "isolation": isolation,
        "measure": answer.measure if stress else "",
        "stress": stress,
    }
    os.write(told, json.dumps(verdict).encode())


def _fault(job: dict[str, Any], answer: Solver) -> str:
    """What is wrong with the answer, in a line; "" if nothing is."""
    try:
        answer.load(job["program"], job["entry"])
        if job["test"]:
            names: dict[str, Any] = {"__name__": "test"}
            exec(job["given"], names)
            # Some tests call the function by its name.
            names[job["entry"]] = answer.call
            exec(job["test"], names)
            names["check"](answer.call)
        for case in job["cases"]:
            if not same(answer.call(*case["input"]), case["output"][0]):
                return "a result is not the expected one"
    except AssertionError as error:
        return f"a test fails: {error}"[:FAULT_LENGTH].rstrip(": ")
    except SolverError as error:
        return str(error)
    except Exception as error:
        return described(error)
    return ""


def _stress(job: dict[str, Any], answer: Solver, reference: Solver) -> list[Any]:
    """Of each heavy input: what both cost (None: it failed), and whether the results agree."""
    found: list[Any] = []
    if job["stress"]:
        with suppress(SolverError):
            reference.load(job["reference"], job["reference_entry"])
    for expression in job["stress"]:
        random.seed(SEED)
        try:
            arguments = eval(expression, {"random": random})
        except Exception:
            continue
        found.append(_compared(answer, reference, arguments))
    return found


def _compared(answer: Solver, reference: Solver, arguments: list[Any]) -> list[Any]:
    both = (reference, answer)
    firsts = [_tried(solver, 1, arguments) for solver in both]
    costs = [None if first is None else first.cost for first in firsts]
    for _ in range(ROUNDS):
        for n, (solver, first) in enumerate(zip(both, firsts, strict=True)):
            least = costs[n]
            if first is None or least is None or first.seconds > LONG_SECONDS:
                continue
            if (call := _tried(solver, _copies(first), arguments)) is not None:
                costs[n] = min(least, call.cost)
    expected, found = firsts
    agree = expected is not None and found is not None and same(found.result, expected.result)
    return [costs[1], costs[0], agree]


def _tried(solver: Solver, copies: int, arguments: list[Any]) -> Call | None:
    try:
        return solver.run(copies, arguments)
    except (SolverError, MemoryError):
        return None


def _copies(first: Call) -> int:
    """How often a call is made at once, so that its time can be told."""
    wanted = math.ceil(LEAST_SECONDS / max(first.seconds, 1e-6))
    bearable = math.ceil(PREPARING_SECONDS / max(first.preparing, 1e-6))
    return min(MOST_CALLS, wanted, bearable)


def same(found: Any, expected: Any) -> bool:
    """Whether two results agree: tuples and lists alike, floats up to 1e-6, as with COFFE."""
    if isinstance(found, (list, tuple)) and isinstance(expected, (list, tuple)):
        ours, theirs = cast("list[Any]", found), cast("list[Any]", expected)
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(found, dict) and isinstance(expected, dict):
        mine, other = cast("dict[Any, Any]", found), cast("dict[Any, Any]", expected)
        return mine.keys() == other.keys() and all(same(mine[key], other[key]) for key in mine)
    if isinstance(found, float) and isinstance(expected, float):
        both_nan = math.isnan(found) and math.isnan(expected)
        return both_nan or math.isclose(found, expected, rel_tol=1e-7, abs_tol=1e-6)
    return found == expected


class Call(NamedTuple):
    """What a function returned, and what that cost: as it is measured, and in seconds of CPU.

    `preparing` are those that went before it.
    """

    result: Any
    cost: float
    seconds: float
    preparing: float


class Solver:
    """A process that runs one program, as its owner sees it."""

    def __init__(self) -> None:
        theirs, self._requests = os.pipe()
        self._replies, back = os.pipe()
        os.set_blocking(self._requests, False)
        self._until = self._clock_until = 0.0
        self._gone = ""
        pid = os.fork()
        if pid == 0:
            try:
                serve(theirs, back)
            finally:
                os._exit(1)
        os.close(theirs)
        os.close(back)
        self.measure, self._spent = counter(pid)
        self._clock = cpu_clock(pid)

    def load(self, program: str, entry: str) -> None:
        """Run a program, and then call its function `entry`; raises `SolverError`."""
        self._begin()
        self._send(pickle.dumps((program, entry)))
        self._expect(READY)

    def call(self, *arguments: Any) -> Any:
        """What the function returns; raises `SolverError`."""
        return self.run(1, list(arguments)).result

    def run(self, copies: int, arguments: list[Any]) -> Call:
        """Call the function so often, each time of a program that was run anew.

        Raises `SolverError`.
        """
        self._begin()
        asked = self._clock()
        self._send(pickle.dumps((copies, pickle.dumps(arguments))))
        self._expect(READY)
        spent, began = self._spent(), self._clock()
        self._send(b"")
        self._expect(DONE)
        cost, seconds = (self._spent() - spent) / copies, (self._clock() - began) / copies
        self._send(b"")
        try:
            result = _Plain(io.BytesIO(self._expect(VALUE))).load()
            return Call(result, cost, seconds, began - asked)
        except Exception as error:
            raise self._lost("its result can't be read") from error

    def _begin(self) -> None:
        if self._gone:
            raise SolverError(self._gone)
        self._until = time.monotonic() + WALL_SECONDS
        self._clock_until = self._clock() + SECONDS

    def _send(self, body: bytes) -> None:
        data = memoryview(framed(body))
        while data:
            self._wait(self._requests, select.POLLOUT)
            try:
                data = data[os.write(self._requests, data) :]
            except OSError as error:
                raise self._lost("it ended before it answered") from error

    def _expect(self, wanted: bytes) -> bytes:
        kind, size = self._read(1), int.from_bytes(self._read(8), "big")
        if size > ANSWER_BYTES:
            raise self._lost("its result is too long")
        body = self._read(size)
        if kind == FAULT:
            raise SolverError(body.decode("utf-8", "replace")[:FAULT_LENGTH])
        if kind != wanted:
            raise self._lost("it answers what it was not asked")
        return body

    def _read(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            self._wait(self._replies, select.POLLIN)
            piece = os.read(self._replies, min(size - len(found), 1 << 20))
            if not piece:
                raise self._lost("it ended before it answered")
            found += piece
        return bytes(found)

    def _wait(self, file: int, event: int) -> None:
        waiting = select.poll()
        waiting.register(file, event)
        while not waiting.poll(100):
            if self._clock() > self._clock_until or time.monotonic() > self._until:
                raise self._lost(f"it does not end within {SECONDS:.0f} s")

    def _lost(self, why: str) -> SolverError:
        """The program can't be asked again: nobody knows what it will answer next."""
        self._gone = why
        return SolverError(why)


class _Plain(pickle.Unpickler):
    """Reads plain data, and nothing that would run code."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) == ("builtins", "complex"):
            return complex
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is no plain data")


if __name__ == "__main__":
    main()
