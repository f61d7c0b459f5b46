"""The table of hints, row by row: each has an error that finds it, as the code that finds it raises it."""

from __future__ import annotations

import errno
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

import hdlc_frames as frames
from scripted_meter import Apdus, descriptor
from secured_meter import aare as meter_aare
from secured_meter import initiate_response
from talking import drive
from telegraf_dlms import axdr
from telegraf_dlms.aare import parse_aare, parse_initiate_response
from telegraf_dlms.access import Access
from telegraf_dlms.action import encode_action_response
from telegraf_dlms.association import initiate_request
from telegraf_dlms.ciphering import GLOBAL, Ciphering, Key, Protection, wrap
from telegraf_dlms.circumstances import Circumstances, LockedOut
from telegraf_dlms.counters import COUNTER_END
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import (
    AssociationError,
    CipheringError,
    DataRefused,
    LinkError,
    MappingError,
    Overrun,
    RemoteProtocolError,
    Silence,
    TelegrafDlmsError,
)
from telegraf_dlms.get import InvokeIds, get
from telegraf_dlms.handshake import Handshake, Identity
from telegraf_dlms.hints import TABLE, diagnose
from telegraf_dlms.metrics import Presentation, Series
from telegraf_dlms.opening import acknowledge, call
from telegraf_dlms.state import state_in_memory
from telegraf_dlms.trace import Heard

NOTHING, GARBAGE = Heard(), Heard(40, garbled=3)
STRANGER, METER = Heard(9, strangers=[b"\x23"]), Heard(99, frames=3)
LOW, NONE = Access("low", b"12345678", 1024), Access("none", b"", 1024)
GMAC = Access("high_gmac", b"", 1024, authentication_key=bytes(16), block_cipher_key=bytes(16))
CIPHERED = replace(GMAC, protection=Protection.AUTHENTICATION)
MD5 = Access("high_md5", b"x", 1024)
TITLE = b"MMM\0\0\0\0\1"
CONTEXT = "a109060760857405080101"


def raised(function, *arguments, **settings):
    """Return what a function raises."""
    with pytest.raises(TelegrafDlmsError) as caught:
        function(*arguments, **settings)
    return caught.value


def aare(result=1, diagnostic="a1030201{:02x}", number=0, information=""):
    content = f"{CONTEXT}a2030201{result:02x}"
    content += f"a305{diagnostic.format(number)}" if diagnostic else ""
    content += f"be{len(information) // 2 + 2:02x}04{len(information) // 2:02x}{information}" if information else ""
    return bytes.fromhex(f"61{len(content) // 2:02x}{content}")


def rejected(number, access=LOW, *, result=1, information=""):
    return raised(parse_aare, aare(result, number=number, information=information), access)


def proof(access, answer):
    """Return what an HLS handshake raises at the meter's answer to ours."""
    handshake = Handshake(Apdus(), access, Identity(TITLE, lambda: 1), random=bytes)
    handshake._server_challenge = b"CHALLENGE"
    return raised(drive, handshake.authenticate(InvokeIds()), answer)


def challenged(challenge):
    """Return what a handshake raises at a meter's challenge, made of ours."""
    handshake = Handshake(Apdus(), MD5, Identity(), random=bytes)
    answer = meter_aare(MD5, initiate=initiate_response(MD5), challenge=challenge(bytes(16)))
    return raised(drive, handshake.request(), answer)


def unprotected(*replies, protection=Protection.AUTHENTICATION, title=TITLE, suite=0):
    """Return what a client's ciphering raises at the last of these replies."""
    ciphering = Ciphering(
        {"global": Key(bytes(16), bytes(16))},
        protection=protection,
        suite=suite,
        title=b"TDL\0\0\0\0\1",
        next_counters={"global": count(1).__next__},
    )
    ciphering.server_title = title
    for reply in replies[:-1]:
        ciphering.unprotect(reply)
    return raised(ciphering.unprotect, replies[-1])


