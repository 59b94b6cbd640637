"""Servers for the tests: an issuer of tokens, a Key Vault over TLS, and App Service's managed identity."""

import base64
import contextlib
import datetime as dt
import ipaddress
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


class Answer(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


class Server:
    """Answers GET with `self.answer(path, headers)` in threads, and counts; `hang` keeps every answer back."""

    def __init__(self, context=None):
        self.asked = []
        self.hanging = threading.Event()
        self._let_go = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        if context is not None:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_address[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def answer(self, path, headers):
        raise NotImplementedError

    def _handler(server):  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append((self.path, dict(self.headers)))
                if server.hanging.is_set():
                    server._let_go.wait(30)
                    return
                answer = server.answer(self.path, self.headers)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                with contextlib.suppress(OSError):  # a client may have read enough
                    self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        return Handler

    def __enter__(self):
        self._thread.start()
        return self

    def let_go(self):
        """End the answers that hang."""
        self._let_go.set()

    def __exit__(self, *_):
        self.let_go()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


class Issuer(Server):
    """Publishes keys and signs tokens; `status` and `document` replace the answer."""

    iss = "https://issuer.example/v2.0"
    aud = "api://weir"

    def __init__(self):
        super().__init__()
        self.keys = {}
        self.status = 200
        self.document = None
        self.headers = {}

    def answer(self, path, headers):
        body = self.document if self.document is not None else self.jwks()
        return Answer(self.status, body, {"Content-Type": "application/json", **self.headers})

    def jwks(self):
        return json.dumps({"keys": [jwk(key, kid) for kid, key in self.keys.items()]}).encode()

    def claims(self, **changed):
        now = time.time()
        given = {"iss": self.iss, "aud": self.aud, "iat": now, "nbf": now, "exp": now + 600, "sub": "caller", **changed}
        return {name: value for name, value in given.items() if value is not None}

    def token(self, kid="one", *, key=None, algorithm=None, **claims):
        key = key or self.keys[kid]
        algorithm = algorithm or ("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
        return jwt.encode(self.claims(**claims), key, algorithm=algorithm, headers={"kid": kid})


class Vault(Server):
    """Speaks the secrets API of Key Vault: challenges who brings no token, then answers by name.

    Attributes:
        secrets: the values by name; None for a disabled secret, an `Answer` to say something else.
    """

    token = "vault-token-canary-5f1e"  # noqa: S105 - of nothing

    def __init__(self, context):
        super().__init__(context)
        self.secrets = {}

    def answer(self, path, headers):
        if headers.get("Authorization") != f"Bearer {self.token}":
            challenge = 'Bearer authorization="https://login.example/tenant", resource="https://vault.example"'
            return Answer(401, b"", {"WWW-Authenticate": challenge})
        name = urllib.parse.urlsplit(path).path.strip("/").split("/")[1]
        if name not in self.secrets:
            return problem(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")
        value = self.secrets[name]
        if isinstance(value, Answer):
            return value
        if value is None:
            return problem(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        bundle = {"value": value, "id": f"{self.url}/secrets/{name}/0123", "attributes": {"enabled": True}}
        return Answer(200, json.dumps(bundle).encode(), {"Content-Type": "application/json; charset=utf-8"})


class ManagedIdentity(Server):
    """What App Service, Functions and Container Apps offer as IDENTITY_ENDPOINT."""

    header = "identity-header-canary-77ab"

    def answer(self, path, headers):
        if headers.get("X-IDENTITY-HEADER") != self.header:
            return Answer(401)
        resource = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)["resource"][0]
        document = {
            "access_token": Vault.token,
            "expires_on": str(int(time.time()) + 3600),
            "resource": resource,
            "token_type": "Bearer",
        }
        return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


def problem(status, code, message, inner=None):
    error = {"code": code, "message": message} | ({"innererror": {"code": inner}} if inner else {})
    return Answer(status, json.dumps({"error": error}).encode(), {"Content-Type": "application/json; charset=utf-8"})


def jwk(key, kid, **more):
    """A public key as a JSON Web Key."""
    numbers = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        members = {"kty": "RSA", "n": _b64(numbers.n), "e": _b64(numbers.e)}
    else:
        size = (key.curve.key_size + 7) // 8
        name = {256: "P-256", 384: "P-384"}[key.curve.key_size]
        members = {"kty": "EC", "crv": name, "x": _b64(numbers.x, size), "y": _b64(numbers.y, size)}
    return {"kid": kid, "use": "sig", **members, **more}


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def self_made_ca(folder):
    """Make a certificate authority and a certificate for 127.0.0.1; return the server's context and the CA's path."""
    now = dt.datetime.now(dt.UTC)

    def certificate(subject, issuer, key, signer, extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca, host = folder / "ca.pem", folder / "host.pem"
    ca.write_bytes(
        certificate("test ca", "test ca", ca_key, ca_key, [x509.BasicConstraints(ca=True, path_length=None)])
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    host.write_bytes(
        certificate("127.0.0.1", "test ca", key, ca_key, [names])
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(host)
    return context, ca


def _name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _b64(number, size=None):
    data = number.to_bytes(size or (number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
