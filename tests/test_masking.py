"""Which octets of an APDU nobody may see, and that all others stay."""

from __future__ import annotations

import pytest

from telegraf_dlms import axdr
from telegraf_dlms.access import Access
from telegraf_dlms.action import encode_action, encode_action_response
from telegraf_dlms.apdu import (
    encode_get,
    encode_get_block,
    encode_get_list,
    encode_get_list_response,
    encode_get_next,
    encode_get_response,
    entry_selection,
)
from telegraf_dlms.association import aarq, initiate_request
from telegraf_dlms.ciphering import GENERAL_GLO, GLOBAL, Key, Protection, wrap
from telegraf_dlms.cosem import SECRETS, AttributeDescriptor
from telegraf_dlms.masking import Secrecy
from telegraf_dlms.short_names import REPLY_TO_HLS
from telegraf_dlms.sn_apdu import Variable, encode_read, encode_read_block, encode_read_next, encode_read_response

NAME = bytes.fromhex("0000280000FF")
SECRET = AttributeDescriptor(15, NAME, 7)
REPLY = AttributeDescriptor(15, NAME, 1)
OPEN = AttributeDescriptor(15, NAME, 8)
PASSWORD = b"open sesame"
PROOF = axdr.encode(axdr.Tag.OCTET_STRING, b"PROOFPROOF")
WORDS = axdr.encode(axdr.Tag.OCTET_STRING, PASSWORD)
TITLE = b"TDL\0\0\0\0\1"


def shown(apdu, spans):
    octets = bytearray(apdu)
    for first, end in spans:
        octets[first : min(end, len(apdu))] = b"*" * (min(end, len(apdu)) - first)
    return bytes(octets)


def asked(*requests, reads="open"):
    secrecy = Secrecy(reads=reads)
    for request in requests:
        secrecy.sent(request)
    return secrecy


def request_of(access, **settings):
    return aarq(access, initiate=initiate_request(access, **settings), title=TITLE, challenge=b"CHALLENGE")


def sealed(apdu, protection, *, general=False):
    octets = Key(bytes(16), bytes(16)).seal(apdu, control=int(protection), title=TITLE, counter=1)
    return wrap(octets, GENERAL_GLO, title=TITLE) if general else wrap(octets, GLOBAL[apdu[0]])


def test_the_password_of_an_aarq_is_masked_and_nothing_else_of_it():
    apdu = request_of(Access("low", PASSWORD, 1024))
    masked = shown(apdu, Secrecy().request_spans(apdu))
    assert masked == apdu.replace(PASSWORD, b"*" * len(PASSWORD))
    assert masked != apdu


@pytest.mark.parametrize("size", [100, 127, 128, 200, 300])
def test_a_long_password_is_masked_whole(size):
    password = b"p" * size
    apdu = request_of(Access("low", password, 1024))
    assert shown(apdu, Secrecy().request_spans(apdu)) == apdu.replace(password, b"*" * size)


@pytest.mark.parametrize("security", ["none", "high", "high_md5", "high_gmac", "high_ecdsa"])
def test_a_challenge_is_no_secret(security):
    apdu = request_of(Access(security, PASSWORD, 1024))
    assert Secrecy().request_spans(apdu) == ()


def test_a_value_behind_an_unknown_mechanism_is_masked():
    apdu = request_of(Access("low", PASSWORD, 1024)).replace(
        bytes.fromhex("60857405080201"), bytes.fromhex("2A000000000009")
    )
    assert PASSWORD not in shown(apdu, Secrecy().request_spans(apdu))


def test_a_dedicated_key_in_clear_is_masked():
    key = bytes(range(16))
    apdu = request_of(Access("none", b"", 1024), dedicated_key=key)
    assert shown(apdu, Secrecy().request_spans(apdu)) == apdu.replace(key, b"*" * 16)


def test_a_dedicated_key_that_is_authenticated_alone_is_masked_and_one_that_is_encrypted_needs_it_not():
    key = bytes(range(16))
    access = Access("none", b"", 1024, protection=Protection.AUTHENTICATION)
    initiate = initiate_request(access, dedicated_key=key)
    in_clear = aarq(access, initiate=sealed(initiate, Protection.AUTHENTICATION), title=TITLE)
    assert shown(in_clear, Secrecy().request_spans(in_clear)) == in_clear.replace(key, b"*" * 16)
    encrypted = aarq(access, initiate=sealed(initiate, Protection.ENCRYPTION), title=TITLE)
    assert key not in encrypted
    assert Secrecy().request_spans(encrypted) == ()


