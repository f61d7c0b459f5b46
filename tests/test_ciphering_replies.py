"""What is believed of a meter's ciphered APDUs: nothing that one bit makes another; gurux-dlms believes more."""

from __future__ import annotations

import contextlib
import io

import pytest
from gurux_dlms import GXByteBuffer
from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.secure import GXDLMSSecureClient

from sealed import (
    AUTHENTICATION,
    AUTHENTICATION_KEY,
    BLOCK_CIPHER_KEY,
    BOTH,
    ENCRYPTION,
    FORMS,
    KEY,
    OTHER_TITLE,
    OUR_TITLE,
    PROTECTIONS,
    REQUEST,
    SUITE_KEYS,
    TITLE,
    VALUE,
    ciphering,
    flipped,
    reply,
)
from telegraf_dlms.ciphering import Key, wrap
from telegraf_dlms.errors import CipheringError


def refused(apdu, **options):
    """Return why a reply is not believed."""
    with pytest.raises(CipheringError) as caught:
        ciphering(**options).unprotect(apdu)
    return str(caught.value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protection", PROTECTIONS)
def test_a_right_reply_is_read_in_whichever_form_it_comes(protection, form):
    apdu = reply(form, protection=protection)
    assert ciphering(protection).unprotect(apdu) == VALUE


@pytest.mark.parametrize("suite", [1, 2])
def test_a_reply_of_the_other_suites_is_read(suite):
    key = Key(*SUITE_KEYS[suite])
    apdu = reply(key=key, control=BOTH | suite)
    assert ciphering(suite=suite, keys={"global": key}).unprotect(apdu) == VALUE


@pytest.mark.parametrize("size", [100, 110, 111, 112, 250, 300, 40_000])
@pytest.mark.parametrize("form", FORMS)
def test_lengths_of_one_two_and_three_octets_are_understood(form, size):
    long = VALUE + bytes(size)
    assert ciphering().unprotect(reply(form, plaintext=long)) == long


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protection", [AUTHENTICATION, BOTH])
def test_no_reply_with_one_bit_flipped_is_believed(protection, form):
    apdu = reply(form, protection=protection)
    assert len(apdu) * 8 >= 288
    for bit in range(len(apdu) * 8):
        wrong = flipped(apdu, bit)
        ours = ciphering(protection)
        if wrong[0] == 0xD8:  # general-ded-ciphering is one bit away from an exception-response: a refusal
            assert form == "general-ded"
            assert ours.unprotect(wrong) == wrong
            continue
        with pytest.raises(CipheringError):
            ours.unprotect(wrong)
        assert ours.unprotect(apdu) == VALUE, "what is not believed does not move the counter"


@pytest.mark.parametrize("form", ["glo", "ded"])
def test_where_only_encryption_is_asked_for_no_bit_of_tag_length_and_security_control_may_be_another(form):
    apdu = reply(form, protection=ENCRYPTION)
    for bit in range(3 * 8):
        with pytest.raises(CipheringError):
            ciphering(ENCRYPTION).unprotect(flipped(apdu, bit))


@pytest.mark.parametrize("form", FORMS)
def test_where_only_encryption_is_asked_for_another_counter_or_title_gives_no_plaintext(form):
    apdu = reply(form, protection=ENCRYPTION)
    first = apdu.index(bytes((ENCRYPTION, 0, 0, 0, 1))) + 1
    for bit in range(first * 8, (first + 4) * 8):
        with contextlib.suppress(CipheringError):
            assert VALUE[1:] not in ciphering(ENCRYPTION).unprotect(flipped(apdu, bit))
    with contextlib.suppress(CipheringError):
        assert VALUE[1:] not in ciphering(ENCRYPTION, server_title=OTHER_TITLE).unprotect(apdu)


@pytest.mark.parametrize("form", FORMS)
def test_no_reply_that_is_cut_off_or_goes_on_is_believed(form):
    apdu = reply(form)
    for end in range(len(apdu)):
        with pytest.raises(CipheringError):
            ciphering().unprotect(apdu[:end])
    with pytest.raises(CipheringError, match="1 octets are left over"):
        ciphering().unprotect(apdu + b"\0")


@pytest.mark.parametrize("form", FORMS)
def test_the_tag_is_compared_whole(form):
    """Of a shorter APDU, too, whose last octets would be taken for a tag."""
    tag, key = FORMS[form]
    sealed = key.seal(VALUE, control=BOTH, title=TITLE, counter=1)
    for length in range(5, len(sealed)):
        with pytest.raises(CipheringError):
            ciphering().unprotect(wrap(sealed[:length], tag, title=TITLE))


@pytest.mark.parametrize(
    ("wanted", "control", "words"),
    [
        (BOTH, 0x00, "weaker"),
        (BOTH, 0x10, "weaker"),
        (BOTH, 0x20, "weaker"),
        (AUTHENTICATION, 0x20, "weaker"),
        (AUTHENTICATION, 0x00, "weaker"),
        (ENCRYPTION, 0x10, "weaker"),
        (ENCRYPTION, 0x00, "weaker"),
        (BOTH, 0x31, "security suite 1, 0 is configured"),
        (BOTH, 0x32, "security suite 2, 0 is configured"),
        (BOTH, 0x3F, "security suite 15, 0 is configured"),
        (BOTH, 0x70, "broadcast"),
        (BOTH, 0xB0, "compression"),
    ],
)
def test_a_reply_is_never_weaker_than_configured_nor_of_another_suite(wanted, control, words):
    assert words in refused(reply(control=control), protection=wanted)


@pytest.mark.parametrize("wanted", [AUTHENTICATION, ENCRYPTION])
def test_a_reply_may_be_stronger_than_configured(wanted):
    assert ciphering(wanted).unprotect(reply(protection=BOTH)) == VALUE


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protection", PROTECTIONS)
@pytest.mark.parametrize("second", [1, 6, 7])
def test_a_reply_that_is_repeated_or_late_is_not_believed(protection, form, second):
    ours = ciphering(protection)
    ours.unprotect(reply(form, protection=protection, counter=7))
    with pytest.raises(CipheringError, match=f"invocation counter {second} came after 7"):
        ours.unprotect(reply(form, protection=protection, counter=second))
    assert ours.unprotect(reply(form, protection=protection, counter=8)) == VALUE


@pytest.mark.parametrize("counter", [0, 1, 0xFFFF_FFFF])
def test_the_first_counter_of_a_meter_may_be_any(counter):
    assert ciphering().unprotect(reply(counter=counter)) == VALUE


def test_the_counters_of_the_two_keys_are_apart():
    ours = ciphering()
    assert [ours.unprotect(reply(form, counter=5)) for form in ("glo", "ded")] == [VALUE, VALUE]
    for form in FORMS:
        with pytest.raises(CipheringError, match="came after 5"):
            ours.unprotect(reply(form, counter=5))


@pytest.mark.parametrize("form", ["general-glo", "general-ded"])
def test_a_reply_that_shows_another_title_is_not_believed(form):
    assert "from system title 4d4d4d0000bc614f" in refused(reply(form, title=OTHER_TITLE))
    assert "from system title" in refused(reply(form, shown=OTHER_TITLE))
    assert "from system title" in refused(reply(form, shown=TITLE[:-1]))
    assert "tag is wrong" in refused(reply(form, title=OTHER_TITLE, shown=TITLE))


def test_a_general_reply_that_shows_no_title_is_the_meters_by_its_tag():
    assert ciphering().unprotect(reply("general-glo", shown=b"")) == VALUE
    assert "tag is wrong" in refused(reply("general-glo", shown=b"", title=OTHER_TITLE))


@pytest.mark.parametrize("protection", [AUTHENTICATION, BOTH])
def test_a_reply_sealed_under_another_title_is_not_believed(protection):
    assert "tag is wrong" in refused(reply(protection=protection, title=OTHER_TITLE), protection=protection)


@pytest.mark.parametrize("title", [b"", TITLE[:-1]])
def test_without_the_meters_title_nothing_is_believed(title):
    assert "set server_system_title" in refused(reply(), server_title=title)


def test_our_own_request_sent_back_is_not_believed():
    ours = ciphering()
    with pytest.raises(CipheringError, match="tag is wrong"):
        ours.unprotect(ours.protect(REQUEST))


@pytest.mark.parametrize("form", ["ded", "general-ded"])
def test_a_key_that_is_not_in_use_opens_nothing(form):
    assert "the dedicated key, which is not in use" in refused(reply(form), keys={"global": KEY})


@pytest.mark.parametrize("form", FORMS)
def test_another_key_opens_nothing(form):
    wrong = Key(bytes(16), AUTHENTICATION_KEY)
    assert "tag is wrong" in refused(reply(form, key=wrong))
    assert "tag is wrong" in refused(reply(form, key=Key(BLOCK_CIPHER_KEY, bytes(16))))


@pytest.mark.parametrize("form", ["glo", "ded"])
def test_a_reply_holds_the_service_that_its_tag_names(form):
    for plaintext in (b"\xc5" + VALUE[1:], b"\x0c" + VALUE[1:], b""):
        assert "is of service c4 and holds" in refused(reply(form, plaintext=plaintext))


@pytest.mark.parametrize(
    "apdu",
    [
        VALUE,
        bytes.fromhex("0800065F1F040000101D04000007"),
        bytes.fromhex("C701C1000100090100"),
        bytes.fromhex("0C01000600000001"),
        bytes.fromhex("0F00000001"),
        b"\xdd\x00",
        b"\x00",
        b"",
    ],
)
def test_nothing_in_clear_is_believed(apdu):
    assert "in clear" in refused(apdu)


@pytest.mark.parametrize("octets", ["D80102", "D8010600000100", "0E010600", "6303800100", "6103A20301"])
def test_refusals_and_endings_may_come_in_clear_and_stay_what_they_are(octets):
    apdu = bytes.fromhex(octets)
    assert ciphering().unprotect(apdu) == apdu


def test_an_empty_plaintext_in_a_general_form_is_empty():
    assert ciphering().unprotect(reply("general-glo", plaintext=b"")) == b""


def gurux_client():
    client = GXDLMSSecureClient(True, 16, 1, Authentication.NONE, None, InterfaceType.PDU)
    client.ciphering.systemTitle = OUR_TITLE
    client.ciphering.blockCipherKey, client.ciphering.authenticationKey = BLOCK_CIPHER_KEY, AUTHENTICATION_KEY
    client.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
    client.settings.sourceSystemTitle = TITLE
    return client


def guruxs_opinion(apdu):
    """Return the plaintext that gurux-dlms makes of a ciphered APDU."""
    client = gurux_client()
    parameters = AesGcmParameter(0, TITLE, BLOCK_CIPHER_KEY, AUTHENTICATION_KEY)
    with contextlib.redirect_stdout(io.StringIO()):
        return bytes(GXDLMSChippering.decryptAesGcm(client.settings, parameters, GXByteBuffer(apdu)))


def test_canary_gurux_believes_a_reply_whose_tag_is_wrong():
    apdu = reply()
    assert guruxs_opinion(apdu) == VALUE
    assert guruxs_opinion(apdu[:-1] + bytes((apdu[-1] ^ 1,))) == VALUE
