"""Associations of every kind with the built-in meter in memory, and a visit that reads a bit of everything in one.

``Scene.visit`` is the client's whole conversation. What stands between it and the meter is up to the caller: nothing
(``clean``), somebody who alters octets on the line, or somebody who alters APDUs before they are framed or ciphered.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec

from scripted_meter import Apdus
from telegraf_dlms.access import Access, Protection
from telegraf_dlms.buffer_progress import Progress
from telegraf_dlms.compact_conversation import CompactRequest, read_compact
from telegraf_dlms.conversation import Memory, Reading, ReadRequest, read_values, release
from telegraf_dlms.cosem import COMPACT_DATA, SCALER_ATTRIBUTE, AttributeDescriptor
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import DataRefused, Silence
from telegraf_dlms.get import InvokeIds, get_list
from telegraf_dlms.handshake import Handshake, Identity, established
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.metrics import Presentation, Series
from telegraf_dlms.new_rows import Question, read_new_rows
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.object_list import CURRENT_ASSOCIATION, parse_base_names, parse_logical_names
from telegraf_dlms.printed import PrintedRows
from telegraf_dlms.profile import ProfileSeries, needed_scalers
from telegraf_dlms.profile_conversation import BufferReader, BufferReading, BufferRequest
from telegraf_dlms.read import read_list
from telegraf_dlms.simulator import meter, sn_objects
from telegraf_dlms.simulator.access import Access as MeterAccess
from telegraf_dlms.simulator.hdlc_server import HdlcServer
from telegraf_dlms.simulator.ledger import Ledger
from telegraf_dlms.simulator.objects import attribute_numbers
from telegraf_dlms.simulator.server import Session
from telegraf_dlms.simulator.server_address import ServerAddress
from telegraf_dlms.simulator.wrapper_server import WrapperServer
from telegraf_dlms.survey import survey
from telegraf_dlms.wrapper import WrapperFraming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.conversation import Association
    from telegraf_dlms.layout import Rows
    from telegraf_dlms.talk import Conversation, Framing

#: Thursday 2026-01-01 12:07:30 UTC.
NOON_S = 1_767_269_250
NOON_NS = NOON_S * 1_000_000_000
CLOCK = DeviceClock()
PRESENTATION = Presentation("utf-8", CLOCK)
CLIENT, SERVER = b"\x03", b"\x03"
TITLE = b"TDLfuzz\x01"
COMPACT = CompactRequest(next(name for name, listed in meter.OBJECTS.items() if listed.class_id == COMPACT_DATA))
#: A long profile with a capture period, and a short one of events.
PROFILES = parse_obis("1.0.99.1.0.255"), parse_obis("0.0.99.98.0.255")
HOUR_NS = 3600 * 1_000_000_000
BOTH = Protection.AUTHENTICATION | Protection.ENCRYPTION
_KEYS = {"authentication_key": bytes(range(0xD0, 0xE0)), "block_cipher_key": bytes(range(16))}
_LONG_KEYS = {"authentication_key": bytes(range(0xC0, 0xE0)), "block_cipher_key": bytes(range(32))}


class Scene(NamedTuple):
    """How client and meter come together: ``client`` is the program's side, ``server`` the meter's."""

    name: str
    client: Access
    server: MeterAccess

    @property
    def is_authenticated(self) -> bool:
        """Whether every APDU has a tag that proves it."""
        return bool(self.client.protection & Protection.AUTHENTICATION)


def _scene(name: str, security: str = "none", protection: Protection = Protection.NONE, **settings: Any) -> Scene:
    password = b"" if security == "none" else b"12345678"
    both = {"protection": protection, "password": password}
    both |= {key: settings.pop(key) for key in ("referencing", "suite", "general") if key in settings}
    if protection or security == "high_gmac":
        both |= _LONG_KEYS if both.get("suite") == 2 else _KEYS
    client = Access(security, max_pdu_size=settings.pop("max_pdu_size", 0xFFFF), **both, **settings)
    return Scene(name, client, MeterAccess(security, **both))


def _signed_scene(name: str) -> Scene:
    """Return a scene with ECDSA, where each side knows the other's public key."""
    ours, theirs = (ec.derive_private_key(number, ec.SECP256R1()) for number in (0xC11E, 0x5E2E))
    scene = _scene(name, "high_ecdsa", BOTH, suite=1)
    return Scene(
        name,
        replace(scene.client, signing_key=_private(ours), server_public_key=_public(theirs)),
        replace(scene.server, signing_key=_private(theirs), client_public_key=_public(ours)),
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_numbers().private_value.to_bytes(32, "big")


def _public(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


SCENES = [
    _scene("clear"),
    _scene("low", "low", max_pdu_size=128),
    _scene("short names", "low", referencing="short_names", max_pdu_size=200),
    _scene("low, both", "low", BOTH),
    _scene("GMAC, both, general and dedicated", "high_gmac", BOTH, general=True, dedicated_key="random"),
    _scene("MD5, authenticated", "high_md5", Protection.AUTHENTICATION, max_pdu_size=256),
    _scene("SHA-1, encrypted", "high_sha1", Protection.ENCRYPTION, suite=1),
    _scene("short names, AES, both", "high", BOTH, referencing="short_names", max_pdu_size=300),
    _scene("SHA-256, both, suite 2, dedicated", "high_sha256", BOTH, suite=2, dedicated_key="random"),
    _signed_scene("ECDSA, both, suite 1"),
]


#: Answers one client's APDUs; and makes that for the address of a client.
Answer: TypeAlias = "Callable[[bytes], bytes]"
AnswerOf: TypeAlias = "Callable[[int], Answer]"


class Wire(NamedTuple):
    """What carries APDUs: the client's framing, and a server's ``receive`` for what answers its clients."""

    name: str
    framing: Callable[[], Framing]
    server: Callable[[AnswerOf], Answer]


class _Answers:
    """A session for a server: whatever answers APDUs."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def _hdlc_server(answer_of: AnswerOf) -> Answer:
    return HdlcServer(ServerAddress(), lambda _number, client: _Answers(answer_of(client)), clock=lambda: 0.0).receive


def _wrapper_server(answer_of: AnswerOf) -> Answer:
    return WrapperServer(ServerAddress(), lambda _number, client: _Answers(answer_of(client))).receive


APDUS = Wire("APDU", Apdus, lambda answer_of: answer_of(1))
HDLC = Wire("HDLC", lambda: HdlcFraming(client=CLIENT, server=SERVER, max_info_length=512, window_size=3), _hdlc_server)
SLOW_HDLC = Wire("slow HDLC", lambda: HdlcFraming(client=CLIENT, server=SERVER), _hdlc_server)
WRAPPER = Wire("WRAPPER", lambda: WrapperFraming(client=1, server=1), _wrapper_server)


def sessions(scene: Scene) -> AnswerOf:
    """Return what makes the meter's side for a client, of one meter that remembers; 16 is the public client."""
    ledger = Ledger(scene.server)
    clock = partial(float, NOON_S)
    return lambda client: Session(1, client, access=scene.server, clock=clock, ledger=ledger).answer


@dataclass(slots=True)
class Visit:
    """What one visit brought, as far as it got; values by what was asked for."""

    values: dict[object, Any] = field(default_factory=dict)
    readings: list[tuple[ReadRequest, Reading]] = field(default_factory=list)
    buffer: BufferReading | None = None
    keys: dict[str, bytes] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Print all that was read."""
        for request, reading in self.readings:
            class_id, name, _ = request.attributes[0]
            series = Series("dlms", tags={}, class_id=class_id, logical_name=name, presentation=PRESENTATION)
            line, _ = series.line(reading.values, scaler_unit=reading.scaler_unit, time_ns=NOON_NS)
            if line is not None:
                yield line
        if self.buffer is not None:
            yield from lines_of(self.buffer)


def lines_of(reading: BufferReading) -> Iterator[str]:
    """Print the rows of a profile."""
    series = ProfileSeries("dlms", tags={}, logical_name=PROFILES[0], presentation=PRESENTATION)
    rows = series.prepare(reading.captures, reading.scalers).rows(
        reading.buffer,
        capture_period=reading.capture_period,
        sort_method=reading.sort_method,
        poll_time_ns=NOON_NS,
    )
    for row in rows.rows:
        yield from row.lines


@cache
def readable() -> list[AttributeDescriptor]:
    """Return every attribute of the built-in meter but the profiles' buffers."""
    return [
        AttributeDescriptor(listed.class_id, name, number)
        for name, listed in meter.OBJECTS.items()
        for number in attribute_numbers(listed)
        if (listed.class_id, number) != (7, 2)
    ]


def visit(framing: Framing, scene: Scene, source: Random, into: Visit) -> Conversation[None]:
    """Open the association, read some attributes, a list and a profile, release; ``into`` has it as it comes."""
    yield from framing.open()
    counter, dedicated = count(100), count(1)
    identity = Identity(TITLE, lambda: next(counter), lambda: next(dedicated))
    handshake = Handshake(framing, scene.client, identity, random=source.randbytes)
    into.keys |= {"global": scene.client.block_cipher_key, "dedicated": handshake._dedicated_key}
    _, negotiated = yield from handshake.request()
    invoke_ids = InvokeIds()
    if scene.client.is_high:
        yield from handshake.authenticate(invoke_ids)
    association = established(handshake, negotiated, scene.client, invoke_ids=invoke_ids)
    memory = Memory()
    chosen = source.sample(readable(), 4)
    requests = [ReadRequest((item,), _scaler_of(item), named=True) for item in chosen[:3]]
    readings: list[Reading] = []
    yield from read_values(association, requests, memory, into=readings)
    for request, reading in zip(requests, readings, strict=True):
        into.readings.append((request, reading))
        into.values |= {(request.attributes[0], number): value for number, value in reading.values}
        if reading.scaler_unit is not None:
            into.values[request.scaler_unit] = reading.scaler_unit
    yield from _some_at_once(association, chosen, into)
    with suppress(DataRefused):
        match source.randrange(8):
            case 0:
                yield from _survey(association, memory, source)
            case 1 | 2:
                into.buffer = yield from read_compact(association, COMPACT, memory, needed_scalers=needed_scalers)
            case 3 | 4 | 5:
                into.buffer = yield from _rows(association, memory, source)
    yield from release(association.framing, request=association.release_request())


def _rows(association: Association, memory: Memory, source: Random) -> Conversation[BufferReading]:
    """Read a profile twice: the second time what is behind the rows that were met."""
    name = PROFILES[source.random() < 0.9]
    request = BufferRequest(name, source.choice((None, None, 3, 20)), source.choice((1, 6)) * HOUR_NS)
    reader = BufferReader(association, name, memory, clock=CLOCK)
    reading = yield from reader.facts(needed_scalers)
    layout = ProfileSeries("dlms", tags={}, logical_name=name, presentation=PRESENTATION).prepare(
        reading.captures, reading.scalers
    )
    printed, progress = PrintedRows(), Progress(rows_at_once=source.choice((16, 500)))

    def interpret(buffer: Value) -> Rows:
        reading.buffer = buffer
        return layout.rows(
            buffer, capture_period=reading.capture_period, sort_method=reading.sort_method, poll_time_ns=NOON_NS
        )

    for now_ns in (NOON_NS, NOON_NS + HOUR_NS):
        fresh = yield from read_new_rows(Question(reader, reading, request, printed, progress, interpret, now_ns))
        printed.commit(printed.place(fresh.rows)[: source.choice((None, 1, 5))], printed_ns=now_ns)
    return reading


def _survey(association: Association, memory: Memory, source: Random) -> Conversation[None]:
    """Find out what some objects give, as ``discover`` does."""
    if association.short_names is None:
        objects = parse_logical_names((yield from association.ask(AttributeDescriptor(15, CURRENT_ASSOCIATION, 2))))
    else:
        objects = parse_base_names((yield from association.ask(AttributeDescriptor(12, CURRENT_ASSOCIATION, 2))))
    for listed in source.sample(objects.objects, min(3, len(objects.objects))):
        yield from survey(association, listed, memory, presentation=PRESENTATION)


def _some_at_once(association: Association, chosen: list[AttributeDescriptor], into: Visit) -> Conversation[None]:
    """Read attributes with one request."""
    try:
        if association.short_names is None:
            values = yield from get_list(association.framing, chosen, invoke_ids=association.invoke_ids)
        else:
            names = [name for name, item in sn_objects.VARIABLES.items() if item in chosen]
            values = yield from read_list(association.framing, names)
            chosen = [sn_objects.VARIABLES[name] for name in names]
    except DataRefused:
        return
    into.values |= {("list", item): value for item, value in zip(chosen, values, strict=True)}


def _scaler_of(item: AttributeDescriptor) -> AttributeDescriptor | None:
    number = SCALER_ATTRIBUTE.get(item.class_id)
    return None if number is None else item._replace(attribute=number)


@contextmanager
def determined(source: Random) -> Iterator[None]:
    """Let both sides draw challenges, keys and titles from the case's own source."""
    kept, defaults = secrets.token_bytes, Handshake.__init__.__kwdefaults__
    secrets.token_bytes = defaults["random"] = source.randbytes
    try:
        yield
    finally:
        secrets.token_bytes = defaults["random"] = kept


def clean(scene: Scene, wire: Wire, source: Random, tap: Callable[[bytes, bytes], None] | None = None) -> Visit:
    """Return what an undisturbed visit brings; ``tap`` is told each request and its answer, as they travel."""
    answer_of = sessions(scene)

    def tapped(answer: Answer, request: bytes) -> bytes:
        reply = answer(request)
        if tap is not None:
            tap(request, reply)
        return reply

    receive = wire.server(lambda client: partial(tapped, answer_of(client)))
    into = Visit()
    conversation = visit(wire.framing(), scene, source, into)
    with determined(source):
        octets = next(conversation)
        while True:
            reply = receive(octets)
            try:
                octets = conversation.send(reply) if reply else conversation.throw(Silence("nothing came"))
            except StopIteration:
                return into
