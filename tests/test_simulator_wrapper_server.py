import pytest

from simulator_client import AARE, AARQ, NOON, descriptor, drive, in_pieces
from telegraf_dlms import wrapper
from telegraf_dlms.errors import RemoteProtocolError, Silence
from telegraf_dlms.get import InvokeIds, get
from telegraf_dlms.simulator.server import Access, Session
from telegraf_dlms.simulator.server_address import ServerAddress
from telegraf_dlms.simulator.wrapper_server import MAX_SESSIONS, WrapperServer
from telegraf_dlms.wrapper import WrapperFraming

ADDRESS = ServerAddress()
RELEASED = bytes.fromhex("6303800100")


def server(address=ADDRESS):
    return WrapperServer(
        address, lambda offset, client: Session(offset + 1, client, access=Access(), clock=lambda: NOON)
    )


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_client_reads_a_meter(size):
    receive = in_pieces(server().receive, size)
    framing = WrapperFraming(client=16, server=1)

    assert drive(framing.exchange(AARQ), receive, piece=size) == AARE
    reading = get(framing, descriptor(1, "0.0.42.0.0.255"), invoke_ids=InvokeIds())
    assert drive(reading, receive, piece=size) == b"TDL0000000000001"


def test_the_answer_goes_back_between_the_same_wports():
    assert server().receive(wrapper.encode(16, 1, AARQ)) == bytes.fromhex("0001 0001 0010 002B") + AARE


def test_several_requests_at_once_are_all_answered():
    request = wrapper.encode(16, 1, AARQ)

    assert server().receive(request * 3) == wrapper.encode(1, 16, AARE) * 3


def test_another_server_is_not_at_home():
    with pytest.raises(Silence):
        drive(WrapperFraming(client=16, server=9).exchange(AARQ), server().receive)


def test_clients_have_associations_of_their_own():
    both = server()
    drive(WrapperFraming(client=16, server=1).exchange(AARQ), both.receive)
    asked = bytes.fromhex("C001C1 0001 00002A0000FF 02 00")

    assert drive(WrapperFraming(client=17, server=1).exchange(asked), both.receive) == bytes.fromhex("D80101")
    assert drive(WrapperFraming(client=16, server=1).exchange(asked), both.receive)[:4] == bytes.fromhex("C401C100")


def test_meters_of_one_line_have_addresses_one_after_the_other():
    bus = server(ServerAddress(count=3))
    framing = WrapperFraming(client=16, server=3)
    drive(framing.exchange(AARQ), bus.receive)

    reading = get(framing, descriptor(1, "0.0.42.0.0.255"), invoke_ids=InvokeIds())
    assert drive(reading, bus.receive) == b"TDL0000000000003"


def test_clients_beyond_the_limit_are_not_answered():
    crowded = server()
    answers = [crowded.receive(wrapper.encode(client, 1, b"\x62\x00")) for client in range(MAX_SESSIONS + 1)]

    assert answers[-2:] == [wrapper.encode(1, MAX_SESSIONS - 1, RELEASED), b""]
    assert crowded.receive(wrapper.encode(0, 1, b"\x62\x00")) == wrapper.encode(1, 0, RELEASED)


def test_what_is_no_wrapper_is_an_error_and_then_forgotten():
    disturbed = server()
    with pytest.raises(RemoteProtocolError):
        disturbed.receive(b"GET / HTTP/1.0\r\n")

    assert disturbed.receive(wrapper.encode(16, 1, AARQ)) == wrapper.encode(1, 16, AARE)
