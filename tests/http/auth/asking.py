"""How the tests ask."""

import asyncio
import time

import pytest

from function_app.http import Request
from function_app.problems import ProblemError


def request(bearer=None, **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if bearer is not None:
        given["authorization"] = f"Bearer {bearer}"
    return Request("POST", "/score", given)


def accepts(authenticator, bearer):
    """Return whether the request is let in; any refusal but 401 is an error."""
    try:
        authenticator.check(request(bearer))
    except ProblemError as problem:
        if problem.status != 401:
            raise
        return False
    return True


def refused(authenticator, bearer=None, *, status=401, **headers):
    """Assert that the request is refused as RFC 6750 says, and return the problem."""
    with pytest.raises(ProblemError) as caught:
        authenticator.check(request(bearer, **headers))
    problem = caught.value
    assert problem.status == status
    if status in {401, 403}:
        assert problem.headers["WWW-Authenticate"].startswith("Bearer")
    return problem


async def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.01)
