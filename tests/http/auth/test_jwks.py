import contextlib
import gzip
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from function_app.auth.jwks import JwksClient, parse_jwks
from function_app.auth.refresh import RefreshError
from tests.http.auth.servers import jwk

NONE_USABLE = "no key of the issuer has a kid and verifies RS256 or ES256"


def document(*keys):
    return json.dumps({"keys": keys}).encode()


def test_each_key_is_for_one_algorithm(rsa_keys, ec_key):
    keys = parse_jwks(document(jwk(rsa_keys[0], "one", x5c=["ignored"], alg="RS256"), jwk(ec_key, "two")))
    assert {kid: (key.algorithm, key.key.algorithm_name) for kid, key in keys.items()} == {
        "one": ("RS256", "RS256"),
        "two": ("ES256", "ES256"),
    }


def test_of_two_keys_with_one_name_the_first_is_taken(rsa_keys, ec_key):
    keys = parse_jwks(document(jwk(rsa_keys[0], "one"), jwk(ec_key, "one")))
    assert keys["one"].algorithm == "RS256"


def test_what_cannot_be_used_is_passed_over(rsa_keys, ec_key):
    good = jwk(ec_key, "good")
    rsa_key = jwk(rsa_keys[0], "bad")
    bad = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "bad", "alg": "HS256"},
        {**rsa_key, "alg": "HS256"},
        {**rsa_key, "alg": "RS512"},
        {**rsa_key, "use": "enc"},
        {**rsa_key, "kid": None},
        {**rsa_key, "kid": ""},
        {**rsa_key, "kid": "k" * 257},
        {**rsa_key, "kid": ["bad"]},
        {**rsa_key, "n": "!!"},
        {**rsa_key, "n": None},
        {**rsa_key, "e": "AA"},
        {**rsa_key, "crv": "P-256"},
        {**good, "kid": "bad", "x": "AA"},
        {**good, "kid": "bad", "crv": None},
        jwk(ec.generate_private_key(ec.SECP384R1()), "bad"),
        jwk(rsa.generate_private_key(65537, 1024), "bad"),  # noqa: S505 - this is what is refused
        "bad",
        None,
        [],
    ]
    for entry in bad:
        with pytest.raises(RefreshError, match=NONE_USABLE):
            parse_jwks(document(entry))
    assert list(parse_jwks(document(*bad, good))) == ["good"]


def test_a_private_key_that_is_given_away_is_only_verified_with(rsa_keys):
    numbers = jwk(rsa_keys[0], "one", d="AQAB", p="AQAB")
    key = parse_jwks(document(numbers))["one"]
    assert isinstance(key.key.key, rsa.RSAPublicKey)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'"keys"', b"\xff", b"[" * 100_000, b'{"keys'])
def test_what_is_no_key_set(body):
    with pytest.raises(RefreshError) as caught:
        parse_jwks(body)
    assert str(caught.value) == 'the answer is not a JSON Web Key Set, {"keys": [...]}'


@pytest.mark.parametrize("keys", [{}, "keys", 1, None, [{}] * 101])
def test_a_list_that_is_none_or_too_long(keys):
    with pytest.raises(RefreshError) as caught:
        parse_jwks(json.dumps({"keys": keys}).encode())
    assert str(caught.value) == "expected a list of at most 100 keys"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["kty", "kid", "n", "e", "crv", "x", "y", "alg", "use"]), _JSON)
        | st.fixed_dictionaries({"kty": st.just("RSA"), "kid": st.just("k"), "n": st.text(), "e": st.text()})
        | st.fixed_dictionaries(
            {"kty": st.just("EC"), "crv": st.just("P-256"), "kid": st.just("k"), "x": st.text(), "y": st.text()}
        ),
        max_size=3,
    )
)
def test_any_key_set_ends_in_keys_or_in_words(entries):
    with contextlib.suppress(RefreshError):
        assert parse_jwks(document(*entries))


async def test_a_compressed_answer_is_not_unpacked(issuer):
    issuer.document = gzip.compress(b" " * 10_000_000)
    issuer.headers = {"Content-Encoding": "gzip"}
    async with JwksClient(issuer.url, timeout_s=5) as client:
        with pytest.raises(RefreshError, match="not a JSON Web Key Set"):
            await client.fetch()
    assert issuer.asked[0][1]["Accept-Encoding"] == "identity"


async def test_a_client_that_is_not_open(issuer):
    with pytest.raises(RefreshError, match="the client is not open"):
        await JwksClient(issuer.url, timeout_s=1).fetch()
