from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jupyter_fastgen import cli
from jupyter_fastgen.completion.confidence import MOST_BIAS
from jupyter_fastgen.session.habit import SAVE_EVERY, HabitFile, default_path


async def learned(path: Path, outcomes: int = 3) -> HabitFile:
    kept = HabitFile(path)
    for _ in range(outcomes):
        kept.learn(0.6, False)
    return kept


async def test_it_survives_a_restart(tmp_path: Path):
    path = tmp_path / "fastgen" / "habit.json"
    before = await learned(path)
    before.save()
    after = HabitFile(path).habit
    assert after.count == 3
    assert after.bias == pytest.approx(before.habit.bias, abs=1e-4)
    assert after.bias < 0
    assert [found.name for found in path.parent.iterdir()] == ["habit.json"]
    assert path.stat().st_size < 64


def test_nothing_learned_leaves_no_file(tmp_path: Path):
    HabitFile(tmp_path / "habit.json").save()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", '{"bias": "x"}', "[]", '{"bias": 1}'])
def test_a_damaged_file_begins_anew(tmp_path: Path, content: str):
    path = tmp_path / "habit.json"
    path.write_text(content)
    assert HabitFile(path).habit.count == 0


def test_a_file_can_not_go_beyond_the_bounds(tmp_path: Path):
    path = tmp_path / "habit.json"
    path.write_text('{"bias": -99, "count": 4}')
    assert HabitFile(path).habit.bias == -MOST_BIAS


async def test_a_folder_that_can_not_be_written_does_no_harm(tmp_path: Path):
    (tmp_path / "file").write_text("")
    kept = await learned(tmp_path / "file" / "habit.json")
    kept.save()
    assert kept.habit.count == 3


async def test_a_running_server_forgets_with_the_file(tmp_path: Path):
    path = tmp_path / "habit.json"
    kept = await learned(path)
    kept.save()
    path.unlink()
    kept.save()
    assert kept.habit.count == 0
    assert not path.exists()


async def test_it_is_written_now_and_then(tmp_path: Path):
    path = tmp_path / "habit.json"
    await learned(path, SAVE_EVERY)
    await until_there(path)
    assert HabitFile(path).habit.count == SAVE_EVERY


async def until_there(path: Path) -> None:
    async def poll() -> None:
        while not path.exists():  # noqa: ASYNC110, ASYNC240 another thread writes it
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), 10)


async def test_the_command_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    path = default_path()
    assert path.is_relative_to(tmp_path)
    assert cli.main(["forget"]) == 0
    assert "nothing" in capsys.readouterr().out
    (await learned(path)).save()
    assert cli.main(["forget"]) == 0
    assert str(path) in capsys.readouterr().out
    assert not path.exists()