def sealed(*, key=bytes(16), control=0x10, counter=1):
    octets = Key(key, bytes(16)).seal(b"\xc4\x01\xc1\x00\x00", control=control, title=TITLE, counter=counter)
    return wrap(octets, GLOBAL[0xC4])


def hdlc(answer):
    """Return what an opening of a data link raises at an answer."""
    return raised(drive, frames.framing().open(), answer)


def asked(answer):
    return raised(drive, get(Apdus(), descriptor(3, "1.0.1.8.0.255"), invoke_ids=InvokeIds()), answer)


def unscaled():
    clock = Presentation("utf-8", DeviceClock("standard", "UTC"))
    series = Series("dlms", tags={}, class_id=3, logical_name=bytes(6), presentation=clock)
    _, [problem] = series.line([(2, 5)], scaler_unit=None, time_ns=0)
    return problem.error


def used_up():
    counters = state_in_memory().counters(bytes(16))
    counters.raise_to(COUNTER_END)
    return raised(counters.next_counter)


def unknown_counter():
    return raised(state_in_memory().counters(bytes(16), system_title=b"OTHER--1").next_counter)


ABC, _ = drive(call(), b"/ABC52X\r\n")
SILENCE = Silence("meter: no answer within 5 s")
MODE_E = {"step": "mode_e", "link": "serial", "interface_type": "hdlc_mode_e"}
SERIAL = {"step": "data_link", "link": "serial", "interface_type": "hdlc", "line": "9600 8N1"}
OVER_TCP = {"step": "data_link", "interface_type": "hdlc"}
WITH_LOW = {"access_security": "low"}


def refused(number, **where):
    return LinkError("127.0.0.1:1: no", number=number), {"step": "connect"} | where


