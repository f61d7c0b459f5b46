"""What is said to one meter in an open association: read values, release; ``handshake`` opens it.

A conversation is a generator that yields octets to send, is sent the octets read, and returns its answer (``talk``). It
knows no socket, no clock and no logger, so that each exchange is tested by the octet. Release is a conversation of its
own, since nothing may be yielded while a generator is being closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from telegraf_dlms.access import Conformance
from telegraf_dlms.association import rlrq
from telegraf_dlms.cosem import AttributeDescriptor, ScalerUnit
from telegraf_dlms.errors import DataRefused, LinkError, PollCut, ProtocolError, ServiceRefused
from telegraf_dlms.get import InvokeIds, decode, get_list, get_octets
from telegraf_dlms.lists import Answers, Lists
from telegraf_dlms.pitfalls import Pitfalls
from telegraf_dlms.probe import probe
from telegraf_dlms.read import read, read_list, read_octets
from telegraf_dlms.short_names import OBJECT_LIST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from telegraf_dlms.access import Negotiated
    from telegraf_dlms.axdr import Value
    from telegraf_dlms.compact import Template
    from telegraf_dlms.cosem import CaptureObject
    from telegraf_dlms.short_names import ShortNames
    from telegraf_dlms.stopwatch import Stopwatch
    from telegraf_dlms.talk import Conversation, Framing

T = TypeVar("T")

_NULL_DATA: Final = 0
#: The state-errors of meters without an association: service-not-allowed, or a confirmed-service-error, with none.
#: Others may be the object's own: they say it until a new association has been refused so.
_GIVEN_UP: Final = (1, None)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """The attributes of one object that one value asks for.

    ``scaler_unit`` names the attribute that must be known to print them, None where nothing is scaled or the
    configuration overrides it. ``named`` attributes were written in the configuration: each refusal of them counts.
    Others are defaults: where the object gave anything, those that it refused are not asked for again that day.
    ``probes``: the class is not known, so the first attribute stands for all that there are from it on (``probe``).
    ``time`` is the attribute that says when the value was taken, None where the poll's time is printed.
    """

    attributes: tuple[AttributeDescriptor, ...]
    scaler_unit: AttributeDescriptor | None
    named: bool
    probes: bool = False
    time: AttributeDescriptor | None = None


@dataclass(slots=True)
class Reading:
    """What came back for one request: attribute numbers with their values, and why others have none.

    ``time`` is the value of the request's ``time``, None where the meter refused it.
    """

    values: list[tuple[int, Value]] = field(default_factory=list)
    refusals: list[tuple[AttributeDescriptor, DataRefused]] = field(default_factory=list)
    scaler_unit: ScalerUnit | None = None
    scaler_refusal: DataRefused | None = None
    time: Value = None


@dataclass(slots=True)
class Memory:
    """What a meter was asked once and rarely changes; only what decodes is kept.

    The collector drops all of it each day (``forget``). ``captures`` are capture_objects by the profile's logical name
    and hold for one association; ``types`` are the A-XDR tags of scaled attributes; ``clocks`` are clock cells as the
    meter writes them, to write bounds of ranges alike, and ``unspecified`` are profiles where these have no deviation;
    ``unselective`` are profiles and access selectors that their meter refused; ``found`` are the attributes of objects
    whose class is not known, by the first that was probed; ``templates`` are those of compact data, by logical name;
    ``nameless`` are objects that do not tell which meter it is; ``excepted`` are attributes, None for a list, that are
    answered with an exception-response in a new association.
    """

    scalers: dict[AttributeDescriptor, ScalerUnit] = field(default_factory=dict)
    types: dict[AttributeDescriptor, int] = field(default_factory=dict)
    refused: set[AttributeDescriptor] = field(default_factory=set)
    numbers: dict[AttributeDescriptor, int] = field(default_factory=dict)
    captures: dict[bytes, tuple[CaptureObject, ...]] = field(default_factory=dict)
    clocks: dict[bytes, Value] = field(default_factory=dict)
    unselective: set[tuple[bytes, int]] = field(default_factory=set)
    unspecified: set[bytes] = field(default_factory=set)
    found: dict[AttributeDescriptor, tuple[AttributeDescriptor, ...]] = field(default_factory=dict)
    templates: dict[bytes, Template] = field(default_factory=dict)
    nameless: set[AttributeDescriptor] = field(default_factory=set)
    excepted: set[AttributeDescriptor | None] = field(default_factory=set)

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
    ``is_ending``: no further exchange is to be begun. ``is_identified``: the meter said who it is, or is not asked.
    ``short_names`` are there where it uses them; ``is_ciphered``: answers are. ``release_request`` gives its RLRQ,
    ``lists`` are what is known of the meter's lists; ``stopwatch`` is told before each question. ``request_size``: the
    longest APDU in clear that the meter takes, 0 for any; ``excepted`` is the Memory's, ``pitfalls`` are the meter's.
    """

    framing: Framing
    negotiated: Negotiated
    invoke_ids: InvokeIds = field(default_factory=InvokeIds)
    is_doubtful: bool = False
    is_ending: bool = False
    is_identified: bool = False
    short_names: ShortNames | None = None
    release_request: Callable[[], bytes] = _in_clear
    lists: Lists = field(default_factory=Lists)
    stopwatch: Stopwatch | None = None
    is_ciphered: bool = False
    request_size: int | None = None
    excepted: set[AttributeDescriptor | None] = field(default_factory=set)
    pitfalls: Pitfalls = field(default_factory=Pitfalls)
    can_list: bool = field(init=False)

    def __post_init__(self) -> None:
        # Asked for at each attribute, and an IntFlag takes its time.
        self.can_list = Conformance.MULTIPLE_REFERENCES in self.negotiated.conformance
        if self.request_size is None:
            self.request_size = self.negotiated.max_pdu_size

    def ask(self, descriptor: AttributeDescriptor, *, selection: bytes = b"") -> Conversation[Value]:
        """Return an attribute's value, or raise DataRefused; LinkError where the meter has given up the association."""
        octets = yield from self.ask_octets(descriptor, selection=selection)
        return decode(octets)

    def ask_tagged(self, descriptor: AttributeDescriptor) -> Conversation[tuple[int, Value]]:
        """Return an attribute's A-XDR tag and value; raises as ``ask_octets``."""
        octets = yield from self.ask_octets(descriptor)
        return octets[0] if octets else 0, decode(octets)

    def ask_octets(self, descriptor: AttributeDescriptor, *, selection: bytes = b"") -> Conversation[bytes]:
        """Return an attribute's value as A-XDR octets, whatever they are; raises as ``ask``, and PollCut."""
        return (yield from self._in_time(self._octets(descriptor, selection), descriptor))

    def ask_list(
        self, descriptors: Sequence[AttributeDescriptor]
    ) -> Conversation[list[tuple[int, Value] | DataRefused]]:
        """Return for each attribute, asked for with one request, its A-XDR tag and value, or its DataRefused.

        Raises DataRefused where the request is refused as a whole, or its answer is broken.
        """
        return (yield from self._in_time(self._list(descriptors), None))

    def _in_time(self, question: Conversation[T], asked_for: AttributeDescriptor | None) -> Conversation[T]:
        """Ask, unless we are to stop; tell a meter that has given up the association from one that refuses."""
        if self.is_ending:
            question.close()
            raise PollCut("cut off by a stop")
        asked = self.framing.exchanges
        try:
            answer = yield from question
        except DataRefused as refusal:
            if self.is_ciphered and self.short_names is not None and isinstance(refusal, ServiceRefused):
                # A READ has no invoke-id, and this refusal comes in clear: if it answers another question, each answer
                # that follows would be taken for the next one's.
                raise LinkError(f"a refusal in clear may answer any question: {refusal}") from None
            if self.is_doubtful and self._is_gone(refusal, asked_for):
                raise LinkError(f"the meter has given up the association: {refusal}") from None
            if isinstance(refusal, ServiceRefused):
                self.excepted.add(asked_for)
            self.is_doubtful &= self.framing.exchanges == asked
            raise
        self.is_doubtful &= self.framing.exchanges == asked
        return answer

    def _octets(self, descriptor: AttributeDescriptor, selection: bytes) -> Conversation[bytes]:
        names = self.short_names
        if names is not None and names.wants_list(descriptor):
            names.learn((yield from self._object_list()))
        if self.stopwatch is not None:
            self.stopwatch.about_to_ask((descriptor,), self.framing)
        if names is None:
            return (yield from get_octets(self.framing, descriptor, invoke_ids=self.invoke_ids, selection=selection))
        return (yield from read_octets(self.framing, names.name_of(descriptor), selection=selection))

    def _list(self, descriptors: Sequence[AttributeDescriptor]) -> Conversation[list[tuple[int, Value] | DataRefused]]:
        names = self.short_names
        if names is not None and any(map(names.wants_list, descriptors)):
            names.learn((yield from self._object_list()))
        if self.stopwatch is not None:
            self.stopwatch.about_to_ask(descriptors, self.framing)
        if names is None:
            return (yield from get_list(self.framing, descriptors, invoke_ids=self.invoke_ids))
        return (yield from _read_by_name(self.framing, descriptors, names))

    def _object_list(self) -> Conversation[Value | DataRefused]:
        try:
            return (yield from read(self.framing, OBJECT_LIST))
        except DataRefused as refusal:
            if self.is_doubtful and isinstance(refusal, ServiceRefused):
                raise
            return refusal

    def _is_gone(self, refusal: DataRefused, asked_for: AttributeDescriptor | None) -> bool:
        if not isinstance(refusal, ServiceRefused):
            return False
        return refusal.state in _GIVEN_UP or asked_for not in self.excepted


