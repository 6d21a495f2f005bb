"""What an administrator allows, to whom and where; the same answer in the server and the gateway.

    [everyone]
    preset = "confidential"
    models = ["qwen2.5-coder-1.5b"]
    features = { edits = "force-off" }

    [groups.staff.features]
    edits = "user-choice"

    [courses.cs101.features]
    suggestions = "force-off"

Pure, but for the file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from .errors import FastgenError

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

WRITING: tuple[Feature, ...] = ("suggestions", "edits", "generate")
"""What a model is for: without these there is nothing that it could do."""

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
    """What is said of features, and the models allowed: None says nothing of them.

    The features are what the preset says, but for those that are named.
    """

    features: dict[Feature, Choice] = {}
    models: tuple[str, ...] | None = None
    preset: Preset = ""

    def of(self, feature: Feature) -> tuple[Choice, str] | None:
        """What they say of it, and the preset that does; None if nothing."""
        if feature in self.features:
            return self.features[feature], ""
        if feature in PRESETS[self.preset]:
            return PRESETS[self.preset][feature], f" (preset {self.preset})"
        return None


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All rules. What `groups` say replaces what is said for `everyone`.

    A notebook is of the course that its metadata names (`fastgen.course`). Since who works in it
    can write that, too, a course only ever takes away. With `closed` nothing is allowed, and that
    sentence is the reason.
    """

    everyone: Rules = Rules()
    groups: dict[str, Rules] = {}
    courses: dict[str, Rules] = {}
    closed: str = ""


class Notebook(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a notebook's metadata say of us, under `fastgen`. Of text files nothing is said."""

    enabled: bool = True
    course: str = ""

    @staticmethod
    def of(metadata: object) -> Notebook:
        """As the metadata hold it, which may be anything."""
        own: object = metadata.get("fastgen") if isinstance(metadata, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        said: dict[object, object] = own if isinstance(own, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        course = said.get("course")
        return Notebook(said.get("enabled") is not False, course if isinstance(course, str) else "")


UNSAID = Notebook()


@dataclass(frozen=True)
class Decision:
    """Whether something is on; `why` says who decided, "" where that was the user.

    Where it is off, `about` is the feature that is, or "model".
    """

    on: bool
    why: str = ""
    about: str = field(default="", compare=False)


def load_policy(path: Path) -> Policy:
    """Read a policy from a TOML file; raises `BadPolicyError`."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Policy)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise BadPolicyError(
            f"the policy {path} can't be read: {error}; nothing is allowed until it is corrected"
        ) from error


class PolicyFile:
    """A file whose policy is read anew once it has changed; while it can't be, all is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._policy: Policy | None = None

    @property
    def policy(self) -> Policy:
        """As the file has it now."""
        try:
            found = self._path.stat()
            seen = found.st_ino, found.st_mtime_ns, found.st_size
        except OSError:
            seen = None
        if self._policy is None or seen is None or seen != self._seen:
            self._seen = seen
            try:
                self._policy = load_policy(self._path)
            except BadPolicyError as error:
                self._policy = Policy(closed=str(error))
        return self._policy


def concerning(policy: Policy, groups: Iterable[str]) -> Policy:
    """What of `policy` concerns a user of `groups`; it decides for them as the whole does."""
    return msgspec.structs.replace(policy, groups=_of(policy, groups))


def decide(
    policy: Policy,
    feature: Feature,
    wish: bool,
    groups: Iterable[str] = (),
    notebook: Notebook = UNSAID,
) -> Decision:
    """Whether `feature` is on for a user of `groups` who wishes it so, in such a notebook."""
    if policy.closed:
        return Decision(False, policy.closed, feature)
    choice, who = _choice(policy, feature, groups)
    if choice == "force-off":
        return Decision(False, f"the administrator turned it off{who}", feature)
    course = policy.courses.get(notebook.course)
    said = course.of(feature) if course is not None else None
    if said is not None and said[0] == "force-off":
        return Decision(False, f"it is off in the course {notebook.course}{said[1]}", feature)
    if not notebook.enabled:
        return Decision(False, "the notebook's metadata turns it off (fastgen.enabled)", feature)
    if choice == "force-on":
        return Decision(True, f"the administrator turned it on{who}")
    return Decision(wish)


def allows_model(
    policy: Policy, model: str, groups: Iterable[str] = (), notebook: Notebook = UNSAID
) -> Decision:
    """Whether a user of `groups` may use `model`: any of their groups may allow it."""
    if policy.closed:
        return Decision(False, policy.closed, "model")
    lists = [rules.models for rules in _of(policy, groups).values() if rules.models is not None]
    if not lists and policy.everyone.models is not None:
        lists = [policy.everyone.models]
    if lists and not any(model in allowed for allowed in lists):
        names = ", ".join(dict.fromkeys(name for allowed in lists for name in allowed))
        why = f"the model {model} is not among those that are allowed: {names}"
        return Decision(False, why, "model")
    course = policy.courses.get(notebook.course)
    if course is not None and course.models is not None and model not in course.models:
        why = f"the model {model} is not allowed in the course {notebook.course}"
        return Decision(False, why, "model")
    return Decision(True)


def strictest(decisions: Iterable[Decision]) -> Decision:
    """What comes of several decisions on one wish: off goes before on, and both before a wish."""
    return min(decisions, key=lambda decision: (not decision.why, decision.on))


def _choice(policy: Policy, feature: Feature, groups: Iterable[str]) -> tuple[Choice, str]:
    said = {
        name: found
        for name, rules in _of(policy, groups).items()
        if (found := rules.of(feature)) is not None
    }
    if said:
        group = max(sorted(said), key=lambda name: STRICTNESS[said[name][0]])
        choice, preset = said[group]
        return choice, f" for the group {group}{preset}"
    return policy.everyone.of(feature) or ("user-choice", "")


def _of(policy: Policy, groups: Iterable[str]) -> dict[str, Rules]:
    return {name: policy.groups[name] for name in groups if name in policy.groups}
