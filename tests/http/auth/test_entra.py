import asyncio
import logging
import time
import timeit

import pytest

from function_app.auth.entra import EntraAuthenticator
from function_app.problems import ProblemError
from function_app.settings import EntraSettings
from tests.http.auth.asking import accepts, refused, request, wait_until


def entra(issuer, *, fetch_s=2.0, fetches_apart_s=0.05, **changed):
    settings = EntraSettings(
        **{"issuer": issuer.iss, "audience": issuer.aud, "jwks_url": f"{issuer.url}/keys", "leeway_s": 2, **changed}
    )
    return EntraAuthenticator(settings, fetch_s=fetch_s, fetches_apart_s=fetches_apart_s)


async def test_good_tokens_of_both_algorithms(issuer, ec_key):
    issuer.keys["two"] = ec_key
    async with entra(issuer) as made:
        for kid in ("one", "two"):
            asking = request(issuer.token(kid))
            for _ in range(2):
                made.check(asking)
                await made.check_async(asking)
    assert len(issuer.asked) == 1


async def test_a_caller_without_a_token_is_told_how_to_send_one(issuer):
    async with entra(issuer) as made:
        for headers in ({}, {"authorization": "Basic dTpw"}, {"api_key": issuer.token()}):
            problem = refused(made, **headers)
            assert problem.detail == "send a token for this service as `Authorization: Bearer <token>`"
            assert problem.headers == {"WWW-Authenticate": "Bearer"}


async def test_a_key_that_the_issuer_rotates_in_is_waited_for(issuer, rsa_keys):
    async with entra(issuer) as made:
        issuer.keys = {"new": rsa_keys[1], **issuer.keys}
        asking = request(issuer.token("new"))
        await asyncio.gather(*(made.check_async(asking) for _ in range(20)))
        made.check(asking)
        assert accepts(made, issuer.token("one"))
    assert len(issuer.asked) == 2


async def test_without_waiting_a_new_key_is_refused_once_and_fetched(issuer, rsa_keys):
    async with entra(issuer) as made:
        issuer.keys = {"new": rsa_keys[1], **issuer.keys}
        problem = refused(made, issuer.token("new"))
        assert problem.detail == "the token is signed with a key that the issuer has not published"
        assert problem.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"', "Retry-After": "2"}
        await wait_until(lambda: accepts(made, issuer.token("new")))


async def test_a_key_that_is_withdrawn_takes_its_tokens_with_it(issuer, rsa_keys, caplog):
    caplog.set_level(logging.INFO)
    issuer.keys["two"] = rsa_keys[1]
    async with entra(issuer) as made:
        token = issuer.token("one")
        assert accepts(made, token)
        del issuer.keys["one"]
        refused(made, issuer.token("made-up", key=rsa_keys[0]))
        await wait_until(lambda: not accepts(made, token))
        assert accepts(made, issuer.token("two"))
    assert [record.getMessage() for record in caplog.records] == ["the issuer's keys changed"] * 2


async def test_a_key_that_is_replaced_under_its_name_takes_its_tokens_with_it(issuer, rsa_keys):
    async with entra(issuer, jwks_cache_s=1) as made:
        token = issuer.token("one")
        assert accepts(made, token)
        issuer.keys["one"] = rsa_keys[1]
        await wait_until(lambda: not accepts(made, token))
        assert accepts(made, issuer.token("one"))


async def test_a_flood_of_made_up_keys_costs_the_issuer_little(issuer):
    async with entra(issuer, fetches_apart_s=0.5) as made:
        started = time.monotonic()
        tokens = [issuer.token(f"made-up-{n}", key=issuer.keys["one"]) for n in range(50)]
        good = issuer.token("one")
        while time.monotonic() - started < 1.2:
            for token in tokens:
                refused(made, token)
            assert accepts(made, good)
            await asyncio.sleep(0.01)
    assert 2 <= len(issuer.asked) <= 4


async def test_only_so_many_wait_for_a_key(issuer):
    async with entra(issuer) as made:
        issuer.hanging.set()
        asking = [made.check_async(request(issuer.token(f"made-up-{n}", key=issuer.keys["one"]))) for n in range(200)]
        tasks = [asyncio.ensure_future(asked) for asked in asking]
        await wait_until(lambda: sum(task.done() for task in tasks) == 200 - 64)
        assert accepts(made, issuer.token("one"))
        started = time.monotonic()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert time.monotonic() - started < 3
    assert all(isinstance(end, ProblemError) and end.status == 401 for end in ends)


