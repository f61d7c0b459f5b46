import pytest

from telegraf_dlms.address import hdlc_server, wrapper_server
from telegraf_dlms.simulator.server_address import ServerAddress


@pytest.mark.parametrize(
    ("octets", "offset"),
    [
        pytest.param("03", 0, id="one octet"),
        pytest.param("00 03", 0, id="two octets, no logical device"),
        pytest.param("02 03", 0, id="logical device 1"),
        pytest.param("00 00 00 03", 0, id="four octets"),
        pytest.param("00 02 00 03", 0, id="four octets, logical device 1"),
        pytest.param("05", None, id="another server"),
        pytest.param("04 03", None, id="logical device 2"),
        pytest.param("00 04 00 03", None, id="logical device 2 in four octets"),
        pytest.param("7F", None, id="a server behind 63"),
    ],
)
def test_the_default_is_server_1_as_logical_device_0_or_1(octets, offset):
    assert ServerAddress().offset_of(bytes.fromhex(octets)) == offset


@pytest.mark.parametrize(
    ("logical", "server"), [(0, 1), (0, 6678), (1, 17), (1, 145), (0, 145), (1, 6678), (3, 200), (127, 127)]
)
@pytest.mark.parametrize("size", [None, 4])
def test_what_clients_send_for_an_address_is_that_address(logical, server, size):
    address = ServerAddress(server, (logical,))

    assert address.offset_of(hdlc_server(logical, server, address_size=size)) == 0
    assert address.offset_of(hdlc_server(logical, server + 1, address_size=4)) is None


@pytest.mark.parametrize(("logical", "server", "size"), [(0, 1, None), (1, 17, None), (1, 6678, None), (0, 6678, None)])
def test_a_wport_is_the_same_number(logical, server, size):
    address = ServerAddress(server, (logical,))

    assert address.offset_of_wport(wrapper_server(logical, server, address_size=size)) == 0
    assert address.offset_of_wport(wrapper_server(logical, server, address_size=size) + 1) is None


def test_server_145_is_not_taken_for_server_17_of_logical_device_1():
    assert ServerAddress(145).offset_of(hdlc_server(0, 145)) == 0
    assert ServerAddress(17, (0,)).offset_of(hdlc_server(0, 145)) is None


def test_a_bus_has_servers_one_after_the_other():
    bus = ServerAddress(server=16, count=3)

    assert [bus.offset_of(hdlc_server(0, server)) for server in range(15, 20)] == [None, 0, 1, 2, None]
    assert [bus.offset_of_wport(server) for server in range(15, 20)] == [None, 0, 1, 2, None]
