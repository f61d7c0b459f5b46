"""Frames between one client and one meter, ours and theirs, for tests that read like captures."""

from __future__ import annotations

from talking import drive
from telegraf_dlms.hdlc import (
    LLC_TO_CLIENT,
    LLC_TO_SERVER,
    Frame,
    Kind,
    Parameters,
    control_of,
    encode,
    encode_parameters,
)
from telegraf_dlms.hdlc_procedure import HdlcFraming

CLIENT = b"\x21"
SERVER = b"\x02\x23"
REQUEST = b"\xc0\x01\xc1"
ANSWER = b"\xc4\x01\xc1\x00\x11\x05"


def theirs(control: int, information: bytes = b"", *, segmented: bool = False) -> bytes:
    return encode(Frame(CLIENT, SERVER, control, information, segmented))


def ours(control: int, information: bytes = b"", *, segmented: bool = False) -> bytes:
    return encode(Frame(SERVER, CLIENT, control, information, segmented))


def data(send: int, receive: int, information: bytes, *, segmented: bool = False, final: bool = True) -> bytes:
    control = control_of(Kind.I, send=send, receive=receive)
    return theirs(control if final else control & 0xEF, information, segmented=segmented)


def answer(send: int, receive: int, apdu: bytes = ANSWER) -> bytes:
    return data(send, receive, LLC_TO_CLIENT + apdu)


def request(send: int, receive: int, apdu: bytes = REQUEST) -> bytes:
    return ours(control_of(Kind.I, send=send, receive=receive), LLC_TO_SERVER + apdu)


def rr(receive: int) -> bytes:
    return control_frame(Kind.RR, receive)


def control_frame(kind: Kind, receive: int = 0) -> bytes:
    """Return a frame of theirs without information."""
    return theirs(control_of(kind, receive=receive))


def our_rr(receive: int) -> bytes:
    return ours(control_of(Kind.RR, receive=receive))


SNRM = ours(0x93, encode_parameters(Parameters()))
DISC = ours(0x53)
UA = theirs(0x73)
DM = theirs(0x1F)
FRMR = theirs(0x97, b"\x00\x10\x01")


def framing(**options) -> HdlcFraming:
    return HdlcFraming(client=CLIENT, server=SERVER, **options)


def opened(**options) -> HdlcFraming:
    link = framing(**options)
    window = options.get("window_size", 1)
    drive(link.open(), UA if window == 1 else theirs(0x73, encode_parameters(Parameters(128, 128, window, window))))
    link.established()
    return link