def _read_by_name(
    framing: Framing, descriptors: Sequence[AttributeDescriptor], names: ShortNames
) -> Conversation[list[tuple[int, Value] | DataRefused]]:
    """Read variables with one request; those that have no name are refused without being asked for."""
    answers: dict[int, tuple[int, Value] | DataRefused] = {}
    known: dict[int, int] = {}
    for index, descriptor in enumerate(descriptors):
        try:
            known[index] = names.name_of(descriptor)
        except DataRefused as refusal:
            answers[index] = refusal
    if known:
        answers.update(zip(known, (yield from read_list(framing, list(known.values()))), strict=True))
    return [answers[index] for index in range(len(descriptors))]


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
    association: Association,
    requests: Sequence[ReadRequest],
    memory: Memory,
    *,
    into: list[Reading],
    answers: Answers | None = None,
) -> Conversation[None]:
    """Read ``requests`` in order, appending to ``into``, which already holds the first ones where this is a second try.

    What is refused is in its Reading. An error that ends the association leaves in ``into`` what was read before.
    ``answers`` may hold some of it already.
    """
    rest = requests[len(into) :]
    if answers is None:
        answers = Answers(association, association.lists, wanted(rest, memory))
    for request in rest:
        reading = Reading()
        yield from _read_attributes(association, answers, request, memory, reading)
        if reading.refusals and not request.named and reading.values:
            memory.refused.update(descriptor for descriptor, _ in reading.refusals)
            reading.refusals.clear()
        if request.scaler_unit is not None and reading.values:
            reading.scaler_unit = memory.scalers.get(request.scaler_unit)
            if reading.scaler_unit is None:
                yield from _learn_scaler(answers, request.scaler_unit, memory, reading)
        if request.time is not None and reading.values:
            yield from _learn_time(answers, request.time, memory, reading)
        into.append(reading)


