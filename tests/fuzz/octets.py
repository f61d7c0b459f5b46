"""Targets that eat octets in one go: values, APDUs of both roles, frames, packets, lists, templates."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from fuzz.corpus import COMPACT, get_answers, object_lists, streams, talks, values
from fuzz.mutation import in_pieces, mutated
from fuzz.runner import Target
from fuzz.scenes import NOON_NS, PRESENTATION, SCENES, BufferReading, lines_of
from fuzz.trees import ber_mutated, tree_mutated
from telegraf_dlms import aare, action, apdu, axdr, hdlc, sn_apdu
from telegraf_dlms.axdr import Tag, encode_length
from telegraf_dlms.classes import CLASSES
from telegraf_dlms.compact import Template
from telegraf_dlms.cosem import AttributeDescriptor, CaptureObject, ScalerUnit, attribute_of
from telegraf_dlms.hdlc import Frame, FrameBuffer, Parameters
from telegraf_dlms.metrics import Series
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.object_list import parse_base_names, parse_logical_names
from telegraf_dlms.profile import needed_scalers, parse_capture_objects
from telegraf_dlms.simulator import acse, initiate
from telegraf_dlms.wrapper import WrapperBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from fuzz.watch import Watch

_ATTRIBUTES = [(class_id, row.number) for class_id, rows in CLASSES.items() for row in rows] + [(9000, 2)]
_NAME = parse_obis("1.0.1.8.0.255")


def _parser(parse: Callable[[bytes], Any], seeds: Callable[[], Sequence[bytes]]) -> Callable[[Random, Watch], int]:
    """Return a case that gives mutated seeds to a parser."""

    def case(source: Random, watch: Watch) -> int:
        all_of_them = seeds()
        watch.eat(parse, mutated(source.choice(all_of_them), source, all_of_them))
        return 1

    return case


def _values(source: Random, watch: Watch) -> int:
    """Decode a value and print it, as any attribute of any class."""
    value = watch.eat(axdr.decode_all, _value(source, values()))
    _print(value, source, watch)
    return 1


def _value(source: Random, seeds: Sequence[bytes]) -> bytes:
    """Return a mutated value, more often than not one that is good A-XDR still."""
    seed = source.choice(seeds)
    return tree_mutated(seed, source) if source.random() < 0.6 else mutated(seed, source, seeds)


def _print(value: Any, source: Random, watch: Watch) -> None:
    class_id, number = source.choice(_ATTRIBUTES)
    scaler_unit = ScalerUnit.of((source.choice((-1, 0, 127, -128, True, None)), source.choice((30, 0, 255, False))))
    series = Series("dlms", tags={}, class_id=class_id, logical_name=_NAME, presentation=PRESENTATION)
    line, _ = watch.call(series.line, [(number, value)], scaler_unit=scaler_unit, time_ns=NOON_NS)
    watch.lines([] if line is None else [line])
    text, _ = watch.call(series.tag_text, [(number, value)], scaler_unit=scaler_unit)
    series.set_tags({attribute_of(class_id, number).name: text})
    line, _ = watch.call(series.line, [(number, 1)], scaler_unit=ScalerUnit(0, 30), time_ns=NOON_NS)
    watch.lines([] if line is None else [line])


def _compact_arrays(source: Random, watch: Watch) -> int:
    """Decode a compact array that is made up from its grammar, or one that was good."""
    if source.random() < 0.3:
        octets = mutated(source.choice(COMPACT), source, COMPACT)
    else:
        contents = source.randbytes(source.choice((0, 1, 7, 60, 60, 600)))
        octets = bytes((Tag.COMPACT_ARRAY,)) + _description(source, 4) + encode_length(len(contents)) + contents
    _print(watch.eat(axdr.decode_all, octets), source, watch)
    return 1


def _description(source: Random, depth: int) -> bytes:
    way = source.randrange(6) if depth else 5
    if way == 0:
        count = source.choice((0, 1, 2, 3, 255, 65535))
        return bytes((Tag.ARRAY,)) + count.to_bytes(2, "big") + _description(source, depth - 1)
    if way == 1:
        items = [_description(source, depth - 1) for _ in range(source.randrange(5))]
        return bytes((Tag.STRUCTURE, len(items))) + b"".join(items)
    return bytes((source.choice((*Tag, 7, 200)),))


def _huge(source: Random, watch: Watch) -> int:
    """Decode and print the largest values that a frame can bring, of whatever costs most."""
    room = 65_000
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: _array(source.choice((b"\0", b"\x09\0", b"\x02\0", b"\x01\0", b"\x0d\x12", b"\x0f\xff")), room),
        lambda: _array(b"\x17" + source.randbytes(4), room),
        lambda: _array(b"\x09\x0c" + bytes.fromhex("07ea0101ff00000000800000"), room),
        lambda: _array(b"\x02\x02\x0f\x01\x16\x1e", room),
        lambda: _array(b"\x15" + source.randbytes(8), room),
        lambda: b"\x13" + source.choice((b"\x02\x02\x11\0", b"\x11", b"\x02\x01\x11")) + _long(bytes(room)),
        lambda: b"\x09" + _long(source.choice((b"\xaa", b"a", b"\\", b'"', b"\x00")) * room),
        lambda: b"\x0c" + _long("µ".encode() * (room // 2)),
        lambda: b"\x04" + encode_length(8 * room) + bytes(room),
        lambda: b"\x02\x01" * 16 + _array(b"\0", room)[:1] + b"\0",
    )
    octets = source.choice(ways)()
    _print(watch.eat(axdr.decode_all, octets if source.random() < 0.5 else mutated(octets, source)), source, watch)
    return 1


def _long(contents: bytes) -> bytes:
    return encode_length(len(contents)) + contents


def _array(item: bytes, room: int) -> bytes:
    count = room // len(item)
    return b"\x01" + encode_length(count) + item * count


def _frames(source: Random, watch: Watch) -> int:
    """Cut a stream into frames, in pieces; what comes out was in there."""
    stream = source.choice(streams("HDLC"))
    begin = source.randrange(len(stream))
    octets = mutated(stream[begin : begin + source.choice((30, 300, 3000))], source, streams("HDLC"))
    buffer = FrameBuffer()
    watch.octets.append(octets)
    found = []
    for piece in in_pieces(octets, source):
        watch.call(buffer.feed, piece)
        found += _taken(buffer, watch)
    while watch.call(buffer.expire):
        found += _taken(buffer, watch)
    for frame in found:
        assert hdlc.encode(frame)[1:-1] in octets, "a frame that nobody sent"
        watch.eat(hdlc.decode_parameters, frame.information)
        watch.eat(hdlc.strip_llc, frame.information)
    return max(1, len(found))


def _taken(buffer: FrameBuffer, watch: Watch) -> list[Frame]:
    found = []
    while (frame := watch.call(buffer.next)) is not None:
        found.append(frame)
    return found


def _crowded_frames(source: Random, watch: Watch) -> int:
    """Give a buffer what looks like the beginning of a frame at every turn, as much as one read may bring."""
    begin = source.choice((b"\x7e", b"\x7e\xa7", b"\x7e\xa7\xfd", b"\x7e\xa7\xff\x03", b"\x7e\xa0\x07\x03\x21\x93"))
    if source.random() < 0.3:
        head = b"\xa7\xf8\x03\x21\x10"
        begin = b"\x7e" + head + hdlc.fcs16(head)
    octets = (begin + source.randbytes(source.choice((0, 0, 1, 3)))) * source.choice((100, 1000, 8000))
    buffer = FrameBuffer()
    watch.octets.append(octets[:1000])
    watch.call(buffer.feed, octets[:65_536])
    _taken(buffer, watch)
    for _ in range(50):
        if not watch.call(buffer.expire):
            break
        _taken(buffer, watch)
    return 1


def _packets(source: Random, watch: Watch) -> int:
    stream = source.choice(streams("WRAPPER"))
    octets = mutated(stream[: source.choice((30, 300, 3000))], source, streams("WRAPPER"))
    watch.octets.append(octets)
    buffer = WrapperBuffer()
    found = 0
    with watch.refusing():
        for piece in in_pieces(octets, source):
            watch.call(buffer.feed, piece)
            while (packet := watch.call(buffer.next)) is not None:
                assert packet[2] in octets, "an APDU that nobody sent"
                found += 1
    return max(1, found)


@cache
def _answers(first: bytes) -> list[bytes]:
    return [answer for talk in talks().values() for answer in talk.answers if answer[:1] in first]


@cache
def _requests(first: bytes) -> list[bytes]:
    return [request for talk in talks().values() for request in talk.requests if request[:1] in first]


@cache
def _aares() -> list[tuple[Any, bytes]]:
    return [
        (scene.client, answer)
        for scene in SCENES
        for answer in talks()[scene.name].answers
        if answer[:1] in b"\x61\x0e\xd8"
    ]


def _aare(source: Random, watch: Watch) -> int:
    """Read an AARE as any of the scenes would, and the InitiateResponse in it."""
    every = [octets for _, octets in _aares()]
    access, octets = source.choice(_aares())
    if source.random() < 0.2:
        access = source.choice(SCENES).client
    octets = ber_mutated(octets, source) if source.random() < 0.7 else mutated(octets, source, every)
    held = watch.eat(aare.parse_aare, octets, access)
    if held is not None:
        initiate_octets = held.initiate if source.random() < 0.5 else mutated(held.initiate, source)
        watch.eat(aare.parse_initiate_response, initiate_octets, access)
    return 2


def _aarq(source: Random, watch: Watch) -> int:
    every = _requests(b"\x60\x62")
    octets = source.choice(every)
    octets = ber_mutated(octets, source) if source.random() < 0.7 else mutated(octets, source, every)
    asked = watch.eat(acse.parse_aarq, octets)
    watch.eat(acse.parse_rlrq, octets)
    if asked is not None:
        watch.eat(initiate.parse_initiate_request, mutated(asked.information, source))
    return 2


def _lists(source: Random, watch: Watch) -> int:
    """Read object lists and capture_objects out of whatever they are."""
    seeds = source.choice((object_lists(), values()))
    value = watch.eat(axdr.decode_all, _value(source, seeds))
    for parse in (parse_logical_names, parse_base_names, parse_capture_objects):
        with watch.refusing():
            watch.call(parse, value)
    watch.call(ScalerUnit.of, value)
    return 1


_CAPTURES = axdr.array(
    axdr.structure(
        axdr.encode(Tag.LONG_UNSIGNED, capture.class_id),
        axdr.encode(Tag.OCTET_STRING, capture.logical_name),
        axdr.encode(Tag.INTEGER, capture.attribute),
        axdr.encode(Tag.LONG_UNSIGNED, capture.data_index),
    )
    for capture in (
        CaptureObject(8, parse_obis("0.0.1.0.0.255"), 2, 0),
        CaptureObject(3, _NAME, 2, 0),
        CaptureObject(4, _NAME, 0, 0),
        CaptureObject(1, parse_obis("0.0.96.10.1.255"), 2, 0),
    )
)
_CLOCK = bytes.fromhex("090c07ea0101ff000f0000800000")
_EXTENDED = bytes.fromhex("0205 0906 0100010800ff 06 00000007 02020f00161e 11 00") + _CLOCK
_BUFFER = axdr.array(
    [b"\x02\x04" + _CLOCK + b"\x06\x00\x00\x30\x39" + _EXTENDED + b"\x11\x08"] * 3 + [b"\x02\x04\0\0\0\0"]
)


def _profiles(source: Random, watch: Watch) -> int:
    """Print the rows of a profile whose columns, or whose buffer, or both, are mutated."""
    captures_octets, buffer_octets = _CAPTURES, _BUFFER
    which = source.randrange(3)
    if which != 1:
        buffer_octets = _value(source, (_BUFFER,))
    if which != 0:
        captures_octets = _value(source, (_CAPTURES,))
    captures = watch.eat(_captures_in, captures_octets)
    buffer = watch.eat(axdr.decode_all, buffer_octets)
    if captures is None:
        return 1 + (which == 2)
    scalers = dict.fromkeys(needed_scalers(captures)[:2], ScalerUnit(-1, 30))
    reading = BufferReading(
        captures, source.choice((0, 900, 2**31, 2**63)), source.choice((None, 1, 2, 5)), scalers, buffer
    )
    watch.lines(watch.call(lambda: list(lines_of(reading))))
    return 1 + (which == 2)


def _captures_in(octets: bytes) -> tuple[CaptureObject, ...]:
    return parse_capture_objects(axdr.decode_all(octets))


_TEMPLATE = bytes.fromhex("0204 19 06 0f 11")
_COMPACT_BUFFER = bytes.fromhex("07ea0101ff00000000800000 00003039 ff 08")


def _compact_data(source: Random, watch: Watch) -> int:
    """Read a compact_buffer by a template; any of the four attributes may be mutated."""
    captures = watch.eat(axdr.decode_all, _CAPTURES if source.random() < 0.7 else _value(source, (_CAPTURES,)))
    description = _TEMPLATE if source.random() < 0.4 else mutated(_TEMPLATE, source, COMPACT)
    if source.random() < 0.3:
        description = _description(source, 4)
    buffer = mutated(b"\x01" + _COMPACT_BUFFER, source)
    watch.octets += [description, buffer]
    with watch.refusing():
        template = Template.of(
            _NAME, captures=captures, template_id=source.choice((1, buffer[:1], 255)), description=description
        )
        watch.call(template.cells, buffer)
    return 1


_PARAMETERS = [hdlc.encode_parameters(Parameters(512, 512, 7, 7)), hdlc.encode_parameters(Parameters())]

TARGETS = [
    Target("values", _values, share=20),
    Target("compact arrays", _compact_arrays, share=10),
    Target("get responses", _parser(apdu.parse_get_response, cache(get_answers)), share=5),
    Target("get requests", _parser(apdu.parse_get_request, lambda: _requests(b"\xc0")), share=5),
    Target("read responses", _parser(sn_apdu.parse_read_response, lambda: _answers(b"\x0c\xd8\x0e")), share=5),
    Target("read requests", _parser(sn_apdu.parse_read_request, lambda: _requests(b"\x05")), share=5),
    Target("action responses", _parser(partial(action.parse_action_response, invoke=0xC1), lambda: ACTIONS), share=2),
    Target("action requests", _parser(action.parse_action_request, lambda: ACTIONS), share=2),
    Target("AARE", _aare, share=10),
    Target("AARQ", _aarq, share=5),
    Target("parameters", _parser(hdlc.decode_parameters, lambda: _PARAMETERS), share=2),
    Target("frames", _frames, share=10),
    Target("packets", _packets, share=5),
    Target("lists", _lists, share=3),
    Target("profiles", _profiles, share=10),
    Target("compact data", _compact_data, share=5),
]
#: What one read may bring at most; few of these, since each takes as long as a thousand others.
LARGE = [
    Target("huge values", _huge, share=0.1),
    Target("crowded frames", _crowded_frames, share=0.1),
]
ACTIONS = [
    action.encode_action(0xC1, AttributeDescriptor(15, parse_obis("0.0.40.0.0.255"), 1), b"\x09\x02\x01\x02"),
    action.encode_action_response(0xC1, returned=b"\x09\x02\x01\x02"),
    action.encode_action_response(0xC1, result=3),
    action.encode_action_response(0xC1),
]
