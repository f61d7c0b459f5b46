"""Every recording of a real meter: all that is in it is decoded, and says what it is known to say."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from gurux_dlms._GXFCS16 import _GXFCS16

from field import (
    CLOCK,
    FIELD,
    apdu_in,
    apdu_of,
    blocks_of,
    cases,
    each,
    frames_of,
    joined,
    needs_field,
    notification,
    plain,
    pushes,
)
from talking import CUTS, drive
from telegraf_dlms import wrapper
from telegraf_dlms.axdr import decode, decode_all
from telegraf_dlms.datetimes import NO_STATUS, status_of
from telegraf_dlms.errors import RemoteProtocolError, Silence
from telegraf_dlms.fields import print_scaled
from telegraf_dlms.hdlc import FrameBuffer, Kind, fcs16
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.obis import format_obis
from telegraf_dlms.wrapper import WrapperFraming

#: Pushes that say an OBIS code beside each value, in clear.
PLAIN = [
    "hdlc_iskra550",
    "hdlc_norway_han_1phase",
    "hdlc_norway_han_3phase",
    "raw_salzburg_netz",
]
#: Pushes with a flaw, or without OBIS codes: each has a test of its own.
ODD = ["hdlc_kaifa_ma304h3e", "hdlc_landis_gyr_zmf100", "raw_egd_example", "raw_energomera"]
CIPHERED = ["hdlc_kamstrup_omnipower", "hdlc_landis_gyr_e450", "hdlc_lgz_e450_2", "mbus_netz_noe_p1"]


def dump(name):
    return next(push for push in pushes() if push.id == name)


def said(value):
    """Return what a push says by OBIS code: texts as text, numbers scaled, as the program prints them."""
    match value:
        case (bytes(name), int(number), (int(scaler), int())) if len(name) == 6:
            return {format_obis(name): float(print_scaled(number, scaler)[0])}
        case (bytes(name), content) if len(name) == 6:
            return {format_obis(name): plain(content)}
        case list() | tuple():
            return {name: content for item in value for name, content in said(item).items()}
    return {}


@needs_field
def test_every_recording_is_read_by_a_test_of_this_file():
    recordings = {path.name for path in (FIELD / "traces").iterdir()}
    assert recordings == {
        "clock_samples.json",
        "dlms_parser_dumps.json",
        "gosem_circutor_poll.json",
        "risesun_poll.json",
        "smartmeter_datacollector.json",
    }
    assert sorted(push.id for push in pushes()) == sorted(PLAIN + ODD + CIPHERED)


# Pushes: dlms_parser_dumps.


@each([push for push in pushes() if push.id in PLAIN])
def test_a_push_in_clear_says_what_it_is_known_to_say(case):
    date_time, octets = notification(apdu_of(case))
    decoded = said(decode_all(octets))
    assert {name: decoded.get(name) for name in case.expected} == case.expected
    assert set(decoded) - set(case.expected) <= {"0.0.1.0.0.255"}
    assert not date_time or CLOCK.to_utc_ns(date_time)


@needs_field
def test_a_push_without_obis_codes_is_its_values():
    date_time, octets = notification(apdu_of(dump("hdlc_kaifa_ma304h3e")))
    texts = b"KFM_001", b"6970631401753985", b"MA304H3E"
    assert decode_all(octets) == (*texts, 948, 0, 0, 64, 1416, 3241, 3119, 2385, 0, 2389)
    assert CLOCK.to_text(date_time) == "2017-09-15T05:33:40"


@needs_field
def test_a_frame_whose_checksum_was_copied_wrongly_is_none():
    push = dump("hdlc_landis_gyr_zmf100")
    buffer = FrameBuffer()
    assert frames_of(push.octets, buffer) == []
    assert buffer.garbled == 1
    body, recorded = push.octets[1:-3], push.octets[-3:-1]
    assert fcs16(body[:6]) == body[6:8], "the checksum of its head holds"
    assert _GXFCS16.countFCS16(body, 0, len(body)).to_bytes(2, "big") == fcs16(body) != recorded


@needs_field
def test_tags_that_a_firmware_writes_the_wrong_way_round_are_no_value_and_the_rest_of_that_push_is():
    push = dump("hdlc_landis_gyr_zmf100")
    body = push.octets[1:-3]
    (frame,) = frames_of(b"\x7e" + body + fcs16(body) + b"\x7e")
    _, octets = notification(apdu_in([frame]))
    with pytest.raises(RemoteProtocolError, match="no type has tag 7"):
        decode_all(octets)
    decoded = said(decode_all(octets.replace(b"\x02\x03\x06\x09", b"\x02\x03\x09\x06")))
    assert decoded == push.expected | {"0.0.1.0.0.255": "2019-04-01 13:00:06"}


@needs_field
def test_an_example_typed_from_a_document_has_descriptors_without_tags_and_good_values():
    push = dump("raw_egd_example")
    _, octets = notification(push.octets)
    with pytest.raises(RemoteProtocolError, match="A-XDR"):
        decode_all(octets)
    assert octets[:6] == bytes.fromhex("0202 1601 011b"), "an enum, and an array of 27"
    decoded = {}
    offset = 6
    while offset < len(octets):
        # A structure of two: class_id, logical name and attribute as in a get-request, then a value.
        name = octets[offset + 4 : offset + 10]
        value, offset = decode(octets, offset + 11)
        decoded[format_obis(name)] = name if value == name else plain(value)
    assert decoded == push.expected | {"0.2.25.9.0.255": bytes((0, 2, 25, 9, 0, 255))}
    assert len(decoded) == octets[5]


@needs_field
def test_a_push_that_lists_its_objects_first_has_a_value_for_each():
    push = dump("raw_energomera")
    date_time, octets = notification(push.octets)
    objects, *values = decode_all(octets)
    assert {format_obis(name): float(data_index) for _, name, _, data_index, *_ in objects} == push.expected
    texts = b"EMR0222173608710", b"012415173608710".ljust(32, b"\0")
    assert values == [1, *texts, 16, 0xFFFF, (bytes((0, 0, 99, 98, 4, 255)), 3)]
    assert len(values) == len(objects) - 1, "the first object is the list itself"
    assert CLOCK.to_text(date_time) == "2022-11-03T15:38:25+03:00"


# Pushes: smartmeter_datacollector. Each lists its objects, and has a value for each of them.

READINGS = {
    "iskra_am550:UNENCRYPTED_VALID_DATA": {
        "0.0.42.0.0.255": b"ISK1030775213859",
        "1.1.1.8.0.255": 6229669,
        "1.1.1.8.1.255": 3097647,
        "1.1.1.8.2.255": 3132022,
        "1.1.8.8.2.255": 30279,
        "1.0.13.7.0.255": 0,
    },
    "iskra_am550:UNENCRYPTED_VALID_DATA_CFG2026": {
        "0.0.42.0.0.255": b"ISK1030783821282",
        "1.1.1.8.0.255": 15207,
        "1.0.32.7.0.255": 2347,
        "1.0.31.7.0.255": 12,
    },
    "lg_e360:UNENCRYPTED_VALID_DATA_CFG2026": {
        "0.0.42.0.0.255": b"LGZ1030163598905",
        "1.1.1.8.0.255": 21956,
        "1.1.4.8.0.255": 4432,
        "1.0.71.7.0.255": 0,
    },
    "lg_e450:UNENCRYPTED_VALID_DATA": {
        "0.0.42.0.0.255": b"LGZ1030655933512",
        "0.0.96.1.1.255": b"1935912",
        "1.1.1.8.0.255": 886977,
        "1.0.13.7.0.255": 941,
    },
    "lg_e450:UNENCRYPTED_VALID_DATA1": {
        "0.0.96.1.0.255": b"44337811",
        "1.1.1.8.0.255": 25149419,
        "1.1.8.8.0.255": 15745368,
    },
    "lg_e450:UNENCRYPTED_INVALID_DATA": {
        "0.0.42.0.0.255": b"LGZ1030655933512",
        "1.1.1.8.0.255": 886977,
        "1.0.13.7.0.255": 1000,
    },
    "lg_e450:UNENCRYPTED_EXTENDED_REGISTER_DATA": {
        "0.1.96.1.0.255": b"24521662",
        "0.4.96.1.0.255": b"\0",
        "0.1.24.2.1.255": 30545,
    },
    "lg_e450:UNENCRYPTED_VALID_DATA_CFG2026": {
        "0.0.42.0.0.255": b"LGZ1030653520967",
        "1.1.1.8.0.255": 482939,
        "1.0.51.7.0.255": 8,
    },
    "lg_e570:UNENCRYPTED_VALID_DATA_CFG2026": {
        "0.0.42.0.0.255": b"LGZ1030781910790",
        "1.0.32.7.0.255": 232,
    },
    "lg_e570:UNENCRYPTED_VALID_DATA_LOAD_CFG2026": {
        "0.0.42.0.0.255": b"LGZ1030769231250",
        "1.1.1.8.0.255": 2607383,
        "1.0.1.7.0.255": 258874,
        "1.0.71.7.0.255": 601,
    },
}
#: One has its key, the other none that anyone published.
CIPHERED_BLOCKS = ["lg_e450:ENCRYPTED_DATA_NO_PUSHLIST", "lg_e570:ENCRYPTED_VALID_DATA"]
COLLECTED = cases("smartmeter_datacollector")


def collected(name):
    return next(case for case in COLLECTED if case["id"] == name)


def octets_of(case):
    return b"".join(bytes.fromhex(frame["hex"]) for frame in case["frames"])


def listed(value):
    """Return the values of a push by the objects that it lists; the first value may be the list itself."""
    at = next(index for index, item in enumerate(value) if isinstance(item, list))
    objects = value[at]
    assert len(value) == at + len(objects)
    assert all(
        (class_id, attribute) in {(40, 1), (40, 2), (1, 2), (3, 2), (4, 2), (8, 2)}
        for class_id, _, attribute, _ in objects
    )
    return {format_obis(name): content for (_, name, _, _), content in zip(objects, value[at:], strict=True)}


@needs_field
def test_every_push_of_the_data_collector_is_read():
    assert sorted(case["id"] for case in COLLECTED) == sorted([*READINGS, *CIPHERED_BLOCKS])


@pytest.mark.parametrize("cut", CUTS)
@each([case for case in COLLECTED if case["id"] in READINGS])
def test_a_push_in_segments_or_blocks_is_whole_again(case, cut):
    buffer = FrameBuffer()
    frames = [frame for piece in cut(octets_of(case)) for frame in frames_of(piece, buffer)]
    assert buffer.garbled == 0
    date_time, octets = notification(apdu_in(frames))
    values = listed(decode_all(octets))
    assert values == values | READINGS[case["id"]]
    for name in ("0.0.1.0.0.255", "0.0.42.0.0.255"):
        own = values.get(name, b"")
        if len(own) == 12:
            assert abs(CLOCK.to_utc_ns(own) - CLOCK.to_utc_ns(date_time)) < 600 * 10**9


@needs_field
def test_a_message_that_breaks_off_is_not_mixed_into_the_next_one():
    frames = frames_of(octets_of(collected("lg_e450:UNENCRYPTED_VALID_DATA")))
    apdus = [frame.information for frame in frames]
    assert [block.number for block in blocks_of(apdus)] == [1, 2, 1, 2, 3, 4]
    assert joined(blocks_of(apdus)) == joined(blocks_of(apdus[2:])) == apdu_in(frames)


@needs_field
def test_blocks_that_come_twice_and_out_of_order_are_no_value_as_they_came():
    blocks = blocks_of(
        [frame.information for frame in frames_of(octets_of(collected("lg_e450:UNENCRYPTED_INVALID_DATA")))]
    )
    assert [(block.number, block.last) for block in blocks] == [
        (1, False),
        (2, False),
        (2, False),
        (4, True),
        (3, False),
    ]
    _, octets = notification(b"".join(block.raw for block in blocks))
    with pytest.raises(RemoteProtocolError, match="A-XDR"):
        decode_all(octets)


# Pushes are no answers, whatever brings them.


@each([case for case in COLLECTED if case["id"] in READINGS], name="case")
def test_frames_of_a_push_do_not_end_the_wait_of_a_client(case):
    octets = octets_of(case)
    frame = frames_of(octets)[0]
    link = HdlcFraming(client=frame.destination, server=frame.source)
    conversation = link.open()
    next(conversation)
    assert conversation.send(octets) == b""
    with pytest.raises(Silence):
        conversation.throw(Silence("nothing came"))
    assert link.dropped == len(frames_of(octets))
    assert {frame.kind for frame in frames_of(octets)} == {Kind.UI}


@each([push for push in pushes() if push.id not in CIPHERED and push.id not in ODD])
def test_a_push_over_the_wrapper_does_not_end_the_wait_of_a_client(case):
    link = WrapperFraming(client=16, server=1)
    answer = b"\xc4\x01\xc1\x00\x11\x05"
    reads = wrapper.encode(1, 16, apdu_of(case)), wrapper.encode(1, 16, answer)
    apdu, sent = drive(link.exchange(b"\xc0\x01\xc1"), b"".join(reads))
    assert (apdu, link.dropped, len(sent)) == (answer, 1, 1)


# Date-times.


@each([sample | {"id": sample["hex"]} for sample in cases("clock_samples")])
def test_every_date_time_seen_in_the_field_is_understood(case):
    octets = bytes.fromhex(case["hex"])
    status, hundredths = int(case["status"], 16), int(case["hundredths"], 16)
    assert status_of(octets) == (None if status in {0, NO_STATUS} else status)
    text = CLOCK.to_text(octets)
    if case["shape"] == "wild":
        assert (text, CLOCK.to_utc_ns(octets)) == (case["hex"], None)
        return
    year, month, day = int(case["hex"][:4], 16), octets[2], octets[3]
    expected = f"{year}-{month:02}-{day:02}T{octets[5]:02}:{octets[6]:02}:{octets[7]:02}"
    expected += "" if hundredths in {0, 0xFF} else f".{hundredths:02}"
    moment = datetime.fromisoformat(expected)
    if case["deviation"] != "not specified":
        hours, minutes = divmod(abs(case["deviation"]), 60)
        expected += f"{'-' if case['deviation'] > 0 else '+'}{hours:02}:{minutes:02}"
        moment += timedelta(minutes=case["deviation"])
    assert text == expected
    assert CLOCK.to_utc_ns(octets) == (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1) * 1000  # noqa: DTZ001
    assert CLOCK.needs_zone(octets) == (case["deviation"] == "not specified")
