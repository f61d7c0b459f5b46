"""A meter with one profile of 1000 rows and 5 columns, whose buffer comes in one answer or in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.meters import CLIENT_TITLE, METER_TITLE, NOON, access_of
from telegraf_dlms import apdu, ciphering, wrapper
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.cosem import AttributeDescriptor, CaptureObject, ScalerUnit
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator.buffers import capture_object
from telegraf_dlms.simulator.objects import date_time, encode_scaler_unit, unsigned
from telegraf_dlms.simulator.server import Session

if TYPE_CHECKING:
    from bench.meters import Security

ROWS: Final = 1000
PERIOD: Final = 900
PROFILE: Final = parse_obis("1.0.99.1.0.255")
CLOCK: Final = parse_obis("0.0.1.0.0.255")
#: Wh of import and export, and of two tariffs.
REGISTERS: Final = tuple(parse_obis(f"1.0.{group}.8.{tariff}.255") for group in (1, 2) for tariff in (0, 1))
COLUMNS: Final = (CaptureObject(8, CLOCK, 2, 0), *(CaptureObject(3, name, 2, 0) for name in REGISTERS))
#: Octets of a block: what a meter with a PDU of 1024 sends.
BLOCK: Final = 1012


def buffer() -> bytes:
    """Return the encoded buffer: a date-time and four double-long-unsigned in each row."""
    newest = int(NOON) - int(NOON) % PERIOD
    times = range(newest - (ROWS - 1) * PERIOD, newest + 1, PERIOD)
    return array(
        structure(date_time(time), *(unsigned(12_345_678 + 97 * row * column) for column in range(1, len(COLUMNS))))
        for row, time in enumerate(times)
    )


def _values() -> dict[AttributeDescriptor, bytes]:
    values = {
        AttributeDescriptor(7, PROFILE, 2): buffer(),
        AttributeDescriptor(7, PROFILE, 3): array(map(capture_object, COLUMNS)),
        AttributeDescriptor(7, PROFILE, 4): unsigned(PERIOD),
        AttributeDescriptor(7, PROFILE, 5): encode(Tag.ENUM, 1),
        AttributeDescriptor(7, PROFILE, 7): unsigned(ROWS),
        AttributeDescriptor(7, PROFILE, 8): unsigned(ROWS),
    }
    scaler_unit = encode_scaler_unit(ScalerUnit(-1, 30))
    return values | {AttributeDescriptor(3, name, 3): scaler_unit for name in REGISTERS}


class ProfileMeter:
    """Answers over WRAPPER; ``block`` is how many octets go into one answer. The association is the built-in meter's.

    A part of the buffer is the whole of it here: who asks for its newest 1000 rows gets them.
    """

    def __init__(self, security: Security, *, block: int) -> None:
        access = access_of(security)
        self._session = Session(1, 16, access=access, clock=lambda: NOON)
        self._key = None if security == "none" else access.key()
        self._block = block
        self._values = _values()
        self._left = b""
        self._number = self._counter = 0

    def __call__(self, octets: bytes) -> bytes:
        """Return the answer to one request."""
        packets = wrapper.WrapperBuffer()
        packets.feed(octets)
        packet = packets.next()
        if packet is None:
            return b""
        client, server, request = packet
        if request[0] in {apdu.GET_REQUEST, ciphering.GLOBAL[apdu.GET_REQUEST]}:
            return wrapper.encode(server, client, self._get(request))
        return wrapper.encode(server, client, self._session.answer(request))

    def _get(self, request: bytes) -> bytes:
        envelope = ciphering.unwrap(request)
        if envelope is None or self._key is None:
            return self._answer(apdu.parse_get_request(request))
        clear = self._key.unseal(envelope.sealed, title=CLIENT_TITLE)
        answer = self._answer(apdu.parse_get_request(clear))
        self._counter += 1
        sealed = self._key.seal(answer, control=envelope.sealed[0], title=METER_TITLE, counter=10_000 + self._counter)
        return ciphering.wrap(sealed, ciphering.GLOBAL[apdu.GET_RESPONSE])

    def _answer(self, request: apdu.GetRequest) -> bytes:
        if isinstance(request, apdu.GetList):
            return apdu.encode_get_list_response(request.invoke, [self._values[each] for each in request.descriptors])
        if isinstance(request, apdu.GetNormal):
            value = self._values[request.descriptor]
            if len(value) <= self._block:
                return apdu.encode_get_response(request.invoke, value)
            self._left, self._number = value, 0
        raw, self._left = self._left[: self._block], self._left[self._block :]
        self._number += 1
        return apdu.encode_get_block(request.invoke, raw, number=self._number, last=not self._left)
