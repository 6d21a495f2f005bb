"""What an administrator allows, to whom and where; the same answer in the server and the gateway.

    preset = "confidential"

    [everyone]
    models = ["qwen2.5-coder-1.5b"]
    features = { edits = "force-off" }

    [groups.staff.features]
    edits = "user-choice"

    [courses.cs101.features]
    suggestions = "force-off"

Pure.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import FastgenError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Feature = Literal[
    "suggestions", "automatic", "next_cell", "edits", "generate", "kernel_context", "remote"
]
"""Ghost text; that without being asked for; that in a new cell; edits of what is there; code from a
description; what live kernels hold, in prompts; text to another machine."""

Choice = Literal["force-on", "user-choice", "force-off"]

Preset = Literal["", "exam", "confidential"]

MODELS_OFF: Mapping[Feature, Choice] = {
    "suggestions": "force-off",
    "automatic": "force-off",
    "next_cell": "force-off",
    "edits": "force-off",
    "generate": "force-off",
}

PRESETS: Mapping[Preset, Mapping[Feature, Choice]] = {
    "": {},
    "exam": MODELS_OFF,
    "confidential": {"remote": "force-off", "kernel_context": "force-off"},
}
"""`exam`: no model writes anything. `confidential`: no text leaves the user's server, and of live
data none is read."""

STRICTNESS: Mapping[Choice, int] = {"user-choice": 0, "force-on": 1, "force-off": 2}
"""Of what several groups of a user say, the strictest counts."""


class BadPolicyError(FastgenError):
    """A policy can't be read."""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of features, and the models allowed: None says nothing of them."""

    features: dict[Feature, Choice] = {}
    models: tuple[str, ...] | None = None


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All rules. What `groups` say replaces what is said for `everyone`, which the preset begins.

    A notebook is of the course that its metadata names (`fastgen.course`). Since who works in it
    can write that, too, a course only ever takes away.
    """

    preset: Preset = ""
    everyone: Rules = Rules()
    groups: dict[str, Rules] = {}
    courses: dict[str, Rules] = {}


@dataclass(frozen=True)
class Decision:
    """Whether something is on; `why` says who decided, "" where that was the user."""

    on: bool
    why: str = ""


def load_policy(path: Path) -> Policy:
    """Read a policy from a TOML file; raises `BadPolicyError`."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Policy)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise BadPolicyError(
            f"the policy {path} can't be read: {error}; nothing is allowed until it is corrected"
        ) from error


def decide(
    policy: Policy,
    feature: Feature,
    wish: bool,
    groups: Iterable[str] = (),
    notebook: Mapping[str, Any] | None = None,
) -> Decision:
    """Whether `feature` is on for a user of `groups` who wishes it so, in a notebook's `fastgen`.

    `notebook` is what its metadata holds under that name.
    """
    said = notebook or {}
    if said.get("enabled") is False and feature not in ("kernel_context", "remote"):
        return Decision(False, "the notebook's metadata turns it off (fastgen.enabled)")
    course = _course(policy, said)
    if course is not None and policy.courses[course].features.get(feature) == "force-off":
        return Decision(False, f"it is off in the course {course}")
    choice, who = _choice(policy, feature, groups)
    if choice == "force-off":
        return Decision(False, f"the administrator turned it off{who}")
    if choice == "force-on":
        return Decision(True, f"the administrator turned it on{who}")
    return Decision(wish)


def allows_model(
    policy: Policy,
    model: str,
    groups: Iterable[str] = (),
    notebook: Mapping[str, Any] | None = None,
) -> Decision:
    """Whether a user of `groups` may use `model`: any of their groups may allow it."""
    course = _course(policy, notebook or {})
    lists = [rules.models for rules in _of(policy, groups).values() if rules.models is not None]
    if not lists and policy.everyone.models is not None:
        lists = [policy.everyone.models]
    if lists and not any(model in allowed for allowed in lists):
        return Decision(False, f"the model {model} is not among those that are allowed")
    if course is not None:
        allowed = policy.courses[course].models
        if allowed is not None and model not in allowed:
            return Decision(False, f"the model {model} is not allowed in the course {course}")
    return Decision(True)


def _choice(policy: Policy, feature: Feature, groups: Iterable[str]) -> tuple[Choice, str]:
    said: dict[str, Choice] = {
        name: rules.features[feature]
        for name, rules in _of(policy, groups).items()
        if feature in rules.features
    }
    if said:
        group = max(sorted(said), key=lambda name: STRICTNESS[said[name]])
        return said[group], f" for the group {group}"
    if feature in policy.everyone.features:
        return policy.everyone.features[feature], ""
    preset = PRESETS[policy.preset].get(feature, "user-choice")
    return preset, f" (preset {policy.preset})"


def _of(policy: Policy, groups: Iterable[str]) -> dict[str, Rules]:
    return {name: policy.groups[name] for name in groups if name in policy.groups}


def _course(policy: Policy, notebook: Mapping[str, Any]) -> str | None:
    name = notebook.get("course")
    return name if isinstance(name, str) and name in policy.courses else None
