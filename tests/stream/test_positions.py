from hypothesis import given
from hypothesis import strategies as st

from scoring import Event
from stream_worker import Batch
from stream_worker.positions import Positions

ONE, TWO = ("events", 0), ("events", 1)
PARTITIONS = st.sampled_from([ONE, TWO])
ENDS = st.dictionaries(PARTITIONS, st.integers(0, 50), min_size=1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("acknowledge"), ENDS, st.integers(0, 1)),  # 1: under the epoch before
        st.tuples(st.just("commit"), st.booleans()),  # False: it ends only after the next release
        st.tuples(st.just("release")),
    ),
    max_size=40,
)


def batch(ends, epoch=0):
    return Batch(events=[Event(b"")], ends=ends, epoch=epoch)


def acknowledged(*ends):
    positions = Positions()
    for each in ends:
        positions.acknowledge(batch(each))
    return positions


def test_nothing_is_waiting_at_first():
    assert Positions().uncommitted()[1] == {}


def test_what_is_acknowledged_waits_for_its_commit():
    positions = acknowledged({ONE: 5, TWO: 3}, {ONE: 9})
    assert positions.uncommitted()[1] == {ONE: 9, TWO: 3}


def test_what_is_committed_waits_no_more():
    positions = acknowledged({ONE: 5, TWO: 3})
    positions.committed(*positions.uncommitted())
    assert positions.uncommitted()[1] == {}
    positions.acknowledge(batch({ONE: 6}))
    assert positions.uncommitted()[1] == {ONE: 6}


def test_what_was_acknowledged_during_a_commit_still_waits():
    positions = acknowledged({ONE: 5})
    under_way = positions.uncommitted()
    positions.acknowledge(batch({ONE: 8}))
    positions.committed(*under_way)
    assert positions.uncommitted()[1] == {ONE: 8}


def test_a_position_never_goes_back():
    assert acknowledged({ONE: 9}, {ONE: 5}).uncommitted()[1] == {ONE: 9}


def test_a_release_forgets_and_passes_over_what_comes_late():
    positions = acknowledged({ONE: 5})
    positions.release([ONE, TWO], 1)
    positions.acknowledge(batch({ONE: 9}, epoch=0))
    assert positions.uncommitted()[1] == {}
    positions.acknowledge(batch({ONE: 2}, epoch=1))
    assert positions.uncommitted()[1] == {ONE: 2}


def test_a_commit_that_ends_after_a_release_hides_nothing_of_the_next_assignment():
    positions = acknowledged({ONE: 100})
    under_way = positions.uncommitted()
    positions.release([ONE, TWO], 1)
    positions.committed(*under_way)
    positions.acknowledge(batch({ONE: 60}, epoch=1))
    assert positions.uncommitted()[1] == {ONE: 60}


@given(STEPS)
def test_what_waits_is_what_this_assignment_acknowledged_beyond_what_it_committed(steps):
    positions, epoch = Positions(), 0
    done: dict[tuple[str, int], int] = {}
    committed: dict[tuple[str, int], int] = {}
    late = []
    for step in steps:
        if step[0] == "acknowledge":
            _, ends, back = step
            positions.acknowledge(batch(ends, epoch - back))
            if not back:
                done |= {key: max(end, done.get(key, 0)) for key, end in ends.items()}
        elif step[0] == "commit":
            under_way = positions.uncommitted()
            if step[1]:
                positions.committed(*under_way)
                committed |= under_way[1]
            else:
                late.append(under_way)
        else:
            epoch += 1
            positions.release([ONE, TWO], epoch)
            done, committed = {}, {}
            for under_way in late:
                positions.committed(*under_way)
            late = []
        assert positions.uncommitted()[1] == {key: end for key, end in done.items() if end > committed.get(key, 0)}
