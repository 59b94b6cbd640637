import time

import pytest
from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub._pyamqp.performatives import CloseFrame, DetachFrame, EndFrame

from tests.emulators.event_hubs.encoding import AMQP_HEADER
from tests.emulators.peer import ACCEPTED, CLOSE, DETACH, DISPOSITION, END, FLOW, Peer, encoded

LINK = 7
EVENTS = "transactions/ConsumerGroups/$Default/Partitions/0"


@pytest.fixture
def hub(event_hubs):
    return event_hubs.create_hub("transactions", 2, max_message_bytes=100_000)


@pytest.fixture
def peer(event_hubs, hub):
    with Peer(event_hubs) as peer:
        yield peer


def body(fields):
    return decode_payload(fields[-1]).data[0]


def test_every_field_of_a_frame_is_there(event_hubs, peer):
    event_hubs.append(*("transactions", 0), b"x")
    assert [len(peer.opened), len(peer.begun)] == [10, 8]
    assert peer.opened[2:5] == [65_536, 4_999, 240_000]
    assert len(peer.attach(LINK, EVENTS, receiver=True)) == 14
    peer.flow(LINK, 1)
    (transfer,) = peer.transfers(1)
    assert len(transfer) == 11 + 1
    assert transfer[:6] == [LINK, 1, b"\x00\x00\x00\x01", 0, True, False]


def test_credit_is_respected_exactly(event_hubs, peer):
    event_hubs.append_many("transactions", 0, [b"%d" % number for number in range(10)])
    peer.attach(LINK, EVENTS, receiver=True)
    assert peer.silent()
    peer.flow(LINK, 3)
    assert [body(each) for each in peer.transfers(3)] == [b"0", b"1", b"2"]
    assert peer.silent()
    peer.flow(LINK, 2, count=3)
    assert [body(each) for each in peer.transfers(2)] == [b"3", b"4"]
    peer.flow(LINK, 2, count=4)  # sent before the peer had seen the fifth: one more, not two
    assert [body(each) for each in peer.transfers(1)] == [b"5"]
    assert peer.silent()


def test_credit_that_is_drained_is_used_up(event_hubs, peer):
    event_hubs.append_many("transactions", 0, [b"x"] * 2)
    peer.attach(LINK, EVENTS, receiver=True)
    peer.flow(LINK, 10, drain=True)
    peer.transfers(2)
    answer = peer.until(FLOW)
    assert answer[4:9] == [LINK, 10, 0, 0, True]
    event_hubs.append("transactions", 0, b"y")
    assert peer.silent()
    peer.flow(LINK, 1, count=10)
    assert body(peer.transfers(1)[0]) == b"y"


def test_a_flow_that_asks_for_one_is_answered(event_hubs, peer):
    event_hubs.append_many("transactions", 0, [b"x"] * 3)
    peer.attach(LINK, EVENTS, receiver=True)
    peer.flow(LINK, 0, echo=True)
    assert peer.until(FLOW)[4:8] == [LINK, 0, 0, 3]
    peer.flow(None, None, None, echo=True)
    assert peer.until(FLOW)[4] is None


def test_the_window_of_the_session_is_respected(event_hubs, hub):
    event_hubs.append_many(hub, 0, [b"%d" % number for number in range(10)])
    with Peer(event_hubs, window=4) as peer:
        peer.attach(LINK, EVENTS, receiver=True)
        peer.flow(LINK, 100)
        assert [body(each) for each in peer.transfers(4)] == [b"0", b"1", b"2", b"3"]
        assert peer.silent()
        peer.flow(None, None, None)
        assert [body(each) for each in peer.transfers(4)] == [b"4", b"5", b"6", b"7"]


