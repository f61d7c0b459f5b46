"""What a link tells its trace: all octets in order, and what happens besides."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from telegraf_dlms.errors import Overrun, Silence
from telegraf_dlms.link import Link
from test_link import Notes, ask


class Seen(list):
    """A trace that remembers."""

    def sent(self, octets):
        self.append(("sent", octets))

    def received(self, octets):
        self.append(("received", octets))

    def remark(self, text):
        self.append(("remark", text))


@pytest.fixture
def seen():
    return Seen()


def traced(seen, answers):
    link = Link("meter")
    link.trace = seen
    Notes(link, answers)
    return link


@on_a_jumping_clock
async def test_all_octets_are_seen_in_order(seen):
    link = traced(seen, [[(1, b"an"), (2, b"swer")]])
    await link.run(ask(b"r", 6), timeout_s=5)
    assert seen == [("sent", b"r"), ("received", b"an"), ("received", b"swer")]


@on_a_jumping_clock
async def test_octets_that_nobody_asked_for_are_seen_too(seen):
    link = traced(seen, [])
    link.data_received(b"unasked")
    assert seen == [("received", b"unasked")]


@on_a_jumping_clock
async def test_silence_is_remarked_each_time_before_what_is_sent_again(seen):
    link = traced(seen, [])
    with pytest.raises(Silence):
        await link.run(ask(b"r", 1, repeats=1), timeout_s=5)
    silence = ("remark", "no answer within 5 s")
    assert seen == [("sent", b"r"), silence, ("sent", b"r"), silence]


@on_a_jumping_clock
async def test_an_exchange_that_does_not_end_is_remarked(seen):
    link = traced(seen, [[(second, b".") for second in range(99)]])
    with pytest.raises(Overrun):
        await link.run(ask(b"r", 99), timeout_s=2)
    assert seen[-1] == ("remark", "the exchange did not end within 20 s")


@on_a_jumping_clock
async def test_the_end_of_a_link_is_remarked_once(seen):
    link = traced(seen, [])
    link.eof_received()
    link.close()
    link.data_received(b"late")
    assert seen == [("remark", "closed by the meter")]
