"""What is allowed in this server: by its own policy file, and by what gateways tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import get_args

from .. import protocol
from ..policy import (
    UNSAID,
    WRITING,
    Decision,
    Feature,
    Notebook,
    Policy,
    PolicyFile,
    allows_model,
    decide,
    strictest,
)

FEATURES: tuple[Feature, ...] = get_args(Feature)


class Allowed:
    """Decides for all that asks a model. Of those who have a say the strictest counts."""

    def __init__(self, file: PolicyFile | None = None) -> None:
        self._file = file
        self._told: dict[str, tuple[Policy, tuple[str, ...]]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._seen = file.policy if file is not None else Policy()

    def feature(self, feature: Feature, notebook: Notebook = UNSAID, wish: bool = True) -> Decision:
        """Whether a feature is on in such a notebook, for who wishes it so."""
        said = self._policies()
        return strictest(decide(policy, feature, wish, groups, notebook) for policy, groups in said)

    def features(self, features: Iterable[Feature], notebook: Notebook = UNSAID) -> Decision:
        """Whether all of these may be had."""
        told = (self.feature(feature, notebook) for feature in features)
        return next((one for one in told if not one.on), Decision(True))

    def model(self, name: str, notebook: Notebook = UNSAID) -> Decision:
        """Whether a model may be asked."""
        said = self._policies()
        return strictest(allows_model(policy, name, groups, notebook) for policy, groups in said)

    def any_writing(self, notebook: Notebook = UNSAID) -> Decision:
        """Whether there is anything that a model may write."""
        told = [self.feature(feature, notebook) for feature in WRITING]
        return next((one for one in told if one.on), told[0])

    def tell(self, gateway: str, policy: Policy, groups: tuple[str, ...] = ()) -> None:
        """What the gateway at this URL says of the user, who is in these groups."""
        if self._told.get(gateway) != (policy, groups):
            self._told[gateway] = policy, groups
            self._changed()

    def look(self) -> None:
        """Look whether the file is another, and tell those who listen."""
        if self._file is not None and self._file.policy != self._seen:
            self._seen = self._file.policy
            self._changed()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when something else is allowed; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def rules(self) -> protocol.Rules:
        """What a page is told."""
        features: dict[Feature, protocol.Verdict] = {}
        for feature in FEATURES:
            if not (off := self.feature(feature)).on:
                features[feature] = protocol.Verdict(False, off.why)
            elif (on := self.feature(feature, wish=False)).on:
                features[feature] = protocol.Verdict(True, on.why)
        courses: dict[str, dict[Feature, str]] = {}
        for name in {name for policy, _ in self._policies() for name in policy.courses}:
            courses[name] = {}
            for feature in FEATURES:
                told = self.feature(feature, Notebook(course=name))
                if not told.on and self.feature(feature).on:
                    courses[name][feature] = told.why
        return protocol.Rules(features, courses)

    def _policies(self) -> list[tuple[Policy, tuple[str, ...]]]:
        """Who has a say. In which groups the user is only gateways know: it holds for the file."""
        own = self._file.policy if self._file is not None else Policy()
        groups = tuple({name: None for _, told in self._told.values() for name in told})
        return [(own, groups), *self._told.values()]

    def _changed(self) -> None:
        for listener in list(self._listeners):
            listener()
