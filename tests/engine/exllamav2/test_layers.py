"""The library's real layers on a CPU, on models that see, against transformers in float64."""

from __future__ import annotations

import importlib
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from jupyter_fastgen.engine.base import Text
from jupyter_fastgen.engine.exllamav2 import loading
from jupyter_fastgen.engine.exllamav2.answer import Answer
from jupyter_fastgen.engine.exllamav2.copying import Copier
from jupyter_fastgen.engine.exllamav2.loading import Loaded
from jupyter_fastgen.engine.exllamav2.vision import can_see
from jupyter_fastgen.models.hf_config import sees

from . import on_cpu
from .harness import Stepped

pytest.importorskip("transformers", reason="transformers is not installed")

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
seeing: Any = importlib.import_module("gpu.seeing")

CLOSE = 0.01
"""Of the largest number: what 16 bits lose on the way through some layers."""

SURE = 0.06
"""In the logarithm of a token's probability."""

Prompt = Sequence[list[int] | bytes]


def words(seed: int, count: int) -> list[int]:
    """A prompt of so many tokens, none of them special."""
    return random.Random(seed).choices(range(len(seeing.SPECIAL), 263), k=count)


class Model(Stepped):
    """A model of the library, and the same one in transformers."""

    def __init__(self, folder: Path) -> None:
        made = on_cpu.open_model(folder)
        made.widths = ()
        super().__init__(made)
        self.reference = seeing.Reference(folder, torch.float64)

    @property
    def loaded(self) -> Loaded:
        return self._loaded

    def show(self, prompt: Prompt, count: int, **options: Any) -> tuple[Answer, Any]:
        """Submit a request; gives its answer, and the prompt for the reference."""
        assert self.loaded.vision is not None
        ids, pictures, parts = list[int](), list[Any](), list[Any]()
        for part in prompt:
            if isinstance(part, bytes):
                # Read again, for what was shown once has no pixels any more.
                (picture,) = self.loaded.vision.read([part], "")
                fresh = self.loaded.vision._read(part)
                parts.append((fresh.pixels[0], fresh.grid))
                pictures.append(picture)
                ids += picture.ids
            else:
                parts.append(part)
                ids += part
        return self.ask(ids, count, pictures=pictures, logprobs=True, **options), parts

    def check(self, answer: Answer, prompt: Any) -> None:
        """That each token is the likeliest, and as likely as it is said to be."""
        want = self.reference.following(prompt, answer.tokens).log_softmax(-1)
        best = want.max(-1).values
        chosen = want[range(len(answer.tokens)), answer.tokens]
        assert float((best - chosen).max()) < SURE
        events = self.told[answer.request.id]
        told = [p for event in events if isinstance(event, Text) for p in event.logprobs]
        # The last tokens may be half a character, which is never shown.
        assert len(told) > 0.8 * len(answer.tokens)
        assert float((torch.tensor(told) - chosen[: len(told)]).abs().max()) < SURE


@pytest.fixture(scope="module", params=list(seeing.KINDS))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp(request.param)
    seeing.write(written, request.param)
    return written


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    on_cpu.install()
    return Model(folder)


def test_text_is_continued(model: Model):
    answer, prompt = model.show([words(1, 700)], 40)
    model.finish()
    model.check(answer, prompt)


def test_what_a_model_gets_of_a_picture_is_what_transformers_makes_of_it(model: Model):
    vision = model.loaded.vision
    assert vision is not None
    for size in ((250, 170), (56, 56), (560, 140)):
        picture = vision._read(seeing.picture(*size))
        shown = picture.pixels[0], picture.grid
        vision.look(picture)
        got = picture.embedding.embeddings.double()
        standing = torch.tensor(model.reference.standing(picture.grid))
        assert len(standing) == picture.length
        want = model.reference.embeddings(shown)
        seen = got[(standing == seeing.PAD) | (standing == seeing.IMG)]
        assert float((seen - want).abs().max() / want.abs().max()) < CLOSE


