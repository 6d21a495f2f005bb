"""Generated code that does what it must not, and what becomes of it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_fastgen.evaluate.code import checking, confine, trial
from jupyter_fastgen.evaluate.code.checking import ENVIRONMENT, judge
from jupyter_fastgen.evaluate.code.problems import Case, Problem

from .functions import RIGHT, TOTAL


def calling(program: str, *cases: tuple[list[object], object]) -> str:
    """What is wrong with the function `run` of a program."""
    found = [Case(given, [expected]) for given, expected in cases or [([], "right")]]
    return judge(Problem("run", "", "run", "", "", "run", cases=tuple(found)), program).fault


def test_right_and_wrong_programs_are_told_apart():
    assert judge(TOTAL, RIGHT).fault == ""
    assert judge(TOTAL, RIGHT.replace("sum", "len")).fault == "a result is not the expected one"
    assert judge(TOTAL, "def total(values):\n    return sum(").fault.startswith("SyntaxError")
    assert judge(TOTAL, "").fault == "NameError: there is no function total"
    assert judge(TOTAL, RIGHT.replace("sum(values)", "1 / 0")).fault.startswith("ZeroDivisionError")


def test_published_tests_run_with_the_code_before_the_function():
    test = "def check(candidate):\n    assert candidate(twice(2)) == total(twice(1)) == 4\n"
    problem = Problem(
        "test", "", "total", "def twice(n):\n    return [n, n]\n", "", "total", test=test
    )
    assert judge(problem, "def total(values):\n    return 4\n").fault == ""
    assert judge(problem, "def total(values):\n    return 5\n").fault == "a test fails"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("import os; os._exit(0)", "it ended before it answered"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return run()", "RecursionError"),
        ("return input()", "EOFError"),
        ("return [0] * 10**10", "MemoryError"),
        ("return 'right' * 10**8", "its result is too long"),
        ("import ctypes; ctypes.string_at(0)", "it ended before it answered"),
        ("return (n for n in 'right')", "TypeError: a generator is no plain data"),
        ("a = []; a.append(a); return a", "RecursionError"),
    ],
)
def test_a_program_that_ends_itself_is_wrong(body: str, fault: str):
    assert calling(f"def run():\n    {body}\n").startswith(fault)
    if "return" not in body:
        assert calling(f"{body}\ndef run():\n    return 'right'\n").startswith(fault)


def test_a_program_that_does_not_end_is_wrong_in_time():
    began = time.monotonic()
    program = "def run():\n    while True:\n        try:\n            print('x' * 10**6)\n"
    program += "        except BaseException:\n            pass\n"
    assert calling(program).startswith("it does not end within")
    assert time.monotonic() - began < 2 * trial.WALL_SECONDS


def test_output_goes_nowhere():
    assert calling("def run():\n    print('x' * 10**8)\n    return 'right'\n") == ""


FORGERIES = {
    "prints a verdict": "print(VERDICT, flush=True)",
    "writes a verdict wherever it can": """\
import os
for number in range(64):
    try:
        os.write(number, VERDICT.encode())
    except OSError:
        pass""",
    "answers before it is asked": """\
import os, pickle
body = pickle.dumps('right')
for number in range(64):
    try:
        for frame in (b'R', b'D'):
            os.write(number, frame + bytes(8))
        os.write(number, b'V' + len(body).to_bytes(8, 'big') + body)
    except OSError:
        pass""",
    "equals everything": """\
class Same(str):
    __eq__ = lambda self, other: True
    __hash__ = None
answer = Same('x')""",
    "unpickles code": """\
class Code:
    def __reduce__(self):
        return eval, ("'expected'",)
import sys
for module in list(sys.modules.values()):
    if hasattr(module, 'plain'):
        module.plain = lambda value: value
answer = Code()""",
    "rewires Python": """\
import builtins, json, sys
builtins.all = builtins.any = lambda *_: True
json.dumps = lambda *_: VERDICT
sys.modules['__main__'].same = lambda *_: True""",
    "looks for what is expected": """\
import gc
for found in gc.get_objects():
    if isinstance(found, (dict, list, tuple)):
        for part in found.values() if isinstance(found, dict) else found:
            if isinstance(part, str) and part.startswith('expect') and part.endswith('ed 5'):
                answer = part
for path in ('/proc/self/fd/0', '/proc/self/environ', '/proc/self/cmdline'):
    try:
        if ''.join(reversed('5 detcepxe')) in open(path, errors='replace').read():
            answer = ''.join(reversed('5 detcepxe'))
    except OSError:
        pass""",
}


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("at_import", [False, True])
def test_a_verdict_is_not_forged(name: str, at_import: bool):
    verdict = '{"nonce": "", "fault": "", "isolation": "", "measure": "", "stress": []}\\n'
    lines = [f"VERDICT = '{verdict}'", "answer = 'wrong'", *FORGERIES[name].splitlines()]
    if at_import:
        program = "\n".join([*lines, "def run(*_):", "    return answer"])
    else:
        inside = ("    " + line for line in lines)
        program = "\n".join(["def run(*_):", *inside, "    return answer"])
    assert calling(program, ([], "expected 5")) != ""
    if name == "looks for what is expected" and not at_import:
        assert calling(program, (["expected 5"], "expected 5")) == "", "it looks well"


@pytest.mark.parametrize(
    "told", [b"", b"null", b'{"fault": ""}', b'{"nonce": "guessed", "fault": ""}']
)
def test_a_verdict_that_is_not_the_judges_own_is_none(told: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checking, "_run", lambda job: told)
    assert judge(TOTAL, RIGHT).fault != ""


ATTEMPT = """\
import ctypes, os, shutil, signal, socket, subprocess, threading
def run(action):
    try:
        exec(action)
    except (OSError, RuntimeError) as error:
        return "refused"
    return "done"
