"""A ciphered association as a framing: what a meter says becomes a value only where all of it is right."""

from __future__ import annotations

import pytest

from hdlc_frames import answer, opened, our_rr, request
from scripted_meter import Apdus, descriptor
from sealed import (
    AUTHENTICATION,
    BOTH,
    DEDICATED_KEY,
    ENCRYPTION,
    FORMS,
    KEY,
    OTHER_TITLE,
    OUR_TITLE,
    PROTECTIONS,
    TITLE,
    VALUE,
    ciphering,
    flipped,
    reply,
)
from talking import drive
from telegraf_dlms.access import PROPOSED, Negotiated
from telegraf_dlms.apdu import encode_get
from telegraf_dlms.ciphered_framing import CipheredFraming
from telegraf_dlms.ciphering import GENERAL_DED, GENERAL_GLO, split_header, unwrap, wrap
from telegraf_dlms.conversation import Association
from telegraf_dlms.errors import (
    CipheringError,
    DataRefused,
    LinkError,
    RemoteProtocolError,
    ServiceRefused,
    Silence,
    TelegrafDlmsError,
)
from telegraf_dlms.wrapper import WrapperFraming, encode

NAME = descriptor(1, "0.0.96.1.0.255")
READ = b"0123456789abcdef"
#: data-notification, event-notification-request, information-report-request.
NOTIFICATION = bytes.fromhex("0F00000001 00 1105")
EVENT = bytes.fromhex("C200 0001 0000600100FF 02 1105")
REPORT = bytes.fromhex("18 00 01 00 00")
#: The first and the last block of one that comes by general-block-transfer, which was not negotiated.
BLOCK, LAST_BLOCK = bytes.fromhex("E0 40 0001 0000 03 0F0000"), bytes.fromhex("E0 80 0002 0000 05 0001001105")


def association(protection=BOTH, **options):
    return Association(CipheredFraming(Apdus(), ciphering(protection, **options)), Negotiated(PROPOSED, 0))


def becomes(made, *replies):
    """Return what a GET's answers become: the value, or the error that they are; more than these never come."""
    conversation = made.ask(NAME)
    conversation.send(None)
    try:
        for octets in replies:
            conversation.send(octets)
        conversation.throw(Silence("no answer"))
    except StopIteration as end:
        return end.value
    except TelegrafDlmsError as error:
        return error
    raise AssertionError("it goes on after silence")


def is_value(outcome):
    return not isinstance(outcome, TelegrafDlmsError)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protection", PROTECTIONS)
def test_a_right_reply_is_a_value(protection, form):
    assert becomes(association(protection), reply(form, protection=protection)) == READ


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protection", [AUTHENTICATION, BOTH])
def test_no_reply_with_one_bit_flipped_becomes_a_value(protection, form):
    apdu = reply(form, protection=protection)
    outcomes = [becomes(association(protection), flipped(apdu, bit)) for bit in range(len(apdu) * 8)]
    assert len(outcomes) >= 288
    assert not [outcome for outcome in outcomes if is_value(outcome)]
    refusals = [outcome for outcome in outcomes if not isinstance(outcome, CipheringError)]
    # general-ded-ciphering is one bit away from an exception-response.
    assert [type(outcome) for outcome in refusals] == ([ServiceRefused] if form == "general-ded" else [])


@pytest.mark.parametrize("form", FORMS)
def test_where_only_encryption_is_asked_for_the_head_of_a_reply_still_holds_each_bit(form):
    """Bits of the ciphertext are bits of the plaintext, and nobody can tell: that is what authentication is for."""
    apdu = reply(form, protection=ENCRYPTION)
    head = len(apdu) - len(VALUE)
    # The meter's title is taken from the AARE, whatever a reply without a title says.
    assert not [bit for bit in range(head * 8) if is_value(becomes(association(ENCRYPTION), flipped(apdu, bit)))]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protection", PROTECTIONS)
def test_a_repeated_reply_becomes_no_second_value(protection, form):
    made = association(protection)
    apdu = reply(form, protection=protection, plaintext=VALUE[:2] + b"\xc2" + VALUE[3:])
    made.invoke_ids.__next__()
    assert becomes(made, apdu) == READ
    for _ in range(16):  # also where the invoke-id comes round
        assert isinstance(becomes(made, apdu), CipheringError)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protection", PROTECTIONS)
