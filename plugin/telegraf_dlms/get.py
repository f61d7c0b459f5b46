"""Conversations that read attributes: one, in blocks where the meter chooses so, or several with one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from telegraf_dlms import axdr
from telegraf_dlms.apdu import (
    INVOKE_ID,
    GetBlock,
    GetListResult,
    GetRefused,
    GetResult,
    Refusal,
    encode_get,
    encode_get_list,
    encode_get_next,
    parse_get_response,
)
from telegraf_dlms.errors import DataRefused, RemoteProtocolError, ServiceRefused, Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegraf_dlms.apdu import GetResponse
    from telegraf_dlms.axdr import Value
    from telegraf_dlms.cosem import AttributeDescriptor
    from telegraf_dlms.talk import Conversation, Framing

#: A year of 15-minute rows of 20 columns is some 5 MB; a value beyond this is a meter that does not end.
MAX_VALUE: Final = 16 * 1024 * 1024
#: Answers with a foreign invoke-id that are passed over for one request; there are only 15 foreign ones.
MAX_STRAYS: Final = 15

_CONFIRMED_HIGH_PRIORITY: Final = 0xC0


class InvokeIds:
    """Gives the invoke-id-and-priority octet of each next request: confirmed, high priority, 1 to 15, 0, 1 and on."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def __iter__(self) -> InvokeIds:
        return self

    def __next__(self) -> int:
        self._last = (self._last + 1) & INVOKE_ID
        return _CONFIRMED_HIGH_PRIORITY | self._last


def get(
    framing: Framing, descriptor: AttributeDescriptor, *, invoke_ids: InvokeIds, selection: bytes = b""
) -> Conversation[Value]:
    """Return one attribute's value.

    Raise DataRefused where the meter gives a reason instead, or octets that are no value; RemoteProtocolError where the
    answer is none to this request.
    """
    octets = yield from get_octets(framing, descriptor, invoke_ids=invoke_ids, selection=selection)
    return decode(octets)


def get_octets(
    framing: Framing, descriptor: AttributeDescriptor, *, invoke_ids: InvokeIds, selection: bytes = b""
) -> Conversation[bytes]:
    """Return one attribute's value as A-XDR octets, whatever they are; raises as ``get``."""
    invoke = next(invoke_ids)
    answer = yield from _ask(framing, encode_get(invoke, descriptor, selection), invoke)
    if isinstance(answer, GetResult):
        return answer.value_octets
    if isinstance(answer, GetBlock):
        return (yield from _blocks(framing, answer, invoke))
    _refuse(answer)


def raise_refusal(apdu: bytes) -> NoReturn:
    """Raise ServiceRefused for an exception-response or confirmed-service-error, RemoteProtocolError for another."""
    _refuse(parse_get_response(apdu))


def decode(octets: bytes) -> Value:
    """Return the value; DataRefused for one that is broken: that attribute's trouble alone, since the framing held."""
    try:
        return axdr.decode_all(octets)
    except RemoteProtocolError as error:
        raise DataRefused(None, str(error)) from error


def get_list(
    framing: Framing,
    descriptors: Sequence[AttributeDescriptor],
    *,
    invoke_ids: InvokeIds,
    selections: Sequence[bytes] = (),
) -> Conversation[list[tuple[int, Value] | DataRefused]]:
    """Return for each attribute its A-XDR tag and value, or the DataRefused that stands in its place.

    Raise DataRefused where the meter refuses the request as a whole, or does not have one whole item for each
    attribute; RemoteProtocolError where the answer is none to this request.
    """
    invoke = next(invoke_ids)
    answer = yield from _ask(framing, encode_get_list(invoke, descriptors, selections), invoke)
    if isinstance(answer, GetListResult):
        return whole_items(_items, answer.items, len(descriptors))
    if isinstance(answer, GetBlock):
        octets = yield from _blocks(framing, answer, invoke)
        return whole_items(_items, octets, len(descriptors))
    if isinstance(answer, GetResult):
        raise DataRefused(None, "one value came for a list")
    _refuse(answer)


def _ask(framing: Framing, apdu: bytes, invoke: int) -> Conversation[GetResponse]:
    """Send a request, return its answer; answers to other invoke-ids are passed over."""
    answer = parse_get_response((yield from framing.exchange(apdu)))
    strays = 0
    while not isinstance(answer, Refusal) and answer.invoke_id != invoke & INVOKE_ID:
        text = f"invoke-id {answer.invoke_id} was answered, {invoke & INVOKE_ID} was asked"
        strays += 1
        if strays > MAX_STRAYS:
            raise RemoteProtocolError(text)
        try:
            answer = parse_get_response((yield from framing.receive()))
        except Silence:
            raise RemoteProtocolError(text) from None
    return answer


def _blocks(framing: Framing, answer: GetResponse, invoke: int) -> Conversation[bytes]:
    """Return the octets of all blocks, of which ``answer`` is the first."""
    blocks: list[bytes] = []
    size = 0
    while True:
        if not isinstance(answer, GetBlock):
            _refuse(answer)
        if answer.number != len(blocks) + 1:
            raise RemoteProtocolError(f"block {answer.number} came, {len(blocks) + 1} was asked")
        if not answer.raw and not answer.last:
            raise RemoteProtocolError(f"block {answer.number} is empty and not the last one")
        blocks.append(answer.raw)
        size += len(answer.raw)
        if size > MAX_VALUE:
            raise RemoteProtocolError(f"the value has more than {MAX_VALUE} octets")
        if answer.last:
            return b"".join(blocks)
        answer = yield from _ask(framing, encode_get_next(invoke, answer.number), invoke)


def _refuse(answer: GetResponse) -> NoReturn:
    if isinstance(answer, GetRefused):
        raise DataRefused(answer.result)
    if isinstance(answer, Refusal):
        raise ServiceRefused(answer.text, state=answer.state, counter=answer.counter, service=answer.service)
    raise RemoteProtocolError(f"the answer does not have the form of the question: {type(answer).__name__}")


def whole_items(
    parse: Callable[[bytes, int], list[tuple[int, Value] | DataRefused]], octets: bytes, expected: int
) -> list[tuple[int, Value] | DataRefused]:
    """Return the items of a list; DataRefused where they are broken: that list's trouble alone, the framing held."""
    try:
        return parse(octets, expected)
    except RemoteProtocolError as error:
        raise DataRefused(None, str(error)) from error


def _items(octets: bytes, expected: int) -> list[tuple[int, Value] | DataRefused]:
    count, offset = axdr.read_length(octets, 0)
    if count != expected:
        raise RemoteProtocolError(f"{count} values came, {expected} were asked")
    items: list[tuple[int, Value] | DataRefused] = []
    for _ in range(count):
        choice = octets[offset : offset + 2]
        if len(choice) < 2 or choice[0] > 1:
            raise RemoteProtocolError(f"a list of {count} values is broken at octet {offset}")
        if choice[0] == 1:
            items.append(DataRefused(choice[1]))
            offset += 2
        else:
            tag = choice[1]
            value, offset = axdr.decode(octets, offset + 1)
            items.append((tag, value))
    if offset != len(octets):
        raise RemoteProtocolError(f"{len(octets) - offset} octets are left over behind a list of {count} values")
    return items