async def test_nobody_waits_for_a_fetch_that_is_far_off(issuer):
    async with entra(issuer, fetches_apart_s=30) as made:
        started = time.monotonic()
        with pytest.raises(ProblemError) as caught:
            await made.check_async(request(issuer.token("made-up", key=issuer.keys["one"])))
        assert time.monotonic() - started < 5
    assert 29 <= int(caught.value.headers["Retry-After"]) <= 31


@pytest.mark.parametrize("how", ["down", "hanging", "failing", "empty", "nonsense", "redirecting", "huge", "endless"])
async def test_the_keys_stay_good_while_the_issuer_is_down(issuer, how, caplog):
    async with entra(issuer, fetch_s=0.3) as made:
        match how:
            case "down":
                issuer.__exit__()
            case "hanging":
                issuer.hanging.set()
            case "failing":
                issuer.status = 500
            case "empty":
                issuer.document = b'{"keys": []}'
            case "nonsense":
                issuer.document = b"<html>"
            case "redirecting":
                issuer.status, issuer.headers = 302, {"Location": "/keys"}
            case "huge":
                issuer.document = b" " * 1_048_577
            case "endless":
                issuer.headers = {"X-Header": "x" * 100_000}
        refused(made, issuer.token("made-up", key=issuer.keys["one"]))
        await wait_until(lambda: caplog.records)
        assert accepts(made, issuer.token("one"))
        assert made.why_not_ready == ""
    reason = {
        "down": "no answer (ClientConnectorError)",
        "hanging": "no answer within 0.3 s",
        "failing": "the issuer answered 500",
        "empty": "no key of the issuer has a kid and verifies RS256 or ES256",
        "nonsense": 'the answer is not a JSON Web Key Set, {"keys": [...]}',
        "redirecting": "the issuer answered 302",
        "huge": "the answer has more than 1048576 bytes",
        "endless": "no answer (",
    }[how]
    assert caplog.records[0].getMessage().startswith(f"the keys of {issuer.iss}: {reason}")


async def test_it_starts_while_the_issuer_is_down_and_recovers(issuer):
    issuer.status = 503
    token = issuer.token()
    async with entra(issuer) as made:
        assert made.why_not_ready == "the issuer's keys could not be fetched yet"
        problem = refused(made, token, status=503)
        assert problem.detail == "the issuer's keys could not be fetched yet; try again"
        assert problem.headers == {"Retry-After": "2"}
        refused(made, "garbage")
        issuer.status = 200
        await made.check_async(request(token))
        assert made.why_not_ready == ""


async def test_it_starts_and_stops_in_time_while_the_issuer_hangs(issuer):
    issuer.hanging.set()
    started = time.monotonic()
    async with entra(issuer, fetch_s=0.3) as made:
        refused(made, issuer.token(), status=503)
        await asyncio.sleep(0.1)
    assert time.monotonic() - started < 2


async def test_a_role_is_asked_for(issuer):
    async with entra(issuer, roles=("Score.All", "score")) as made:
        for claims in ({"roles": ["Other", "Score.All"]}, {"scp": "read score"}):
            assert accepts(made, issuer.token(**claims))
        for claims in ({}, {"roles": ["Score"]}, {"roles": "Score.All"}, {"scp": ["score"]}, {"roles": [["score"]]}):
            problem = refused(made, issuer.token(**claims), status=403)
            assert problem.detail == "the token has none of the roles that may ask: Score.All, score"
            assert problem.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'


async def test_a_check_of_a_known_token_costs_microseconds(issuer):
    async with entra(issuer) as made:
        asking = request(issuer.token(groups=["0" * 36] * 20))
        best = min(timeit.repeat(lambda: made.check(asking), number=20_000, repeat=5, timer=time.process_time)) / 20_000
    assert best < 12e-6, f"{best * 1e6:.2f} us"


async def test_nobody_is_let_in_before_the_start(issuer):
    made = entra(issuer)
    with pytest.raises(ProblemError) as caught:
        made.check(request(issuer.token()))
    assert caught.value.status == 503
