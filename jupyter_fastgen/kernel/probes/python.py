"""What a Python kernel's namespace holds. Sent as text and run inside the user's kernel.

`probe(globals)` returns JSON. It must not be noticed: it takes at most `SECONDS`, and calls
nothing that the user wrote. So neither objects nor their classes are asked (no `getattr`,
`isinstance`, `len`, `repr`, `==`, `in`, no hash of a class): types are read through the slots of
`type` itself and compared by identity, and only the exact types of `READERS` have their shape
read, by code of their library. Needs Python 3.8.
"""
# pyright: basic

import json
import sys
import time
import types
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

SECONDS = 0.040
VARIABLES = 400
COLUMNS = 60
LABEL = 60
SIGNATURE = 160
SIZE = 20_000

KERNELS_OWN = {
    *("In", "Out", "exit", "get_ipython", "open", "quit"),
    *("_dh", "_ih", "_oh", "_exit_code"),
}

# Of `type` and not of the class at hand, whose metaclass may say otherwise.
name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
written_module_of: Callable[[type], object] = type.__dict__["__module__"].__get__
bases_of: Callable[[type], Tuple[type, ...]] = type.__dict__["__mro__"].__get__
attributes_of: Callable[[type], Dict[str, Any]] = type.__dict__["__dict__"].__get__
module_slots: Any = types.ModuleType.__dict__
globals_of: Callable[[Any], Dict[str, Any]] = module_slots["__dict__"].__get__

Entry = Dict[str, Any]
Reader = Callable[[Any, Entry], None]


def probe(user: Dict[Any, Any]) -> str:
    """The variables among the globals `user`, data first, then the latest bound."""
    end = time.perf_counter() + SECONDS
    readers = known_types()
    found = [
        (name, value)
        for name, value in list(user.items())
        if type(name) is str and not is_kernels_own(name)
    ]
    found.reverse()
    ordered = [pair for pair in found if id(type(pair[1])) in readers]
    ordered += [pair for pair in found if id(type(pair[1])) not in readers]
    entries: List[Entry] = []
    room = SIZE - 100
    for name, value in ordered[:VARIABLES]:
        entry = describe(name, value, readers.get(id(type(value))))
        room -= len(json.dumps(entry)) + 2
        if room < 0 or time.perf_counter() > end:
            break
        entries.append(entry)
    complete = len(entries) == len(found)
    for entry, (_, value) in zip(entries, ordered):
        # Of what a data frame makes up when asked, its columns, there is a list.
        made_up_is_known = readers.get(id(type(value))) is read_pandas
        members = sorted(members_of(value, made_up_is_known))
        size = sum(map(len, members)) + 4 * len(members) + 16
        if time.perf_counter() > end:
            break
        if members and size < room and all(map(str.isascii, members)):
            entry["members"] = members
            room -= size
    return json.dumps({"complete": complete, "variables": entries})


def is_kernels_own(name: str) -> bool:
    """Whether IPython put it there: `In`, `_`, `_i3`, `__name__`."""
    if name in KERNELS_OWN or (name.startswith("__") and name.endswith("__")):
        return True
    return name.startswith("_") and not name.strip("_i0123456789")


def describe(name: str, value: Any, reader: Optional[Reader]) -> Entry:
    """Name and type, and what more can be known."""
    entry: Entry = {"name": name, "type": str.__str__(name_of(type(value)))}
    signature = signature_of(value)
    if signature:
        entry["signature"] = signature
    if reader is not None:
        try:
            reader(value, entry)
        except Exception:  # a half-made table in the midst of another thread's work: type only
            entry.pop("columns", None)
    return entry


# --- tables and arrays ---


def known_types() -> Dict[int, Reader]:
    """Readers by the `id` of the class: the real classes of loaded libraries, no namesakes."""
    found: Dict[int, Reader] = {}
    for module_name, reader in READERS.items():
        module, _, names = module_name.partition(":")
        loaded = sys.modules.get(module)
        # A lazy module is left asleep.
        if type(loaded) is not types.ModuleType:
            continue
        for name in names.split():
            kind = globals_of(loaded).get(name)
            if kind is not None:
                found[id(kind)] = reader
    return found


def read_shape(value: Any, entry: Entry) -> None:
    """Of an array."""
    entry["shape"] = [int(length) for length in value.shape]


def read_series(value: Any, entry: Entry) -> None:
    """A series is a table of one column."""
    read_shape(value, entry)
    name = value.name
    entry["columns"] = [[name if type(name) is str else "", dtype_of(value.dtype)]]


def read_pandas(value: Any, entry: Entry) -> None:
    """Of a `pandas.DataFrame`."""
    read_shape(value, entry)
    entry["columns"] = columns(value.columns[:COLUMNS].tolist(), value.dtypes.tolist())


def read_polars(value: Any, entry: Entry) -> None:
    """Of a `polars.DataFrame`."""
    read_shape(value, entry)
    entry["columns"] = columns(value.columns, value.dtypes)


def read_dataset(value: Any, entry: Entry) -> None:
    """Of an `xarray.Dataset`: its variables, which this does not load."""
    pairs = [(name, variable.dtype) for name, variable in value.variables.items()]
    entry["columns"] = columns([name for name, _ in pairs], [dtype for _, dtype in pairs])


