"""Who this machine signs in as, in words."""

import base64
import json

import pytest
from pydantic import SecretStr

from stream_worker.identity import Identity, entity, key_in_words
from tests.stream.secured import app_service

SCOPE = "https://eventhubs.azure.net/.default"


def jwt(**claims):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{payload}.canary"


async def asked(token=None, *, status=200, **answer):
    """Return what is found of an App Service's identity, and the token."""
    with app_service() as service:
        if token is not None or status != 200:
            given = {"access_token": token, "expires_on": "4000000000"} if token is not None else answer
            service.answer = lambda: (status, given)
        async with Identity() as identity:
            return await identity.check("source, identity", SCOPE, instead="WEIR__KEY")


async def test_the_owner_of_a_token_is_told_by_the_numbers_that_rights_are_given_to():
    found, token = await asked(jwt(appid="1", oid="2", tid="3", upn="ada@contoso.com", sub="secret"))
    assert found.mark == "ok"
    assert found.words == (
        "the managed identity (ManagedIdentityCredential) gave a token: "
        "user ada@contoso.com, application 1, object 2, tenant 3"
    )
    assert token.token.endswith(".canary")


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "e30.W10.c", jwt(appid=5)])
async def test_a_token_that_does_not_tell_its_owner(token):
    found, _ = await asked(token)
    assert found.words == "the managed identity (ManagedIdentityCredential) gave a token"


async def test_what_each_of_the_identities_says_when_none_gives_a_token(monkeypatch):
    monkeypatch.setenv("PATH", "")  # nobody is signed in to a developer's tools
    found, token = await asked(status=400, error={"code": "x", "message": "no such identity"})
    assert (found.mark, token) == ("wrong", None)
    assert found.words.startswith(
        "no identity gave a token: EnvironmentCredential: authentication unavailable; WorkloadIdentityCredential: "
        "authentication unavailable; ManagedIdentityCredential: "
    )
    assert found.words.endswith("; give this machine an identity, sign in with az login, or set WEIR__KEY")


async def test_a_choice_of_identities_that_there_is_not(monkeypatch):
    with app_service():
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nobody")
        async with Identity() as identity:
            found, _ = await identity.check("source, identity", SCOPE, instead="WEIR__KEY")
    assert found.words.startswith("no identity gave a token: Invalid value for AZURE_TOKEN_CREDENTIALS: nobody; give")


ENDPOINT = "Endpoint=sb://contoso.servicebus.windows.net/"


@pytest.mark.parametrize(
    ("string", "words", "hub"),
    [
        (
            f"{ENDPOINT};SharedAccessKeyName=reader;SharedAccessKey=canary=",
            "the connection string's key 'reader', for the whole namespace",
            None,
        ),
        (
            f"{ENDPOINT};SharedAccessKeyName=reader;SharedAccessKey=canary=;EntityPath=tx",
            "the connection string's key 'reader', for 'tx' alone",
            "tx",
        ),
        (
            f"{ENDPOINT};SharedAccessSignature=SharedAccessSignature sr=canary&sig=canary",
            "the connection string's shared access signature, for the whole namespace",
            None,
        ),
    ],
)
def test_a_key_is_told_by_its_name(string, words, hub):
    assert key_in_words(SecretStr(string)) == words
    assert entity(SecretStr(string)) == hub


def test_no_connection_string_is_for_no_hub_alone():
    assert entity(None) is None
