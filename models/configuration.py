"""One YAML file, every key of which the environment may override as `WEIR__SECTION__KEY`.

Each program has a class of its own over the sections that it needs, and names the others that the file may hold.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from models.deployments import Deployment, check_traffic
from scoring.errors import ConfigurationError
from scoring.validation import in_words

__all__ = ["FileSettings", "read_settings"]

_SECRETS = frozenset({"connection_string", "hash_key", "password", "primary_key", "secondary_key"})
_PREFIX = "WEIR__"


class FileSettings(BaseSettings):
    """What every program needs of the file.

    Attributes:
        elsewhere: sections that the file may hold for other programs, unread.
        store: where the models are.
        deployments: what is served; a single one has all of the traffic, unless it says otherwise.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    elsewhere: ClassVar[tuple[str, ...]] = ()

    store: Path = Path("store")
    deployments: Annotated[tuple[Deployment, ...], Field(min_length=1)]

    @field_validator("deployments", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            raise ValueError("expected a list; in the environment, one JSON list in WEIR__DEPLOYMENTS")  # noqa: TRY004
        return value

    @field_validator("deployments")
    @classmethod
    def _all_of_it(cls, deployments: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
        if len(deployments) == 1 and "traffic" not in deployments[0].model_fields_set:
            return (deployments[0].model_copy(update={"traffic": 100}),)
        return deployments

    @model_validator(mode="after")
    def _traffic(self) -> Self:
        check_traffic(self.deployments)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which arrives as the constructor's arguments."""
        return env_settings, init_settings


SettingsT = TypeVar("SettingsT", bound=FileSettings)


def read_settings(kind: type[SettingsT], path: Path) -> SettingsT:
    """Return the settings in a file, with the environment's on top.

    Args:
        kind: the program's own class.
        path: the file.

    Raises:
        ConfigurationError: names the file, the variables of the environment, and each key that is wrong.
    """
    known = (*kind.model_fields, *kind.elsewhere)
    content = _read(path)
    _check_keys(content, known, path)
    overrides = _overrides(known)
    try:
        return kind(**{key: value for key, value in content.items() if key in kind.model_fields})
    except ValidationError as error:
        where = f"{path} with {', '.join(overrides)} of the environment" if overrides else str(path)
        raise ConfigurationError(f"{where}: {in_words(error)}") from error
    except SettingsError as error:
        broken = ", ".join(name for name, value in overrides.items() if not _is_json(value))
        raise ConfigurationError(f"{broken} of the environment: expected JSON") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"no configuration file {path}") from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not YAML: byte {error.start} is not UTF-8") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {_yaml_problem(error)}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected a mapping of keys such as store, deployments and stream")
    return content


def _yaml_problem(error: yaml.YAMLError) -> str:
    """Return what is wrong and where, without the lines themselves: a secret may stand in them."""
    mark = getattr(error, "problem_mark", None)
    where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    return where + str(getattr(error, "problem", None) or getattr(error, "reason", "it cannot be read"))


def _check_keys(content: Mapping[str, Any], known: tuple[str, ...], path: Path) -> None:
    for key in content:
        if key not in known:
            raise ConfigurationError(f"{path}: {key}: there is no such key; known are {', '.join(known)}")
    secret = _secret_in(content)
    if secret:
        variable = f"{_PREFIX}{'__'.join(secret).upper()}"
        raise ConfigurationError(f"{path}: {'.'.join(secret)} is a secret; set it as {variable} in the environment")


def _overrides(known: tuple[str, ...]) -> dict[str, str]:
    """Return the variables of the environment that set a key.

    Raises:
        ConfigurationError: there is no such key.
    """
    found = {name: value for name, value in os.environ.items() if name.upper().startswith(_PREFIX)}
    for name in found:
        key = name[len(_PREFIX) :].split("__")[0].lower()
        if key not in known:
            raise ConfigurationError(f"{name} of the environment: there is no such key; known are {', '.join(known)}")
    return found


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _secret_in(content: Mapping[str, Any], path: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the path of the first secret in the file; empty when there is none."""
    for key, value in content.items():
        here = (*path, str(key))
        if str(key) in _SECRETS:
            return here
        found = _secret_in(value, here) if isinstance(value, Mapping) else ()
        if found:
            return found
    return ()
