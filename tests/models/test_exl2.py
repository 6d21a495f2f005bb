"""Converting: all that is around the library's own conversion, whose part a stand-in takes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from jupyter_fastgen import gpu
from jupyter_fastgen.cli import main
from jupyter_fastgen.engine.exllamav2 import requirements
from jupyter_fastgen.models import exl2
from jupyter_fastgen.models.errors import BadModelFile, ConversionFailed

from .tiny_gguf import write_tiny

CONVERTER = (sys.executable, str(Path(__file__).with_name("converter.py")))


class Told(list[tuple[float, str]]):
    """Progress that remembers, and can interrupt."""

    def __init__(self, stop_at: tuple[float, str] | None = None) -> None:
        super().__init__()
        self._stop_at = stop_at

    def __call__(self, done: float, what: str) -> None:
        self.append((done, what))
        if (done, what) == self._stop_at:
            raise KeyboardInterrupt

    @property
    def stages(self) -> list[str]:
        return list(dict.fromkeys(what for _, what in self))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder, with a configuration of the old style."""
    path = tmp_path / "model"
    path.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "rope_theta": 500000.0}
    (path / "config.json").write_text(json.dumps(config))
    (path / "tokenizer.json").write_text("{}")
    (path / "model.safetensors").write_text("weights")
    (path / "modeling.py").write_text("raise SystemExit")
    return path


def convert(source: Path, out: Path, told: Told | None = None, bits: float = 4.0) -> Told:
    told = Told() if told is None else told
    exl2.convert(source, out, bits, told, converter=CONVERTER)
    return told


def job_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "output.safetensors").read_text())


def test_a_folder_is_converted_as_it_is_and_nothing_is_left_beside_it(folder: Path, tmp_path: Path):
    told = convert(folder, tmp_path / "out")
    assert told.stages == ["starting", "measuring", "quantizing", "compiling"]
    assert job_of(tmp_path / "out")["bits"] == 4.0
    assert job_of(tmp_path / "out")["in_dir"] == str(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "out"]


def test_a_new_style_configuration_is_mended_and_the_source_is_not(folder: Path, tmp_path: Path):
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    told = convert(folder, tmp_path / "out")
    assert "configuration: rope_theta 1000000.0" in told.stages
    assert json.loads((tmp_path / "out" / "config.json").read_text())["rope_theta"] == 1000000.0
    assert json.loads((folder / "config.json").read_text()) == config


def test_what_shows_pictures_to_a_model_comes_along_as_the_engine_reads_it(
    folder: Path, tmp_path: Path
):
    config = {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "vision_config": {"patch_size": 14, "temporal_patch_size": 2},
    }
    (folder / "config.json").write_text(json.dumps(config))
    size = {"shortest_edge": 3136, "longest_edge": 12845056}
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": {"size": size}}))
    convert(folder, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "config.json").read_text())
    assert written["vision_config"]["spatial_patch_size"] == 14
    prepared = json.loads((tmp_path / "out" / "preprocessor_config.json").read_text())
    assert prepared["max_pixels"] == 12845056
    assert not (folder / "preprocessor_config.json").exists()


def test_a_gguf_file_is_converted_by_way_of_a_folder(tmp_path: Path):
    write_tiny(tmp_path / "tiny.gguf")
    told = convert(tmp_path / "tiny.gguf", tmp_path / "out")
    assert told.stages[0] == "reading the GGUF file"
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["architectures"] == ["Qwen2ForCausalLM"]


def test_an_interrupted_conversion_ends_its_process_and_is_gone_on_with(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FAKE", "hang")
    with pytest.raises(KeyboardInterrupt):
        convert(folder, tmp_path / "out", Told(stop_at=(0.5, "quantizing")))
    assert not (tmp_path / "out").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "out.partial" / "job" / "pid").read_text()), 0)
    monkeypatch.delenv("FAKE")
    told = convert(folder, tmp_path / "out")
    assert "measuring" not in told.stages


def test_another_bit_rate_begins_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FAKE", " ## Quantization error (2)")
    with pytest.raises(ConversionFailed):
        convert(folder, tmp_path / "out")
    monkeypatch.delenv("FAKE")
    told = convert(folder, tmp_path / "out", bits=5.0)
    assert "measuring" in told.stages
    assert job_of(tmp_path / "out")["bits"] == 5.0


