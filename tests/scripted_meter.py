"""A meter that is a table of attributes, and an association with it over nothing but memory.

``ScriptedMeter`` answers GETs and notes what it was asked. An attribute's entry is its encoded value, a
data-access-result, ``Raw`` octets of another APDU, an exception to be thrown in instead of an answer, or a function
from the request's selection to one of these.
"""

from __future__ import annotations

from telegraf_dlms.access import PROPOSED, Conformance, Negotiated
from telegraf_dlms.apdu import encode_get_response, parse_get_request
from telegraf_dlms.association import rlrq
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.conversation import Association
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.obis import format_obis, parse_obis

OBJECT_UNDEFINED = 4
SINGLY = PROPOSED & ~Conformance.MULTIPLE_REFERENCES


class Raw(bytes):
    """An APDU of its own, in place of a get-response."""

    __slots__ = ()


#: Exception-responses: service-not-allowed, as without an association, and service-unknown.
NOT_ALLOWED = Raw(b"\xd8\x01\x01")
UNKNOWN = Raw(b"\xd8\x02\x02")
RLRE = Raw.fromhex("6303800100")


class Apdus:
    """A framing without frames: the APDUs themselves are what is sent and read."""

    repeats = dropped = 0

    def __init__(self):
        self.exchanges = 0
        self.closed = False

    def open(self):
        yield from ()

    def exchange(self, apdu):
        self.exchanges += 1
        return (yield apdu)

    def receive(self):
        return (yield b"")

    def established(self):
        self.is_established = True

    def close(self):
        self.closed = True
        yield from ()


class ScriptedMeter:
    def __init__(self, attributes=None):
        self.attributes = attributes or {}
        self.asked = []

    def answer(self, apdu):
        """Return the answer's octets, or the exception that comes instead."""
        if apdu == rlrq():
            return RLRE
        request = parse_get_request(apdu)
        self.asked.append(self.words(request.descriptor, request.selection))
        answer = self.attributes.get(request.descriptor, OBJECT_UNDEFINED)
        if callable(answer):
            answer = answer(request.selection)
        if isinstance(answer, Raw | Exception):
            return answer
        return encode_get_response(request.invoke, answer)

    def words(self, descriptor, _selection):
        return f"{format_obis(descriptor.logical_name)}/{descriptor.attribute}"

    def take_asked(self):
        asked, self.asked = self.asked, []
        return asked


def association(**options):
    """Make an association whose meter does no lists, so that each question shows."""
    return Association(Apdus(), Negotiated(options.pop("conformance", SINGLY), 0), **options)


def converse(conversation, meter):
    """Run a conversation with a meter to its answer."""
    try:
        octets = next(conversation)
        while True:
            answer = meter.answer(octets)
            octets = conversation.throw(answer) if isinstance(answer, Exception) else conversation.send(answer)
    except StopIteration as end:
        return end.value


class ScriptedLink:
    """What drives conversations where there is no link."""

    def __init__(self, meter):
        self.meter = meter
        self.settings = []

    async def run(self, conversation, **settings):
        self.settings.append(settings)
        return converse(conversation, self.meter)


def descriptor(class_id, code, attribute=2):
    return AttributeDescriptor(class_id, parse_obis(code), attribute)


def unsigned(number):
    return encode(Tag.DOUBLE_LONG_UNSIGNED, number)


def octets(value):
    return encode(Tag.OCTET_STRING, value)


def scaler_unit(scaler, unit):
    return structure(encode(Tag.INTEGER, scaler), encode(Tag.ENUM, unit))


def listing(*codes, class_id=1):
    """Return the object_list of an Association LN with these objects."""
    rights = structure(array([]), array([]))
    about = encode(Tag.LONG_UNSIGNED, class_id), encode(Tag.UNSIGNED, 0)
    return array(structure(*about, octets(parse_obis(code)), rights) for code in codes)


class SaidLog:
    """A log that remembers: each line with its level's letter, as Telegraf shows it."""

    def __init__(self):
        self.all = []

    def say(self, level, text):
        self.all.append(f"{level[0].upper()} {text}")

    def is_enabled(self, _level):
        return True

    def info(self, text):
        self.say("info", text)

    def debug(self, text):
        self.say("debug", text)

    @property
    def above_debug(self):
        return [line for line in self.all if not line.startswith("D")]
