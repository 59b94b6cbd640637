"""The two keys as secrets of an Azure Key Vault.

Rules:
- A secret that is not there, or is disabled, is a key that is not there: so it is revoked.
- No text of the vault's answers reaches the log or an error: an answer that cannot be read is quoted whole by its
  client, and it may hold the key.
"""

import asyncio
import logging
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError, DecodeError, HttpResponseError, ResourceNotFoundError
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient
from pydantic import SecretStr

from function_app.auth.key_sources import Keys
from function_app.auth.refresh import RefreshError

__all__ = ["VaultKeys", "vault_keys"]

_LOG = logging.getLogger(__name__)
_CLOSE_S = 5.0
# The client's own bounds are 300 s and ten retries; the next refresh is soon enough.
_BOUNDS: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 5, "retry_total": 2, "retry_backoff_factor": 0.2}


class VaultKeys:
    """Keys read from two secrets."""

    can_change = True

    def __init__(self, client: SecretClient, credential: AsyncTokenCredential, *, primary: str, secondary: str) -> None:
        self._client = client
        self._credential = credential
        self._primary = primary
        self._secondary = secondary
        self.name = f"the keys in {client.vault_url}"

    async def read(self) -> Keys:
        """Return the newest versions of both secrets.

        Raises:
            RefreshError: there is neither; or the vault, or whoever gives tokens for it, did not answer as wanted.
        """
        keys = Keys(await self._secret(self._primary), await self._secret(self._secondary))
        if not keys.present:
            raise RefreshError(f"neither secret {self._primary} nor {self._secondary} is there and enabled")
        return keys

    async def close(self) -> None:
        """Close the connections, within a bound."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._client.close()
                await self._credential.close()
        except TimeoutError:
            _LOG.warning("%s: connections did not close within %g s", self.name, _CLOSE_S)

    async def _secret(self, name: str) -> SecretStr | None:
        try:
            value = (await self._client.get_secret(name)).value
        except ResourceNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - what its libraries raise is not all of one tree
            if _is_disabled(error):
                return None
            raise RefreshError(f"secret {name}: {_in_words(error)}") from None
        return None if value is None else SecretStr(value)


def vault_keys(
    url: str, primary: str, secondary: str, *, credential: AsyncTokenCredential | None = None, **options: Any
) -> VaultKeys:
    """Return the keys in a vault.

    Args:
        url: the vault's, over https: its client sends no token over anything else.
        primary: the primary key's secret.
        secondary: the secondary key's secret.
        credential: who asks; by default what azure-identity finds: a managed or workload identity, the environment, or
            whoever is signed in to a developer's tools.
        options: of the vault's client.
    """
    credential = credential or DefaultAzureCredential()
    client = SecretClient(url, credential, **{**_BOUNDS, **options})
    return VaultKeys(client, credential, primary=primary, secondary=secondary)


def _is_disabled(error: Exception) -> bool:
    details = error.error if isinstance(error, HttpResponseError) else None
    inner = getattr(details, "innererror", None)
    return isinstance(inner, dict) and inner.get("code") == "SecretDisabled"


def _in_words(error: Exception) -> str:
    if isinstance(error, DecodeError):
        return "the vault's answer cannot be read"
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        hint = " (may this identity get secrets?)" if error.status_code in {401, 403} else ""
        return f"the vault answered {error.status_code}{hint}"
    if isinstance(error, ClientAuthenticationError):
        return "no token for the vault: azure-identity found nobody to sign in as, or was refused"
    return f"no answer from the vault ({type(error).__name__})"
