"""What is said to one meter in an open association: read values, release; ``handshake`` opens it.

A conversation is a generator that yields octets to send, is sent the octets read, and returns its answer (``talk``). It
knows no socket, no clock and no logger, so that each exchange is tested by the octet. Release is a conversation of its
own, since nothing may be yielded while a generator is being closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from telegraf_dlms.association import rlrq
from telegraf_dlms.cosem import AttributeDescriptor, ScalerUnit
from telegraf_dlms.errors import DataRefused, LinkError, PollCut, ProtocolError, ServiceRefused
from telegraf_dlms.get import InvokeIds, decode, get_octets
from telegraf_dlms.probe import probe
from telegraf_dlms.read import read, read_octets
from telegraf_dlms.short_names import OBJECT_LIST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegraf_dlms.access import Negotiated
    from telegraf_dlms.axdr import Value
    from telegraf_dlms.cosem import CaptureObject
    from telegraf_dlms.short_names import ShortNames
    from telegraf_dlms.talk import Conversation, Framing

_NULL_DATA: Final = 0
#: The state-errors of meters without an association: service-not-allowed, or a confirmed-service-error, with none.
_GIVEN_UP: Final = (1, None)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """The attributes of one object that one value asks for.

    ``scaler_unit`` names the attribute that must be known to print them, None where nothing is scaled or the
    configuration overrides it. ``named`` attributes were written in the configuration: each refusal of them counts.
    Others are defaults: where the object gave anything, those that it refused are not asked for again that day.
    ``probes``: the class is not known, so the first attribute stands for all that there are from it on (``probe``).
    """

    attributes: tuple[AttributeDescriptor, ...]
    scaler_unit: AttributeDescriptor | None
    named: bool
    probes: bool = False


@dataclass(slots=True)
class Reading:
    """What came back for one request: attribute numbers with their values, and why others have none."""

    values: list[tuple[int, Value]] = field(default_factory=list)
    refusals: list[tuple[AttributeDescriptor, DataRefused]] = field(default_factory=list)
    scaler_unit: ScalerUnit | None = None
    scaler_refusal: DataRefused | None = None


@dataclass(slots=True)
class Memory:
    """What a meter was asked once and rarely changes; only what decodes is kept.

    The collector drops all of it each day (``forget``). ``captures`` are capture_objects by the profile's logical name
    and hold for one association; ``types`` are the A-XDR tags of scaled attributes; ``clocks`` are clock cells as the
    meter writes them, to write bounds of ranges alike; ``unselective`` are profiles and access selectors that their
    meter refused; ``found`` are the attributes of objects whose class is not known, by the first that was probed.
    """

    scalers: dict[AttributeDescriptor, ScalerUnit] = field(default_factory=dict)
    types: dict[AttributeDescriptor, int] = field(default_factory=dict)
    refused: set[AttributeDescriptor] = field(default_factory=set)
    numbers: dict[AttributeDescriptor, int] = field(default_factory=dict)
    captures: dict[bytes, tuple[CaptureObject, ...]] = field(default_factory=dict)
    clocks: dict[bytes, Value] = field(default_factory=dict)
    unselective: set[tuple[bytes, int]] = field(default_factory=set)
    found: dict[AttributeDescriptor, tuple[AttributeDescriptor, ...]] = field(default_factory=dict)

    def note_type(self, descriptor: AttributeDescriptor, tag: int, scaler_unit: AttributeDescriptor) -> None:
        """Forget a scaler_unit where what it scales came as another type than before, but for null-data."""
        if tag != _NULL_DATA and self.types.setdefault(descriptor, tag) != tag:
            self.types[descriptor] = tag
            self.scalers.pop(scaler_unit, None)

    def forget(self) -> None:
        """Drop everything: a day has passed, or this is another meter."""
        for name in self.__slots__:
            getattr(self, name).clear()


def _in_clear() -> bytes:
    return rlrq()


@dataclass(slots=True)
class Association:
    """An open association: its framing, what was negotiated, and the invoke-ids that it has used.

    ``is_doubtful``: it was kept open, and the meter has not answered in it since; it may have given it up.
    ``is_ending``: no further exchange is to be begun. ``short_names`` are there where it uses them;
    ``release_request`` gives its RLRQ.
    """

    framing: Framing
    negotiated: Negotiated
    invoke_ids: InvokeIds = field(default_factory=InvokeIds)
    is_doubtful: bool = False
    is_ending: bool = False
    short_names: ShortNames | None = None
    release_request: Callable[[], bytes] = _in_clear

    def ask(self, descriptor: AttributeDescriptor, *, selection: bytes = b"") -> Conversation[Value]:
        """Return an attribute's value, or raise DataRefused; LinkError where the meter has given up the association."""
        octets = yield from self.ask_octets(descriptor, selection=selection)
        return decode(octets)

    def ask_octets(self, descriptor: AttributeDescriptor, *, selection: bytes = b"") -> Conversation[bytes]:
        """Return an attribute's value as A-XDR octets, whatever they are; raises as ``ask``, and PollCut."""
        if self.is_ending:
            raise PollCut("cut off by a stop")
        try:
            octets = yield from self._octets(descriptor, selection)
        except DataRefused as refusal:
            gone = isinstance(refusal, ServiceRefused) and refusal.state in _GIVEN_UP
            if gone and self.is_doubtful:
                raise LinkError(f"the meter has given up the association: {refusal}") from None
            self.is_doubtful = False
            raise
        self.is_doubtful = False
        return octets

    def _octets(self, descriptor: AttributeDescriptor, selection: bytes) -> Conversation[bytes]:
        names = self.short_names
        if names is None:
            return (yield from get_octets(self.framing, descriptor, invoke_ids=self.invoke_ids, selection=selection))
        if names.wants_list(descriptor):
            names.learn((yield from self._object_list()))
        return (yield from read_octets(self.framing, names.name_of(descriptor), selection=selection))

    def _object_list(self) -> Conversation[Value | DataRefused]:
        try:
            return (yield from read(self.framing, OBJECT_LIST))
        except ServiceRefused:
            raise
        except DataRefused as refusal:
            return refusal


