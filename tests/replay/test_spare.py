"""The room for events that will be refused for their size."""

from stream_worker.replay.limits import Limits
from stream_worker.replay.spare import Spare

LIMITS = Limits(max_event_bytes=10, max_block_bytes=100)


def test_events_of_the_usual_size_always_have_room():
    assert Spare(LIMITS).first_without([10] * 1000) is None
    assert Spare(LIMITS).first_without([]) is None


def test_larger_ones_share_what_a_block_may_take():
    spare = Spare(LIMITS)
    assert spare.first_without([60, 10, 11]) is None
    assert spare.first_without([5, 30, 20]) == 1
    assert spare.first_without([20]) is None
    assert spare.first_without([11]) == 0
    spare.renew()
    assert spare.first_without([100]) is None


def test_words_say_what_is_accepted():
    assert Spare(LIMITS).words(30) == (
        "an event of 30 bytes; at most 10 are accepted, and among its neighbours are so many larger ones that it was "
        "passed over"
    )