#: For each row, in its order: errors that find it and where they happen, and words of the hint.
CASES = [
    ([(LockedOut("locked"), {"step": "lock_out"})], "telegraf-dlms unlock house"),
    ([(LinkError("cannot resolve"), {"step": "resolve"})], "spelling of address"),
    ([refused(errno.ECONNREFUSED)], "nobody listens on this port"),
    ([refused(errno.EHOSTUNREACH), refused(errno.ENETUNREACH)], "VPN"),
    ([refused(errno.EMFILE)], "LimitNOFILE"),
    ([refused(errno.ENOENT, step="open", link="serial")], "/dev/serial/by-id"),
    ([refused(errno.EACCES, step="open", link="serial")], "dialout"),
    ([refused(errno.EAGAIN, step="open", link="serial")], "another program has the port"),
    ([refused(None, step="open", link="serial", line="9600 8N1")], "9600 8N1"),
    ([refused(None), refused(errno.ETIMEDOUT)], "nobody answers at this address"),
    ([(SILENCE, MODE_E)], "optical head in its place"),
    (
        [
            (lambda: raised(drive, call(), b"/ABCE123\r\n"), MODE_E),
            (lambda: raised(drive, acknowledge(ABC, max_baud_rate=9600), b"\x02READOUT"), MODE_E),
        ],
        "another one of its interfaces",
    ),
    ([(SILENCE, MODE_E | {"heard": GARBAGE}), (lambda: raised(drive, call(), bytes(300)), MODE_E)], "300 baud 7E1"),
    (
        [
            (SILENCE, OVER_TCP | {"heard": STRANGER, "server": "address 03"}),
            (SILENCE, {"step": "associate", "heard": STRANGER, "server": "wPort 1"}),
        ],
        "somebody else answers: ",
    ),
    ([(SILENCE, MODE_E | {"step": "data_link"})], "workarounds.pause_after_connect"),
    ([(SILENCE, SERIAL | {"heard": GARBAGE})], "parity or baud_rate is wrong (9600 8N1)"),
    ([(RemoteProtocolError("WRAPPER: version 7 instead of 1"), {"step": "associate", "heard": GARBAGE})], "no WRAPPER"),
    ([(SILENCE, OVER_TCP | {"heard": GARBAGE})], 'try interface_type "wrapper"'),
    ([(SILENCE, SERIAL)], "baud_rate and parity (9600 8N1)"),
    ([(SILENCE, {"step": "associate"}), (SILENCE, {"step": "invocation_counter"})], 'try interface_type "hdlc"'),
    ([(SILENCE, OVER_TCP)], "serial side"),
    ([(lambda: hdlc(frames.DM), OVER_TCP | {"heard": METER})], "refuses the data link"),
    ([(lambda: hdlc(frames.FRMR), OVER_TCP | {"heard": METER})], "max_info_length = 128"),
    ([(SILENCE, {"step": "invocation_counter", "heard": METER})], "public client (16)"),
    (
        [
            (lambda: rejected(1, GMAC, information="d80206000000ff"), {"step": "associate"}),
            (lambda: proof(GMAC, bytes.fromhex("d80206000000ff")), {"step": "authenticate"}),
        ],
        "set invocation_counter",
    ),
    (
        [
            (lambda: proof(Access("high_md5", b"x", 1024), encode_action_response(1, result=3)),
             {"step": "authenticate", "access_security": "high_md5"}),
            (lambda: proof(Access("high_md5", b"x", 1024),
                           encode_action_response(1, returned=axdr.encode(axdr.Tag.OCTET_STRING, bytes(16)))),
             {"step": "authenticate", "access_security": "high_md5"}),
        ],
        "the password is wrong, or the meter does another access_security",
    ),
    ([(lambda: proof(GMAC, encode_action_response(1, result=3)),
       {"step": "authenticate", "access_security": "high_gmac"})], "a key is wrong, or it is another meter"),
    ([(lambda: rejected(13), WITH_LOW)], "the password is wrong, or that of another client_address than 16"),
    ([(lambda: rejected(13, NONE), {}), (lambda: rejected(14, NONE), {})], "set access_security and password"),
    ([(lambda: rejected(13, GMAC), {"access_security": "high_gmac"})], "a key is wrong: check block_cipher_key"),
    ([(partial(rejected, number), WITH_LOW) for number in (11, 12, 14)], '"low" does not go with client_address 16'),
    ([(lambda: rejected(2), WITH_LOW)], 'transport_security ("none")'),
    ([(lambda: rejected(3), WITH_LOW)], "does not know who asks"),
    ([(lambda: rejected(7), WITH_LOW | {"server": "wPort 1"})], "no such application at wPort 1"),
    ([(lambda: rejected(1), WITH_LOW)], "many meters refuse a wrong password so"),
    (
        [
            (lambda: challenged(lambda ours: ours), {"access_security": "high_md5"}),
            (lambda: challenged(lambda ours: ours[:7]), {"access_security": "high_md5"}),
        ],
        "try another access_security",
    ),
    ([(lambda: rejected(1, NONE, result=2), {})], "busy"),
    ([(lambda: raised(parse_initiate_response, bytes.fromhex("0800065f1f040000000004000007"), NONE), {})],
     "logical_name_referencing = false"),
    (
        [
            (lambda: raised(parse_aare, aare(0, information="00").replace(b"\x08\x01\x01", b"\x08\x01\x02"), NONE), {}),
            (lambda: raised(parse_initiate_response, bytes.fromhex("0800065f1f04000000100400fa00"), NONE), {}),
        ],
        "in another way than it was asked",
    ),
    ([(lambda: rejected(1, GMAC, information="0e010006"), {}),
      (lambda: raised(parse_aare, b"\x0e\x01\x00\x06", GMAC), {}),
      (lambda: proof(CIPHERED, b"\xd8\x02\x05"), {"step": "authenticate", "access_security": "high_gmac"})],
     "authentication_key, security_suite and system_title; some say so of a counter that is too low"),
    ([(lambda: rejected(1, NONE), {}), (lambda: raised(parse_aare, b"\xd8\x01\x01", NONE), {})],
     "no reason that tells"),
    ([(SILENCE, {"heard": METER}), (Overrun("x"), {"step": "authenticate", "heard": METER})], "some meters are silent"),
    ([(lambda: raised(parse_aare, b"\x62\x00", NONE), {"heard": METER})], "no AARE as the standard has it"),
    ([(lambda: unprotected(sealed(key=b"x" * 16)), {})], "is not the meter's"),
    (
        [
            (lambda: unprotected(b"\xc4\x01\xc1\x00\x00"), {"transport_security": "authentication"}),
            (lambda: unprotected(sealed(), protection=Protection.ENCRYPTION), {"transport_security": "encryption"}),
        ],
        'less than transport_security "',
    ),
    ([(lambda: unprotected(sealed(), suite=1), {})], "set security_suite"),
    ([(lambda: unprotected(sealed(), title=b""), {})], "which may be on its nameplate"),
    ([(CipheringError("the meter's system title is 01, server_system_title is 02"), {})], "two have one title"),
    ([(lambda: unprotected(sealed(), sealed()), {"step": "read"})], "a counter came twice"),
    ([(used_up, {})], "another block_cipher_key"),
    ([(unknown_counter, {})], "the file of the state can be written"),
    ([(lambda: unprotected(wrap(bytes(20), 0xD4)), {"step": "read"})], "general_protection and the keys"),
    ([(unscaled, {"step": "value"})], "set scaler and unit"),
    ([(DataRefused(4), {"step": "value"})], "telegraf-dlms discover house"),
    ([(DataRefused(9), {"step": "value"})], "check class_id"),
    ([(DataRefused(3), {"step": "value"}), (DataRefused(13), {"step": "value"})], "may not read this"),
    ([(DataRefused(2), {"step": "value"})], "try again later"),
    ([(lambda: asked(b"\xd8\x02\x04"), {"step": "read"})], "lower max_pdu_size, or entries"),
    ([(lambda: asked(b"\xd8\x02\x05"), {"step": "read"})], "check dedicated_key"),
    ([(lambda: asked(b"\xd8\x02\x02"), {"step": "read"})], "refused as a whole"),
    ([(DataRefused(12, "the meter's object list: type-unmatched (12)"), {"step": "read"})], "refused or broken"),
    ([(DataRefused(250), {"step": "value"}), (DataRefused(None, "left over"), {"step": "value"})],
     "check obis, class_id"),
    ([(MappingError("NaN"), {"step": "value"})], "class_id and version"),
    ([(SILENCE, {"step": "read", "heard": METER})], "a longer timeout"),
    ([(LinkError("closed by the meter"), {"heard": METER}), (LinkError("closed"), OVER_TCP)], "hung up"),
    ([(RemoteProtocolError("what"), {"step": "read", "heard": METER}), (TelegrafDlmsError("x"), {})], "--trace FILE"),
]  # fmt: skip


