"""Conversations that read by short names: one variable, or several with one request, in blocks where the meter wants.

A meter's answer has no invoke-id, so nothing tells a late answer from the one that is waited for: after a Silence that
gets out of here the association is to be opened again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegraf_dlms import axdr
from telegraf_dlms.apdu import Refusal
from telegraf_dlms.errors import DataRefused, LocalProtocolError, RemoteProtocolError, ServiceRefused
from telegraf_dlms.get import MAX_VALUE, decode, whole_items
from telegraf_dlms.sn_apdu import ReadBlock, ReadResult, Variable, encode_read, encode_read_next, parse_read_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.talk import Conversation, Framing


def read(framing: Framing, short_name: int, *, selection: bytes = b"") -> Conversation[Value]:
    """Return one variable's value; ``selection`` is an access selector and its parameters (parameterized-access).

    Raise DataRefused where the meter gives a reason instead, or octets that are no value; RemoteProtocolError where the
    answer is none to a read-request.
    """
    octets = yield from read_octets(framing, short_name, selection=selection)
    return decode(octets)


def read_octets(framing: Framing, short_name: int, *, selection: bytes = b"") -> Conversation[bytes]:
    """Return one variable's value as A-XDR octets, whatever they are; raises as ``read``."""
    answer = yield from _ask(framing, encode_read([Variable(short_name, selection)]))
    if isinstance(answer, ReadBlock):
        octets = yield from _blocks(framing, answer)
        return _one_of_blocks(octets)
    if answer.count == 1 and answer.items[:1] == _DATA:
        return answer.items[1:]
    _refuse_whole(answer)
    raise RemoteProtocolError(f"no value came, and no result: {answer.count} items, {answer.items[:16].hex(' ')}")


def read_list(
    framing: Framing, short_names: Sequence[int], *, selections: Sequence[bytes] = ()
) -> Conversation[list[tuple[int, Value] | DataRefused]]:
    """Return for each variable its A-XDR tag and value, or the DataRefused that stands in its place.

    Raise DataRefused where the meter refuses the request as a whole, or does not have one whole item for each
    variable; RemoteProtocolError where the answer is none to a read-request.
    """
    expected = len(short_names)
    chosen = selections or (b"",) * expected
    if len(chosen) != expected:
        raise LocalProtocolError(f"{len(chosen)} selections for {expected} variables")
    answer = yield from _ask(framing, encode_read([*map(Variable, short_names, chosen)]))
    if isinstance(answer, ReadBlock):
        octets = yield from _blocks(framing, answer)
        return whole_items(_items_of_blocks, octets, expected)
    if answer.count != expected:
        _refuse_whole(answer)
        raise DataRefused(None, f"{answer.count} values came, {expected} were asked")
    return whole_items(_items, answer.items, expected)


#: The choices of an item: a value, a data-access-result (Green Book, 9.5, ReadResponse).
_DATA, _RESULT = b"\x00", b"\x01"


def _ask(framing: Framing, apdu: bytes) -> Conversation[ReadResult | ReadBlock]:
    answer = parse_read_response((yield from framing.exchange(apdu)))
    if isinstance(answer, Refusal):
        raise ServiceRefused(answer.text, state=answer.state, counter=answer.counter, service=answer.service)
    return answer


def _blocks(framing: Framing, answer: ReadResult | ReadBlock) -> Conversation[bytes]:
    """Return the octets of all blocks, of which ``answer`` is the first; after FFFFh their numbers start again."""
    blocks: list[bytes] = []
    size = 0
    while True:
        if not isinstance(answer, ReadBlock):
            _refuse_whole(answer)
            raise RemoteProtocolError(f"{answer.count} values came, block {len(blocks) + 1} was asked")
        if answer.number != (len(blocks) + 1) & 0xFFFF:
            raise RemoteProtocolError(f"block {answer.number} came, {len(blocks) + 1} was asked")
        if not answer.raw and not answer.last:
            raise RemoteProtocolError(f"block {answer.number} is empty and not the last one")
        blocks.append(answer.raw)
        size += len(answer.raw)
        if size > MAX_VALUE:
            raise RemoteProtocolError(f"the value has more than {MAX_VALUE} octets")
        if answer.last:
            return b"".join(blocks)
        answer = yield from _ask(framing, encode_read_next(answer.number))


def _refuse_whole(answer: ReadResult) -> None:
    """Raise DataRefused where the answer is one data-access-result for all that was asked."""
    if answer.count == 1 and len(answer.items) == 2 and answer.items[:1] == _RESULT:
        raise DataRefused(answer.items[1])


def _one_of_blocks(octets: bytes) -> bytes:
    """Return the one value of an answer that came in blocks: behind a count of 1 and its choice.

    Servers of Gurux's libraries leave both out. Their values are not mistaken for it: 01 00 is an array of nothing,
    which ends there, and 01 01 with one octet an array of one null at most.
    """
    if octets[:2] == b"\x01\x00" and len(octets) > 2:
        return octets[2:]
    if octets[:2] == b"\x01\x01" and len(octets) == 3:
        raise DataRefused(octets[2])
    return octets


def _items_of_blocks(octets: bytes, expected: int) -> list[tuple[int, Value] | DataRefused]:
    """Return the items of an answer that came in blocks.

    Servers of Gurux's libraries leave out the count and the first item's choice.
    """
    try:
        return _counted_items(octets, expected)
    except RemoteProtocolError as error:
        try:
            return _items(_DATA + octets, expected)
        except RemoteProtocolError:
            raise error from None


def _counted_items(octets: bytes, expected: int) -> list[tuple[int, Value] | DataRefused]:
    count, start = axdr.read_length(octets, 0)
    if count != expected:
        raise RemoteProtocolError(f"{count} values came, {expected} were asked")
    return _items(octets[start:], expected)


def _items(octets: bytes, expected: int) -> list[tuple[int, Value] | DataRefused]:
    items: list[tuple[int, Value] | DataRefused] = []
    offset = 0
    for _ in range(expected):
        choice = octets[offset : offset + 1]
        if choice not in {_DATA, _RESULT} or offset + 1 == len(octets):
            raise RemoteProtocolError(f"an answer of {expected} values is broken at octet {offset}")
        if choice == _DATA:
            tag = octets[offset + 1]
            value, offset = axdr.decode(octets, offset + 1)
            items.append((tag, value))
        else:
            items.append(DataRefused(octets[offset + 1]))
            offset += 2
    if offset != len(octets):
        raise RemoteProtocolError(f"{len(octets) - offset} octets are left over behind {expected} values")
    return items