def test_an_answer_about_pictures_is_that_of_transformers(model: Model):
    # The first ends in another chunk than it begins in.
    large, small = seeing.picture(700, 400), seeing.picture(250, 170, seed=1)
    parts = [words(1, 300), large, words(2, 20), small, words(3, 60)]
    answer, prompt = model.show(parts, 40)
    model.finish()
    model.check(answer, prompt)
    again, _ = model.show(parts, 40)
    model.finish()
    assert model.done(again).cached_tokens == model.done(again).prompt_tokens - 1
    model.check(again, prompt)
    other, prompt = model.show([*parts[:3], words(4, 30)], 40)
    model.finish()
    assert model.done(other).cached_tokens > 600
    model.check(other, prompt)


def test_answers_with_and_without_pictures_are_written_together(model: Model):
    asked = [
        model.show([words(1, 30), seeing.picture(300, 200, seed=2), words(2, 20)], 30),
        model.show([words(3, 400)], 30),
        model.show([words(1, 30), seeing.picture(140, 280, seed=3), words(2, 20)], 30),
    ]
    model.finish()
    for answer, prompt in asked:
        model.check(answer, prompt)


def test_drafts_behind_a_picture_are_judged_where_they_stand(model: Model):
    parts = [words(1, 30), seeing.picture(300, 200, seed=4), words(2, 20)]
    plain, prompt = model.show(parts, 30)
    model.finish()
    drafted, _ = model.show(parts, 30, copier=Copier(plain.tokens, 2, 0))
    model.finish()
    assert model.done(drafted).accepted > 20
    model.check(drafted, prompt)


def test_who_gave_way_goes_on_where_it_was(model: Model):
    parts = [words(1, 30), seeing.picture(300, 200, seed=5), words(2, 20)]
    answer, prompt = model.show(parts, 30)
    while len(answer.tokens) < 10:
        model.round()
    (run,) = model._active
    model._put_back(run)
    model.finish()
    model.check(answer, prompt)


def test_the_library_would_normalize_wrongly(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    """Where this fails the library was mended, and `vision.mend` needs no norm any more."""
    on_cpu.install()
    folder = tmp_path_factory.mktemp("qwen")
    seeing.write(folder, "qwen2_5_vl")
    monkeypatch.setattr(loading, "mend", lambda _: None)
    with pytest.raises(AssertionError):
        test_what_a_model_gets_of_a_picture_is_what_transformers_makes_of_it(Model(folder))


def test_the_catalog_and_the_engine_agree_on_what_sees(folder: Path):
    assert sees(json.loads((folder / "config.json").read_text()))
    assert can_see(loading.read_config(folder))


def test_where_the_rotary_table_changes_nothing_is_recorded(folder: Path):
    config = loading.read_config(folder)
    assert config.no_graphs == config.arch.lm.mrope
    assert config.arch.lm.mrope == ("qwen" in str(config.vision_model_type))


def test_pixels_are_prepared_as_by_transformers(model: Model):
    vision = model.loaded.vision
    assert vision is not None
    opened = importlib.import_module("jupyter_fastgen.engine.exllamav2.pictures").opened
    is_qwen = "qwen" in str(model.loaded.model.config.vision_model_type)
    name = "qwen2_vl" if is_qwen else "pixtral"
    module: Any = importlib.import_module(f"transformers.models.{name}.image_processing_pil_{name}")
    kind = module.Qwen2VLImageProcessorPil if is_qwen else module.PixtralImageProcessorPil
    sizes = {"size": {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 1280}}
    other = {"size": {"longest_edge": 1540}, "patch_size": {"height": 28, "width": 28}}
    processor = kind(**(sizes if is_qwen else other))
    for size in ((250, 170), (281, 139)):
        data = seeing.picture(*size)
        got = vision._read(data).pixels[0].float()
        told = processor(images=[opened(data)], return_tensors="pt")["pixel_values"]
        want = torch.as_tensor(told[0] if not is_qwen else told).float()
        assert got.shape == want.shape
        assert float((got - want).abs().max()) < 2e-3


def test_the_check_of_a_gpu_finds_nothing_wrong_here(model: Model, folder: Path):
    told = seeing.check(model.loaded, folder)
    assert told["embeddings"] < CLOSE
    assert told["sure"] < SURE
    assert told["look_ms"] > 0
