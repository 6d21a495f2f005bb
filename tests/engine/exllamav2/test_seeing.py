"""Pictures through the adapter: what is taken for one, what is refused, and how large it gets."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from typing import Any

import pytest
from PIL import Image

from jupyter_fastgen.engine.base import EngineError
from jupyter_fastgen.engine.exllamav2 import pictures
from jupyter_fastgen.engine.exllamav2.loading import Loaded
from jupyter_fastgen.engine.exllamav2.pictures import FIRST, opened
from jupyter_fastgen.engine.exllamav2.vision import Vision
from jupyter_fastgen.images import IMAGE_TOKENS, MARK

from ...tiny_vision import png
from .harness import Engine, answered, asked, loaded, until, vocabulary
from .language import Scripted
from .seeing import FakeTower, encoded

SHOWN = f"Here is a picture: {MARK} It shows"
RED = encoded(280, 140)
PLACES = 10 * 5 + 2


def seeing(tower: FakeTower | None = None, **options: Any) -> Loaded:
    return loaded(tower=tower or FakeTower(), **options)


async def test_it_is_told_whether_the_model_sees():
    async with Engine(seeing()) as engine:
        assert (await engine.stats()).sees == "prompt"
    async with Engine(loaded()) as engine:
        assert (await engine.stats()).sees == ""
        with pytest.raises(EngineError, match="the model can't see"):
            await answered(engine, asked(SHOWN, images=(RED,)))


async def test_the_text_around_a_picture_is_read_as_it_stands():
    words = vocabulary()
    before, after = SHOWN.split(MARK)
    length = len(words.encode(before)) + len(words.encode_part(after))
    async with Engine(seeing()) as engine:
        _, done = await answered(engine, asked(SHOWN, images=(RED,), max_tokens=3))
        assert done.prompt_tokens == length + PLACES
        assert done.new_tokens == 3
        counted = f"{MARK}{MARK}1, 2, 3, 4,"
        text, done = await answered(engine, asked(counted, images=(RED, RED), max_tokens=6))
        assert text.startswith(" 5, 6,")
        assert done.prompt_tokens == 2 * PLACES + len(words.encode_part("1, 2, 3, 4,"))


async def test_without_pictures_their_mark_is_text():
    async with Engine(seeing()) as engine:
        _, done = await answered(engine, asked(SHOWN, max_tokens=1))
        assert done.prompt_tokens == len(vocabulary().encode(SHOWN))


@pytest.mark.parametrize(
    ("prompt", "image", "reason"),
    [
        ("Nothing here", RED, "1 pictures, and not as many places"),
        (SHOWN + MARK, RED, "1 pictures, and not as many places"),
        (SHOWN, png()[:60], "the picture can't be read: .*save it again"),
        (SHOWN, b"GIF89a", "the picture can't be read"),
        (SHOWN, RED.replace(b"IDAT", b"IDAX"), "the picture can't be read"),
        (SHOWN, encoded(20, 20), r"can't look at a picture of 20 by 20 pixels.*28"),
        (SHOWN, encoded(9000, 40), r"9,000 by 40 pixels.*aspect ratio"),
    ],
)
async def test_what_is_no_picture_is_refused_and_no_more(prompt: str, image: bytes, reason: str):
    async with Engine(seeing()) as engine:
        with pytest.raises(EngineError, match=reason):
            await answered(engine, asked(prompt, images=(image,)))
        assert (await answered(engine, asked(SHOWN, images=(RED,), max_tokens=2)))[1].new_tokens


async def test_a_picture_that_would_fill_the_memory_is_not_unpacked(
    monkeypatch: pytest.MonkeyPatch,
):
    # 1 bit a pixel: 64 megapixels in some kilobytes.
    file = io.BytesIO()
    Image.new("1", (8_000, 8_000)).save(file, "PNG")
    assert len(file.getvalue()) < 50_000
    unpacked: list[Any] = []
    monkeypatch.setattr(Image.Image, "convert", lambda self, *_: unpacked.append(self))
    with pytest.raises(EngineError, match=r"8,000 by 8,000 pixels.*40 million.*scale it down"):
        opened(file.getvalue())
    assert not unpacked


async def test_pictures_count_against_the_context():
    async with Engine(seeing(context=PLACES + 20)) as engine:
        with pytest.raises(EngineError, match=r"the prompt has 1[0-9]{2} tokens, and the context"):
            await answered(engine, asked(f"{MARK}{MARK} It", images=(RED, RED)))
        _, done = await answered(engine, asked(f"{MARK} It", images=(RED,), max_tokens=500))
        assert done.prompt_tokens + done.new_tokens == PLACES + 20


async def test_drafts_from_the_prompt_leave_pictures_out():
    words = vocabulary()
    before = words.encode("one two three four five six")
    length = len(before) + PLACES + len(words.encode_part(" say"))
    script = Scripted(len(words.pieces), length, [*before, *before], end=0)
    made = loaded(script, tower=FakeTower())
    fed: list[int] = []
    model: Any = made.model
    forward = model.forward_chunk

    def watched(input_ids: Any, *arguments: Any, preprocess_only: bool = False, **options: Any):
        if not preprocess_only:
            fed.extend(input_ids.flatten().tolist())
        return forward(input_ids, *arguments, preprocess_only=preprocess_only, **options)

    model.forward_chunk = watched
    async with Engine(made, draft=None) as engine:
        prompt = f"one two three four five six{MARK} say"
        _, done = await answered(engine, asked(prompt, images=(RED,), max_tokens=60))
        assert done.accepted > 3
    assert max(fed) < FIRST


async def test_cancelled_while_the_file_is_read(monkeypatch: pytest.MonkeyPatch):
    reading, go_on = threading.Event(), threading.Event()

    def slow(data: bytes) -> Any:
        reading.set()
        assert go_on.wait(10)
        return opened(data)

    monkeypatch.setattr("jupyter_fastgen.engine.exllamav2.vision.opened", slow)
    tower = FakeTower()
    async with Engine(seeing(tower)) as engine:
        request = asked(SHOWN, images=(RED,), max_tokens=400)
        waiting = asyncio.create_task(answered(engine, request))
        await until(reading.is_set)
        engine.cancel(request.id)
        # Nothing waits for the thread but this request.
        assert (await answered(engine, asked(max_tokens=2)))[1].reason == "length"
        go_on.set()
        assert (await waiting)[1].reason == "cancelled"
        assert tower.looks == 0
        assert (await answered(engine, asked(SHOWN, images=(RED,), max_tokens=1)))[1].new_tokens


async def test_files_are_unpacked_one_at_a_time(monkeypatch: pytest.MonkeyPatch):
    most = now = 0
    go_on = threading.Event()

    def counted(data: bytes) -> Any:
        nonlocal most, now
        now += 1
        most = max(most, now)
        assert go_on.wait(10)
        time.sleep(0.05)  # for another to begin, if it may
        now -= 1
        return opened(data)

    monkeypatch.setattr("jupyter_fastgen.engine.exllamav2.vision.opened", counted)
    async with Engine(seeing()) as engine:
        files = [encoded(280, 140 + side) for side in range(0, 112, 28)]
        together = [
            asyncio.create_task(answered(engine, asked(SHOWN, images=(file,), max_tokens=1)))
            for file in files
        ]
        # Who leaves does not end the thread that reads.
        await until(lambda: now == 1)
        together[0].cancel()
        await asyncio.sleep(0.05)
        go_on.set()
        await asyncio.gather(*together, return_exceptions=True)
        assert [task.cancelled() for task in together] == [True, False, False, False]
    assert most == 1


# --- what is read of a file -------------------------------------------------------


def test_pictures_of_all_kinds_look_as_they_do_to_a_person():
    assert pictures.FORMATS == ("PNG", "JPEG", "WEBP")
    for kind in pictures.FORMATS:
        image = opened(encoded(40, 30, "blue", kind))
        assert (image.mode, image.size) == ("RGB", (40, 30))
        assert image.getpixel((5, 5))[2] > 200
    file = io.BytesIO()
    half = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    half.paste((255, 0, 0, 255), (0, 0, 20, 30))
    half.save(file, "PNG")
    image = opened(file.getvalue())
    assert image.getpixel((5, 5)) == (255, 0, 0)
    assert image.getpixel((35, 5)) == (255, 255, 255)


def test_a_photo_that_lies_on_its_side_is_turned():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it right by a quarter
    assert opened(encoded(40, 30, kind="JPEG", exif=exif)).size == (30, 40)


@pytest.mark.parametrize("kind", ["qwen2", "qwen2.5", "pixtral"])
@pytest.mark.parametrize(
    "size", [(56, 56), (300, 200), (1920, 1080), (1080, 1920), (4000, 4000), (6000, 60), (60, 6000)]
)
def test_a_picture_has_as_many_tokens_as_it_may_and_no_more(kind: str, size: tuple[int, int]):
    made = loaded()
    vision = Vision(FakeTower(kind), made.model, made.tokenizer)  # type: ignore[arg-type]
    (picture,) = vision.read([encoded(*size)], "")
    assert picture.length <= IMAGE_TOKENS
    if size[0] * size[1] > 10**6:
        assert picture.length > 0.9 * IMAGE_TOKENS
    columns, rows = picture.grid
    shape, wanted = columns / rows, size[0] / size[1]
    if 0.5 < wanted < 2:
        assert abs(shape - wanted) < 0.1 * wanted
    vision.look(picture)
    assert picture.embedding.length == picture.length
    assert picture.pixels is None


def test_a_tower_that_makes_other_tokens_than_were_counted_is_not_believed():
    made = loaded()
    tower = FakeTower()
    vision = Vision(tower, made.model, made.tokenizer)  # type: ignore[arg-type]
    (picture,) = vision.read([RED], "")
    tower.config.vision_model_type = "pixtral"
    with pytest.raises(EngineError, match="made 56 tokens of a picture, and 52 were expected"):
        vision.look(picture)
