import asyncio
import logging
import time
import timeit

import pytest
from pydantic import SecretStr

from function_app.auth import KeyAuthenticator
from function_app.auth.key_sources import Keys, LocalKeys
from function_app.auth.refresh import RefreshError
from scoring.errors import ConfigurationError
from tests.http.auth.asking import accepts, refused, request, wait_until

PRIMARY = "primary-key-0123456789"
SECONDARY = "secondary-key-0123456789"


def local(primary=PRIMARY, secondary=SECONDARY):
    return LocalKeys(*(None if key is None else SecretStr(key) for key in (primary, secondary)))


class Script:
    """A source of keys that says what the test wants next."""

    name = "the script"
    can_change = True

    def __init__(self, answer):
        self.answer = answer
        self.reads = 0
        self.is_closed = False

    async def read(self):
        self.reads += 1
        if isinstance(self.answer, asyncio.Event):
            await self.answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return Keys(*(None if key is None else SecretStr(key) for key in self.answer))

    async def close(self):
        self.is_closed = True


def scripted(answer):
    source = Script(answer)
    authenticator = KeyAuthenticator(source)
    authenticator._refresher._interval_s = authenticator._refresher._floor_s = 0.01
    return source, authenticator


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {PRIMARY}"},
        {"authorization": f"Bearer {SECONDARY}"},
        {"authorization": f"bearer   {PRIMARY} "},
        {"api_key": PRIMARY},
        {"api_key": SECONDARY},
        {"authorization": "Basic dTpw", "api_key": SECONDARY},
    ],
)
async def test_either_key_is_good_in_either_header(headers):
    async with KeyAuthenticator(local()) as authenticator:
        authenticator.check(request(**headers))
        await authenticator.check_async(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer primary-key-012345678"},
        {"authorization": f"Bearer {PRIMARY}x"},
        {"authorization": f"Bearer {PRIMARY}, Bearer {PRIMARY}"},
        {"authorization": "Bearer wrong", "api_key": PRIMARY},
        {"api_key": "\udcff\u20ac" * 10},
        {"api_key": "x" * 100_000},
    ],
)
async def test_another_key_is_told_that_it_is_none(headers):
    async with KeyAuthenticator(local()) as authenticator:
        problem = refused(authenticator, **headers)
    assert problem.detail == "the key is not one of this service's keys"
    assert problem.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_a_huge_key_is_not_looked_into(monkeypatch):
    async with KeyAuthenticator(local()) as authenticator:
        monkeypatch.setattr("function_app.auth.keys.blake2b", None)
        refused(authenticator, "x" * 4097)


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer "}, {"authorization": f"Basic {PRIMARY}"}, {"x_functions_key": PRIMARY}],
)
async def test_a_caller_without_a_key_is_told_how_to_send_one(headers):
    async with KeyAuthenticator(local()) as authenticator:
        problem = refused(authenticator, **headers)
    assert problem.detail == "send a key of this service as `Authorization: Bearer <key>` or `api-key: <key>`"
    assert problem.headers == {"WWW-Authenticate": "Bearer"}


async def test_a_key_that_is_not_set_lets_nobody_in():
    async with KeyAuthenticator(local(secondary=None)) as authenticator:
        assert accepts(authenticator, PRIMARY)
        for guess in ("", "None", " "):
            refused(authenticator, guess)


async def test_nobody_is_let_in_before_the_keys_were_read():
    authenticator = KeyAuthenticator(local())
    refused(authenticator, PRIMARY)
    assert authenticator.why_not_ready == "the keys have not been read yet"
    async with authenticator:
        assert authenticator.why_not_ready == ""


