"""The public client's framing beside our own: what it may not spoil, and what it has of its own."""

from __future__ import annotations

import pytest

from hdlc_frames import CLIENT, SERVER, UA
from scripted_meter import SaidLog, descriptor
from stations import connection, device, group, plan_of, value
from talking import drive
from telegraf_dlms.hdlc import Frame, FrameBuffer, Kind, control_of, encode
from telegraf_dlms.log import Changes
from telegraf_dlms.meter import MEMORY_NS, PUBLIC_CLIENT, Meter
from telegraf_dlms.state import state_in_memory

ENERGY = descriptor(3, "1.0.1.8.0.255")
PUBLIC_UA = encode(Frame(b"\x21", SERVER, control_of(Kind.UA)))
OUR_UA = encode(Frame(b"\x03", SERVER, control_of(Kind.UA)))


def meter(**settings):
    named = value("energy", obis="1-0:1.8.0", short_name=0x2000)
    plan = plan_of(connection(), device(client_address=1, **settings), group("g", named))
    return Meter(plan.meters[0], Changes(SaidLog()), state=state_in_memory())


def hdlc_meter(**settings):
    return meter(interface_type="hdlc", logical_server_address=1, server_address=17, **settings)


def kinds(sent):
    buffer = FrameBuffer()
    for octets in sent:
        buffer.feed(octets)
    return [(frame.source, frame.kind) for frame in iter(buffer.next, None)]


def test_the_public_client_is_sixteen():
    it = meter()
    _, (public,) = drive(it.new_framing(client="public").exchange(b"\xc0"), bytes.fromhex("0001 0001 0010 0001 c4"))
    _, (own,) = drive(it.new_framing().exchange(b"\xc0"), bytes.fromhex("0001 0001 0001 0001 c4"))
    assert [int.from_bytes(packet[2:4]) for packet in (public, own)] == [PUBLIC_CLIENT, 1] == [16, 1]


def test_over_hdlc_the_public_client_leaves_alone_what_is_owed_to_ours():
    it = hdlc_meter()
    drive(it.new_framing().open(), OUR_UA)
    _, sent = drive(it.new_framing(client="public").open(), PUBLIC_UA)
    assert kinds(sent) == [(CLIENT, Kind.SNRM)]
    _, sent = drive(it.new_framing().open(), OUR_UA, OUR_UA)
    assert kinds(sent) == [(b"\x03", Kind.DISC), (b"\x03", Kind.SNRM)]


def test_over_hdlc_a_public_client_that_was_cut_off_costs_ours_no_disc():
    it = hdlc_meter()
    drive(it.new_framing(client="public").open(), PUBLIC_UA)
    _, sent = drive(it.new_framing().open(), OUR_UA)
    assert kinds(sent) == [(b"\x03", Kind.SNRM)]


def test_where_we_are_the_public_client_its_data_link_is_ours():
    plan = plan_of(
        connection(),
        device(interface_type="hdlc", client_address=16, logical_server_address=1, server_address=17),
        group("g", value()),
    )
    it = Meter(plan.meters[0], Changes(SaidLog()), state=state_in_memory())
    drive(it.new_framing(client="public").open(), UA)
    _, sent = drive(it.new_framing().open(), UA, UA)
    assert kinds(sent) == [(CLIENT, Kind.DISC), (CLIENT, Kind.SNRM)]


def test_what_a_public_framing_counted_is_counted():
    it = meter()
    answer = bytes.fromhex("0001 0001 0010") + (2).to_bytes(2) + b"\xc4\x01"
    drive(it.new_framing(client="public").exchange(b"\xc0"), answer)
    assert it.counted.exchanges == 1
    it.drop_framing()
    assert it.counted.exchanges == 1


@pytest.mark.parametrize("name", ["short_names", "public_short_names"])
def test_configured_names_are_known_to_both_clients_and_what_was_learnt_is_forgotten_daily(name):
    it = meter(logical_name_referencing=False)
    names = getattr(it, name)
    assert not names.wants_list(ENERGY)
    power = ENERGY._replace(logical_name=bytes((1, 0, 1, 7, 0, 255)))
    it.recall(0)
    names.learn([(0x3000, 3, 0, power.logical_name)])
    it.recall(MEMORY_NS - 1)
    assert names.name_of(power) == 0x3008
    it.recall(MEMORY_NS)
    assert names.wants_list(power)


def test_the_two_clients_lists_are_apart():
    it = meter(logical_name_referencing=False)
    it.public_short_names.learn([])
    hidden = ENERGY._replace(attribute=2, class_id=4)
    assert it.short_names.wants_list(hidden)
    assert not it.public_short_names.wants_list(hidden)
