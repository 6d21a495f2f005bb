"""What a model is told of the objects that a description names in braces, and of nothing else.

As in the probe of kernels (`kernel/probes/python.py`), no code of the user's runs: no `__repr__` or
property, only exact types of known libraries are looked into. Everything is bounded.
"""

from __future__ import annotations

import inspect
import keyword
import re
import sys
import types
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, cast

from ..errors import FastgenError
from ..kernel.probes import python as probe
from .options import nearest

ROWS = 3
COLUMNS = 20
LINES = 40
"""Of a function's source."""
KEYS = 20
LOOKED_AT = 1000
"""Items of a container whose types are told."""
MEMBERS = 40
TEXT = 200
"""Code points of a string."""
VALUE = 40
"""Code points of a value in a table, and of a key."""
BITS = 128
"""Of an integer that is written out."""
CHARS = 3000
"""Code points about one object."""
TOTAL = 9000
"""Code points about all of them: about 3,000 tokens."""

_BRACES = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}")


class UnknownNameError(FastgenError):
    """A description names what is not there."""


def fill(prompt: str, namespace: Mapping[str, Any]) -> tuple[str, str]:
    """A description without its braces, and what the objects in them look like.

    `{name}` becomes the name, `{{name}}` becomes `{name}`; other braces are code, and stay.
    Raises `UnknownNameError`.
    """
    named: dict[str, None] = {}

    def replace(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        if escaped:
            return f"{{{escaped}}}"
        if not name.isidentifier() or keyword.iskeyword(name):
            return match[0]
        if name not in namespace:
            hint = nearest(name, (n for n in namespace if not n.startswith("_")))
            raise UnknownNameError(
                f"{{{name}}} is not in this kernel; {hint or 'run the cell that makes it'}"
                f" For the braces themselves write {{{{{name}}}}}"
            )
        named[name] = None
        return name

    said = _BRACES.sub(replace, prompt)
    about: list[str] = []
    room = TOTAL
    for name in named:
        text = describe(name, namespace[name])
        if len(text) > room:
            text = text.partition("\n")[0]
        about.append(text[:room])
        room -= len(about[-1])
    return said, "\n\n".join(filter(None, about))


def describe(name: str, value: Any) -> str:
    """One object in a few lines, `CHARS` code points at most; the first line says what it is."""
    kind = _kind(value)
    if kind is types.FunctionType:
        text = _function(name, value)
    elif probe.inherits(kind, type):
        text = _class(name, value)
    elif _is_one(kind, dict, list, tuple, set, frozenset):
        text = _container(name, value)
    elif kind is types.ModuleType:
        text = f"{name} is a module"
    elif kind is str:
        more = f", which goes on: {len(value)} characters in all" if len(value) > TEXT else ""
        text = f"{name} is the str {value[:TEXT]!r}{more}"
    elif kind is int and value.bit_length() > BITS:
        text = f"{name} is an int of {value.bit_length()} bits"
    else:
        shown = _value(value)
        known = shown and f"{name} is the {probe.name_of(kind)} {shown}"
        text = known or _object(name, value)
    return text[:CHARS]


def _function(name: str, function: types.FunctionType) -> str:
    try:
        # Of the code object: a function may carry attributes that lead elsewhere.
        lines = inspect.getsource(function.__code__).splitlines()
    except (OSError, TypeError, SyntaxError, IndexError):
        return f"{name} is a function with the parameters {probe.signature_of(function)}"
    cut = [*lines[:LINES], "    ..."] if len(lines) > LINES else lines
    return "\n".join([f"{name} is this function:", *cut])


def _class(name: str, cls: type[Any]) -> str:
    bases = [probe.name_of(base) for base in probe.bases_of(cls)[1:] if base is not object]
    of = f"({', '.join(bases[:3])})" if bases else ""
    lines = [f"{name} is a class:", f"class {probe.name_of(cls)}{of}:"]
    slots = dict(probe.attributes_of(cls))
    for member, value in list(slots.items())[:MEMBERS]:
        if type(value) is types.FunctionType and (member[:1] != "_" or member == "__init__"):
            lines.append(f"    def {member}{probe.parameters(value, 0)}: ...")
    return "\n".join(lines)


def _container(name: str, value: Any) -> str:
    kind = probe.name_of(_kind(value))
    count = len(value)
    if not count:
        return f"{name} is an empty {kind}"
    first = _first(value)
    if type(value) is not dict:
        return f"{name} is a {kind} of {count} items: {_types(first)}"
    values = _first(cast("dict[Any, Any]", value).values())
    keys = [repr(key) for key in first[:KEYS] if type(key) is str and len(key) <= VALUE]
    told = f"\nkeys: {', '.join(keys)}{', …' if count > len(keys) else ''}" if keys else ""
    return (
        f"{name} is a dict of {count} items, keys: {_types(first)}, values: {_types(values)}{told}"
    )


def _first(items: Iterable[Any]) -> list[Any]:
    return list(islice(items, LOOKED_AT))


def _types(items: list[Any]) -> str:
    found = dict.fromkeys(probe.name_of(_kind(item)) for item in items)
    names = list(found)
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _object(name: str, value: Any) -> str:
    """Of a table or an array its shape, of anything else the type and the public names."""
    kind = _kind(value)
    entry = probe.describe(name, value, probe.known_types().get(id(kind)))
    shape = entry.get("shape")
    if shape is None:
        lines = [f"{name} is a {entry['type']}"]
        if "signature" in entry:
            lines[0] += f" with the parameters {entry['signature']}"
        members = sorted(probe.members_of(value))[:MEMBERS]
        return "\n".join(lines + ([f"it has: {', '.join(members)}"] if members else []))
    columns = entry.get("columns")
    if columns is None:
        dtype = _dtype(value)
        of = f" of {dtype}" if dtype else ""
        return f"{name} is a {entry['type']}{of}, shape {tuple(shape)}"
    return "\n".join([*_schema(name, entry, shape, columns), *_head(value)])


def _schema(
    name: str, entry: dict[str, Any], shape: list[int], columns: list[list[str]]
) -> list[str]:
    told = ", ".join(f"{label} ({dtype})" for label, dtype in columns[:COLUMNS])
    more = max(0, (shape[1] if len(shape) > 1 else 1) - len(columns[:COLUMNS]))
    size = " x ".join(f"{n} {what}" for n, what in zip(shape, ("rows", "columns"), strict=False))
    lines = [f"{name} is a {entry['type']} of {size}"]
    return [*lines, f"columns: {told}{f', and {more} more' if more else ''}"] if told else lines


def _head(value: Any) -> list[str]:
    """The first rows of a pandas table or series."""
    if not _belongs(_kind(value), "pandas"):
        return []
    is_frame = len(value.shape) == 2
    dtypes: list[Any] = value.dtypes.tolist() if is_frame else [value.dtype]
    columns: list[list[str]] = []
    for place, dtype in enumerate(dtypes[:COLUMNS]):
        # Of a dtype of somebody's own even taking a value out would run their code.
        own = probe.module_of(_kind(dtype)).split(".")[0] not in ("numpy", "pandas")
        found: list[Any] = (
            [] if own else (value.iloc[:ROWS, place] if is_frame else value.iloc[:ROWS])
        )
        shown = [_value(item) or f"<{probe.name_of(_kind(item))}>" for item in found]
        columns.append(shown or ["…"] * min(ROWS, value.shape[0]))
    rows = [" | ".join(row) for row in zip(*columns, strict=True)]
    index = probe.name_of(_kind(value.index))
    lines = [] if index == "RangeIndex" else [f"index: {index}"]
    return lines + (["first rows:", *rows] if rows else [])


def _dtype(value: Any) -> str:
    dtype: Any = value.dtype if _belongs(_kind(value), "numpy", "torch") else None
    if dtype is None:
        return ""
    return str(dtype) if _belongs(_kind(dtype), "torch") else probe.dtype_of(dtype)


def _value(value: Any) -> str:
    """A plain value as it is written, cut to `VALUE`; "" for anything else."""
    kind = _kind(value)
    if _is_one(kind, str, bytes):
        text = repr(value[: VALUE + 1])
    elif _is_one(kind, float, bool, complex, type(None)) or (
        kind is int and value.bit_length() <= BITS
    ):
        text = repr(value)
    elif _belongs(kind, "datetime", "decimal", "pathlib") or _is_scalar(kind):
        text = str(value)
    else:
        return ""
    return text if len(text) <= VALUE else text[:VALUE] + "…"


def _kind(value: object) -> type[Any]:
    return type(value)


def _is_one(kind: type[Any], *kinds: type[Any]) -> bool:
    # By identity: a metaclass may have its own `==`.
    return any(kind is other for other in kinds)


def _is_scalar(kind: type[Any]) -> bool:
    """Whether it is one of the scalar types of numpy or pandas."""
    if probe.name_of(kind) in ("Timestamp", "Timedelta", "Period"):
        return _belongs(kind, "pandas")
    numpy: Any = sys.modules.get("numpy")
    # A `void` may hold objects of somebody's own.
    return (
        _belongs(kind, "numpy") and probe.inherits(kind, numpy.generic) and (kind is not numpy.void)
    )


def _belongs(kind: type[Any], *modules: str) -> bool:
    """Whether it is really a class of one of these modules, and not a namesake."""
    name = probe.name_of(kind)
    for module in modules:
        loaded = sys.modules.get(module)
        if type(loaded) is types.ModuleType and probe.globals_of(loaded).get(name) is kind:
            return True
    return False