@pytest.mark.parametrize(
    ("primary", "secondary", "reason"),
    [
        (None, None, "set WEIR__HTTP__AUTH__PRIMARY_KEY in the environment, or auth.primary_key_file, or auth.key_vau"),
        ("short", None, "the primary key must have 16 to 1024 characters"),
        ("", SECONDARY, "the primary key must have 16 to 1024 characters"),
        (PRIMARY, "x" * 15, "the secondary key must have 16 to 1024 characters"),
        (PRIMARY, "x" * 1025, "the secondary key must have 16 to 1024 characters"),
        ("schlüssel-schlüssel", None, "the primary key must be printable ASCII without spaces: it travels in a head"),
        ("two words and more", None, "the primary key must be printable ASCII without spaces"),
    ],
)
async def test_it_does_not_start_without_a_good_key(primary, secondary, reason):
    with pytest.raises(ConfigurationError) as caught:
        await KeyAuthenticator(local(primary, secondary)).__aenter__()
    assert str(caught.value).startswith("the keys in the settings: ")
    assert reason in str(caught.value)


async def test_white_space_around_a_key_is_not_part_of_it():
    async with KeyAuthenticator(local(f"  {PRIMARY}\r\n", None)) as authenticator:
        assert accepts(authenticator, PRIMARY)


async def test_keys_are_rotated_while_it_serves(caplog):
    caplog.set_level(logging.INFO)
    source, authenticator = scripted((PRIMARY, None))
    async with authenticator:
        source.answer = ("new-primary-key-0123", PRIMARY)
        await wait_until(lambda: accepts(authenticator, "new-primary-key-0123"))
        assert accepts(authenticator, PRIMARY)
        source.answer = ("new-primary-key-0123", None)
        await wait_until(lambda: not accepts(authenticator, PRIMARY))
    assert source.is_closed
    assert [record.getMessage() for record in caplog.records] == [
        "the script: read; accepted from now on: primary",
        "the script: read; accepted from now on: primary and secondary",
        "the script: read; accepted from now on: primary",
    ]


@pytest.mark.parametrize(
    ("answer", "logged"),
    [
        (RefreshError("the vault answered 503"), "the script: the vault answered 503; trying again in 0.01 s"),
        (ValueError("canary-in-a-message"), "the script: ValueError; trying again in 0.01 s"),
        (("short", None), "the script: the primary key must have 16 to 1024 characters; trying again in 0.01 s"),
    ],
)
async def test_the_last_keys_stay_good_when_they_cannot_be_read_again(answer, logged, caplog):
    source, authenticator = scripted((PRIMARY, SECONDARY))
    async with authenticator:
        source.answer = answer
        reads = source.reads
        await wait_until(lambda: source.reads > reads + 3)
        assert accepts(authenticator, PRIMARY)
        assert accepts(authenticator, SECONDARY)
        assert authenticator.why_not_ready == ""
        source.answer = ("back-again-0123456789", None)
        await wait_until(lambda: accepts(authenticator, "back-again-0123456789"))
    assert caplog.records[0].getMessage() == logged


async def test_a_source_that_hangs_keeps_nobody_waiting(caplog):
    source, authenticator = scripted((PRIMARY, None))
    authenticator._refresher._timeout_s = 0.1
    async with authenticator:
        source.answer = asyncio.Event()
        await wait_until(lambda: caplog.records)
        started = time.perf_counter()
        assert accepts(authenticator, PRIMARY)
        assert time.perf_counter() - started < 1
        assert caplog.records[0].getMessage() == "the script: no answer within 0.1 s; trying again in 0.01 s"
        started = time.perf_counter()
    assert time.perf_counter() - started < 1


async def test_a_source_that_hangs_at_the_start_ends_in_words(monkeypatch):
    monkeypatch.setattr("function_app.auth.keys._FIRST_READ_S", 0.1)
    source = Script(asyncio.Event())
    with pytest.raises(ConfigurationError) as caught:
        await KeyAuthenticator(source).__aenter__()
    assert str(caught.value) == "the script: no answer within 0.1 s"
    assert source.is_closed


async def test_what_cannot_change_is_not_read_again():
    async with KeyAuthenticator(local()) as authenticator:
        assert authenticator._refresher._task is None


async def test_a_check_costs_microseconds():
    async with KeyAuthenticator(local("p" * 43, "s" * 43)) as authenticator:
        asking = request("s" * 43)
        best = (
            min(timeit.repeat(lambda: authenticator.check(asking), number=20_000, repeat=5, timer=time.process_time))
            / 20_000
        )
    assert best < 12e-6, f"{best * 1e6:.2f} us"  # under 3 us on an idle machine