def release(framing: Framing, *, request: bytes) -> Conversation[None]:
    """Release the association, with an RLRQ where there is one, and the data link. A failure is no error.

    Over HDLC a DISC releases both (Green Book, 9.3.3), so no RLRQ is sent there.
    """
    if request:
        try:
            yield from framing.exchange(request)
        except (LinkError, ProtocolError):
            return
    yield from framing.close()


def read_values(
    association: Association, requests: Sequence[ReadRequest], memory: Memory, *, into: list[Reading]
) -> Conversation[None]:
    """Read ``requests`` in order, appending to ``into``, which already holds the first ones where this is a second try.

    What is refused is in its Reading. An error that ends the association leaves in ``into`` what was read before.
    """
    for request in requests[len(into) :]:
        reading = Reading()
        yield from _read_attributes(association, request, memory, reading)
        if not request.named and reading.values:
            memory.refused.update(descriptor for descriptor, _ in reading.refusals)
            reading.refusals.clear()
        if request.scaler_unit is not None and reading.values:
            yield from _learn_scaler(association, request.scaler_unit, memory, reading)
        into.append(reading)


def _read_attributes(
    association: Association, request: ReadRequest, memory: Memory, reading: Reading
) -> Conversation[None]:
    attributes = request.attributes
    if request.probes:
        known = memory.found.get(attributes[0])
        if known is None:
            yield from probe(association, attributes[0], memory, reading)
            return
        attributes = known
    for descriptor in attributes:
        if not request.named and descriptor in memory.refused:
            continue
        try:
            octets = yield from association.ask_octets(descriptor)
            value = decode(octets)
        except DataRefused as refusal:
            reading.refusals.append((descriptor, refusal))
        else:
            reading.values.append((descriptor.attribute, value))
            if request.scaler_unit is not None:
                memory.note_type(descriptor, octets[0], request.scaler_unit)


def scaler_unit_of(
    association: Association, descriptor: AttributeDescriptor, memory: Memory
) -> Conversation[ScalerUnit]:
    """Return an object's scaler_unit from ``memory`` or from the meter; DataRefused where there is none to trust."""
    known = memory.scalers.get(descriptor)
    if known is not None:
        return known
    value = yield from association.ask(descriptor)
    scaler_unit = ScalerUnit.of(value)
    if scaler_unit is None:
        raise DataRefused(None, f"the scaler_unit is {value!r}, not a structure of a scaler and a unit")
    memory.scalers[descriptor] = scaler_unit
    return scaler_unit


def _learn_scaler(
    association: Association, descriptor: AttributeDescriptor, memory: Memory, reading: Reading
) -> Conversation[None]:
    try:
        reading.scaler_unit = yield from scaler_unit_of(association, descriptor, memory)
    except DataRefused as refusal:
        reading.scaler_refusal = refusal
