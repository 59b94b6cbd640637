"""The model store: numbered, immutable versions and the aliases that point to them, in a local folder.

Rules:
- A version appears whole or not at all: it is written beside its place and renamed into it.
- Two writers never take the same number: the rename of the second fails, and it takes the next.
- A version is never changed. An alias may be moved; movers take turns under a lock.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from models.graph import MAX_MODEL_BYTES
from models.references import Reference, is_name, parse_reference
from scoring.errors import ModelNotFoundError, ModelRefusedError, StoreBusyError, StoreError
from scoring.manifest import Manifest, parse_manifest

__all__ = ["LocalStore", "Store", "resolve"]

_ATTEMPTS = 100
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


class Store(Protocol):
    """Where models are kept."""

    def names(self) -> list[str]:
        """Return the names of all models, sorted."""
        ...

    def versions(self, name: str) -> list[int]:
        """Return a model's versions, ascending; none for an unknown name."""
        ...

    def manifest(self, name: str, version: int) -> Manifest:
        """Return a version's manifest."""
        ...

    def model(self, name: str, version: int) -> bytes:
        """Return a version's `model.onnx`."""
        ...

    def add(self, manifest: Manifest, model: bytes) -> Manifest:
        """Add a version under the next free number, and return its manifest with that number."""
        ...

    def aliases(self, name: str) -> Mapping[str, int]:
        """Return a model's aliases."""
        ...

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias to a version."""
        ...


def resolve(store: Store, reference: Reference) -> int:
    """Return the version that a reference means now.

    Raises:
        ModelNotFoundError: says which names, versions or aliases there are.
    """
    name = reference.name
    versions = store.versions(name)
    if not versions:
        raise ModelNotFoundError(f"no model {name!r} in {store}; it holds {_listed(store.names())}")
    if reference.alias is not None:
        aliases = store.aliases(name)
        if reference.alias not in aliases:
            raise ModelNotFoundError(
                f"model {name!r} has no alias {reference.alias!r}; it has {_listed(sorted(aliases))}"
            )
        return aliases[reference.alias]
    if reference.version is None:
        return versions[-1]
    if reference.version not in versions:
        raise ModelNotFoundError(f"model {name!r} has no version {reference.version}; it has {_listed(versions)}")
    return reference.version


def _listed(items: list[str] | list[int]) -> str:
    return ", ".join(map(str, items)) or "none"


class LocalStore:
    """A store in a local folder.

    Below its root: `<name>/<version>/model.onnx`, `<name>/<version>/manifest.json` and `<name>/aliases.json`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return f"the store {self._root}"

    def names(self) -> list[str]:
        """Return the names of all models, sorted."""
        if not self._root.is_dir():
            raise StoreError(f"no model store at {self._root}: the folder does not exist (`weir convert` makes it)")
        return sorted(path.name for path in self._root.iterdir() if self.versions(path.name))

    def versions(self, name: str) -> list[int]:
        """Return a model's versions, ascending; none for an unknown name."""
        if not is_name(name):
            return []  # "../elsewhere" is no model's name
        try:
            entries = [path.name for path in (self._root / name).iterdir() if path.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError(f"cannot read {self._root / name}: {error.strerror}") from error
        return sorted(int(entry) for entry in entries if _NUMBER.fullmatch(entry))

    def manifest(self, name: str, version: int) -> Manifest:
        """Return a version's manifest.

        Raises:
            ModelNotFoundError: there is no such version.
            ManifestError: what stands there is not its manifest.
        """
        path = self._file(name, version, "manifest.json")
        manifest = parse_manifest(self._read(path), source=str(path))
        if (manifest.name, manifest.version) != (name, version):
            raise ModelRefusedError(f"{path} is the manifest of {manifest.reference}")
        return manifest

    def model(self, name: str, version: int) -> bytes:
        """Return a version's `model.onnx`, unchecked.

        Raises:
            ModelNotFoundError: there is no such version.
            ModelRefusedError: the file is larger than any model may be.
        """
        path = self._file(name, version, "model.onnx")
        if path.is_file() and path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelRefusedError(f"{path} has {path.stat().st_size} bytes; at most {MAX_MODEL_BYTES} are accepted")
        return self._read(path)

    def add(self, manifest: Manifest, model: bytes) -> Manifest:
        """Add a version under the next free number.

        Args:
            manifest: with any version number; it gets the next free one.
            model: the bytes whose SHA-256 the manifest names.

        Raises:
            StoreBusyError: other writers took the next number a hundred times over.
            StoreError: the folder cannot be written.
        """
        if sha256(model).hexdigest() != manifest.digest:
            raise ModelRefusedError(f"{manifest.name}: the manifest's digest is not that of the model")
        folder = self._root / manifest.name
        staging = folder / f".adding-{uuid4().hex}"
        try:
            staging.mkdir(parents=True)
            _write(staging / "model.onnx", model)
            return self._claim(folder, staging, manifest)
        except OSError as error:
            raise StoreError(f"cannot write to {folder}: {error.strerror}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def aliases(self, name: str) -> Mapping[str, int]:
        """Return a model's aliases."""
        path = self._root / name / "aliases.json"
        if not is_name(name) or not path.is_file():
            return {}
        try:
            aliases = json.loads(self._read(path))
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path} is not JSON") from error
        if not isinstance(aliases, dict) or not all(isinstance(version, int) for version in aliases.values()):
            raise StoreError(f"{path} must map aliases to version numbers")
        return aliases

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias to a version.

        Raises:
            ConfigurationError: the alias is not a name.
            ModelNotFoundError: there is no such version.
            StoreError: the folder cannot be written.
        """
        parse_reference(f"{name}@{alias}")  # what cannot be asked for is not kept
        resolve(self, Reference(name=name, version=version))
        folder = self._root / name
        staging = folder / f".aliases-{uuid4().hex}"
        try:
            with _locked(folder):
                aliases = dict(self.aliases(name)) | {alias: version}
                _write(staging, json.dumps(aliases, indent=2, sort_keys=True).encode() + b"\n")
                staging.replace(folder / "aliases.json")
                _sync(folder)
        except OSError as error:
            raise StoreError(f"cannot write to {folder}: {error.strerror}") from error
        finally:
            staging.unlink(missing_ok=True)

    def _file(self, name: str, version: int, file: str) -> Path:
        if not is_name(name):
            raise ModelNotFoundError(f"{name!r} is not a model's name")
        return self._root / name / str(version) / file

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise ModelNotFoundError(f"{path} does not exist") from error
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error

    def _claim(self, folder: Path, staging: Path, manifest: Manifest) -> Manifest:
        for _ in range(_ATTEMPTS):
            version = max(self.versions(manifest.name), default=0) + 1
            numbered = manifest.model_copy(update={"version": version})
            _write(staging / "manifest.json", numbered.model_dump_json(indent=2).encode() + b"\n")
            _sync(staging)
            try:
                staging.rename(folder / str(version))
            except OSError:
                if not (folder / str(version)).exists():
                    raise
                continue
            _sync(folder)
            return numbered
        raise StoreBusyError(f"{folder}: other writers took the next version number {_ATTEMPTS} times; try again")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the folder's own entries durable: a rename is not, until its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
