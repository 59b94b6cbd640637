"""The package as a whole: what it offers, what settings lead to, and that it keeps its secrets."""

import logging
import subprocess
import sys
import traceback

import pytest
from pydantic import ValidationError

import function_app.auth
from function_app.auth import KeyAuthenticator, NoAuthenticator, authenticator
from function_app.auth.entra import EntraAuthenticator
from function_app.auth.key_sources import Keys
from function_app.auth.vault import vault_keys
from function_app.http import Request
from function_app.problems import ProblemError, problem_response
from function_app.settings import AuthSettings, EntraSettings, HttpSettings
from scoring.errors import ConfigurationError
from scoring.validation import in_words
from tests.http.auth.asking import request
from tests.http.auth.servers import Answer, ManagedIdentity, Vault

CANARY = "canary-4711-canary-4711"
ENTRA = {"issuer": "https://issuer.example", "audience": "api://weir", "jwks_url": "https://issuer.example/keys"}


def test_what_the_package_offers():
    assert sorted(function_app.auth.__all__) == [
        "Authenticator",
        "KeyAuthenticator",
        "NoAuthenticator",
        "authenticator",
    ]
    assert all(hasattr(function_app.auth, name) for name in function_app.auth.__all__)


def test_only_those_who_use_azure_or_tokens_wait_for_their_libraries():
    program = (
        "import sys, function_app.auth as auth; from function_app.settings import AuthSettings; "
        "auth.authenticator(AuthSettings()); "
        "print([name for name in ('azure', 'jwt', 'aiohttp', 'cryptography') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (AuthSettings(mode="none"), NoAuthenticator),
        (AuthSettings(mode="entra", entra=EntraSettings(**ENTRA)), EntraAuthenticator),
        (AuthSettings(primary_key=CANARY), KeyAuthenticator),
        (AuthSettings(), KeyAuthenticator),
        (AuthSettings(key_vault_url="https://weir.vault.example"), KeyAuthenticator),
    ],
)
def test_the_mode_decides(settings, kind):
    assert isinstance(authenticator(settings), kind)


async def test_with_mode_none_everybody_is_let_in():
    async with NoAuthenticator() as made:
        made.check(Request("POST", "/score"))
        await made.check_async(Request("POST", "/score"))
        assert made.why_not_ready == ""


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"mode": "entra"}, "mode entra needs entra: {issuer, audience, jwks_url}"),
        (
            {"primary_key": CANARY, "primary_key_file": "/keys/one"},
            "primary_key and primary_key_file are both set: which one is good? Leave one out",
        ),
        (
            {"secondary_key_file": "/keys/two", "key_vault_url": "https://weir.vault.example"},
            "key_vault_url is set, and secondary_key or secondary_key_file as well: keep the keys in one place",
        ),
    ],
)
def test_settings_that_contradict_themselves(given, reason):
    with pytest.raises(ValidationError) as caught:
        AuthSettings(**given)
    assert in_words(caught.value) == reason


@pytest.mark.parametrize(
    "given",
    [
        {"key_vault_url": "http://127.0.0.1:8200"},
        {"key_vault_url": "https://weir.vault.example/secrets"},
        {"key_vault_url": "https://"},
        {"primary_secret": "../keys/another"},
        {"primary_secret": ""},
        {"refresh_s": 0},
        {"entra": {**ENTRA, "audience": ""}},
        {"entra": {**ENTRA, "issuer": ""}},
        {"entra": {**ENTRA, "jwks_url": "http://issuer.example/keys"}},
        {"entra": {**ENTRA, "leeway_s": 3600}},
        {"unknown": 1},
    ],
)
def test_settings_that_are_refused(given):
    with pytest.raises(ValidationError):
        AuthSettings(**given)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    "given",
    [
        {"mode": "entra", "primary_key": CANARY},
        {"mode": CANARY, "primary_key": CANARY},
        {"primary_key": [CANARY]},
        {"primary_kee": CANARY},
        {"primary_key": CANARY, "primary_key_file": "/x"},
    ],
)
def test_wrong_settings_do_not_show_a_key(given, nested):
    with pytest.raises(ValidationError) as caught:
        HttpSettings(auth=given) if nested else AuthSettings(**given)
    if given.get("mode") != CANARY:
        assert "canary" not in in_words(caught.value)
    assert "canary" not in str(caught.value) + repr(caught.value)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def shown(value, seen=None):
    """What an error reporter would print of an object: its repr and its attributes', as far as they are ours."""
    seen = set() if seen is None else seen
    if id(value) in seen or not type(value).__module__.startswith("function_app"):
        return repr(value)
    seen.add(id(value))
    parts = getattr(value, "__dict__", {})
    return " ".join([repr(value), str(value), *(shown(part, seen) for part in parts.values())])


