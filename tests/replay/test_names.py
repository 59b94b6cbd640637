"""Names of groups: safe as names of files, unique, the same every time."""

import string

from hypothesis import given
from hypothesis import strategies as st

from stream_worker.replay.names import Names, natural

SAFE = set(string.ascii_letters + string.digits + "._-=")


@given(st.lists(st.text(max_size=300) | st.sampled_from(["a", "A", "a-2", "a/b", "..", ""]), max_size=20))
def test_names_are_safe_and_differ_even_without_case(wanted):
    names = Names()
    given_names = [names.give(each) for each in wanted]
    assert len({name.casefold() for name in given_names}) == len(wanted)
    assert all(set(name) <= SAFE and 0 < len(name) <= 130 and name[0] not in ".-_" for name in given_names)
    again = Names()
    assert [again.give(each) for each in wanted] == given_names


def test_names_stay_readable():
    names = Names()
    wanted = ["transactions-3", "2024/05/a b", "logs/hour=07/x", "Logs/hour=07/X", "é", "é"]
    assert [names.give(each) for each in wanted] == [
        "transactions-3", "2024-05-a-b", "logs-hour=07-x", "Logs-hour=07-X-2", "group", "group-2",
    ]  # fmt: skip


def test_long_names_are_cut_and_still_differ():
    names = Names()
    one, two = names.give("x" * 300 + "1"), names.give("x" * 300 + "2")
    assert (len(one), len(two), one != two) == (120, 120, True)


def test_numbers_are_in_the_order_of_their_values():
    wanted = ["a/2", "a/10", "a/10b2", "a/10b10", "b", "10", "9"]
    assert sorted(wanted, key=natural) == ["9", "10", "a/2", "a/10", "a/10b2", "a/10b10", "b"]
