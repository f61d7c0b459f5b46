"""The built-in meter without a socket, and its answers taken down once, so that no meter's time is in a measurement."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

from telegraf_dlms.ciphering import Protection
from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.hdlc_server import HdlcServer
from telegraf_dlms.simulator.server import Session
from telegraf_dlms.simulator.server_address import ServerAddress
from telegraf_dlms.simulator.wrapper_server import WrapperServer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

T = TypeVar("T")

#: Returns what a meter answers to octets that were sent to it; none sent: more is waited for.
Answer: TypeAlias = Callable[[bytes], bytes]
Interface: TypeAlias = Literal["wrapper", "hdlc"]
Security: TypeAlias = Literal["none", "authentication_encryption"]

AUTHENTICATION_KEY: Final = bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
BLOCK_CIPHER_KEY: Final = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
METER_TITLE: Final = b"TDL\0\0\0\0\1"
CLIENT_TITLE: Final = b"CLI\0\0\0\0\7"
#: Thursday 2026-01-01 12:07:30 UTC: the meter stands still there, so that each run reads the same octets.
NOON: Final = 1_767_269_250.0

_PDU: Final = ServerAddress()


def access_of(security: Security) -> Access:
    """Return what a meter demands."""
    if security == "none":
        return Access()
    both = Protection.AUTHENTICATION | Protection.ENCRYPTION
    return Access(protection=both, authentication_key=AUTHENTICATION_KEY, block_cipher_key=BLOCK_CIPHER_KEY)


def meter(interface: Interface, security: Security) -> Answer:
    """Return a meter that waits for its first client."""
    access = access_of(security)

    def session_of(offset: int, client: int) -> Session:
        return Session(1 + offset, client, access=access, clock=lambda: NOON)

    if interface == "hdlc":
        return HdlcServer(_PDU, session_of, clock=time.monotonic).receive
    return WrapperServer(_PDU, session_of).receive


class Counting:
    """A meter that counts the exchanges at its end of the link."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.exchanges = 0

    def __call__(self, octets: bytes) -> bytes:
        """Answer, and count."""
        self.exchanges += bool(octets)
        return self._answer(octets)


class Recording:
    """A meter whose answers are taken down; ``replay`` gives them again, in their order, for hardly any time."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._answers: list[bytes] = []

    def __call__(self, octets: bytes) -> bytes:
        """Answer, and take it down."""
        answer = self._answer(octets)
        self._answers.append(answer)
        return answer

    def replay(self) -> Answer:
        """Return a meter that gives these answers, whatever it is asked."""
        answers: Iterator[bytes] = iter(self._answers)
        return lambda _: next(answers)


def talk(conversation: Generator[bytes, bytes, T], answer: Answer) -> T:
    """Run one of our conversations against a meter."""
    try:
        octets = next(conversation)
        while True:
            octets = conversation.send(answer(octets))
    except StopIteration as end:
        value: T = end.value
        return value