@pytest.mark.parametrize("cut", range(1, 110))
def test_of_the_beginning_of_an_aarq_as_much_is_masked_as_is_there(cut):
    apdu = request_of(Access("low", PASSWORD, 1024), dedicated_key=bytes(range(16)))
    whole = shown(apdu, Secrecy().request_spans(apdu))
    assert shown(apdu[:cut], Secrecy().request_spans(apdu[:cut])) == whole[:cut]


@pytest.mark.parametrize(("class_id", "attribute"), sorted(SECRETS))
def test_the_value_of_a_secret_attribute_is_masked_but_not_its_type_and_length(class_id, attribute):
    secrecy = asked(encode_get(0xC1, AttributeDescriptor(class_id, NAME, attribute)))
    assert secrecy.is_due
    answer = encode_get_response(0xC1, WORDS)
    assert shown(answer, secrecy.answer_spans(answer)) == answer.replace(PASSWORD, b"*" * len(PASSWORD))
    secrecy.received(answer)
    assert not secrecy.is_due


def test_a_number_is_masked_behind_its_type():
    secrecy = asked(encode_get(0xC1, AttributeDescriptor(45, NAME, 3)))
    answer = encode_get_response(0xC1, axdr.encode(axdr.Tag.LONG_UNSIGNED, 4711))
    assert shown(answer, secrecy.answer_spans(answer)) == answer[:5] + b"**"


def test_other_values_and_refusals_stay():
    for request, answer in [
        (encode_get(0xC1, OPEN), encode_get_response(0xC1, WORDS)),
        (encode_get(0xC1, SECRET), encode_get_response(0xC1, 3)),
        (encode_get(0xC1, SECRET), encode_get_block(0xC1, 3, number=1, last=True)),
        (encode_get(0xC1, SECRET), b"\xd8\x01\x01"),
        (encode_get(0xC1, SECRET), encode_get_response(0xC2, WORDS)),
    ]:
        assert asked(request).answer_spans(answer) == ()


def test_an_answer_that_comes_late_is_known_by_its_invoke_id():
    secrecy = asked(encode_get(0xC1, SECRET), encode_get(0xC2, OPEN))
    assert secrecy.answer_spans(encode_get_response(0xC2, WORDS)) == ()
    assert secrecy.answer_spans(encode_get_response(0xC1, WORDS)) != ()


def test_an_invoke_id_that_asks_for_something_else_is_secret_no_more():
    assert not asked(encode_get(0xC1, SECRET), encode_get(0xC1, OPEN)).is_due


def test_every_block_of_a_secret_is_masked():
    secrecy = asked(encode_get(0xC1, SECRET))
    first = encode_get_block(0xC1, WORDS[:6], number=1, last=False)
    assert shown(first, secrecy.answer_spans(first)) == first[:-4] + b"****"
    secrecy.received(first)
    secrecy.sent(encode_get_next(0xC1, 1))
    second = encode_get_block(0xC1, WORDS[6:], number=2, last=True)
    assert shown(second, secrecy.answer_spans(second)) == second[:-7] + b"*" * 7
    secrecy.received(second)
    assert not secrecy.is_due


def test_a_list_with_a_secret_in_it_is_masked_behind_its_count():
    secrecy = asked(encode_get_list(0xC1, [OPEN, SECRET]))
    answer = encode_get_list_response(0xC1, [WORDS, WORDS])
    assert shown(answer, secrecy.answer_spans(answer)) == answer[:4] + b"*" * (len(answer) - 4)
    assert not asked(encode_get_list(0xC1, [OPEN, OPEN])).is_due


def test_a_list_with_selections_may_hold_a_secret():
    assert asked(encode_get_list(0xC1, [OPEN, SECRET], [entry_selection(1, 2), b""])).is_due


@pytest.mark.parametrize("cut", range(1, 25))
def test_of_the_beginning_of_an_answer_as_much_is_masked_as_is_there(cut):
    secrecy = asked(encode_get(0xC1, SECRET))
    answer = encode_get_response(0xC1, WORDS)
    whole = shown(answer, secrecy.answer_spans(answer))
    assert shown(answer[:cut], secrecy.answer_spans(answer[:cut])) == whole[:cut]


@pytest.mark.parametrize(
    ("security", "is_masked"),
    [
        ("high", True),
        ("high_md5", True),
        ("high_sha1", True),
        ("high_sha256", True),
        ("high_gmac", False),
        ("high_ecdsa", False),
    ],
)
def test_the_proofs_of_a_password_are_masked_and_those_of_a_key_are_not(security, is_masked):
    secrecy = asked(request_of(Access(security, PASSWORD, 1024)))
    request = encode_action(0xC1, REPLY, PROOF)
    masked = shown(request, secrecy.request_spans(request))
    assert masked == (request.replace(PROOF[2:], b"*" * 10) if is_masked else request)
    secrecy.sent(request)
    answer = encode_action_response(0xC1, returned=PROOF)
    masked = shown(answer, secrecy.answer_spans(answer))
    assert masked == (answer.replace(PROOF[2:], b"*" * 10) if is_masked else answer)
    secrecy.received(answer)
    assert not secrecy.is_due