def test_no_reply_from_another_title_becomes_a_value(protection, form):
    for shown in (TITLE, OTHER_TITLE, OUR_TITLE, b""):
        apdu = reply(form, protection=protection, title=OTHER_TITLE, shown=shown)
        assert not is_value(becomes(association(protection), apdu))


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_no_weaker_reply_and_none_of_another_suite_becomes_a_value(protection):
    for form in FORMS:
        for control in range(0x100):
            outcome = becomes(association(protection), reply(form, control=control))
            assert is_value(outcome) is (control in {0x10, 0x20, 0x30} and control & protection == protection)


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_nothing_in_clear_becomes_a_value(protection):
    for tag in range(0x100):
        assert not is_value(becomes(association(protection), bytes((tag,)) + VALUE[1:]))


@pytest.mark.parametrize("form", FORMS)
def test_no_other_service_becomes_a_value(form):
    for tag in range(0x100):
        if tag != VALUE[0]:
            assert not is_value(becomes(association(), reply(form, plaintext=bytes((tag,)) + VALUE[1:])))


def test_a_reply_in_a_reply_becomes_no_value():
    for form in FORMS:
        inner = reply(form, counter=2)
        assert isinstance(becomes(association(), reply("general-glo", plaintext=inner)), RemoteProtocolError)


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        ("D80101", "exception-response: service-not-allowed (1), operation-not-possible (1)"),
        ("D80205", "exception-response: service-unknown (2), deciphering-error (5)"),
        ("0E010600", "confirmed-service-error: initiate (1), other (6, 0)"),
    ],
)
@pytest.mark.parametrize("form", ["clear", "general-glo", "general-ded"])
def test_a_refusal_is_one_in_clear_and_ciphered(form, octets, words):
    apdu = bytes.fromhex(octets)
    outcome = becomes(association(), apdu if form == "clear" else reply(form, plaintext=apdu))
    assert (type(outcome), str(outcome)) == (ServiceRefused, words)


def test_a_ciphered_confirmed_service_error_has_a_tag_of_its_own():
    for tag, key in ((0x2E, KEY), (0x4E, DEDICATED_KEY)):
        sealed = key.seal(bytes.fromhex("0E010600"), control=BOTH, title=TITLE, counter=1)
        assert isinstance(becomes(association(), wrap(sealed, tag)), ServiceRefused)


def test_a_data_access_result_is_ciphered_like_a_value():
    assert str(becomes(association(), reply(plaintext=bytes.fromhex("C401C10103")))) == "read-write-denied (3)"
    assert isinstance(becomes(association(), bytes.fromhex("C401C10103")), CipheringError)


def test_a_refusal_that_comes_first_does_not_let_what_follows_pass():
    """The association goes on after a refusal, under the same rules."""
    made = association()
    assert isinstance(becomes(made, bytes.fromhex("D80101")), ServiceRefused)
    assert isinstance(becomes(made, VALUE), CipheringError)


@pytest.mark.parametrize("octets", ["6303800100", "6103A20301", "61"])
def test_an_ending_is_no_value(octets):
    assert isinstance(becomes(association(), bytes.fromhex(octets)), RemoteProtocolError)


# Notifications


def over_wrapper():
    framing = CipheredFraming(WrapperFraming(client=16, server=1), ciphering())
    return Association(framing, Negotiated(PROPOSED, 0))


def from_meter(*apdus):
    return b"".join(encode(1, 16, apdu) for apdu in apdus)


SEALED_EVENT = wrap(KEY.seal(EVENT, control=BOTH, title=TITLE, counter=1), 0xCA)
SEALED_REPORT = wrap(KEY.seal(REPORT, control=BOTH, title=TITLE, counter=1), 0x38)


@pytest.mark.parametrize(
    "unasked",
    [
        NOTIFICATION,
        EVENT,
        REPORT,
        BLOCK,
        LAST_BLOCK,
        SEALED_EVENT,
        SEALED_REPORT,
        reply("general-glo", plaintext=NOTIFICATION),
        reply("general-ded", plaintext=NOTIFICATION),
        reply("general-glo", plaintext=EVENT),
    ],
)
@pytest.mark.parametrize("pieces", ["at once", "one by one"])
def test_a_notification_ciphered_or_not_does_not_end_the_wait(unasked, pieces):
    made = over_wrapper()
    replies = [from_meter(unasked), from_meter(reply(counter=2))]
    assert becomes(made, *(replies if pieces == "one by one" else [b"".join(replies)])) == READ
    assert made.framing.dropped == 1


