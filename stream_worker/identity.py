"""Who this machine signs in as: found out by asking for a token, and told in words.

Azure's libraries are imported by the first question: they take a while, and a key does without.
"""

import asyncio
import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import SecretStr

from stream_worker.findings import Finding, ok, wrong

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.identity.aio import DefaultAzureCredential

__all__ = ["Identity", "entity", "key_in_words"]

_TOKEN_S = 20.0
_CLOSE_S = 5.0
_SOURCES: Final = {
    "EnvironmentCredential": "the AZURE_ variables of the environment",
    "WorkloadIdentityCredential": "the workload identity",
    "ManagedIdentityCredential": "the managed identity",
    "SharedTokenCacheCredential": "whoever signed in to a Microsoft application on this machine",
    "VisualStudioCodeCredential": "whoever is signed in to Visual Studio Code",
    "AzureCliCredential": "whoever is signed in to the Azure CLI",
    "AzurePowerShellCredential": "whoever is signed in to Azure PowerShell",
    "AzureDeveloperCliCredential": "whoever is signed in to the Azure Developer CLI",
}
_CLAIMS: Final = {"upn": "user", "unique_name": "user", "appid": "application", "oid": "object", "tid": "tenant"}
_ATTEMPT = re.compile(r"^\t(?P<who>\w+): (?P<why>.+)$", re.MULTILINE)


def entity(connection_string: SecretStr | None) -> str | None:
    """Return the only hub that a connection string is for; None where there is no such limit."""
    return None if connection_string is None else _fields(connection_string).get("entitypath") or None


def key_in_words(connection_string: SecretStr) -> str:
    """Return which key a connection string of Event Hubs holds, and what it is good for, without the key."""
    fields = _fields(connection_string)
    reach = f"for {fields['entitypath']!r} alone" if fields.get("entitypath") else "for the whole namespace"
    if fields.get("sharedaccesssignature"):
        return f"the connection string's shared access signature, {reach}"
    return f"the connection string's key {fields.get('sharedaccesskeyname', '')!r}, {reach}"


class Identity:
    """The machine's identity; opened when it is first asked, and closed by `async with`.

    Attributes:
        credential: what Azure's clients are given; None before it was asked.
    """

    def __init__(self) -> None:
        self.credential: DefaultAzureCredential | None = None

    async def __aenter__(self) -> Self:
        """Do nothing yet."""
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close it, inside a bound."""
        if self.credential is not None:
            await asyncio.wait([asyncio.create_task(self.credential.close())], timeout=_CLOSE_S)

    async def check(self, what: str, scope: str, *, instead: str) -> "tuple[Finding, AccessToken | None]":
        """Return which identity gave a token, with the token; or why there is none.

        Args:
            what: the finding's.
            scope: what the token is for.
            instead: the variable that a key can be set in.
        """
        from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - see above

        try:
            async with asyncio.timeout(_TOKEN_S):
                self.credential = self.credential or DefaultAzureCredential()
                token = await self.credential.get_token(scope)
        except Exception as error:  # noqa: BLE001 - what its sources raise is not all of one tree
            advice = f"give this machine an identity, sign in with az login, or set {instead}"
            return wrong(what, f"no identity gave a token: {_in_words(error)}; {advice}"), None
        return ok(what, f"{_source(self.credential)} gave a token{_owner(token.token)}"), token


def _fields(connection_string: SecretStr) -> dict[str, str]:
    parts = (part.partition("=") for part in connection_string.get_secret_value().split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in parts}


def _source(credential: "DefaultAzureCredential") -> str:
    # there is no public way to ask the chain which of its members it was
    found = type(getattr(credential, "_successful_credential", credential)).__name__
    return f"{_SOURCES[found]} ({found})" if found in _SOURCES else found


def _owner(token: str) -> str:
    """Return whose token it is, as rights are given to: numbers that are no secrets; empty where it does not say."""
    claims = _claims(token)
    found = {word: claims[claim] for claim, word in _CLAIMS.items() if isinstance(claims.get(claim), str)}
    return ": " + ", ".join(f"{word} {value}" for word, value in found.items()) if found else ""


def _claims(token: str) -> dict[str, Any]:
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}  # nobody promises that a token can be read
    return claims if isinstance(claims, dict) else {}


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    attempts = [f"{who}: {_sentence(why, who)}" for who, why in _ATTEMPT.findall(str(error))]
    return "; ".join(attempts) or _sentence(str(error), "") or type(error).__name__


def _sentence(text: str, who: str) -> str:
    first = (text.removeprefix(f"{who} ").splitlines() or [""])[0]
    return first.partition(". ")[0].removesuffix(".")
