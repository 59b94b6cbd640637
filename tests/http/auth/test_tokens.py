import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from function_app.auth import tokens
from function_app.auth.jwks import parse_jwks
from function_app.auth.tokens import TokenVerifier, UnknownKeyError
from function_app.problems import ProblemError
from function_app.settings import EntraSettings
from tests.http.auth.servers import public_pem

NOT_ONE = "the token cannot be read: expected a signed JSON Web Token"


@pytest.fixture
def verifier(issuer, ec_key):
    issuer.keys["two"] = ec_key
    made = TokenVerifier(settings_of(issuer))
    assert made.use(parse_jwks(issuer.jwks()))
    return made


def settings_of(issuer, **changed):
    given = {"issuer": issuer.iss, "audience": issuer.aud, "jwks_url": "https://issuer.example/keys", "leeway_s": 5}
    return EntraSettings(**{**given, **changed})


def refusal(verifier, token):
    with pytest.raises(ProblemError) as caught:
        verifier.check(token)
    assert caught.value.status == 401
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.detail


def raw(header, payload, sign=lambda data: b""):
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    signature = base64.urlsafe_b64encode(sign(b".".join(parts))).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": time.time() - 3600}, "the token has expired"),
        ({"nbf": time.time() + 3600}, "the token is not valid yet"),
        ({"iat": time.time() + 3600}, "the token is not valid yet"),
        ({"aud": "api://other"}, "the token is for another audience than api://weir"),
        ({"aud": ["api://other", "api://another"]}, "the token is for another audience than api://weir"),
        ({"iss": "https://evil.example"}, "the token is of another issuer than https://issuer.example/v2.0"),
        ({"iss": "https://issuer.example/v2.0/"}, "the token is of another issuer than https://issuer.example/v2.0"),
        ({"exp": None}, "the token lacks a claim: exp, iss, aud are needed"),
        ({"aud": None}, "the token lacks a claim: exp, iss, aud are needed"),
        ({"iss": None}, "the token lacks a claim: exp, iss, aud are needed"),
        ({"exp": "soon"}, NOT_ONE),
        ({"exp": float("inf")}, NOT_ONE),
    ],
)
@pytest.mark.parametrize("kid", ["one", "two"])
def test_claims_that_are_not_good(issuer, verifier, kid, claims, reason):
    assert refusal(verifier, issuer.token(kid, **claims)) == reason


def test_one_of_several_audiences_is_enough(issuer, verifier):
    verifier.check(issuer.token(aud=["api://other", issuer.aud]))


def test_clocks_may_differ_a_little(issuer, verifier):
    now = time.time()
    verifier.check(issuer.token(exp=now - 3))
    verifier.check(issuer.token(nbf=now + 3, iat=now + 3))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None])
def test_no_signature_is_never_enough(issuer, verifier, alg):
    refusal(verifier, raw({"alg": alg, "kid": "one", "typ": "JWT"}, issuer.claims()))


@pytest.mark.parametrize("kid", ["one", "two"])
@pytest.mark.parametrize("secret", ["pem", "jwk", "empty"])
def test_a_public_key_is_not_a_shared_secret(issuer, verifier, kid, secret):
    shared = {"pem": public_pem(issuer.keys[kid]), "jwk": issuer.jwks(), "empty": b""}[secret]
    token = raw(
        {"alg": "HS256", "kid": kid}, issuer.claims(), lambda data: hmac.new(shared, data, hashlib.sha256).digest()
    )
    assert refusal(verifier, token) == "the token is signed with another algorithm than its key's"


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_of_the_same_key_is_refused(issuer, verifier, algorithm):
    reason = refusal(verifier, issuer.token("one", algorithm=algorithm))
    assert reason == "the token is signed with another algorithm than its key's"


def test_a_key_brings_its_own_algorithm(issuer, verifier, ec_key):
    assert refusal(verifier, issuer.token("one", key=ec_key)) == (
        "the token is signed with another algorithm than its key's"
    )


def test_a_forged_signature(issuer, verifier, rsa_keys):
    assert refusal(verifier, issuer.token("one", key=rsa_keys[1])) == "the token's signature is wrong"
    other = ec.generate_private_key(ec.SECP256R1())
    assert refusal(verifier, issuer.token("two", key=other, exp=0)) == "the token's signature is wrong"


def test_claims_that_were_changed(issuer, verifier):
    header, _, signature = issuer.token().split(".")
    payload = raw({}, issuer.claims(sub="somebody else")).split(".")[1]
    assert refusal(verifier, f"{header}.{payload}.{signature}") == "the token's signature is wrong"


