"""What a server allows where several have a say, and what its pages are told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_fastgen.engine.address import leaves
from jupyter_fastgen.host.allowed import Allowed
from jupyter_fastgen.policy import Notebook, Policy, PolicyFile, Rules
from jupyter_fastgen.protocol import Verdict

GATEWAY = "fastgen+http://hub.example.org/services/fastgen"
CS = Notebook(course="cs")


def allowed(tmp_path: Path, text: str) -> Allowed:
    (tmp_path / "policy.toml").write_text(text)
    return Allowed(PolicyFile(tmp_path / "policy.toml"))


def off(*features: str) -> Rules:
    return Rules(dict.fromkeys(features, "force-off"))  # type: ignore[arg-type]


def test_without_a_policy_all_is_the_persons_to_decide():
    rules = Allowed().rules()
    assert rules.features == {}
    assert rules.courses == {}


@pytest.mark.parametrize("feature", ["edits", "suggestions"])
def test_of_the_file_and_a_gateway_the_stricter_counts(tmp_path: Path, feature: str):
    here = allowed(tmp_path, 'everyone.features = { edits = "force-off", automatic = "force-on" }')
    here.tell(GATEWAY, Policy(everyone=off("suggestions")))
    assert not here.feature(feature).on  # type: ignore[arg-type]
    assert here.feature("automatic", wish=False).on
    here.tell(GATEWAY, Policy(everyone=off("automatic")))
    assert not here.feature("automatic", wish=True).on
    assert here.feature("suggestions").on


def test_models_are_those_that_all_allow(tmp_path: Path):
    here = allowed(tmp_path, 'everyone.models = ["a", "b"]')
    here.tell(GATEWAY, Policy(everyone=Rules(models=("b", "c"))))
    assert [name for name in "abc" if here.model(name).on] == ["b"]


def test_the_groups_that_a_gateway_knows_hold_for_the_file(tmp_path: Path):
    here = allowed(tmp_path, '[groups.students.features]\nedits = "force-off"')
    assert here.feature("edits").on
    here.tell(GATEWAY, Policy(), ("students",))
    assert here.feature("edits").why == "the administrator turned it off for the group students"
    here.tell(GATEWAY, Policy(), ())
    assert here.feature("edits").on


def test_pages_are_told_what_is_decided_for_them_and_what_courses_take_away(tmp_path: Path):
    here = allowed(
        tmp_path,
        """
[everyone.features]
edits = "force-off"
automatic = "force-on"
[courses.cs.features]
edits = "force-off"
suggestions = "force-off"
automatic = "force-on"
""",
    )
    rules = here.rules()
    assert rules.features == {
        "edits": Verdict(False, "the administrator turned it off"),
        "automatic": Verdict(True, "the administrator turned it on"),
    }
    assert rules.courses == {"cs": {"suggestions": "it is off in the course cs"}}


def test_who_listens_hears_of_each_change_once(tmp_path: Path):
    here = allowed(tmp_path, "")
    heard: list[bool] = []
    deaf = here.listen(lambda: heard.append(here.feature("edits").on))
    here.look()
    assert heard == []
    (tmp_path / "policy.toml").write_text('everyone.preset = "exam"')
    here.look()
    here.look()
    assert heard == [False]
    here.tell(GATEWAY, Policy())
    here.tell(GATEWAY, Policy())
    assert heard == [False, False]
    deaf()
    here.tell(GATEWAY, Policy(everyone=Rules(preset="exam")))
    assert heard == [False, False]


def test_a_model_has_nothing_to_do_where_nothing_may_be_written(tmp_path: Path):
    here = allowed(tmp_path, 'everyone.features = { suggestions = "force-off" }')
    assert here.any_writing().on
    assert not here.any_writing(Notebook(enabled=False)).on
    here.tell(GATEWAY, Policy(everyone=Rules(preset="exam")))
    assert not here.any_writing().on


@pytest.mark.parametrize(
    ("url", "does"),
    [
        ("http://127.0.0.1:8080", False),
        ("http://127.9.9.9:8080/v1#m", False),
        ("http://localhost:8080/v1", False),
        ("http://[::1]:8080", False),
        ("fastgen+http://127.0.0.1:8090", True),
        ("http://10.0.0.7:8080", True),
        ("http://0.0.0.0:8080", True),
        ("http://localhost.example.org/v1", True),
        ("http://127.0.0.1.example.org/v1", True),
        ("https://127.0.0.1@gpu.example.org/v1", True),
        ("http://[::1", True),
        ("http://", True),
        ("qwen2.5-coder-1.5b", False),
        ("/srv/models/http.gguf", False),
    ],
)
def test_what_is_asked_of_another_machine_or_a_gateway_leaves(url: str, does: bool):
    assert leaves(url) == does
