"""What is said of a topic; the rest is in `tests/cli/test_doctor.py`, where real clusters are asked."""

import pytest

from stream_worker.kafka.checks import _topic
from stream_worker.kafka.questions import READ, WRITE, Topic


@pytest.mark.parametrize(
    ("leaders", "operations", "mark", "words"),
    [
        ({0: 1, 1: 2}, None, "ok", "2 partitions"),
        ({0: 1}, {READ, WRITE}, "ok", "1 partition; may be written"),
        ({0: 1}, {READ}, "wrong", "1 partition, and may not be written: give this user the right Write on it"),
        ({0: -1, 1: 2, 2: -1}, {WRITE}, "wrong", "3 partitions; no broker leads 0, 2 now"),
    ],
)
def test_a_topic_that_is_there(leaders, operations, mark, words):
    found = _topic("sink", "predictions", Topic(error=0, leaders=leaders, operations=operations), WRITE)
    assert (found.mark, found.what, found.words) == (mark, "sink, topic predictions", words)
