from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen.policy import (
    PRESETS,
    BadPolicyError,
    Choice,
    Decision,
    Feature,
    Notebook,
    Policy,
    PolicyFile,
    Rules,
    allows_model,
    concerning,
    decide,
    load_policy,
    strictest,
)

FEATURES: tuple[Feature, ...] = get_args(Feature)
CHOICES: tuple[Choice, ...] = get_args(Choice)

features = st.dictionaries(st.sampled_from(FEATURES), st.sampled_from(CHOICES))
presets = st.sampled_from(["", "exam", "confidential"])
rules = st.builds(Rules, features, st.none() | st.tuples(st.sampled_from("mn")), presets)
policies = st.builds(
    Policy,
    rules,
    st.dictionaries(st.sampled_from("ab"), rules),
    st.dictionaries(st.sampled_from("xy"), rules),
)
asked = st.sampled_from(FEATURES)
members = st.sets(st.sampled_from("abc"))
notebooks = st.builds(Notebook, st.booleans(), st.sampled_from(["", "x", "y", "z"]))


PAGE = (Path(__file__).parents[1] / "docs" / "policy.md").read_text(encoding="utf-8")


def off(feature: Feature) -> Rules:
    return Rules({feature: "force-off"})


def test_what_nobody_speaks_of_is_the_users_choice():
    for feature in FEATURES:
        assert decide(Policy(), feature, wish=True).on
        assert not decide(Policy(), feature, wish=False).on


def test_a_group_replaces_what_is_said_for_everyone():
    policy = Policy(everyone=off("edits"), groups={"staff": Rules({"edits": "user-choice"})})
    assert not decide(policy, "edits", wish=True).on
    assert decide(policy, "edits", wish=True, groups=["staff"]).on


def test_of_several_groups_the_strictest_counts_and_is_named():
    policy = Policy(groups={"staff": Rules({"edits": "force-on"}), "examined": off("edits")})
    told = decide(policy, "edits", wish=True, groups=["staff", "examined"])
    assert not told.on
    assert "examined" in told.why


def test_what_is_forced_on_is_on_and_says_so():
    told = decide(Policy(everyone=Rules({"suggestions": "force-on"})), "suggestions", wish=False)
    assert told.on
    assert "administrator" in told.why


def test_a_course_takes_away_and_never_gives():
    policy = Policy(everyone=off("edits"), courses={"cs": Rules({"edits": "force-on"})})
    assert not decide(policy, "edits", wish=True, notebook=Notebook(course="cs")).on
    policy = Policy(courses={"cs": off("edits")})
    assert not decide(policy, "edits", wish=True, notebook=Notebook(course="cs")).on
    assert decide(policy, "edits", wish=True, notebook=Notebook(course="other")).on


def test_a_notebook_turns_itself_off():
    policy = Policy(everyone=Rules({"suggestions": "force-on"}))
    told = decide(policy, "suggestions", wish=True, notebook=Notebook(enabled=False))
    assert not told.on
    assert "notebook" in told.why


def test_in_an_exam_no_model_writes():
    for feature in ("suggestions", "automatic", "next_cell", "edits", "generate"):
        told = decide(Policy(everyone=Rules(preset="exam")), feature, wish=True)
        assert not told.on
        assert "exam" in told.why


def test_a_group_or_a_course_has_a_preset_of_its_own():
    policy = Policy(
        everyone=Rules(preset="confidential"),
        groups={
            "exam": Rules({"edits": "user-choice", "remote": "user-choice"}, preset="exam"),
        },
        courses={"cs": Rules(preset="exam")},
    )
    told = decide(policy, "suggestions", wish=True, groups=["exam"])
    assert not told.on
    assert told.why == "the administrator turned it off for the group exam (preset exam)"
    assert decide(policy, "edits", wish=True, groups=["exam"]).on
    assert decide(policy, "remote", wish=True, groups=["exam"]).on
    assert not decide(policy, "kernel_context", wish=True, groups=["exam"]).on
    assert decide(policy, "suggestions", wish=True, groups=["other"]).on
    told = decide(policy, "generate", wish=True, notebook=Notebook(course="cs"))
    assert told == Decision(False, "it is off in the course cs (preset exam)")


def test_confidential_data_stay_on_the_users_server():
    policy = Policy(everyone=Rules(preset="confidential"))
    assert not decide(policy, "remote", wish=True).on
    assert not decide(policy, "kernel_context", wish=True).on
    assert decide(policy, "suggestions", wish=True).on


def test_models_are_those_of_the_list_or_of_a_group():
    policy = Policy(
        everyone=Rules(models=("small",)),
        groups={"staff": Rules(models=("small", "big")), "other": Rules()},
        courses={"cs": Rules(models=("small",))},
    )
    assert allows_model(Policy(), "any").on
    assert allows_model(policy, "small", ["other"]).on
    assert not allows_model(policy, "big", ["other"]).on
    assert allows_model(policy, "big", ["other", "staff"]).on
    assert not allows_model(policy, "big", ["staff"], Notebook(course="cs")).on