@pytest.mark.parametrize("member", ["jwk", "jku", "x5c", "x5u"])
def test_a_token_cannot_bring_its_own_key(issuer, verifier, member):
    own = rsa.generate_private_key(65537, 2048)
    token = jwt.encode(issuer.claims(), own, algorithm="RS256", headers={"kid": "one", member: "https://evil.example"})
    assert refusal(verifier, token) == "the token's signature is wrong"


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "a.b.c",
        "a.b",
        "a.b.c.d.e",
        "é.é.é",
        "\udcff",
        "null",
        "eyJhbGciOiJub25lIn0",
        "[" * 5000,
        "W10.W10.W10",
    ],
)
def test_garbage(verifier, token):
    assert refusal(verifier, token).startswith(NOT_ONE)


def test_deep_nesting_is_garbage(verifier):
    header = base64.urlsafe_b64encode(b"[" * 9000).rstrip(b"=").decode()
    assert refusal(verifier, f"{header}.e30.e30").startswith(NOT_ONE)


@pytest.mark.parametrize("size", [16_385, 10_000_000])
def test_a_huge_token_is_not_looked_into(verifier, size, monkeypatch):
    monkeypatch.setattr(tokens, "sha256", None)
    monkeypatch.setattr(tokens, "jwt", None)
    assert refusal(verifier, "a" * size) == f"{NOT_ONE} of at most 16384 characters"


@pytest.mark.parametrize("start", ["", "."])
def test_only_a_short_header_is_decoded(verifier, monkeypatch, start):
    monkeypatch.setattr(tokens.jwt, "get_unverified_header", None)
    assert refusal(verifier, "a" * 2049 + start + "b" * 5000) == NOT_ONE


@pytest.mark.parametrize("kid", [None, 1, "", "three", "../one", "one\0", ["one"]])
def test_a_key_that_is_not_known(issuer, verifier, kid):
    with pytest.raises((UnknownKeyError, ProblemError)):
        verifier.check(raw({"alg": "RS256", "kid": kid}, issuer.claims(), lambda _: b"signature"))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(token=st.text() | st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode() + ".e30.e30"))
def test_nothing_but_a_refusal_comes_of_any_text(verifier, token):
    with pytest.raises((ProblemError, UnknownKeyError)):
        verifier.check(token)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 10_000), other=st.characters(min_codepoint=33, max_codepoint=126))
def test_no_changed_character_is_let_in(issuer, verifier, at, other):
    token = issuer.token("two")
    at %= len(token)
    assume(other != token[at])
    with pytest.raises((ProblemError, UnknownKeyError)):
        verifier.check(token[:at] + other + token[at + 1 :])


def test_a_good_token_is_remembered_until_it_expires(issuer, verifier, monkeypatch):
    now = [time.time()]
    verifier._clock = lambda: now[0]
    decoded = []
    decode = tokens.jwt.decode
    monkeypatch.setattr(tokens.jwt, "decode", lambda *a, **k: decoded.append(1) or decode(*a, **k))
    token = issuer.token(exp=now[0] + 100)
    for _ in range(3):
        verifier.check(token)
    assert len(decoded) == 1
    now[0] += 104
    verifier.check(token)
    assert len(decoded) == 1
    now[0] += 2
    verifier.check(token)  # PyJWT's clock has not moved: what matters is that it is asked again
    assert len(decoded) == 2


def test_only_so_many_tokens_are_remembered_and_the_latest_stay(issuer, verifier, monkeypatch):
    monkeypatch.setattr(tokens, "_REMEMBERED", 3)
    made = [issuer.token("two", jti=str(n)) for n in range(5)]
    for token in made[:3]:
        verifier.check(token)
    verifier.check(made[0])
    for token in made[3:]:
        verifier.check(token)
    kept = [hashlib.sha256(made[n].encode()).digest() for n in (0, 3, 4)]
    assert list(verifier._good_until) == kept


def test_a_token_that_was_refused_is_not_remembered(issuer, verifier):
    refusal(verifier, issuer.token(aud="other"))
    assert not verifier._good_until


def test_further_keys_leave_what_is_remembered_and_withdrawn_ones_do_not(issuer, verifier, rsa_keys):
    verifier.check(issuer.token("one"))
    issuer.keys["three"] = rsa_keys[1]
    assert verifier.use(parse_jwks(issuer.jwks()))
    assert not verifier.use(parse_jwks(issuer.jwks()))
    assert len(verifier._good_until) == 1
    del issuer.keys["two"]
    assert verifier.use(parse_jwks(issuer.jwks()))
    assert not verifier._good_until