def test_settings_and_keys_do_not_show_a_key():
    settings = AuthSettings(primary_key=CANARY, secondary_key=CANARY)
    assert "canary" not in repr(settings) + str(settings) + repr(HttpSettings(auth=settings))
    assert "canary" not in settings.model_dump_json() + str(settings.model_dump())
    assert "canary" not in repr(Keys(settings.primary_key, None)) + repr(Keys(settings.primary_key, None).checked())


async def test_a_key_authenticator_shows_nothing(caplog, tmp_path):
    caplog.set_level(1)
    (tmp_path / "key").write_text(f"{CANARY}-2")
    made = authenticator(AuthSettings(primary_key=CANARY, secondary_key_file=tmp_path / "key"))
    async with made:
        made.check(request(CANARY))
        made.check(request(f"{CANARY}-2"))
        told = tell(made, request("wrong-canary-1")) + tell(made, request(api_key="wrong-canary-2"))
        await made._refresher.refresh()
        (tmp_path / "key").write_text("canary-2")
        await made._refresher.refresh()
    assert told.count("not one of this service's keys") >= 2
    assert "canary" not in told + shown(made) + logged(caplog)
    assert "the secondary key must have 16 to 1024 characters" in caplog.text


async def test_a_vault_shows_nothing(vault, tls, managed_identity, monkeypatch, caplog):
    """Not the keys, nor the tokens that they were fetched with, even with every library telling all it tells."""
    caplog.set_level(1)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{managed_identity.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", ManagedIdentity.header)
    vault.secrets = {"primary": CANARY}
    keys = vault_keys(vault.url, "primary", "secondary", verify_challenge_resource=False, connection_verify=str(tls[1]))
    made = KeyAuthenticator(keys)
    async with made:
        made.check(request(CANARY))
        for answer in (Answer(200, b"canary", {"Content-Type": "application/json"}), Answer(500, b"canary"), "canary"):
            vault.secrets["primary"] = answer
            await made._refresher.refresh()
        assert "canary" not in shown(made)
    assert len([record for record in caplog.records if "trying again" in record.getMessage()]) == 3
    assert "canary" not in logged(caplog)


async def test_a_vault_that_cannot_be_read_at_the_start_shows_nothing(vault, tls, credential):
    vault.secrets = {"primary": Answer(200, b'{"value": "canary', {"Content-Type": "application/json"})}
    keys = vault_keys(
        vault.url,
        "primary",
        "secondary",
        credential=credential,
        verify_challenge_resource=False,
        connection_verify=str(tls[1]),
    )
    with pytest.raises(ConfigurationError) as caught:
        await KeyAuthenticator(keys).__aenter__()
    text = "".join(traceback.format_exception(caught.value))
    assert text.rstrip().endswith("secret primary: the vault's answer cannot be read")
    assert "canary" not in text
    assert Vault.token not in text


async def test_tokens_are_not_shown(issuer, caplog, rsa_keys):
    caplog.set_level(1)
    settings = EntraSettings(issuer=issuer.iss, audience=issuer.aud, jwks_url=f"{issuer.url}/keys", roles=("score",))
    made = EntraAuthenticator(settings, fetches_apart_s=0.01)
    tokens = [
        issuer.token(scp="score", sub=CANARY),
        issuer.token(sub=CANARY),
        issuer.token(sub=CANARY, aud=CANARY),
        issuer.token(sub=CANARY, iss=CANARY),
        issuer.token(CANARY, key=rsa_keys[1]),
        issuer.token("one", key=rsa_keys[1]),
        issuer.token("one")[:-9],
        CANARY,
    ]
    async with made:
        texts = [tell(made, request(token)) for token in tokens]
        await made._refresher.refresh()
        texts += [shown(made), logged(caplog)]
    for text in texts:
        assert "canary" not in text
        assert not any(part in text for token in tokens[:-1] for part in token.split(".") if len(part) > 60)


def tell(made, asking):
    """Return all that a caller and a log would be told of a check."""
    try:
        made.check(asking)
    except ProblemError as problem:
        response = problem_response(problem)
        return f"{response!r} {problem!r} {''.join(traceback.format_exception(problem))}"
    return ""


def logged(caplog):
    """Return the log with everything that handlers may print of a record."""
    lines = [logging.Formatter("%(name)s %(message)s").format(record) for record in caplog.records]
    return "\n".join([*lines, *(repr(vars(record)) for record in caplog.records)])
