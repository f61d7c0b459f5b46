"""Two clients that do the same: ours, and gurux-dlms's own as its example has it, in a plain loop.

Both are given a meter as a function (``meters.Answer``). What the example does is read (request octets), send, receive,
getData (reply octets), and updateValue; ours goes on to the finished line of text.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING, Any, Final

from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.enums import Security as GuruxSecurity
from gurux_dlms.objects import GXDLMSCaptureObject, GXDLMSClock, GXDLMSProfileGeneric, GXDLMSRegister
from gurux_dlms.secure import GXDLMSSecureClient

from bench import buffers
from bench.meters import AUTHENTICATION_KEY, BLOCK_CIPHER_KEY, CLIENT_TITLE, NOON, Answer, Interface, Security, talk
from telegraf_dlms.access import Access
from telegraf_dlms.buffer_progress import Progress
from telegraf_dlms.ciphering import Protection
from telegraf_dlms.conversation import Memory, Reading, ReadRequest, read_values, release
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.handshake import Identity, associate
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.lists import MAX_LIST, Lists
from telegraf_dlms.metrics import Presentation, Series
from telegraf_dlms.new_rows import Question, read_new_rows
from telegraf_dlms.obis import format_obis, parse_obis
from telegraf_dlms.printed import PrintedRows
from telegraf_dlms.profile import ProfileSeries
from telegraf_dlms.profile_conversation import BufferReader, BufferRequest
from telegraf_dlms.wrapper import WrapperFraming

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.layout import Layout, Rows
    from telegraf_dlms.rows import Row
    from telegraf_dlms.talk import Conversation, Framing

_CLIENT: Final = 16
_PRESENTATION: Final = Presentation("utf-8", DeviceClock("standard", "UTC"))
_TAGS: Final = {"device": "meter-00001", "group": "fleet"}


class OurClient:
    """An open association of ours with the values that it reads, as a device has them."""

    def __init__(
        self,
        answer: Answer,
        codes: Sequence[str],
        *,
        interface: Interface = "wrapper",
        security: Security = "none",
        list_size: int = MAX_LIST,
        max_pdu_size: int = 0xFFFF,
    ) -> None:
        self._answer = answer
        self._framing = _framing(interface)
        self.association = talk(associate(self._framing, _access(security, max_pdu_size), identity=_identity()), answer)
        self.association.lists = Lists(limit=list_size)
        self._memory = Memory()
        names = [parse_obis(code) for code in codes]
        self._requests = [
            ReadRequest((AttributeDescriptor(3, name, 2),), AttributeDescriptor(3, name, 3), named=False)
            for name in names
        ]
        self._series = [
            Series(
                "dlms",
                tags=_TAGS | {"name": f"register_{number:02d}"},
                class_id=3,
                logical_name=name,
                presentation=_PRESENTATION,
            )
            for number, name in enumerate(names)
        ]

    def poll(self) -> list[str | None]:
        """Read every register once; the first time with its scaler_unit."""
        readings: list[Reading] = []
        talk(read_values(self.association, self._requests, self._memory, into=readings), self._answer)
        return [
            series.line(reading.values, scaler_unit=reading.scaler_unit, time_ns=1_767_269_250_000_000_000)[0]
            for series, reading in zip(self._series, readings, strict=True)
        ]

    def release(self) -> None:
        """Release the association."""
        talk(release(self._framing, request=self.association.release_request()), self._answer)


class OurProfileClient:
    """An open association of ours with one profile."""

    def __init__(self, answer: Answer, *, security: Security) -> None:
        self._answer = answer
        self._association = talk(
            associate(_framing("wrapper"), _access(security, 0xFFFF), identity=_identity()), answer
        )
        self._memory = Memory()
        self._series = ProfileSeries(
            "dlms",
            tags=_TAGS | {"name": "load_profile"},
            logical_name=buffers.PROFILE,
            presentation=_PRESENTATION,
        )
        self._layout: Layout | None = None

    def poll(self) -> list[str]:
        """Read the newest rows and return their lines."""
        return [line for row in talk(self._conversation(), self._answer) for line in row.lines]

    def _conversation(self) -> Conversation[Sequence[Row]]:
        reader = BufferReader(self._association, buffers.PROFILE, self._memory, clock=_PRESENTATION.clock)
        reading = yield from reader.facts(self._series.needed_scalers)
        layout = self._layout = self._layout or self._series.prepare(reading.captures, reading.scalers)
        now_ns = int(NOON) * 10**9

        def interpret(buffer: Value) -> Rows:
            return layout.rows(
                buffer,
                capture_period=reading.capture_period,
                sort_method=reading.sort_method,
                poll_time_ns=now_ns,
            )

        request = BufferRequest(buffers.PROFILE, buffers.ROWS, 0)
        question = Question(reader, reading, request, PrintedRows(), Progress(), interpret, now_ns)
        return (yield from read_new_rows(question)).rows


class ExampleClient:
    """gurux-dlms's client with the values that it reads; it prints where it deciphers, so its output goes nowhere."""

    def __init__(
        self, answer: Answer, codes: Sequence[str], *, interface: Interface = "wrapper", security: Security = "none"
    ) -> None:
        self._answer = answer
        self._is_hdlc = interface == "hdlc"
        kind = InterfaceType.HDLC if self._is_hdlc else InterfaceType.WRAPPER
        self.client = GXDLMSSecureClient(True, _CLIENT, 1, Authentication.NONE, None, kind)
        if security != "none":
            ciphering = self.client.ciphering
            ciphering.security = GuruxSecurity.AUTHENTICATION_ENCRYPTION
            ciphering.systemTitle = CLIENT_TITLE
            ciphering.authenticationKey = AUTHENTICATION_KEY
            ciphering.blockCipherKey = BLOCK_CIPHER_KEY
            ciphering.invocationCounter = 1
        self.registers = [GXDLMSRegister(code) for code in codes]
        self._associate()

    def poll(self) -> list[Any]:
        """Read every register once."""
        return [self.read(register, 2) for register in self.registers]

    def poll_as_example(self) -> None:
        """Read every register as the example does in a visit: its scaler and unit, and then its value."""
        for register in self.registers:
            self.read(register, 3)
            self.read(register, 2)

    def read(self, item: Any, attribute: int) -> Any:
        """Read one attribute."""
        reply = self._exchange(self.client.read(item, attribute)[0])
        return self.client.updateValue(item, attribute, reply.value)

    def read_profile(self) -> Any:
        """Read the whole buffer of the profile whose columns are known."""
        profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
        clock, *registers = (
            GXDLMSClock() if capture.class_id == 8 else GXDLMSRegister(format_obis(capture.logical_name))
            for capture in buffers.COLUMNS
        )
        profile.captureObjects = [(item, GXDLMSCaptureObject(2, 0)) for item in (clock, *registers)]
        return self.read(profile, 2)

    def release(self) -> None:
        """Release the association, and the data link."""
        self._exchange(self.client.releaseRequest()[0])
        self._exchange(self.client.disconnectRequest())

    def _associate(self) -> None:
        if self._is_hdlc:
            self.client.parseUAResponse(self._exchange(self.client.snrmRequest()).data)
        for request in self.client.aarqRequest():
            reply = self._exchange(request)
        self.client.parseAareResponse(reply.data)

    def _exchange(self, request: Any) -> Any:
        reply = GXReplyData()
        self._exchange_frame(request, reply)
        while reply.isMoreData():
            self._exchange_frame(self.client.receiverReady(reply), reply)
        return reply

    def _exchange_frame(self, request: Any, reply: Any) -> None:
        if not request:
            return
        received = GXByteBuffer()
        notify = GXReplyData()
        octets = self._answer(bytes(request))
        received.set(octets)
        while not self.client.getData(received, reply, notify):
            received.set(self._answer(b""))


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Have what gurux-dlms prints go nowhere."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        yield


def _framing(interface: Interface) -> Framing:
    if interface == "hdlc":
        return HdlcFraming(client=b"\x21", server=b"\x03")
    return WrapperFraming(client=_CLIENT, server=1)


def _access(security: Security, max_pdu_size: int) -> Access:
    if security == "none":
        return Access("none", b"", max_pdu_size)
    return Access(
        "none",
        b"",
        max_pdu_size,
        protection=Protection.AUTHENTICATION | Protection.ENCRYPTION,
        authentication_key=AUTHENTICATION_KEY,
        block_cipher_key=BLOCK_CIPHER_KEY,
    )


def _identity() -> Identity:
    return Identity(CLIENT_TITLE, itertools.count(1).__next__)
