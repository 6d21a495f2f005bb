"""Quantizing a model to EXL2: the library's own conversion in a process of its own.

Everything unfinished lies beside the result, in `OUT.partial`, and is gone on with:

    source/     the folder that is quantized, where the given one can't be read as it is
    job/        the library's working folder, with its checkpoints
    out/        the result, which gets its name when it is whole
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ..errors import UNREADABLE
from .errors import BadModelFile, ConversionFailed
from .hf_config import repair_folder
from .sources import accepts

CONVERTER = (sys.executable, "-m", "exllamav2.conversion.convert_exl2")

Progress = Callable[[float, str], None]
"""Called with how far a stage is, 0..1, and what is being done."""

_STATUS = re.compile(r"\[STATUS\](.*)\[/STATUS\]")
_TAIL = 40
_PATIENCE_S = 10.0


class _Status(msgspec.Struct):
    stage: str
    completion: float


class _Job(msgspec.Struct):
    """What the library keeps of a conversion (its `job_new.json`)."""

    in_dir: str
    compile_full: str | None
    bits: float
    progress: str
    invalid: bool = False


def convert(
    source: Path,
    out: Path,
    bits: float,
    progress: Progress,
    *,
    converter: Sequence[str] = CONVERTER,
) -> None:
    """Quantize `source`, a GGUF file or a folder of safetensors, into the new folder `out`.

    Goes on where an earlier call with the same arguments ended. `converter` is called as the
    library's command line is.

    Raises
    ------
    BadModelFile
        The source can't be quantized.
    ConversionFailed
        The conversion ended without a result; the text says why.
    """
    if out.exists():
        raise ConversionFailed(out, "there is something of that name", "remove it, or name another")
    work = out.with_name(f"{out.name}.partial")
    work.mkdir(parents=True, exist_ok=True)
    with _locked(work, out):
        folder = _prepare(source, work / "source", progress)
        _run(converter, folder, work, bits, out, progress)
        os.replace(work / "out", out)
    shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _locked(work: Path, out: Path) -> Generator[None]:
    from filelock import FileLock, Timeout

    try:
        with FileLock(work / "lock", timeout=0):
            yield
    except Timeout:
        raise ConversionFailed(out, "another process is making it", "wait for it") from None


# --- the folder that is quantized ---------------------------------------------


def _prepare(source: Path, folder: Path, progress: Progress) -> Path:
    """The folder to quantize: `source` itself, or what stands for it in `folder`."""
    if source.is_file():
        if not (folder / "config.json").exists():
            from .gguf_folder import write_folder

            folder.mkdir(exist_ok=True)
            write_folder(source, folder, lambda done: progress(done, "reading the GGUF file"))
        return folder
    if not (source / "tokenizer.json").is_file():
        raise BadModelFile(source, "it has no tokenizer.json; SentencePiece models can't be read")
    try:
        config = msgspec.json.decode((source / "config.json").read_bytes(), type=dict[str, object])
        if "quantization_config" in config:
            raise ValueError("it is quantized already; convert the model that it was made from")
        files, mended = repair_folder(source)
    except (ValueError, OSError) as error:
        raise BadModelFile(source, str(error)) from error
    if not mended:
        return source
    folder.mkdir(exist_ok=True)
    for file in source.iterdir():
        if file.is_file() and accepts(file.name):
            _link(file, folder / file.name)
    for name, told in files.items():
        # Not through the link, into the source.
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(msgspec.json.encode(told))
    progress(1.0, f"configuration: {', '.join(mended)}")
    return folder


def _link(file: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


# --- the library ----------------------------------------------------------------


def _run(
    converter: Sequence[str], folder: Path, work: Path, bits: float, out: Path, progress: Progress
) -> None:
    job, result = work / "job", work / "out"
    command = [*converter, "-i", str(folder), "-o", str(job), "-cf", str(result)]
    command += ["-b", str(bits), "-so"]
    if not _goes_on(job / "job_new.json", folder, result, bits):
        shutil.rmtree(job, ignore_errors=True)
        shutil.rmtree(result, ignore_errors=True)
    # Without flash-attn, the library's attention by SDPA is not causal.
    environment = {**os.environ, "EXLLAMA_NO_SDPA": "1", "PYTHONUNBUFFERED": "1"}
    said: deque[str] = deque(maxlen=_TAIL)
    progress(0.0, "starting")
    with _child(command, environment) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if found := _STATUS.search(line):
                with contextlib.suppress(msgspec.MsgspecError):
                    status = msgspec.json.decode(found.group(1), type=_Status)
                    progress(status.completion, status.stage.lower())
            elif line.strip():
                said.append(line.strip())
        code = child.wait()
    # It ends with 0 after most errors as well.
    state = _job(job / "job_new.json")
    if code != 0 or state is None or state.progress != "finished":
        raise ConversionFailed(out, *_reason(list(said), code))


def _job(file: Path) -> _Job | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Job)
    except (OSError, *UNREADABLE):
        return None


def _goes_on(file: Path, folder: Path, result: Path, bits: float) -> bool:
    """Whether an unfinished job is this one: the library itself would go on with any."""
    job = _job(file)
    return (
        job is not None
        and not job.invalid
        and job.progress != "finished"
        and ((job.in_dir, job.compile_full, job.bits) == (str(folder), str(result), bits))
    )


@contextmanager
def _child(command: Sequence[str], environment: dict[str, str]) -> Generator[subprocess.Popen[str]]:
    """A process that ends with the block, and that a terminal's Ctrl-C doesn't reach.

    The library answers that with a question.
    """
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()


_KNOWN = (
    ("No module named", "pip install 'jupyter-fastgen[exllamav2]'"),
    ("CUDA out of memory", "free memory on the GPU (nvidia-smi shows who holds it), then go on"),
    ("No space left on device", "free some space, then go on"),
    ("CUDA_HOME", "see docs/gpu.md for building the extension"),
    ("Error building extension", "see docs/gpu.md for building the extension"),
    ("undefined symbol", "its prebuilt extension is for another torch; see docs/gpu.md"),
    ("No CUDA GPUs", "it needs an NVIDIA GPU"),
    ("accelerator device when none", "it needs an NVIDIA GPU, and torch with CUDA"),
    ("not compiled with CUDA", "install torch with CUDA"),
    ("Found no NVIDIA driver", "install NVIDIA's driver"),
)


def _reason(said: list[str], code: int) -> tuple[str, str]:
    """Why it ended, by the last that it said, and what to do."""
    for line in reversed(said):
        for text, remedy in _KNOWN:
            if text in line:
                return line, remedy
    marked = [line for line in said if line.startswith(("##", "**")) and "Warning" not in line]
    told = said if code else marked or said
    last = told[-1].lstrip("#* ") if told else f"it ended with status {code} and said nothing"
    return last, "the same command goes on from the last checkpoint"
