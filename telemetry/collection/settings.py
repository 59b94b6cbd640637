"""The settings of the collection: where to, how much, which columns, and which of them are hashed."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from models.strict import Seconds, StrictSettings
from scoring import Manifest
from scoring.errors import ConfigurationError

__all__ = ["BlobPlace", "CollectionSettings", "blob_place", "refuse_unknown_names"]

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<container>[^/@?]*)(?:@(?P<host>[^/?]+))?(?:/(?P<prefix>[^?]*))?"
)
_BLOBS = frozenset({"abfs", "abfss", "az"})
_KEY_BYTES = (16, 64)  # BLAKE2b takes no longer one
_SHOWN = 10


class BlobPlace(NamedTuple):
    """A place in blob storage.

    Attributes:
        container: its name.
        prefix: what the blobs' names begin with; without a slash at either end.
        account_url: the storage account, where the path names it.
    """

    container: str
    prefix: str
    account_url: str | None


def blob_place(path: str) -> BlobPlace | None:
    """Return the place that a path names in blob storage; None where it is one of this machine.

    Raises:
        ValueError: it is neither.
    """
    if "://" not in path:
        return None
    match = _URL.fullmatch(path)
    if match is None or match["scheme"] not in _BLOBS or not match["container"]:
        raise ValueError("expected a folder, or abfs://container/path")
    host = match["host"]
    account_url = None if host is None else f"https://{host.replace('.dfs.', '.blob.', 1)}"
    return BlobPlace(match["container"], (match["prefix"] or "").strip("/"), account_url)


def _place(path: str) -> str:
    blob_place(path)
    if not path:
        raise ValueError("expected a folder, or abfs://container/path")
    return path


def _key(key: SecretStr) -> SecretStr:
    least, most = _KEY_BYTES
    if not least <= len(key.get_secret_value().encode()) <= most:
        raise ValueError(f"expected {least} to {most} bytes")
    return key


class CollectionSettings(StrictSettings):
    """The data collector.

    Attributes:
        to: a folder, or a place in a blob container, `abfs://container/path`.
        share: of the predictions that are collected; which ones depends on their ids alone.
        columns: the features that are collected, by name or by path in the event, and the field with the event's id;
            where empty, all of them but images and tensors.
        sensitive: those of them that are collected as keyed hashes.
        hash_key: the key of these hashes; comes from the environment only.
        connection_string: the storage account and its key; comes from the environment only. Without it the path names
            the account, `abfs://container@account.dfs.core.windows.net/path`, and the machine's identity signs in.
        flush_s: the longest that rows wait before they are written.
        part_rows: from so many rows on a file is written earlier.
        queue_rows: how many rows may wait, those that are being written among them; any more are dropped.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    to: Annotated[str, AfterValidator(_place)]
    share: Annotated[float, Field(gt=0, le=1)] = 0.01
    columns: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    hash_key: Annotated[SecretStr, AfterValidator(_key)] | None = None
    connection_string: SecretStr | None = None
    flush_s: Seconds = 60.0
    part_rows: Annotated[int, Field(ge=1, le=1_048_576)] = 32_768
    queue_rows: Annotated[int, Field(ge=1, le=16_777_216)] = 131_072

    @model_validator(mode="after")
    def _hashes_have_a_key(self) -> Self:
        if self.sensitive and self.hash_key is None:
            raise ValueError(
                "sensitive needs hash_key, for without a key all card numbers can be tried: "
                "set WEIR__TELEMETRY__COLLECTION__HASH_KEY in the environment"
            )
        return self

    @model_validator(mode="after")
    def _account_is_known(self) -> Self:
        place = blob_place(self.to)
        if place is not None and place.account_url is None and self.connection_string is None:
            raise ValueError(
                f"to: {self.to}: which storage account? Set WEIR__TELEMETRY__COLLECTION__CONNECTION_STRING in the "
                "environment, or write abfs://container@account.dfs.core.windows.net/path"
            )
        return self

    @model_validator(mode="after")
    def _a_part_fits(self) -> Self:
        if self.queue_rows < self.part_rows:
            raise ValueError(f"queue_rows: expected part_rows, {self.part_rows}, or more (found {self.queue_rows})")
        return self


def refuse_unknown_names(settings: CollectionSettings, manifests: Sequence[Manifest]) -> None:
    """Refuse a name that no model knows: a slip in `sensitive` would let plain values out.

    Args:
        settings: which columns, and which of them are hashed.
        manifests: of all models that are deployed.

    Raises:
        ConfigurationError: names the first, and what is known.
    """
    known = dict.fromkeys(name for manifest in manifests for name in _names(manifest))
    for key, names in (("columns", settings.columns), ("sensitive", settings.sensitive)):
        for name in names:
            if name not in known:
                models = ", ".join(manifest.reference for manifest in manifests)
                raise ConfigurationError(
                    f"telemetry.collection.{key}: {name!r} is nothing that {models} is fed; known are {_listed(known)}"
                )


def _names(manifest: Manifest) -> Iterable[str]:
    for feature in manifest.features:
        yield feature.name
        yield feature.dotted
    if manifest.event_id is not None:
        yield ".".join(manifest.event_id)


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    rest = len(every) - _SHOWN
    return ", ".join(every[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
