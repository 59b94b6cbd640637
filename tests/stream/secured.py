"""A broker that encrypts and asks who comes, as Event Hubs does, and the identities that it believes."""

import base64
import datetime as dt
import ipaddress
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

CONNECTION_STRING = "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=weir;SharedAccessKey=c2VjcmV0LWtleQ=="
SESSION_S = 1.5
"""How long the broker lets a connection live that signed in with a token."""
SETTINGS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS;User:$ConnectionString;User:weir",
    # a larger request is answered as Event Hubs answers it: the connection is closed
    "socket.request.max.bytes": 1_046_528,
}


def listeners(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Return two listeners: `KEY` for connection strings, and `TOKEN` for identities."""
    module = "org.apache.kafka.common.security"
    tls = {"ssl.keystore.type": "PEM", "ssl.keystore.location": _certificate(folder)}
    key = f'{module}.plain.PlainLoginModule required user_$ConnectionString="{CONNECTION_STRING}";'
    own = f'{module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
    return {
        "KEY": {**tls, "sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": key},
        "TOKEN": {
            **tls,
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            "oauthbearer.sasl.jaas.config": own,
            "oauthbearer.connections.max.reauth.ms": int(SESSION_S * 1000),
        },
    }


def ca_file(folder: Path) -> Path:
    """The certificate to trust."""
    return folder / "ca.pem"


def token(subject: str = "weir", lasts_s: float = 3600.0) -> AccessToken:
    """Return a token that the broker believes without a signature, until it expires."""
    now = time.time()
    claims = {"sub": subject, "iat": now - 60, "exp": now + lasts_s}
    return AccessToken(f"{_encoded({'alg': 'none'})}.{_encoded(claims)}.", int(now + lasts_s))


class Identity:
    """An identity as azure-identity's own are, that counts what is asked of it, and fails when it is told to."""

    def __init__(self, subject: str = "weir", lasts_s: float = 3.0) -> None:
        self.scopes: list[str] = []
        self.is_open = True
        self.problem = ""
        self._subject, self._lasts_s = subject, lasts_s

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert self.is_open
        self.scopes += scopes
        if self.problem:
            raise ClientAuthenticationError(self.problem)
        return token(self._subject, self._lasts_s)

    async def close(self) -> None:
        self.is_open = False


class AppService:
    """The identity's service of an App Service, on this machine."""

    def __init__(self, address: str, answer: Callable[[], tuple[int, Mapping[str, Any]]]) -> None:
        self.variables = {"IDENTITY_ENDPOINT": f"{address}/msi/token", "IDENTITY_HEADER": "weir's tests"}
        self.resources: list[str] = []
        self.answer = answer

    def asked(self, path: str, header: str | None) -> tuple[int, Mapping[str, Any]]:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        assert (parts.path, header) == ("/msi/token", self.variables["IDENTITY_HEADER"])
        self.resources += query["resource"]
        status, answer = self.answer()
        return status, {"resource": query["resource"][0], "token_type": "Bearer", **answer}


@contextmanager
def app_service(lasts_s: float = 3600.0) -> Iterator[AppService]:
    """Serve tokens that last for this long, and let a DefaultAzureCredential find them."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, answer = service.asked(self.path, self.headers["X-IDENTITY-HEADER"])
            body = json.dumps(answer).encode()
            with suppress(BrokenPipeError):  # whoever asked may have gone
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    def answer() -> tuple[int, Mapping[str, Any]]:
        fresh = token(lasts_s=lasts_s)
        return 200, {"access_token": fresh.token, "expires_on": str(fresh.expires_on)}

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = AppService(f"http://127.0.0.1:{server.server_port}", answer)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        others = {name: "" for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "MSI_"))}
        with patch.dict(os.environ, others | service.variables | {"NO_PROXY": "127.0.0.1"}):
            yield service
        server.shutdown()
        thread.join()


def _certificate(folder: Path) -> Path:
    """Write a key with its certificate, and apart from it the certificate that clients trust: it is its own issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "weir's tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )
    ca_file(folder).write_bytes(certificate)
    both = folder / "broker.pem"
    both.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate)
    return both


def _encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