def test_a_peer_that_does_not_read_is_waited_for(event_hubs, hub, peer):
    event_hubs.append_many(hub, 0, [b"%d" % number + b"x" * 90_000 for number in range(200)])
    peer.attach(LINK, EVENTS, receiver=True)
    peer.flow(LINK, 1_000)
    with Peer(event_hubs) as other:  # which is served meanwhile
        other.attach(LINK, EVENTS, receiver=True)
        other.flow(LINK, 1)
        other.transfers(2)
    held = sum(connection._transport.get_write_buffer_size() for connection in event_hubs._namespace.connections)
    assert held < 3_000_000
    numbers = [each[-1] for each in peer.transfers(400)[::2]]
    assert [bytes(payload).partition(b"x" * 100)[0].endswith(b"%d" % n) for n, payload in enumerate(numbers)] == [
        True
    ] * 200


def test_frames_are_no_larger_than_the_peer_takes(event_hubs, hub):
    event_hubs.append(hub, 0, b"x" * 2_000)
    with Peer(event_hubs, max_frame_bytes=512) as peer:
        peer.attach(LINK, EVENTS, receiver=True)
        peer.flow(LINK, 1)
        frames = []
        while not frames or frames[-1][5]:
            frames += peer.transfers(1)
        assert [each[5] for each in frames] == [True] * (len(frames) - 1) + [False]
        assert {(each[1], each[2]) for each in frames} == {(1, b"\x00\x00\x00\x01")}
        assert all(len(each[-1]) <= 512 - 38 for each in frames)
        assert decode_payload(memoryview(b"".join(each[-1] for each in frames))).data == [b"x" * 2_000]


def test_a_peer_that_would_give_up_hears_from_a_server_that_has_nothing_to_say(event_hubs, hub):
    with Peer(event_hubs, idle_milliseconds=400) as peer:
        start = time.monotonic()
        assert peer.raw() == b"\x00\x00\x00\x08\x02\x00\x00\x00"
        assert time.monotonic() - start < 0.4


def test_a_sender_gets_credit_and_more_before_it_runs_out(event_hubs, peer):
    answer = peer.attach(LINK, "transactions/Partitions/1", receiver=False)
    assert answer[10] == 100_000
    assert peer.until(FLOW)[4:7] == [LINK, 0, 300]
    message = encoded(data=[b"x"])
    for _ in range(151):
        peer.transfer(LINK, message, settled=True)
    assert peer.until(FLOW)[4:7] == [LINK, 151, 300]
    assert len(event_hubs.events("transactions", 1)) == 151
    assert peer.silent()  # what is sent settled is not acknowledged
    delivery = peer.transfer(LINK, message)
    assert peer.until(DISPOSITION)[1:5] == [delivery, delivery, True, ACCEPTED]


def test_a_message_comes_together_from_many_frames_and_too_large_a_one_ends_the_link(event_hubs, peer):
    peer.attach(LINK, "amqps://anywhere/transactions/Partitions/0", receiver=False)
    message = encoded(data=[b"x" * 90_000])
    for start in range(0, len(message), 40_000):
        peer.transfer(LINK, message[start : start + 40_000], more=start + 40_000 < len(message))
    peer.until(DISPOSITION)
    assert event_hubs.events("transactions", 0)[0].body == b"x" * 90_000
    peer.transfer(LINK, b"x" * 60_000, more=True)
    delivery = peer.transfer(LINK, b"x" * 60_000, more=True) + 1
    handle, closed, (condition, description, _) = peer.until(DETACH)
    assert (handle, closed, condition) == (LINK, True, b"amqp:link:message-size-exceeded")
    size = f"(delivery-id:{delivery}, size:120000 bytes) exceeds the limit (100000 bytes)".encode()
    assert size in description
    peer.transfer(LINK, b"x")  # was on its way: it is passed over
    assert peer.silent()


@pytest.mark.parametrize(
    "junk", [b"\x00" * 50_000, b"x", b"\x00\x53\x75\xa0\x09short", b"\x00\x53\x74\xc1\x03\x04\x00"]
)
@pytest.mark.parametrize("message_format", [0, 0x80013700])
def test_what_is_no_message_is_rejected(event_hubs, peer, junk, message_format):
    peer.attach(LINK, "transactions/Partitions/0", receiver=False)
    peer.transfer(LINK, junk, message_format)
    state = peer.until(DISPOSITION)[4]
    assert state["rejected"][0][0] == b"amqp:decode-error"
    peer.transfer(LINK, encoded(data=[b"fine"]))
    assert peer.until(DISPOSITION)[4] == ACCEPTED


