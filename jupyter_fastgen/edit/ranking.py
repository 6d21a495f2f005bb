"""Which passages of a text an instruction is about. Pure.

By BM25 (Robertson and Zaragoza, Foundations and Trends in Information Retrieval 3, 2009) over
words, names and the parts of names; and by what the best passages use.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz, process

SATURATION, LENGTH = 1.2, 0.6
"""BM25's k1 and b."""

NAMED = 4
"""So often more counts a term that stands in a header."""

AROUND = 2
"""And one in the header of a block around."""

USED, USERS = 0.4, 5
"""What a definition is worth to each of so many best passages that use it, of what these are."""

ALIKE = 85
"""A word that no passage has stands for one that is so similar, of 100."""

LEAST = 0.1
"""A passage that is worth less, of the best, is not about the instruction."""

_WORD = re.compile(r"[^\W\d]\w*")
_PART = re.compile(r"[^\W\d_A-Z]+|[A-Z]+(?![a-z])|[A-Z][^\W\d_A-Z]*|\d+")
_ENDING = re.compile(r"(?<=\w{3})(?:ings?|ed|es|e|s)$")
_NAME = re.compile(r"(?:\w+ )*?(\w+)(?: ?(?:=|<-|:).*)?")

_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by do for from if in into is it its make not of on or so set should"
        " that the then this to use when where which with add change remove",
    )
)
"""Words of an instruction that say nothing about a place."""


class Passage(NamedTuple):
    """What a block is called, the lines that say so, all its lines, and the headers around it."""

    label: str
    header: str
    text: str
    around: str


def ranked(passages: Sequence[Passage], instruction: str) -> list[int]:
    """The passages that an instruction is about, by their numbers, best first."""
    found = [Counter(_terms(passage.text)) for passage in passages]
    frequency = Counter(term for terms in found for term in terms)
    asked = _asked(instruction, frequency)
    mean = sum(terms.total() for terms in found) / max(1, len(found))
    scores = [0.0] * len(passages)
    for n, (passage, terms) in enumerate(zip(passages, found, strict=True)):
        around = set(_terms(passage.around))
        shared = [term for term in asked if term in terms or term in around]
        if not shared:
            continue
        named = set(_terms(passage.header))
        size = 1 - LENGTH + LENGTH * terms.total() / mean
        for term in shared:
            count = terms[term] + NAMED * (term in named) + AROUND * (term in around)
            rarity = math.log((len(passages) + 1) / (frequency[term] + 0.5))
            scores[n] += rarity * count / (count + SATURATION * size)
    _add_used(scores, passages)
    least = LEAST * max(scores, default=0)
    best = sorted(range(len(scores)), key=lambda n: -scores[n])
    return [n for n in best if scores[n] > least]


def _add_used(scores: list[float], passages: Sequence[Passage]) -> None:
    """Let the best passages share their scores with the definitions that they use."""
    users = sorted(range(len(scores)), key=lambda n: -scores[n])[:USERS]
    shares = [(n, USED * scores[n], set(_WORD.findall(passages[n].text))) for n in users]
    for n, passage in enumerate(passages):
        if name := _NAME.fullmatch(passage.label):
            scores[n] += max(
                (share for user, share, words in shares if name[1] in words and user != n),
                default=0.0,
            )


def _asked(instruction: str, known: Counter[str]) -> list[str]:
    """The terms of an instruction, in the words of the text where it can be."""
    asked: list[str] = []
    for word in _WORD.findall(instruction):
        if word in _COMMON:
            continue
        terms = _split(word)
        if not any(term in known for term in terms):
            alike = process.extractOne(
                terms[0], known.keys(), scorer=fuzz.ratio, score_cutoff=ALIKE
            )
            terms = (alike[0],) if alike else ()
        asked += terms
    return list(dict.fromkeys(asked))


def _terms(text: str) -> list[str]:
    return [term for word in _WORD.findall(text) for term in _split(word)]


@lru_cache(maxsize=1 << 14)
def _split(word: str) -> tuple[str, ...]:
    """A name in small letters, and the stems of its parts, as in `getRides` and `get_rides`."""
    parts = (_ENDING.sub("", part.lower()) for part in _PART.findall(word))
    return tuple(dict.fromkeys((word.lower().strip("_"), *parts)))
