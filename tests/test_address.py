"""What is sent as addresses: the examples of the design, the router's rules, and what does not fit."""

from __future__ import annotations

import pytest

from telegraf_dlms.address import MAX_FORMULA, hdlc_client, hdlc_server, lower_by_serial, wrapper_server


@pytest.mark.parametrize(
    ("logical", "server", "size", "octets"),
    [
        (0, 1, None, "03"),
        (0, 0, None, "01"),
        (0, 127, None, "FF"),
        (0, 128, None, "0201"),
        (0, 6678, None, "682D"),
        (0, 16383, None, "FEFF"),
        (1, 17, None, "0223"),
        (127, 127, None, "FEFF"),
        (1, 6678, None, "0002682D"),
        (128, 1, None, "02000003"),
        (16383, 16383, None, "FEFEFEFF"),
        (0, 1, 1, "03"),
        (0, 1, 2, "0003"),
        (0, 1, 4, "00000003"),
        (0, 6678, 4, "0000682D"),
        (1, 17, 4, "00020023"),
    ],
)
def test_a_server_address_has_these_octets(logical, server, size, octets):
    assert hdlc_server(logical, server, address_size=size) == bytes.fromhex(octets)


@pytest.mark.parametrize(
    ("logical", "server", "size"),
    [(0, 128, 1), (1, 1, 1), (1, 128, 2), (128, 1, 2), (16384, 1, None), (0, 16384, None), (0, 16384, 4)],
)
def test_a_server_address_that_does_not_fit_is_refused(logical, server, size):
    with pytest.raises(ValueError, match=f"logical {logical}, server {server}"):
        hdlc_server(logical, server, address_size=size)


@pytest.mark.parametrize(("client", "octets"), [(0, "01"), (1, "03"), (16, "21"), (127, "FF")])
def test_a_client_address_is_one_octet(client, octets):
    assert hdlc_client(client) == bytes.fromhex(octets)


@pytest.mark.parametrize("client", [-1, 128, 300])
def test_a_client_address_beyond_one_octet_is_refused(client):
    with pytest.raises(ValueError, match=r"outside 0\.\.127"):
        hdlc_client(client)


@pytest.mark.parametrize(
    ("logical", "server", "size", "wport"),
    [
        (0, 1, None, 1),
        (0, 65535, None, 65535),
        (1, 17, None, 145),
        (1, 17, 4, 16401),
        (1, 6678, None, 23062),
        (3, 16383, None, 65535),
    ],
)
def test_the_wrapper_sends_the_same_number_as_its_wport(logical, server, size, wport):
    assert wrapper_server(logical, server, address_size=size) == wport


@pytest.mark.parametrize(("logical", "server"), [(0, 65536), (4, 200), (5, 1000)])
def test_a_number_beyond_sixteen_bits_is_no_wport(logical, server):
    with pytest.raises(ValueError, match="beyond the wPort's 16 bits"):
        wrapper_server(logical, server)


@pytest.mark.parametrize(
    ("serial", "formula", "address"),
    [
        (12345678, None, 6678),
        (1, None, 1001),
        (12345678, "SN % 10000 + 1000", 6678),
        (12345678, "sn%100+1", 79),
        (12345678, "(SN / 100) % 100 * 2 - 1", 111),
        (12345678, "17", 17),
    ],
)
def test_a_serial_number_gives_the_lower_part(serial, formula, address):
    assert lower_by_serial(serial, formula) == address


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("", "not a formula"),
        ("SN %", "not a formula"),
        ("SN\0", "not a formula"),
        ("SN ** 2", "may hold SN"),
        ("__import__('os')", "may hold SN"),
        ("SN % 1.5", "may hold SN"),
        ("True", "may hold SN"),
        ("serial % 100", "may hold SN"),
        ("SN / 0", "divides by zero"),
        ("SN", r"outside 0\.\.16383"),
        ("0 - SN", r"outside 0\.\.16383"),
        ("(" * 98 + "SN", "not a formula"),
        ("1" * (MAX_FORMULA + 1), "longer than"),
    ],
)
def test_a_formula_that_is_none_is_refused(formula, reason):
    with pytest.raises(ValueError, match=reason):
        lower_by_serial(12345678, formula)
