"""What watches requests, and what becomes of a request where that fails."""

import pytest

from telemetry.requests import Guarded, NullRequests


class Broken(NullRequests):
    def began(self, method, path, headers):
        raise RuntimeError(path)


def test_an_observer_that_fails_is_told_in_the_log_and_the_request_goes_on(caplog):
    observer = Guarded(Broken())
    observer.began("POST", "/score", {}).ended("/score", 200)
    with observer.scoring("fraud:1", 2):
        pass
    assert caplog.text.count("an observer of requests failed") == 1


def test_what_is_watched_is_passed_on():
    class Watched:
        def ended(self, route, status):
            told.append((route, status))

    class Watching(NullRequests):
        def began(self, method, path, headers):
            told.append((method, path, headers))
            return Watched()

    told = []
    Guarded(Watching()).began("POST", "/a", {"b": "c"}).ended("/score", 503)
    assert told == [("POST", "/a", {"b": "c"}), ("/score", 503)]


def test_what_happens_inside_a_block_is_not_hidden():
    with pytest.raises(ZeroDivisionError), Guarded(NullRequests()).scoring("fraud:1", None):
        raise ZeroDivisionError