def test_a_refused_proof_stays():
    secrecy = asked(request_of(Access("high", PASSWORD, 1024)), encode_action(0xC1, REPLY, PROOF))
    assert secrecy.answer_spans(encode_action_response(0xC1, result=3)) == ()


def test_other_methods_stay():
    request = encode_action(0xC1, AttributeDescriptor(70, NAME, 1), PROOF)
    assert asked(request_of(Access("high", PASSWORD, 1024))).request_spans(request) == ()


def test_a_proof_by_short_names_is_masked():
    secrecy = asked(request_of(Access("high", PASSWORD, 1024, "short_names")))
    request = encode_read([Variable(REPLY_TO_HLS, b"\x01" + PROOF)])
    assert shown(request, secrecy.request_spans(request)) == request.replace(PROOF[2:], b"*" * 10)
    secrecy.sent(request)
    answer = encode_read_response([PROOF])
    assert shown(answer, secrecy.answer_spans(answer)) == answer.replace(PROOF[2:], b"*" * 10)


def test_by_short_names_every_value_is_masked_where_secrets_are_read():
    request = encode_read([Variable(0x1000)])
    answer = encode_read_response([WORDS])
    assert asked(request).answer_spans(answer) == ()
    secrecy = asked(request, reads="secret")
    assert shown(answer, secrecy.answer_spans(answer)) == answer.replace(PASSWORD, b"*" * len(PASSWORD))
    assert secrecy.answer_spans(encode_read_response([3])) == ()
    several = encode_read_response([WORDS, WORDS])
    assert shown(several, secrecy.answer_spans(several)) == several[:2] + b"*" * (len(several) - 2)


def test_by_short_names_blocks_are_masked_until_the_last():
    secrecy = asked(encode_read([Variable(0x1000)]), reads="secret")
    first = encode_read_block(WORDS[:6], number=1, last=False)
    assert shown(first, secrecy.answer_spans(first)) == first[:-6] + b"*" * 6
    secrecy.received(first)
    secrecy.sent(encode_read_next(1))
    assert secrecy.is_due
    secrecy.received(encode_read_block(WORDS[6:], number=2, last=True))
    assert not secrecy.is_due


@pytest.mark.parametrize("general", [False, True])
def test_what_is_only_authenticated_is_looked_into(general):
    request = sealed(encode_get(0xC1, SECRET), Protection.AUTHENTICATION, general=general)
    secrecy = asked(request)
    answer = sealed(encode_get_response(0xC1, WORDS), Protection.AUTHENTICATION, general=general)
    masked = shown(answer, secrecy.answer_spans(answer))
    assert PASSWORD in answer
    assert PASSWORD not in masked
    assert masked.index(b"*") == answer.index(PASSWORD)


def test_what_is_encrypted_stays_and_an_answer_to_it_in_clear_is_masked_where_secrets_are_read():
    request = sealed(encode_get(0xC1, SECRET), Protection.ENCRYPTION)
    secrecy = asked(request, reads="secret")
    encrypted = sealed(encode_get_response(0xC1, WORDS), Protection.ENCRYPTION)
    assert secrecy.answer_spans(encrypted) == ()
    in_clear = encode_get_response(0xC1, WORDS)
    assert PASSWORD not in shown(in_clear, secrecy.answer_spans(in_clear))
    secrecy.received(encrypted)
    assert not secrecy.is_due
    assert not asked(request).is_due


def test_a_notification_is_no_answer():
    secrecy = asked(encode_read([Variable(0x1000)]), reads="secret")
    secrecy.received(b"\x0f\x00\x00\x00\x01\x00\x00")
    assert secrecy.is_due


@pytest.mark.parametrize(
    "apdu", [b"", b"\xc4", b"\xc0\x01", b"\xdb\x08", b"\x60\x10\xac", b"\x0c", b"\x05\x01\x04\xfa", b"\xff"]
)
def test_octets_that_are_no_apdu_do_no_harm(apdu):
    secrecy = asked(encode_get(0xC1, SECRET), apdu, reads="secret")
    assert secrecy.request_spans(apdu) == ()
    assert secrecy.answer_spans(apdu) == ()
    secrecy.received(apdu)