def test_a_partition_that_does_not_exist_is_refused(peer):
    answer = peer.attach(LINK, "transactions/ConsumerGroups/$Default/Partitions/2", receiver=True)
    assert (answer[5], answer[6] is None) == (None, False)
    handle, closed, (condition, description, _) = peer.until(DETACH)
    assert (handle, closed, condition) == (LINK, True, b"com.microsoft:argument-out-of-range")
    assert b"'2'. It should be between 0 and 1." in description
    answer = peer.attach(LINK, "transactions/Partitions/-1", receiver=False)
    assert (answer[5] is None, answer[6]) == (False, None)
    assert peer.until(DETACH)[2][0] == b"com.microsoft:argument-out-of-range"
    for address in ("transactions", "transactions/Partitions/0", "transactions/else/where"):
        peer.attach(LINK, address, receiver=True)
        assert peer.until(DETACH)[2][0] == b"amqp:not-found"


@pytest.mark.parametrize(
    ("properties", "status", "text"),
    [
        ({"operation": "READ", "type": "com.microsoft:eventhub", "name": "other"}, 401, b"Unauthorized access"),
        ({"operation": "READ", "type": "com.microsoft:queue", "name": "transactions"}, 501, b"com.microsoft:queue"),
        ({"operation": "READ", "type": "com.microsoft:eventhub"}, 400, b"The property 'name' is missing."),
    ],
)
def test_what_management_cannot_tell_has_a_status(peer, properties, status, text):
    answer, value = peer.request("$management", properties)
    assert answer[b"status-code"] == status
    assert text in answer[b"status-description"]
    assert value is None


def test_a_request_that_is_no_message_ends_its_link(peer):
    peer.attach(3, "$management", receiver=False)
    peer.transfer(3, b"\x00\x53\x77\x40")
    assert peer.until(DETACH)[2][0] == b"amqp:decode-error"


def test_goodbyes_are_answered(peer):
    peer.attach(LINK, EVENTS, receiver=True)
    assert peer.ask(DetachFrame(LINK, closed=True, error=None), DETACH) == [LINK, True, None]
    assert peer.ask(EndFrame(None), END) == [None]
    assert peer.ask(CloseFrame(None), CLOSE, 0) == [None]
    assert peer.read(1) == b""


@pytest.mark.parametrize(
    ("sent", "condition"),
    [
        (b"\x00\x00\x00\x03\x02\x00\x00\x00", b"amqp:connection:framing-error"),
        (b"\x7f\xff\xff\xff\x02\x00\x00\x00", b"amqp:connection:framing-error"),
        (b"\x00\x00\x00\x0e\x02\x00\x00\x01\x00\x53\x12\xc0\x05\x04", b"amqp:decode-error"),
    ],
)
def test_what_is_no_frame_ends_the_connection(peer, sent, condition):
    peer.write(sent)
    assert peer.until(CLOSE)[0][0] == condition
    assert peer.read(1) == b""


def test_another_protocol_gets_the_header_of_this_one(event_hubs, peer):
    peer.write(b"AMQP\x00\x00\x09\x01")
    assert peer.read(9) == AMQP_HEADER


def test_frames_may_come_in_any_pieces(event_hubs, hub, peer):
    peer.attach(LINK, "transactions/Partitions/0", receiver=False)
    whole, write = [], peer.write
    peer.write = whole.append
    for number in range(3):
        peer.transfer(LINK, encoded(data=[b"%d" % number]))
    for octet in b"".join(whole):
        write(bytes((octet,)))
    for _ in range(3):
        assert peer.until(DISPOSITION)[4] == ACCEPTED
    assert [event.body for event in event_hubs.events(hub, 0)] == [b"0", b"1", b"2"]
