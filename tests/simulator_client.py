"""What the tests of the simulator share: a driver of conversations over memory, and the Green Book's associations."""

from __future__ import annotations

from telegraf_dlms import axdr
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import Silence
from telegraf_dlms.obis import parse_obis

#: Thursday 2026-01-01 12:07:30 UTC, 13:07:30 local time of the meters.
NOON = 1_767_269_250
#: The AARQs of the Green Book (LN referencing, no ciphering): without authentication, and with the password 12345678.
AARQ = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0")
AARQ_LOW = bytes.fromhex(
    "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738BE10040E01000000065F1F0400007E1F04B0"
)
#: What the meter grants: the conformance 00 52 14 and its max PDU size of 1024.
AARE = bytes.fromhex("6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F04000052140400 0007")


def aarq(*, conformance="007E1F", max_pdu_size=1200):
    return AARQ[:-5] + bytes.fromhex(conformance) + max_pdu_size.to_bytes(2, "big")


def descriptor(class_id, code, attribute=2):
    return AttributeDescriptor(class_id, parse_obis(code), attribute)


def drive(conversation, receive, *, piece=None):
    """Run a conversation against ``receive``, giving it ``piece`` octets at a time; silence is thrown in."""
    waiting = b""
    try:
        octets = next(conversation)
        while True:
            if octets:
                waiting += receive(octets)
            if waiting:
                taken, waiting = waiting[: piece or len(waiting)], waiting[piece or len(waiting) :]
                octets = conversation.send(taken)
            else:
                octets = conversation.throw(Silence("nothing came"))
    except StopIteration as stop:
        return stop.value


def in_pieces(receive, size):
    """Return a ``receive`` that hands the octets over in pieces."""

    def feed(octets):
        return b"".join(receive(octets[start : start + size]) for start in range(0, len(octets), size))

    return feed


def values(encoded):
    return axdr.decode_all(encoded)
