import time

import pytest
from azure.core.credentials import AccessToken
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.http.auth.servers import Issuer, ManagedIdentity, Vault, self_made_ca


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """Every server of these tests is on this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture(scope="session")
def rsa_keys():
    return [rsa.generate_private_key(65537, 2048) for _ in range(2)]


@pytest.fixture(scope="session")
def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def issuer(rsa_keys):
    with Issuer() as issuer:
        issuer.keys["one"] = rsa_keys[0]
        yield issuer


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    return self_made_ca(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def vault(tls):
    with Vault(tls[0]) as vault:
        yield vault


@pytest.fixture
def managed_identity():
    with ManagedIdentity() as identity:
        yield identity


class FakeCredential:
    """Gives the token that the vault wants, and nothing else of azure-identity."""

    def __init__(self):
        self.scopes = []
        self.is_closed = False

    async def get_token(self, *scopes, **_):
        self.scopes += scopes
        return AccessToken(Vault.token, int(time.time()) + 3600)

    async def close(self):
        self.is_closed = True


@pytest.fixture
def credential():
    return FakeCredential()
