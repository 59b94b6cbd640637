"""The settings of the HTTP door."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

__all__ = ["AuthSettings", "BatchingSettings", "EntraSettings", "HttpSettings", "LimitSettings"]

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class _Settings(BaseModel):
    # What was given may hold a key, and an error is shown or logged.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class EntraSettings(_Settings):
    """Whose tokens are accepted.

    Attributes:
        issuer: the `iss` that a token must have, e.g. `https://login.microsoftonline.com/<tenant>/v2.0`.
        audience: the `aud` that a token must have, e.g. `api://weir` or the application's id.
        jwks_url: where the issuer's keys are; `https`, or loopback for a local issuer.
        jwks_cache_s: how often they are fetched again; a token with a new key brings that forward.
        leeway_s: by how much the issuer's clock and ours may differ.
        roles: the application roles and delegated scopes that may ask; a token needs one of them. Without any, every
            application and person that the issuer gives a token for the audience may ask: in Entra ID, anybody of the
            tenant unless the application requires assignment.
    """

    issuer: Annotated[str, Field(min_length=1)]
    audience: Annotated[str, Field(min_length=1)]
    jwks_url: Annotated[str, Field(pattern=r"^https://|^http://(127\.0\.0\.1|localhost|\[::1\])[:/]")]
    jwks_cache_s: Annotated[float, Field(ge=1, le=86_400)] = 3600.0
    leeway_s: Annotated[float, Field(ge=0, le=300)] = 60.0
    roles: tuple[str, ...] = ()


class AuthSettings(_Settings):
    """Who may ask.

    Attributes:
        mode: `key` wants one of two keys; `entra` a token of Microsoft Entra ID; `none` asks nothing, and is refused
            beyond loopback unless `allow_anonymous` is set.
        primary_key: from the environment only; at least 16 characters.
        secondary_key: from the environment only; while keys are rotated both are good.
        primary_key_file: the file that holds the primary key instead, as containers mount secrets.
        secondary_key_file: the file that holds the secondary key.
        key_vault_url: where the two keys are kept as secrets, instead of either.
        primary_secret: the primary key's name there.
        secondary_secret: the secondary key's name there.
        refresh_s: how often files and the vault are read again, so that keys are rotated without a restart.
        entra: whose tokens are accepted, with mode `entra`.
        allow_anonymous: serve without authentication beyond loopback.
    """

    mode: Literal["key", "entra", "none"] = "key"
    primary_key: SecretStr | None = None
    secondary_key: SecretStr | None = None
    primary_key_file: Path | None = None
    secondary_key_file: Path | None = None
    # Not even on loopback without encryption: Azure's client sends no token over it.
    key_vault_url: Annotated[str, Field(pattern=r"^https://[^/\s]+/?$")] | None = None
    primary_secret: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,127}$")] = "weir-primary-key"  # noqa: S105 - a name
    secondary_secret: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,127}$")] = "weir-secondary-key"  # noqa: S105 - a name
    refresh_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    entra: EntraSettings | None = None
    allow_anonymous: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode == "entra" and self.entra is None:
            raise ValueError("mode entra needs entra: {issuer, audience, jwks_url}")
        return self

    @model_validator(mode="after")
    def _in_one_place(self) -> Self:
        local = {
            "primary_key": (self.primary_key, self.primary_key_file),
            "secondary_key": (self.secondary_key, self.secondary_key_file),
        }
        for name, given in local.items():
            if None not in given:
                raise ValueError(f"{name} and {name}_file are both set: which one is good? Leave one out")
            if self.key_vault_url is not None and given != (None, None):
                raise ValueError(f"key_vault_url is set, and {name} or {name}_file as well: keep the keys in one place")
        return self


class LimitSettings(_Settings):
    """What one request may take.

    Attributes:
        body_bytes: its body.
        rows: the rows in it.
        concurrent_requests: requests under way; one more is told to come again.
        header_s: seconds that its headers may take to arrive.
        body_s: seconds that its body may take to arrive.
        scoring_s: seconds that its answer may take; then the answer is 504.
    """

    body_bytes: Annotated[int, Field(ge=1024, le=104_857_600)] = 10_485_760
    rows: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    concurrent_requests: Annotated[int, Field(ge=1, le=100_000)] = 512
    header_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    body_s: Annotated[float, Field(gt=0, le=300)] = 30.0
    scoring_s: Annotated[float, Field(gt=0, le=300)] = 60.0


class BatchingSettings(_Settings):
    """How concurrent small requests are scored together.

    Attributes:
        max_rows: the rows of one batch; a larger request is a batch of its own.
        max_wait_ms: how long the first of them waits for others; with 0, those that arrive together go together.
        queued_rows: rows that may wait for a model; beyond them a request is told to come again.
    """

    max_rows: Annotated[int, Field(ge=1, le=4096)] = 256
    max_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    queued_rows: Annotated[int, Field(ge=1, le=10_000_000)] = 50_000


class HttpSettings(_Settings):
    """The HTTP door.

    Attributes:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        reload_s: how often the deployments and their aliases are looked up again, so that a newly promoted model, or
            another share of the traffic, is served without a restart.
        shutdown_timeout_s: how long a stop may take.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    batching: BatchingSettings = BatchingSettings()
    reload_s: Annotated[float, Field(ge=0.1, le=86_400)] = 10.0
    shutdown_timeout_s: Annotated[float, Field(gt=0, le=300)] = 25.0

    @model_validator(mode="after")
    def _not_open(self) -> Self:
        if self.auth.mode == "none" and self.host not in _LOOPBACK and not self.auth.allow_anonymous:
            raise ValueError(
                f"auth.mode none on {self.host}: anybody could ask; listen on 127.0.0.1, choose key or entra, "
                "or set auth.allow_anonymous"
            )
        return self
