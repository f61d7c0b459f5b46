"""Whether a connection can be opened, address by address."""

from __future__ import annotations

import asyncio
import socket

import pytest

from telegraf_dlms.errors import LinkError
from telegraf_dlms.link import Link, SerialSettings, TcpSettings
from telegraf_dlms.reach import addresses_of, reach, resolve
from test_report import staged

METER = TcpSettings("meter.example", 4059)
PORT = SerialSettings("/dev/ttyUSB0")


class Opener:
    """Opens what it has no error for, and knows what was closed again."""

    def __init__(self, **errors):
        self.errors, self.opened = errors, []

    async def __call__(self, settings, *, timeout_s):
        name = getattr(settings, "address", None) or settings.device
        error = self.errors.get(name)
        if error is not None:
            raise error
        link = Link(name)
        self.opened.append((name, timeout_s, link))
        return link


def answering(*addresses):
    async def resolver(name, port):
        assert (name, port) == ("meter.example", 4059)
        return list(addresses)

    return resolver


def reached(settings, opener, *addresses):
    report, _, stage = staged("")
    outcome = asyncio.run(reach(settings, stage, open_link=opener, timeout_s=5, resolver=answering(*addresses)))
    steps = [(step.name, step.is_ok, {k: v for k, v in step.detail.items() if k != "ms"}) for step in report.steps]
    return outcome, steps, report


def test_each_address_is_opened_and_closed_again():
    opener = Opener()
    outcome, steps, report = reached(METER, opener, "192.0.2.1", "2001:db8::1")
    assert outcome == (2, 2, None)
    assert steps == [
        ("resolve", True, {"name": "meter.example", "addresses": ["192.0.2.1", "2001:db8::1"]}),
        ("connect", True, {"address": "192.0.2.1", "port": 4059}),
        ("connect", True, {"address": "2001:db8::1", "port": 4059}),
    ]
    assert [name for name, _ in report.begun] == ["resolve", "connect", "connect"]
    assert [(name, timeout_s, link.alive) for name, timeout_s, link in opener.opened] == [
        ("192.0.2.1", 5, False),
        ("2001:db8::1", 5, False),
    ]


def test_an_address_that_refuses_does_not_hide_the_next():
    opener = Opener(**{"192.0.2.1": LinkError("192.0.2.1:4059: connection refused", number=111)})
    (opened, tried, failure), steps, _ = reached(METER, opener, "192.0.2.1", "192.0.2.2")
    assert (opened, tried) == (1, 2)
    assert (failure.layer, failure.cause) == ("connection", "192.0.2.1:4059: connection refused")
    assert "check port" in failure.hint
    assert [is_ok for _, is_ok, _ in steps] == [True, False, True]


def test_a_name_that_is_not_known_is_the_end():
    async def unknown(_name, _port):
        raise socket.gaierror(-2, "Name or service not known")

    report, _, stage = staged("")
    opened, tried, failure = asyncio.run(reach(METER, stage, open_link=Opener(), timeout_s=5, resolver=unknown))
    assert (opened, tried) == (0, 0)
    assert failure.cause == "meter.example: cannot resolve the address: Name or service not known"
    assert "spelling" in failure.hint
    assert [step.name for step in report.steps] == ["resolve"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a" * 70 + ".example", "not a host name"), ("..", "not a host name")],
)
def test_what_is_no_name_is_said_to_be_none(name, text):
    with pytest.raises(LinkError, match=text):
        asyncio.run(addresses_of(TcpSettings(name, 1), timeout_s=5))


def test_a_resolver_that_does_not_answer_is_not_waited_for():
    async def slow(_name, _port):
        await asyncio.Event().wait()

    with pytest.raises(LinkError, match=r"^meter.example: not resolved within 0.01 s$"):
        asyncio.run(addresses_of(METER, timeout_s=0.01, resolver=slow))


def test_an_address_is_its_own_name():
    assert asyncio.run(resolve("127.0.0.1", 4059)) == ["127.0.0.1"]
    assert asyncio.run(resolve("::1", 4059)) == ["::1"]


def test_a_port_is_opened_with_its_line():
    outcome, steps, _ = reached(PORT, Opener())
    assert outcome == (1, 1, None)
    assert steps == [("open", True, {"port": "/dev/ttyUSB0", "line": "9600 8N1"})]


def test_a_port_that_is_taken_says_so():
    opener = Opener(**{"/dev/ttyUSB0": LinkError("/dev/ttyUSB0: in use by another program", number=11)})
    (opened, tried, failure), _, _ = reached(PORT, opener)
    assert (opened, tried, failure.layer) == (0, 1, "connection")
    assert "another program has the port" in failure.hint