"""


@pytest.mark.parametrize(
    "action",
    [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        "subprocess.run(['true'])",
        "threading.Thread(target=print).start()",
        "socket.socket()",
        "socket.socketpair()",
        "socket.create_connection(('127.0.0.1', 9))",
        "os.kill(os.getppid(), signal.SIGKILL)",
        "os.kill(-1, signal.SIGKILL)",
        "open('new', 'w')",
        "open(KEPT, 'a')",
        "os.open(KEPT, os.O_RDONLY | os.O_TRUNC)",
        "os.remove(KEPT)",
        "os.rename(KEPT, KEPT + '2')",
        "os.truncate(KEPT, 0)",
        "os.chmod(KEPT, 0)",
        "os.mkdir('new')",
        "os.symlink(KEPT, 'new')",
        "shutil.rmtree(os.path.dirname(KEPT))",
        "open(f'/proc/{os.getppid()}/fd/1', 'w')",
        "open(f'/proc/{os.getppid()}/mem', 'r+b')",
    ],
)
def test_what_it_may_not_do_is_refused(action: str, tmp_path: Path):
    kept = tmp_path / "kept"
    kept.write_text("text")
    program = f"KEPT = {str(kept)!r}\n{ATTEMPT}"
    assert calling(program, ([action], "refused")) == ""
    assert kept.read_text() == "text"
    assert kept.stat().st_mode & 0o400


@pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")
def test_system_calls_past_python_are_refused_too(tmp_path: Path):
    kept = tmp_path / "kept"
    kept.write_text("text")
    program = "import ctypes\nlibc = ctypes.CDLL(None)\ndef run(name, *given):\n"
    program += "    given = [g.encode() if isinstance(g, str) else g for g in given]\n"
    program += "    return getattr(libc, name)(*given)\n"
    refused: list[list[object]] = [
        ["fork"],
        ["socket", 2, 1, 0],
        ["unlink", str(kept)],
        ["kill", -1, 9],
        ["ptrace", 16, 1, 0, 0],
        ["unshare", 0x10000000],
        ["open", str(kept), 1],
    ]
    assert calling(program, *((each, -1) for each in refused)) == ""
    assert kept.read_text() == "text"


def test_it_finds_no_environment_and_an_empty_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    program = "import os\ndef run():\n    return [sorted(os.environ), os.listdir()]\n"
    assert calling(program, ([], [sorted(ENVIRONMENT), []])) == ""


def test_what_programs_use_is_there():
    program = """\
import collections, dataclasses, datetime, decimal, fractions, functools, hashlib, heapq, itertools
import math, numpy, random, re, string, typing
@dataclasses.dataclass
class Point:
    x: typing.Optional[int] = None
def run(values):
    again = collections.Counter(values)
    return {"counter": again, "array": list(numpy.array(values)), "point": Point(1).x,
        "md5": hashlib.md5(b"a").hexdigest()[:4], "set": set(values), "tuple": (1.5, 2j, None)}
"""
    expected = {"counter": {"1": 1}, "point": 1, "md5": "0cc1"}
    told = "{**expected, 'counter': {1: 1}, 'array': [1], 'set': {1}, 'tuple': (1.5, 2j, None)}"
    test = f"expected = {expected}\ndef check(run):\n    assert run([1]) == {told}\n"
    assert judge(Problem("run", "", "run", "", "", "run", test=test), program).fault == ""


def test_without_a_filter_python_refuses_by_itself(tmp_path: Path):
    kept = tmp_path / "kept"
    kept.write_text("text")
    code = f"""\
from jupyter_fastgen.evaluate.code import confine
import os, socket, subprocess
confine._MACHINES.clear()
print(confine.confine())
for action in (socket.socket, os.fork, lambda: open({str(kept)!r}, "w"),
        lambda: os.remove({str(kept)!r}), lambda: os.kill(os.getppid(), 9),
        lambda: subprocess.run(["true"])):
    try:
        action()
    except OSError:
        print("refused")
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["audit hook", *["refused"] * 6]
    assert kept.read_text() == "text"


@pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")
def test_programs_are_confined_by_the_kernel():
    assert judge(TOTAL, RIGHT).isolation == "seccomp"
    assert confine.MEMORY <= 4 << 30


def test_results_agree_as_in_coffe():
    assert trial.same([1, (2, 3)], (1, [2, 3]))
    assert trial.same({"a": [0.1 + 0.2]}, {"a": (0.3,)})
    assert not trial.same([1, 2], [1, 2, 3])
    assert trial.same([float("nan")], [float("nan")])
    assert not trial.same(float("nan"), 1.0)
    assert not trial.same(0.1, 0.1001)
    assert not trial.same(10**9, 10**9 + 1)
    assert trial.same(2, 2.0)
    assert not trial.same({"a": 1}, {"b": 1})
    assert not trial.same("1", 1)
