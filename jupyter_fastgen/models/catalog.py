"""The catalog: named models, what each needs, and where it can be had."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from .errors import CatalogError, UnknownModel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BUILT_IN = Path(__file__).with_name("catalog.toml")

# Names become folder names, and package names become arguments of pip: a leading dash or a
# slash must never get through.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!_-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class FileSource(msgspec.Struct, frozen=True, tag="file", tag_field="kind", kw_only=True):
    """A file on this machine (or a folder, for a model of many files)."""

    path: str

    def __str__(self) -> str:
        return f"file {self.path}"


class HubSource(msgspec.Struct, frozen=True, tag="hub", tag_field="kind", kw_only=True):
    """A model hub's repository: one `file` of it, or all model files when `file` is None."""

    repo: str
    revision: str
    file: str | None = None

    def __str__(self) -> str:
        return f"hub {self.repo}"


class PackageSource(msgspec.Struct, frozen=True, tag="packages", tag_field="kind", kw_only=True):
    """Wheels of the configured package index whose data files, joined, are the model.

    `package` and `member` may contain `{n}`, which counts from 1 to `parts`.
    """

    package: str
    version: str
    member: str
    parts: int = 1

    def __str__(self) -> str:
        if self.parts == 1:
            return f"package {self.requirement(1)}"
        first, last = self.package.format(n=1), self.package.format(n=self.parts)
        return f"packages {first} … {last} =={self.version}"

    def requirement(self, n: int) -> str:
        """Name what pip is asked for to get part `n` (from 1)."""
        return f"{self.package.format(n=n)}=={self.version}"

    def member_of(self, n: int) -> str:
        """Name the file that is part `n` inside its wheel."""
        return self.member.format(n=n)


Source = FileSource | HubSource | PackageSource


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model. `file` is None when the model is a folder; `size` and `sha256` are of the file.

    Without `sha256` the hash is the one that the hub gives when pulling. `projector` is a second
    file beside it, by which the model sees. `parameters`, `bits` per weight and `kv_bytes` of the
    cache for each token say what it takes of a GPU; without them it is never chosen by itself. A
    folder sees by `tower_bytes` of weights more, which no conversion quantizes.
    """

    name: str
    title: str
    engine: Literal["llamacpp", "exllamav2"]
    fim: Literal["qwen", "prefix-only"]
    chat: Literal["chatml", "plain"] = "plain"
    licence: str
    context: int
    roles: tuple[Literal["completion", "edit", "image"], ...]
    sources: tuple[Source, ...] = ()
    file: str | None = None
    size: int | None = None
    sha256: str | None = None
    parameters: int | None = None
    bits: float | None = None
    kv_bytes: int | None = None
    projector: str | None = None
    tower_bytes: int | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The files of a model that is no folder."""
        return tuple(name for name in (self.file, self.projector) if name is not None)

    @property
    def is_folder(self) -> bool:
        """True when the model is a folder of files (EXL2), False for a single file."""
        return self.file is None


class Catalog:
    """An ordered set of entries with a default.

    Iterating gives the entries in the order of the file.
    """

    def __init__(self, entries: dict[str, ModelEntry], default: str) -> None:
        self._entries = entries
        self._default = default

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def names(self) -> list[str]:
        """All names, in the order of the file."""
        return list(self._entries)

    @property
    def default(self) -> ModelEntry:
        """The entry that is meant when no name is given."""
        return self._entries[self._default]

    def get(self, name: str) -> ModelEntry:
        """Find the entry of that name (case does not matter).

        Raises
        ------
        UnknownModel
            No entry has it; the error suggests near names.
        """
        try:
            return self._entries[name.lower()]
        except KeyError:
            raise UnknownModel(name, self.names) from None


