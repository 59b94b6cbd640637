import asyncio
import time

import pytest

from function_app.auth import KeyAuthenticator, authenticator
from function_app.auth.vault import vault_keys
from function_app.settings import AuthSettings
from scoring.errors import ConfigurationError
from tests.http.auth.asking import accepts, refused, wait_until
from tests.http.auth.servers import Answer, ManagedIdentity, Vault, problem

ONE, TWO = "first-vault-key-01234567", "second-vault-key-01234567"


@pytest.fixture
def keys(vault, tls, credential):
    return source(vault, tls, credential)


def source(vault, tls, credential):
    return vault_keys(
        vault.url,
        "weir-primary-key",
        "weir-secondary-key",
        credential=credential,
        # A vault's own name ends in that of the resource that it wants tokens for; an address does not.
        verify_challenge_resource=False,
        connection_verify=str(tls[1]),
    )


def quick(keys):
    made = KeyAuthenticator(keys)
    made._refresher._interval_s = made._refresher._floor_s = 0.02
    return made


async def test_both_secrets_are_keys(vault, keys, credential):
    vault.secrets = {"weir-primary-key": ONE, "weir-secondary-key": TWO}
    async with KeyAuthenticator(keys) as made:
        assert accepts(made, ONE)
        assert accepts(made, TWO)
        refused(made, "neither-of-the-two-keys")
    assert credential.scopes == ["https://vault.example/.default"]
    assert credential.is_closed
    assert {path.partition("?")[0].rstrip("/") for path, _ in vault.asked} == {
        "/secrets/weir-primary-key",
        "/secrets/weir-secondary-key",
    }


async def test_they_are_rotated_without_a_restart(vault, keys):
    vault.secrets = {"weir-primary-key": ONE}
    async with quick(keys) as made:
        vault.secrets = {"weir-primary-key": TWO, "weir-secondary-key": ONE}
        await wait_until(lambda: accepts(made, TWO))
        assert accepts(made, ONE)


@pytest.mark.parametrize("how", ["deleted", "disabled"])
async def test_a_secret_that_is_deleted_or_disabled_revokes_its_key(vault, keys, how):
    vault.secrets = {"weir-primary-key": ONE, "weir-secondary-key": TWO}
    async with quick(keys) as made:
        vault.secrets = {"weir-secondary-key": TWO} | ({"weir-primary-key": None} if how == "disabled" else {})
        await wait_until(lambda: not accepts(made, ONE))
        assert accepts(made, TWO)


@pytest.mark.parametrize(
    ("answer", "logged"),
    [
        (Answer(503), "the vault answered 503"),
        (Answer(429, b"", {"Retry-After": "0"}), "the vault answered 429"),
        (problem(403, "Forbidden", "canary"), "the vault answered 403 (may this identity get secrets?)"),
        (Answer(200, b'{"value": "canary', {"Content-Type": "application/json"}), "the vault's answer cannot be read"),
        (Answer(200, b'{"value": "canary"}', {"Content-Type": "application/json"}), "the primary key must have 16"),
        (Answer(200, b'["canary"]', {"Content-Type": "application/json"}), "no answer from the vault"),
    ],
)
async def test_the_last_keys_stay_good_while_the_vault_fails(vault, keys, answer, logged, caplog):
    caplog.set_level(1)
    vault.secrets = {"weir-primary-key": ONE}
    async with quick(keys) as made:
        vault.secrets = {"weir-primary-key": answer}
        await wait_until(lambda: "trying again" in caplog.text)
        assert accepts(made, ONE)
    assert logged in caplog.text
    assert "canary" not in caplog.text.replace(Vault.token, "")


async def test_both_secrets_gone_is_a_fault_and_not_a_rotation(vault, keys, caplog):
    vault.secrets = {"weir-primary-key": ONE}
    async with quick(keys) as made:
        vault.secrets = {}
        await wait_until(lambda: caplog.records)
        assert accepts(made, ONE)
    assert "neither secret weir-primary-key nor weir-secondary-key is there and enabled" in caplog.text


async def test_a_vault_that_hangs_keeps_nobody_waiting_and_delays_no_stop(vault, keys):
    vault.secrets = {"weir-primary-key": ONE}
    async with quick(keys) as made:
        vault.hanging.set()
        asked = len(vault.asked)
        await wait_until(lambda: len(vault.asked) > asked)
        started = time.perf_counter()
        assert accepts(made, ONE)
        assert time.perf_counter() - started < 1
        started = time.perf_counter()
    assert time.perf_counter() - started < 2
    vault.let_go()
    await asyncio.sleep(0.1)  # the connection that hung is closed by both sides before the loop is


@pytest.mark.parametrize("missing", ["secrets", "vault", "token"])
async def test_it_does_not_start_without_a_key(vault, tls, credential, keys, missing):
    if missing == "vault":
        vault.__exit__()
    if missing == "token":

        async def get_token(*_, **__):
            raise ValueError("canary")

        credential.get_token = get_token
    with pytest.raises(ConfigurationError) as caught:
        await KeyAuthenticator(keys).__aenter__()
    expected = {
        "secrets": "neither secret weir-primary-key nor weir-secondary-key is there and enabled",
        "vault": "secret weir-primary-key: no answer from the vault (ServiceRequestError)",
        "token": "secret weir-primary-key: no answer from the vault (ValueError)",
    }
    assert str(caught.value) == f"the keys in {vault.url}: {expected[missing]}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert credential.is_closed


async def test_a_vault_with_another_certificate_is_sent_nothing(vault, credential):
    keys = vault_keys(vault.url, "weir-primary-key", "weir-secondary-key", credential=credential)
    with pytest.raises(ConfigurationError, match="no answer from the vault"):
        await KeyAuthenticator(keys).__aenter__()
    assert vault.asked == []
    assert credential.scopes == []


async def test_a_vault_of_somebody_else_gets_no_token(vault, tls, credential):
    keys = vault_keys(
        vault.url, "weir-primary-key", "weir-secondary-key", credential=credential, connection_verify=str(tls[1])
    )
    with pytest.raises(ConfigurationError):
        await KeyAuthenticator(keys).__aenter__()
    assert credential.scopes == []


async def test_the_managed_identity_of_a_function_or_a_container_app(vault, tls, managed_identity, monkeypatch):
    """All of azure-identity: the default credential finds App Service's endpoint, and brings its token to the vault."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{managed_identity.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", ManagedIdentity.header)
    vault.secrets = {"weir-primary-key": ONE}
    async with KeyAuthenticator(source(vault, tls, None)) as made:
        assert accepts(made, ONE)
    assert len(managed_identity.asked) == 1


async def test_nobody_to_sign_in_as_is_told_in_words(vault, tls, monkeypatch):
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    # Of the chain only the environment's credential, which does not look for a machine's identity on the network.
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with pytest.raises(ConfigurationError) as caught:
        await KeyAuthenticator(source(vault, tls, None)).__aenter__()
    assert str(caught.value).endswith(
        "no token for the vault: azure-identity found nobody to sign in as, or was refused"
    )


def test_the_settings_lead_to_the_vault():
    made = authenticator(AuthSettings(key_vault_url="https://weir.vault.example/"))
    assert made._source.name == "the keys in https://weir.vault.example"
    assert made._source.can_change