def made(error):
    return error() if callable(error) else error


@pytest.mark.parametrize(
    ("row", "case", "words"),
    [
        pytest.param(row, case, words, id=f"{row}: {words[:40]}")
        for row, (cases, words) in enumerate(CASES)
        for case in cases
    ],
)
def test_an_error_finds_its_row(row, case, words):
    error, settings = case
    error = made(error)
    where = Circumstances(**{"step": "associate", "device": "house"} | settings)
    found = next(number for number, each in enumerate(TABLE) if each.fits(error, where))
    assert (found, words in (failure := diagnose(error, where)).hint) == (row, True), failure.hint
    assert (failure.layer, failure.cause) == (TABLE[row].layer, str(error))
    assert "{" not in failure.hint


def test_every_row_has_a_case():
    assert len(CASES) == len(TABLE)


def test_a_hint_is_one_line_that_a_person_reads_at_once():
    for row in TABLE:
        assert 20 < len(row.hint) < 340
        assert "\n" not in row.hint


def test_our_own_initiate_request_is_what_the_cases_answer():
    """The cases' AAREs answer an AARQ in clear by logical names."""
    assert initiate_request(NONE)[:1] == b"\x01"
    accepted = aare(0, information="0800065f1f040000001004000007")
    assert parse_initiate_response(parse_aare(accepted, NONE).initiate, NONE).max_pdu_size == 1024
    assert isinstance(rejected(1), AssociationError)
    assert rejected(13).authentication