def load_catalog(extra: Path | None = None) -> Catalog:
    """Read the built-in catalog, and over it the file `extra` of the same form, if given.

    An entry of `extra` replaces a built-in one of its name; its `default`, if any, wins.

    Raises
    ------
    CatalogError
        A file is missing, is not TOML, or an entry is wrong (the text says which).
    """
    entries, default = _read(BUILT_IN)
    if extra is not None:
        more, chosen = _read(extra)
        entries |= more
        default = chosen or default
    if default is None or default not in entries:
        raise CatalogError(extra or BUILT_IN, f"the default model {default!r} is not an entry")
    return Catalog(entries, default)


def _read(path: Path) -> tuple[dict[str, ModelEntry], str | None]:
    try:
        with path.open("rb") as stream:
            raw: dict[str, Any] = tomllib.load(stream)
    except OSError as error:
        raise CatalogError(path, error.strerror or str(error)) from error
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(path, f"it is not TOML: {error}") from error
    default = raw.pop("default", None)
    models = raw.pop("models", {})
    if raw:
        raise CatalogError(path, f"unknown key {next(iter(raw))!r}")
    if not isinstance(models, dict) or not isinstance(default, str | None):
        raise CatalogError(path, "`models` must be tables and `default` a name")
    tables: dict[str, Any] = models  # pyright: ignore[reportUnknownVariableType]
    return {name: _entry(path, name, table) for name, table in tables.items()}, default


def _entry(path: Path, name: str, table: dict[str, Any]) -> ModelEntry:
    try:
        entry = msgspec.convert({**table, "name": name}, ModelEntry)
    except (msgspec.ValidationError, TypeError) as error:
        raise CatalogError(path, f"model {name!r}: {error}") from error
    problem = _problem(entry)
    if problem:
        raise CatalogError(path, f"model {name!r}: {problem}")
    return entry


def _problem(entry: ModelEntry) -> str | None:
    """Say what is wrong with an entry beyond its types; None when all is well."""
    if not _NAME.fullmatch(entry.name):
        return "a name has only lower-case letters, digits, dots, dashes and underscores"
    if entry.sha256 is not None and not _SHA256.fullmatch(entry.sha256):
        return "sha256 must be 64 lower-case hexadecimal digits"
    if entry.file is None:
        if entry.engine == "llamacpp":
            return "the llamacpp engine needs one `file`"
        if entry.sha256 is not None or entry.size is not None:
            return "size and sha256 belong to a single `file`"
    elif not all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.gguf", name) for name in entry.files):
        return "each of `file` and `projector` is a plain name that ends in .gguf"
    if (problem := _projector_problem(entry)) is not None:
        return problem
    for source in entry.sources:
        if isinstance(source, PackageSource):
            if entry.sha256 is None or entry.size is None:
                return "a packages source needs a pinned size and sha256"
            if (reason := _package_problem(source)) is not None:
                return reason
        elif isinstance(source, HubSource) and (source.file is None) != entry.is_folder:
            return "a hub source names a `file` exactly when the model is one file"
    return None


def _projector_problem(entry: ModelEntry) -> str | None:
    by = "tower_bytes" if entry.is_folder else "projector"
    if ("image" in entry.roles) != (getattr(entry, by) is not None):
        return f"a {'folder' if entry.is_folder else 'file'} has the role image exactly with `{by}`"
    if entry.projector is None:
        return None
    if entry.sha256 is not None or entry.size is not None:
        return "size and sha256 belong to a single `file`"
    if entry.projector == entry.file:
        return "`projector` is another file than `file`"
    return None


def _package_problem(source: PackageSource) -> str | None:
    if source.parts < 1:
        return "`parts` must be at least 1"
    try:
        packages = [source.package.format(n=n) for n in (1, source.parts)]
        source.member_of(source.parts)
    except (KeyError, IndexError, ValueError, AttributeError):
        return "only {n} may stand in braces in `package` and `member`"
    if not all(_PACKAGE.fullmatch(package) for package in packages):
        return f"{packages[0]!r} is not a package name"
    if not _VERSION.fullmatch(source.version):
        return f"{source.version!r} is not a version"
    return None