def columns(labels: Iterable[Any], dtypes: Iterable[Any]) -> List[List[str]]:
    """The first columns whose label is text or a number."""
    pairs = list(zip(labels, dtypes))[:COLUMNS]
    return [
        [label if type(label) is str else repr(label), dtype_of(dtype)]
        for label, dtype in pairs
        if type(label) is int or (type(label) is str and len(label) <= LABEL)
    ]


def dtype_of(dtype: Any) -> str:
    """The text of a library's own dtype; of a user's, the class name."""
    kind = type(dtype)
    own = module_of(kind).split(".")[0] in ("numpy", "pandas", "polars")
    return (str(dtype) if own or kind is type else name_of(kind))[:24]


READERS: Dict[str, Reader] = {
    "pandas:DataFrame": read_pandas,
    "pandas:Series": read_series,
    "polars:DataFrame": read_polars,
    "polars:Series": read_series,
    "numpy:ndarray": read_shape,
    "torch:Tensor": read_shape,
    "xarray:DataArray": read_shape,
    "xarray:Dataset": read_dataset,
    "scipy.sparse:csr_matrix csc_matrix coo_matrix csr_array csc_array coo_array": read_shape,
}
"""By "module:names"."""


# --- callables ---


def signature_of(value: Any) -> str:
    """The parameters of a function, method, class or builtin; "" where they are not known."""
    kind = type(value)
    if kind is types.FunctionType:
        return parameters(value, 0)
    if kind is types.MethodType:
        function = value.__func__
        return parameters(function, 1) if type(function) is types.FunctionType else ""
    if kind is types.BuiltinFunctionType:
        text = value.__text_signature__ or ""
        return text.replace("$module, ", "").replace("$module", "")[:SIGNATURE]
    if inherits(kind, type):
        for base in bases_of(value):
            init = attributes_of(base).get("__init__")
            if init is not None:
                return parameters(init, 1) if type(init) is types.FunctionType else ""
    return ""


def parameters(function: Any, skip: int) -> str:
    """From the code object; `inspect` would run annotations and the `repr` of defaults."""
    inner = function.__dict__.get("__wrapped__")
    if type(inner) is types.FunctionType:
        function = inner
    code = function.__code__
    positional, keyword = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames
    defaults = function.__defaults__ if type(function.__defaults__) is tuple else ()
    parts: List[str] = []
    for index in range(positional):
        place = index - (positional - len(defaults))
        parts.append(names[index] + (f"={literal(defaults[place])}" if place >= 0 else ""))
        if index + 1 == code.co_posonlyargcount > skip:
            parts.append("/")
    parts = parts[skip:]
    end = positional + keyword
    if code.co_flags & 0x04:
        parts.append("*" + names[end])
        end += 1
    elif keyword:
        parts.append("*")
    named = function.__kwdefaults__ if type(function.__kwdefaults__) is dict else {}
    for name in names[positional : positional + keyword]:
        parts.append(name + (f"={literal(named[name])}" if name in named else ""))
    if code.co_flags & 0x08:
        parts.append("**" + names[end])
    text = ", ".join(parts)
    return (
        f"({text})" if len(text) <= SIGNATURE else f"({text[:SIGNATURE].rpartition(',')[0]}, ...)"
    )


def literal(value: Any) -> str:
    """A short default of a plain type as it is written; any other as `...`."""
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return repr(value)
    if (kind is int and value.bit_length() < 64) or (kind is str and len(value) <= 20):
        return repr(value)
    return "..."


# --- what stands behind a dot ---


def members_of(value: Any, made_up_is_known: bool = False) -> "set[str]":
    """The public names of a module, class or object; empty if others may be made up when asked."""
    kind = type(value)
    if inherits(kind, types.ModuleType):
        space = globals_of(value)
        dynamic = "__getattr__" in space or kind is not types.ModuleType
        return set() if dynamic else public(space)
    is_class = inherits(kind, type)
    if module_of(kind) == "builtins" and not is_class:
        return set()
    spaces = [attributes_of(b) for b in bases_of(kind) if b is not object and b is not type]
    dynamic = any("__getattr__" in space or "__getattribute__" in space for space in spaces)
    if dynamic and not made_up_is_known:
        return set()
    if is_class:
        return set().union(*map(public, spaces + [attributes_of(b) for b in bases_of(value)]))
    for space in spaces:
        slot = space.get("__dict__")
        if type(slot) is types.GetSetDescriptorType:
            spaces.append(slot.__get__(value))
            break
    return set().union(*map(public, spaces))


def public(space: Iterable[Any]) -> "set[str]":
    """The names in it that do not begin with an underscore."""
    return {name for name in list(space) if type(name) is str and not name.startswith("_")}


# --- classes, read without asking them ---


def inherits(kind: type, base: type) -> bool:
    """`issubclass`, by identity."""
    return any(other is base for other in bases_of(kind))


def module_of(kind: type) -> str:
    """Where a class was made; "" if it says anything but a name."""
    try:
        module = written_module_of(kind)
    except AttributeError:  # it was deleted
        return ""
    return module if type(module) is str else ""
