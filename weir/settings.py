"""One YAML file, every key of which the environment may override as `WEIR__SECTION__KEY`."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from models import Reference, parse_reference
from scoring.errors import ConfigurationError
from scoring.validation import in_words
from stream_worker import StreamSettings

__all__ = ["Deployment", "Settings", "load_settings"]

_SECRETS = frozenset({"password"})
_PREFIX = "WEIR__"


class Deployment(BaseModel):
    """A model that answers.

    Attributes:
        name: what to call it.
        model: `name`, `name:3` or `name@champion`, looked up when the process starts.
        traffic: its share of the events, in percent.
        allow_uncertified: serve it without a passed certificate; every prediction then says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64)]
    model: str
    traffic: Annotated[int, Field(ge=0, le=100)] = 100
    allow_uncertified: bool = False

    @property
    def reference(self) -> Reference:
        """The model's reference.

        Raises:
            ConfigurationError: it is none.
        """
        return parse_reference(self.model)


class Settings(BaseSettings):
    """What `weir.yaml` holds."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    store: Path = Path("store")
    deployments: Annotated[tuple[Deployment, ...], Field(min_length=1)]
    stream: StreamSettings | None = None

    @field_validator("deployments", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            raise ValueError("expected a list; in the environment, one JSON list in WEIR__DEPLOYMENTS")  # noqa: TRY004
        return value

    @model_validator(mode="after")
    def _traffic(self) -> Self:
        total = sum(deployment.traffic for deployment in self.deployments)
        if total != 100:  # noqa: PLR2004 - percent
            raise ValueError(f"deployments: traffic must sum to 100, not {total}")
        if len(self.deployments) > 1:
            raise ValueError(f"deployments: one is served at a time, {len(self.deployments)} are named")
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


def load_settings(path: Path) -> Settings:
    """Return the settings in a file, with the environment's on top.

    Raises:
        ConfigurationError: names the file, the variables of the environment, and each key that is wrong.
    """
    content = _read(path)
    secret = _secret_in(content)
    if secret:
        variable = f"{_PREFIX}{'__'.join(secret).upper()}"
        raise ConfigurationError(f"{path}: {'.'.join(secret)} is a secret; set it as {variable} in the environment")
    overrides = _overrides()
    try:
        return Settings(**content)
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
    for key in content:
        if key not in Settings.model_fields:
            raise ConfigurationError(
                f"{path}: {key}: there is no such key; known are {', '.join(Settings.model_fields)}"
            )
    return content


def _yaml_problem(error: yaml.YAMLError) -> str:
    """Return what is wrong and where, without the lines themselves: a secret may stand in them."""
    mark = getattr(error, "problem_mark", None)
    where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    return where + str(getattr(error, "problem", None) or getattr(error, "reason", "it cannot be read"))


def _overrides() -> dict[str, str]:
    """Return the variables of the environment that set a key.

    Raises:
        ConfigurationError: there is no such key.
    """
    found = {name: value for name, value in os.environ.items() if name.upper().startswith(_PREFIX)}
    for name in found:
        key = name[len(_PREFIX) :].split("__")[0].lower()
        if key not in Settings.model_fields:
            raise ConfigurationError(
                f"{name} of the environment: there is no such key; known are {', '.join(Settings.model_fields)}"
            )
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