@given(
    policies, st.sampled_from(FEATURES), st.booleans(), st.sets(st.sampled_from("abc")), notebooks
)
def test_metadata_never_turns_on_what_is_off(policy, feature, wish, groups, notebook):
    without = decide(policy, feature, wish, groups)
    with_metadata = decide(policy, feature, wish, groups, notebook)
    assert without.on or not with_metadata.on


@given(
    policies, st.sampled_from(FEATURES), st.booleans(), st.sets(st.sampled_from("abc")), notebooks
)
def test_whatever_the_user_did_not_decide_has_a_reason(policy, feature, wish, groups, notebook):
    told = decide(policy, feature, wish, groups, notebook)
    assert told.why or told.on == wish


def test_a_policy_is_read_from_a_file(tmp_path: Path):
    file = tmp_path / "policy.toml"
    file.write_text('everyone.preset = "exam"\n[groups.staff.features]\nedits = "user-choice"\n')
    assert decide(load_policy(file), "edits", wish=True, groups=["staff"]).on


@pytest.mark.parametrize(
    "text", ["everyone.preset = 1", "[everyone.features]\nedit = 'force-off'", "x ="]
)
def test_a_policy_with_a_mistake_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(BadPolicyError, match=r"policy\.toml"):
        load_policy(file)


def test_a_file_is_followed_and_closes_all_while_it_can_not_be_read(tmp_path: Path):
    path = tmp_path / "policy.toml"
    file = PolicyFile(path)
    for _ in range(2):
        told = decide(file.policy, "suggestions", wish=True)
        assert not told.on
        assert "policy.toml" in told.why
        assert not allows_model(file.policy, "m").on
    path.write_text("")
    assert decide(file.policy, "suggestions", wish=True).on
    path.write_text('everyone.preset = "exam"')
    assert not decide(file.policy, "suggestions", wish=True).on
    path.write_text('everyone.preset = "examination"')
    assert "examination" in decide(file.policy, "kernel_context", wish=True).why
    path.unlink()
    assert not decide(file.policy, "remote", wish=True).on


@given(policies, asked, st.booleans(), members, notebooks)
def test_what_concerns_a_user_decides_for_them_as_the_whole_does(
    policy, feature, wish, groups, notebook
):
    told = concerning(policy, groups)
    assert set(told.groups) <= groups
    assert decide(told, feature, wish, groups, notebook) == decide(
        policy, feature, wish, groups, notebook
    )
    assert allows_model(told, "m", groups, notebook) == allows_model(policy, "m", groups, notebook)


@given(st.lists(policies, min_size=1, max_size=3), asked, st.booleans())
def test_of_several_policies_the_strictest_counts(found, feature, wish):
    told = strictest(decide(policy, feature, wish) for policy in found)
    each = [decide(policy, feature, wish) for policy in found]
    if any(one.why and not one.on for one in each):
        assert not told.on
        assert told.why
    elif any(one.why for one in each):
        assert told.on
        assert told.why
    else:
        assert told == Decision(wish)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({}, Notebook()),
        (None, Notebook()),
        ({"fastgen": None}, Notebook()),
        ({"fastgen": {"enabled": False}}, Notebook(enabled=False)),
        ({"fastgen": {"enabled": 0}}, Notebook()),
        ({"fastgen": {"course": "cs", "kernel": False}}, Notebook(course="cs")),
        ({"fastgen": {"course": ["cs"]}}, Notebook()),
        ({"fastgen": "off"}, Notebook()),
    ],
)
def test_metadata_may_be_anything(metadata: object, said: Notebook):
    assert Notebook.of(metadata) == said


def test_every_feature_and_preset_is_documented():
    rows = {
        row[1].strip(" `"): row[2]
        for row in (line.split("|") for line in PAGE.splitlines())
        if len(row) > 3
    }
    assert set(FEATURES) <= rows.keys()
    for name, choices in PRESETS.items():
        if name:
            assert re.findall(r"`(\w+)`", rows[name]) == list(choices)


def test_the_policy_on_the_page_is_one(tmp_path: Path):
    file = tmp_path / "policy.toml"
    file.write_text(PAGE.split("```toml\n")[1].split("```")[0])
    policy = load_policy(file)
    assert not decide(policy, "remote", wish=True, groups=["students"]).on
    assert decide(policy, "remote", wish=True, groups=["staff"]).on
    assert decide(policy, "automatic", wish=False).on
    assert not allows_model(policy, "qwen2.5-coder-7b").on
    assert not decide(policy, "generate", wish=True, notebook=Notebook(course="cs101")).on