def test_a_job_that_was_killed_while_it_was_saved_begins_anew(folder: Path, tmp_path: Path):
    job = tmp_path / "out.partial" / "job"
    job.mkdir(parents=True)
    saved = {"in_dir": str(folder), "compile_full": str(tmp_path / "out.partial" / "out")}
    saved |= {"bits": 4.0, "progress": "Quantizing", "invalid": True}
    (job / "job_new.json").write_text(json.dumps(saved))
    assert "measuring" in convert(folder, tmp_path / "out").stages


@pytest.mark.parametrize(
    ("said", "reason", "remedy"),
    [
        (" ## Quantization error (2)", ": Quantization error (2) (", "goes on from the last"),
        (" ## Warning: a\n ** Corrupted job\n more", ": Corrupted job (", "goes on"),
        (" ## Error: a\nValueError: b", ": ValueError: b (", "goes on"),
        ("RuntimeError: Cannot access accelerator device when none is", "accelerator", "NVIDIA"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", "out of memory", "nvidia-smi"),
        ("ModuleNotFoundError: No module named 'fastparquet'", "fastparquet", "pip install"),
        ("OSError: CUDA_HOME environment variable is not set", "CUDA_HOME", "docs/gpu.md"),
    ],
)
def test_an_error_of_the_library_is_told_with_the_way_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said, reason, remedy
):
    monkeypatch.setenv("FAKE", said)
    with pytest.raises(ConversionFailed) as caught:
        convert(folder, tmp_path / "out")
    assert reason in str(caught.value)
    assert remedy in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_library_that_does_not_start_is_told(folder: Path, tmp_path: Path):
    command = (sys.executable, "-m", "no_such_module")
    with pytest.raises(ConversionFailed, match=r"no_such_module.*pip install"):
        exl2.convert(folder, tmp_path / "out", 4.0, Told(), converter=command)


def test_what_is_there_is_not_overwritten(folder: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    with pytest.raises(ConversionFailed, match="something of that name"):
        convert(folder, tmp_path / "out")


def test_two_conversions_do_not_share_a_folder(folder: Path, tmp_path: Path):
    (tmp_path / "out.partial").mkdir()
    with (
        FileLock(tmp_path / "out.partial" / "lock"),
        pytest.raises(ConversionFailed, match="another process"),
    ):
        convert(folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("tokenizer.json", None, "no tokenizer.json"),
        ("config.json", "{", "truncated"),
        ("config.json", '{"model_type": "mamba"}', "'mamba'"),
        ("config.json", '{"quantization_config": {}}', "quantized already"),
    ],
)
def test_a_folder_that_cannot_be_converted_is_named(
    folder: Path, tmp_path: Path, file: str, text: str | None, named: str
):
    (folder / file).unlink()
    if text is not None:
        (folder / file).write_text(text)
    with pytest.raises(BadModelFile, match=named):
        convert(folder, tmp_path / "out")


# --- the command ----------------------------------------------------------------


def run(*words: str | os.PathLike[str]) -> int:
    return main(["models", "convert", *map(str, words)])


def test_the_command_converts_beside_the_models(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(exl2.convert, "__kwdefaults__", {"converter": CONVERTER})
    monkeypatch.setattr(requirements, "faults", lambda: [])
    monkeypatch.setattr(gpu, "devices", lambda: [gpu.Device("H200", 1, 1)])
    assert run(folder, "--bpw", "4.5", "--dir", tmp_path / "store") == 0
    told = capsys.readouterr()
    made = tmp_path / "store" / "converted" / "model-exl2-4.5bpw"
    assert told.out.strip() == str(made)
    assert job_of(made)["bits"] == 4.5
    assert "quantizing" in told.err


def test_without_a_gpu_or_the_library_it_says_so_before_it_begins(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    fault = requirements.Fault("torch is not installed", "pip install it")
    monkeypatch.setattr(requirements, "faults", lambda: [fault])
    assert run(folder, "--out", tmp_path / "out") == 1
    assert "torch is not installed (pip install it)" in capsys.readouterr().err
    monkeypatch.setattr(requirements, "faults", lambda: [])
    monkeypatch.setattr(gpu, "devices", lambda: [])
    assert run(folder, "--out", tmp_path / "out") == 1
    assert "no NVIDIA GPU is here" in capsys.readouterr().err
    assert not (tmp_path / "out.partial").exists()


def test_what_it_cannot_do_is_a_wrong_call(folder: Path):
    assert run(folder, "--to", "awq") == 2
    assert run(folder, "--bpw", "1") == 2


def test_a_model_that_is_not_here_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run("qwen2.5-coder-3b", "--dir", tmp_path) == 1
    assert "models pull qwen2.5-coder-3b" in capsys.readouterr().err