def test_notifications_in_general_form_count_like_replies():
    made = over_wrapper()
    unasked = reply("general-glo", plaintext=NOTIFICATION, counter=7)
    assert isinstance(becomes(made, from_meter(unasked, reply(counter=7))), CipheringError)
    assert isinstance(becomes(over_wrapper(), from_meter(unasked, unasked)), CipheringError)


def test_after_a_notification_alone_there_is_silence():
    outcome = becomes(over_wrapper(), from_meter(reply("general-glo", plaintext=NOTIFICATION)))
    assert isinstance(outcome, Silence)


# What is around it


def test_over_hdlc_a_repeated_request_is_the_same_octets_with_the_same_counter():
    hdlc = opened(retries=2)
    framing = CipheredFraming(hdlc, ciphering())
    get = encode_get(0xC1, NAME)
    reads = [Silence(), Silence(), answer(0, 1, reply())]
    got, sent = drive(framing.exchange(get), *reads)
    expected = ciphering().protect(get)
    assert (got, sent) == (VALUE, [request(0, 0, expected)] * 3)
    assert (framing.repeats, framing.exchanges, framing.dropped) == (2, 1, 0)
    assert hdlc.repeats == 2


def test_over_hdlc_the_meter_is_polled_behind_a_notification():
    framing = CipheredFraming(opened(), ciphering())
    unasked = answer(0, 1, reply("general-glo", plaintext=NOTIFICATION))
    got, sent = drive(framing.exchange(encode_get(0xC1, NAME)), unasked, answer(1, 1, reply(counter=2)))
    assert (got, sent[1:], framing.dropped) == (VALUE, [our_rr(1)], 1)


def test_opening_and_closing_are_those_of_the_link():
    apdus = Apdus()
    framing = CipheredFraming(apdus, ciphering())
    drive(framing.open())
    framing.established()
    drive(framing.close())
    assert (apdus.is_established, apdus.closed, framing.repeats) == (True, True, 0)


def test_from_the_association_on_the_dedicated_key_is_used():
    framing = CipheredFraming(Apdus(), ciphering())
    get = encode_get(0xC1, NAME)
    _, before = drive(framing.exchange(get), reply())
    framing.established()
    _, after = drive(framing.exchange(get), reply("ded"))
    assert [unwrap(sent).key for (sent,) in (before, after)] == ["global", "dedicated"]


@pytest.mark.parametrize("general", [False, True])
def test_each_request_has_a_counter_of_its_own(general):
    made = association(general=general)
    numbers = []
    for number in range(1, 5):
        conversation = made.ask(NAME)
        envelope = unwrap(conversation.send(None))
        numbers.append(split_header(envelope.sealed)[1])
        assert (envelope.title == OUR_TITLE) is general
        with pytest.raises(StopIteration):
            conversation.send(reply(plaintext=VALUE[:2] + bytes((0xC0 | number,)) + VALUE[3:], counter=number))
    assert numbers == [1, 2, 3, 4]


def test_one_more_apdu_is_verified_too():
    framing = CipheredFraming(Apdus(), ciphering())
    assert drive(framing.receive(), reply())[0] == VALUE
    for wrong in (reply(), VALUE, flipped(reply(counter=2), 300)):
        with pytest.raises(CipheringError):
            drive(framing.receive(), wrong)


@pytest.mark.parametrize("error", [Silence("no answer"), LinkError("closed")])
def test_what_happens_on_the_link_passes_through(error):
    with pytest.raises(type(error)):
        drive(CipheredFraming(Apdus(), ciphering()).exchange(encode_get(0xC1, NAME)), error)


def test_the_general_tags_are_no_notifications():
    """They are looked into first: what is in them decides."""
    assert is_value(becomes(over_wrapper(), from_meter(reply("general-glo"))))
    assert not {GENERAL_GLO, GENERAL_DED} & set(NOTIFICATION[:1])
    assert not isinstance(becomes(over_wrapper(), from_meter(reply("general-ded"))), DataRefused)
