"""Conversations that read by short names: one variable, or several with one request, in blocks where the meter wants.

A meter's answer has no invoke-id, so nothing tells a late answer from the one that is waited for: after a Silence that
gets out of here the association is to be opened again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegraf_dlms import axdr
from telegraf_dlms.apdu import Refusal
from telegraf_dlms.errors import DataRefused, RemoteProtocolError, ServiceRefused
from telegraf_dlms.get import MAX_VALUE
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
    answer = yield from _ask(framing, encode_read([Variable(short_name, selection)]))
    if isinstance(answer, ReadBlock):
        octets = yield from _blocks(framing, answer)
        return _one(_block_items(octets, 1))
    if answer.count != 1:
        raise RemoteProtocolError(f"{answer.count} values came, 1 was asked")
    if answer.items[:1] == _DATA:
        return _decode(answer.items)
    return _one(_items(answer.items, 1))


def read_list(
    framing: Framing, short_names: Sequence[int], *, selections: Sequence[bytes] = ()
) -> Conversation[list[Value | DataRefused]]:
    """Return for each variable its value, or the DataRefused that stands in its place.

    Raise DataRefused where the meter refuses the request as a whole; RemoteProtocolError where the answer is none to
    a read-request, or does not have one item for each variable.
    """
    expected = len(short_names)
    chosen = selections or (b"",) * expected
    answer = yield from _ask(framing, encode_read([*map(Variable, short_names, chosen)]))
    if isinstance(answer, ReadBlock):
        octets = yield from _blocks(framing, answer)
        return _block_items(octets, expected)
    if answer.count != expected:
        _refuse_whole(answer)
        raise RemoteProtocolError(f"{answer.count} values came, {expected} were asked")
    return _items(answer.items, expected)


_DATA = b"\x00"


def _ask(framing: Framing, apdu: bytes) -> Conversation[ReadResult | ReadBlock]:
    answer = parse_read_response((yield from framing.exchange(apdu)))
    if isinstance(answer, Refusal):
        raise ServiceRefused(answer.text, state=answer.state)
    return answer


def _blocks(framing: Framing, answer: ReadResult | ReadBlock) -> Conversation[bytes]:
    """Return the octets of all blocks, of which ``answer`` is the first."""
    blocks: list[bytes] = []
    size = 0
    while True:
        if not isinstance(answer, ReadBlock):
            _refuse_whole(answer)
            raise RemoteProtocolError(f"{answer.count} values came, block {len(blocks) + 1} was asked")
        # 16 bits of a block number are not enough for MAX_VALUE in the smallest blocks: it may start again at 0.
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
    """Raise where the answer is one data-access-result for all that was asked."""
    if answer.count == 1 and len(answer.items) == 2 and answer.items[0] == 1:
        raise DataRefused(answer.items[1])


def _one(items: list[Value | DataRefused]) -> Value:
    (item,) = items
    if isinstance(item, DataRefused):
        raise item
    return item


def _decode(items: bytes) -> Value:
    """Return the value behind its choice; a broken one is this variable's trouble alone, since the framing held."""
    value, end = _guarded(items)
    if end != len(items):
        raise DataRefused(None, f"A-XDR: {len(items) - end} octets are left over behind a value")
    return value
