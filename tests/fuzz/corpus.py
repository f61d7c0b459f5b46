"""Good octets to begin with: what the built-in meter and its client say to each other, and what real meters said."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import NamedTuple

from axdr_vectors import BOTH_WAYS
from field import FIELD, apdu_of, cases, notification, pushes
from field_objects import FOLDER, objects_of
from fuzz.scenes import APDUS, HDLC, SCENES, WRAPPER, clean
from telegraf_dlms.apdu import encode_get_list_response, encode_get_response
from telegraf_dlms.axdr import Tag, array, decode, encode, read_length, structure
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.simulator import meter, objects
from telegraf_dlms.simulator.buffers import Moment

NOON = Moment(1_767_269_250, 1)
ROW = structure(encode(Tag.OCTET_STRING, bytes(12)), encode(Tag.UNSIGNED, 8), encode(Tag.DOUBLE_LONG_UNSIGNED, 7))
COMPACT = [
    bytes.fromhex("13 02 03 06 11 01 0002 00 32") + bytes(50),
    bytes.fromhex("13 02 04 09 11 12 00 2a") + (b"\x0c" + bytes(12) + b"\x01\x00\x07") * 2 + bytes(10),
    bytes.fromhex("13 01 0003 02 02 0f 16 0c 00010002000300040005 00060007"),
    bytes.fromhex("02 02 13 11 01 05 13 0a 04 0141 0142"),
]


class Talk(NamedTuple):
    """The APDUs of one clean visit as they travel, in order."""

    requests: tuple[bytes, ...]
    answers: tuple[bytes, ...]


@cache
def talks() -> dict[str, Talk]:
    """Return what is said in each scene."""
    said = {}
    for scene in SCENES:
        heard: list[tuple[bytes, bytes]] = []
        for seed in range(6):
            clean(scene, APDUS, Random(seed), lambda *pair, heard=heard: heard.append(pair))
        requests, answers = zip(*dict.fromkeys(heard), strict=True)
        said[scene.name] = Talk(requests, answers)
    return said


@cache
def streams(name: str) -> tuple[bytes, ...]:
    """Return the meter's octets of visits over HDLC or WRAPPER, each whole, and recorded ones."""
    found = [_heard(scene, HDLC if name == "HDLC" else WRAPPER) for scene in SCENES[:4]]
    if name == "HDLC":
        found += [_recorded(case) for case in cases("smartmeter_datacollector") + cases("risesun_poll")]
    return tuple(found)


def _heard(scene, wire):
    """Return all octets of the meter in one visit."""
    heard = []

    def server(answer_of):
        receive = wire.server(answer_of)
        return lambda octets: heard.append(reply := receive(octets)) or reply

    clean(scene, wire._replace(server=server), Random(1))
    return b"".join(heard)


def _recorded(case):
    return b"".join(bytes.fromhex(frame["hex"]) for frame in case["frames"])


@cache
def values() -> tuple[bytes, ...]:
    """Return A-XDR of every type and shape: vectors, all attributes of the built-in meter, and of real ones."""
    found = [encode(param.values[0], param.values[1]) for param in BOTH_WAYS] + COMPACT
    for listed in meter.OBJECTS.values():
        for number in objects.attribute_numbers(listed):
            if (listed.class_id, number) not in {(7, 2), (15, 7)}:
                found.append(_read(listed, number))
    if FIELD.is_dir():
        for name in ("kpz_m2m3_0.0.49.typ", "kpz_m2m3_1.4.10.typ"):
            found += [
                octets
                for item in objects_of(name)
                for octets in item.attributes.values()
                if isinstance(octets, bytes) and len(octets) < 2000
            ]
        found += [notification(apdu_of(push))[1] for push in pushes() if not push.keys and "zmf100" not in push.id]
    return tuple(dict.fromkeys(found))


def _read(listed, number):
    return meter.read(AttributeDescriptor(listed.class_id, listed.logical_name, number), NOON)


@cache
def object_lists() -> tuple[bytes, ...]:
    """Return object lists, of the built-in meter and of real ones, in part: whole ones are long."""
    lists = [_read(next(iter(meter.OBJECTS.values())), 2)]
    if FOLDER.is_dir():
        lists += [
            item.attributes[2]
            for name in ("kpz_m2m3_0.0.49.typ", "kpz_m2m3_1.4.10.typ")
            for item in objects_of(name)
            if item.class_id == 15 and isinstance(item.attributes.get(2), bytes)
        ]
    return tuple(array(_elements(octets)[:12]) for octets in lists)


def _elements(octets):
    """Return the elements of an array as octets."""
    count, offset = read_length(octets, 1)
    found = []
    for _ in range(count):
        _, end = decode(octets, offset)
        found.append(octets[offset:end])
        offset = end
    return found


def get_answers() -> list[bytes]:
    """Return answers to get-requests, of every form."""
    rows = array([ROW] * 20)
    said = [answer for talk in talks().values() for answer in talk.answers if answer[0] in b"\xc4\xd8\x0e"]
    return [
        *said,
        encode_get_response(0xC1, rows),
        encode_get_response(0xC1, 4),
        encode_get_list_response(0xC1, [rows, 4]),
        b"\xd8\x01\x06\x00\x00\x00\x01",
        b"\x0e\x01\x00\x02",
    ]
