"""What the tests of the simulator share: a driver of conversations over memory, and the Green Book's associations."""

from __future__ import annotations

from telegraf_dlms import axdr
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import Silence
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator.server import Access, Session

#: Thursday 2026-01-01 12:07:30 UTC, 13:07:30 local time of the meters.
NOON = 1_767_269_250
#: The AARQs of the Green Book (LN referencing, no ciphering): without authentication, and with the password 12345678.
AARQ = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0")
AARQ_LOW = bytes.fromhex(
    "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738BE10040E01000000065F1F0400007E1F04B0"
)
#: What the meter grants: the conformance 00 52 14 and its max PDU size of 1024.
AARE = bytes.fromhex("6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F04000052140400 0007")
#: The Green Book's AARQs with short names, and what the meter grants then: 10 12 20, and the VAA name FA00.
AARQ_SN = bytes.fromhex("601DA109060760857405080102BE10040E01000000065F1F04001C03200190")
AARQ_SN_LOW = bytes.fromhex(
    "6036A1090607608574050801028A0207808B0760857405080201AC0A80083132333435363738BE10040E01000000065F1F04001C1320FFFF"
)
AARE_SN = bytes.fromhex("6129A109060760857405080102A203020100A305A103020100BE10040E0800065F1F04001012200400 FA00")
NO_SECURITY = Access()
PASSWORD = Access("low", b"12345678")
SHORT_NAMES = Access(referencing="short_names")


class Clock:
    def __init__(self):
        self.now = NOON + 0.9

    def __call__(self):
        return self.now


def session(*, access=NO_SECURITY, request=AARQ, number=1, client=16, clock=None):
    """Return a session whose meter has been sent an AARQ."""
    made = Session(number, client, access=access, clock=clock or Clock())
    made.answer(request)
    return made


def aarq(*, conformance="007E1F", max_pdu_size=1200):
    return AARQ[:-5] + bytes.fromhex(conformance) + max_pdu_size.to_bytes(2, "big")


def aarq_sn(*, conformance="1C1320", max_pdu_size=1200):
    return AARQ_SN[:-5] + bytes.fromhex(conformance) + max_pdu_size.to_bytes(2, "big")


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
