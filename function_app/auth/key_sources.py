"""Where the two keys come from: the settings or files; `vault.py` has Key Vault."""

import asyncio
import stat
from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import SecretStr

from function_app.auth.refresh import RefreshError
from function_app.settings import AuthSettings

__all__ = ["KeySource", "Keys", "LocalKeys", "key_source", "local_keys"]

_SHORTEST = 16
_LONGEST = 1024
_NO_KEY = (
    "there is no key to let anybody in with: set WEIR__HTTP__AUTH__PRIMARY_KEY in the environment, "
    "or auth.primary_key_file, or auth.key_vault_url"
)


class Keys(NamedTuple):
    """The keys that are good; while they are rotated, both."""

    primary: SecretStr | None
    secondary: SecretStr | None

    def checked(self) -> "Keys":
        """Return the keys without the white space around them, which files and command lines add.

        Raises:
            RefreshError: one could not be sent, or could be guessed.
        """
        return Keys(_checked("primary", self.primary), _checked("secondary", self.secondary))

    @property
    def present(self) -> list[str]:
        """Return which there are: `primary`, `secondary` or both."""
        return [which for which, key in zip(self._fields, self, strict=True) if key is not None]


class KeySource(Protocol):
    """Something that keys are read from.

    Attributes:
        name: what to call it in the log.
        can_change: whether reading again can give other keys.
    """

    name: str
    can_change: bool

    async def read(self) -> Keys:
        """Return the keys as they are now, at least one.

        Raises:
            RefreshError: there is none, or they cannot be read; says why, without a secret.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class LocalKeys:
    """Keys from the settings, or from files that are read again: mounted secrets change in place.

    A file that is not there is a key that is not there: so a mounted secret is revoked.
    """

    def __init__(self, primary: SecretStr | Path | None, secondary: SecretStr | Path | None) -> None:
        self._primary = primary
        self._secondary = secondary
        self.can_change = isinstance(primary, Path) or isinstance(secondary, Path)
        self.name = "the keys in files" if self.can_change else "the keys in the settings"

    async def read(self) -> Keys:
        """Return the keys; files are read in a thread, for a mounted folder may be slow.

        Raises:
            RefreshError: there is none, or a file cannot be read.
        """
        if not self.can_change:
            return self._read()
        return await asyncio.to_thread(self._read)

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    def _read(self) -> Keys:
        keys = Keys(_one("primary", self._primary), _one("secondary", self._secondary))
        if not keys.present:
            files = [str(where) for where in (self._primary, self._secondary) if isinstance(where, Path)]
            raise RefreshError(f"there is no file {' or '.join(files)}" if files else _NO_KEY)
        return keys


def local_keys(settings: AuthSettings) -> LocalKeys:
    """Return the keys that the settings hold or name files for."""
    return LocalKeys(
        settings.primary_key or settings.primary_key_file,
        settings.secondary_key or settings.secondary_key_file,
    )


def key_source(settings: AuthSettings) -> KeySource:
    """Return where the settings say that the keys are."""
    if settings.key_vault_url is None:
        return local_keys(settings)
    # Azure's libraries take a fifth of a second to import: only those who use them wait for them.
    from function_app.auth.vault import vault_keys  # noqa: PLC0415

    return vault_keys(settings.key_vault_url, settings.primary_secret, settings.secondary_secret)


def _one(which: str, where: SecretStr | Path | None) -> SecretStr | None:
    if not isinstance(where, Path):
        return where
    try:
        # Opening a pipe would wait for its writer, so what is no file is not opened.
        if not stat.S_ISREG(where.stat().st_mode):
            raise RefreshError(f"{which}_key_file {where} is not a file")
        with where.open("rb") as file:
            return SecretStr(file.read(_LONGEST * 2).decode("ascii", "replace"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RefreshError(f"cannot read {which}_key_file {where}: {error.strerror}") from None


def _checked(which: str, key: SecretStr | None) -> SecretStr | None:
    if key is None:
        return None
    text = key.get_secret_value().strip()
    if not _SHORTEST <= len(text) <= _LONGEST:
        raise RefreshError(f"the {which} key must have {_SHORTEST} to {_LONGEST} characters")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise RefreshError(f"the {which} key must be printable ASCII without spaces: it travels in a header")
    return SecretStr(text)