def wanted(requests: Iterable[ReadRequest], memory: Memory) -> Iterator[AttributeDescriptor]:
    """Yield the attributes that requests ask for, as far as that is known before anything is read."""
    for request in requests:
        yield from _attributes(request, memory)
        if request.scaler_unit is not None and request.scaler_unit not in memory.scalers:
            yield request.scaler_unit
        if request.time is not None and request.time not in memory.refused:
            yield request.time


def _attributes(request: ReadRequest, memory: Memory) -> Sequence[AttributeDescriptor]:
    attributes = memory.found.get(request.attributes[0], ()) if request.probes else request.attributes
    if request.named or memory.refused.isdisjoint(attributes):
        return attributes
    return [descriptor for descriptor in attributes if descriptor not in memory.refused]


def _read_attributes(
    association: Association, answers: Answers, request: ReadRequest, memory: Memory, reading: Reading
) -> Conversation[None]:
    if request.probes and request.attributes[0] not in memory.found:
        yield from probe(association, request.attributes[0], memory, reading)
        return
    for descriptor in _attributes(request, memory):
        answer = answers.known(descriptor)
        if answer is None:
            answer = yield from answers.get(descriptor)
        if isinstance(answer, DataRefused):
            reading.refusals.append((descriptor, answer))
            continue
        tag, value = answer
        reading.values.append((descriptor.attribute, value))
        if request.scaler_unit is not None:
            memory.note_type(descriptor, tag, request.scaler_unit)


def scaler_unit_of(
    association: Association, descriptor: AttributeDescriptor, memory: Memory
) -> Conversation[ScalerUnit]:
    """Return an object's scaler_unit from ``memory`` or from the meter; DataRefused where there is none to trust."""
    known = memory.scalers.get(descriptor)
    if known is not None:
        return known
    return _keep_scaler(descriptor, (yield from association.ask(descriptor)), memory)


def _keep_scaler(descriptor: AttributeDescriptor, value: Value, memory: Memory) -> ScalerUnit:
    scaler_unit = ScalerUnit.of(value)
    if scaler_unit is None:
        raise DataRefused(None, f"the scaler_unit is {value!r}, not a structure of a scaler and a unit")
    memory.scalers[descriptor] = scaler_unit
    return scaler_unit


def _learn_scaler(
    answers: Answers, descriptor: AttributeDescriptor, memory: Memory, reading: Reading
) -> Conversation[None]:
    answer = yield from answers.get(descriptor)
    try:
        if isinstance(answer, DataRefused):
            raise answer
        reading.scaler_unit = _keep_scaler(descriptor, answer[1], memory)
    except DataRefused as refusal:
        reading.scaler_refusal = refusal


def _learn_time(
    answers: Answers, descriptor: AttributeDescriptor, memory: Memory, reading: Reading
) -> Conversation[None]:
    """Take the time from what was read, else ask for it; where the meter refuses it is not asked again that day."""
    known = dict(reading.values)
    if descriptor.attribute in known:
        reading.time = known[descriptor.attribute]
    elif descriptor not in memory.refused:
        answer = yield from answers.get(descriptor)
        if isinstance(answer, DataRefused):
            memory.refused.add(descriptor)
        else:
            reading.time = answer[1]
