"""What hints know of where something failed."""

from __future__ import annotations

import pytest

from telegraf_dlms.address import hdlc_server
from telegraf_dlms.circumstances import (
    Circumstances,
    at,
    diagnostic,
    each,
    heard_garbage,
    heard_nothing,
    heard_strangers,
    kind,
    number,
    out_of_step,
    over,
    refused_secret,
    result,
    says,
    with_password,
    without_security,
)
from telegraf_dlms.errors import AssociationError, DataRefused, LinkError, ServiceRefused, Silence
from telegraf_dlms.trace import Heard

HERE = Circumstances("associate")


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ([(0, 17)], "address 23 (server_address 17)"),
        ([(1, 17), (0, 145)], "address 02 23 (server_address 17 with logical_server_address 1, or server_address 145)"),
        (
            [(52, 22), (0, 6678)],
            "address 68 2D (server_address 22 with logical_server_address 52, or server_address 6678)",
        ),
        ([(1, 6678)], "address 00 02 68 2D (server_address 6678 with logical_server_address 1)"),
    ],
)
def test_a_stranger_over_hdlc_is_told_as_it_would_be_configured(settings, shown):
    [octets] = {hdlc_server(logical, server) for logical, server in settings}
    assert Circumstances("data_link", interface_type="hdlc", heard=Heard(9, strangers=[octets])).strangers == shown


def test_strangers_over_wrapper_are_wports():
    heard = Heard(9, strangers=[b"\0\x01", b"\x01\0"])
    assert Circumstances("associate", heard=heard).strangers == "wPort 1, wPort 256"


@pytest.mark.parametrize(
    ("heard", "nothing", "strangers", "garbage"),
    [
        (Heard(), True, False, False),
        (Heard(9, garbled=1), False, False, True),
        (Heard(9, strangers=[b"\x07"]), False, True, False),
        (Heard(9, frames=1, garbled=1, strangers=[b"\x07"]), False, False, False),
    ],
)
def test_what_was_heard(heard, nothing, strangers, garbage):
    where = Circumstances("data_link", heard=heard)
    tests = (heard_nothing, heard_strangers, heard_garbage)
    assert [test(Silence(), where) for test in tests] == [nothing, strangers, garbage]


def test_tests_of_an_error():
    refused = AssociationError("no", result=1, diagnostic=13, authentication=True)
    assert kind(LinkError)(Silence("x"), HERE)
    assert not kind(LinkError)(refused, HERE)
    assert number(111, 113)(LinkError("x", number=113), HERE)
    assert not number(111)(LinkError("x"), HERE)
    assert not number(13)(refused, HERE)
    assert says("b", "c")(LinkError("abc"), HERE)
    assert not says("d")(LinkError("abc"), HERE)
    assert diagnostic(11, 13)(refused, HERE)
    assert not diagnostic(11)(refused, HERE)
    assert result(4)(DataRefused(4), HERE)
    assert not result(4)(DataRefused(3), HERE)
    assert refused_secret(refused, HERE)
    assert not refused_secret(AssociationError("x"), HERE)
    assert out_of_step(AssociationError("x", counter=7), HERE)
    assert out_of_step(ServiceRefused("x", state=2, counter=7), HERE)
    assert not out_of_step(refused, HERE)


def test_tests_of_a_place():
    assert at("associate", "read")(Silence("x"), HERE)
    assert not at("read")(Silence("x"), HERE)
    assert over("tcp")(Silence("x"), HERE)
    assert over("wrapper")(Silence("x"), HERE)
    assert not over("serial", "hdlc")(Silence("x"), HERE)
    assert each(at("associate"), over("tcp"))(Silence("x"), HERE)
    assert not each(at("associate"), over("serial"))(Silence("x"), HERE)


@pytest.mark.parametrize(
    ("security", "password", "nothing"),
    [("none", False, True), ("low", True, False), ("high_md5", True, False), ("high_gmac", False, False)],
)
def test_which_secret_is_shown(security, password, nothing):
    where = Circumstances("associate", access_security=security)
    assert (with_password(Silence("x"), where), without_security(Silence("x"), where)) == (password, nothing)
