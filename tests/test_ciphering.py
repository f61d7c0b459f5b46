"""Ciphered APDUs by the octet, and what is believed of a meter's; gurux-dlms ciphers alike, and believes more."""

from __future__ import annotations

import contextlib
import io
from itertools import count

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from gurux_dlms import GXByteBuffer
from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.enums import Authentication, Command, InterfaceType, Security
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient

from telegraf_dlms.ciphering import (
    DEDICATED,
    GENERAL_DED,
    GENERAL_GLO,
    GLOBAL,
    Ciphering,
    Envelope,
    Key,
    Protection,
    split_header,
    unwrap,
    wrap,
)
from telegraf_dlms.errors import CipheringError

AUTHENTICATION, ENCRYPTION = Protection.AUTHENTICATION, Protection.ENCRYPTION
BOTH = AUTHENTICATION | ENCRYPTION
PROTECTIONS = [AUTHENTICATION, ENCRYPTION, BOTH]

BLOCK_CIPHER_KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(0xD0, 0xE0))
KEY = Key(BLOCK_CIPHER_KEY, AUTHENTICATION_KEY)
DEDICATED_KEY = Key(bytes(range(16, 32)), AUTHENTICATION_KEY)
TITLE = bytes.fromhex("4D4D4D0000BC614E")
OUR_TITLE = b"TDL\x01\x02\x03\x04\x05"
OTHER_TITLE = bytes.fromhex("4D4D4D0000BC614F")

#: The Green Book's example (9.2.3.3.7): its keys, its title, counter 01234567h and the time of the clock.
GREEN_BOOK_PLAIN = bytes.fromhex("C0010000080000010000FF0200")
GREEN_BOOK = {
    AUTHENTICATION: "C81E 1001234567 C0010000080000010000FF0200 06725D910F9221D263877516",
    ENCRYPTION: "C812 2001234567 411312FF935A47566827C467BC",
    BOTH: "C81E 3001234567 411312FF935A47566827C467BC 7D825C3BE4A77C3FCC056B6B",
}

#: An octet-string that is long enough for an APDU of more than 36 octets.
VALUE = bytes.fromhex("C401C1000910") + b"0123456789abcdef"
REQUEST = bytes.fromhex("C001C100010000600100FF0200")

#: Each form in which a reply may come: the tag around it, and the key.
FORMS = {
    "glo": (GLOBAL[VALUE[0]], KEY),
    "ded": (DEDICATED[VALUE[0]], DEDICATED_KEY),
    "general-glo": (GENERAL_GLO, KEY),
    "general-ded": (GENERAL_DED, DEDICATED_KEY),
}


def ciphering(protection=BOTH, *, suite=0, keys=None, general=False, server_title=TITLE):
    made = Ciphering(
        keys or {"global": KEY, "dedicated": DEDICATED_KEY},
        protection=protection,
        suite=suite,
        title=OUR_TITLE,
        next_counters={"global": count(1).__next__, "dedicated": count(100).__next__},
        general=general,
    )
    made.server_title = server_title
    return made


def reply(form="glo", *, protection=BOTH, plaintext=VALUE, counter=1, title=TITLE, control=None, shown=None, key=None):
    """Return a reply as a meter seals it; ``shown`` is the title that a general form shows."""
    tag, its_key = FORMS[form]
    control = int(protection) if control is None else control
    sealed = (key or its_key).seal(plaintext, control=control, title=title, counter=counter)
    return wrap(sealed, tag, title=title if shown is None else shown)


def flipped(octets, bit):
    wrong = bytearray(octets)
    wrong[bit // 8] ^= 1 << bit % 8
    return bytes(wrong)


def refused(apdu, **options):
    """Return why a reply is not believed."""
    with pytest.raises(CipheringError) as caught:
        ciphering(**options).unprotect(apdu)
    return str(caught.value)


# What protects ours


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_the_green_books_example_is_ciphered_as_it_stands_there(protection):
    sealed = KEY.seal(GREEN_BOOK_PLAIN, control=protection, title=TITLE, counter=0x01234567)
    assert wrap(sealed, 0xC8) == bytes.fromhex(GREEN_BOOK[protection])


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_the_green_books_example_is_deciphered(protection):
    envelope = unwrap(bytes.fromhex(GREEN_BOOK[protection]))
    assert (envelope.key, envelope.title, envelope.service) == ("global", b"", 0xC0)
    assert split_header(envelope.sealed) == (protection, 0x01234567)
    assert KEY.unseal(envelope.sealed, title=TITLE) == GREEN_BOOK_PLAIN


def guruxs(plaintext, protection, *, suite, tag, counter):
    parameters = AesGcmParameter(tag, OUR_TITLE, SUITE_KEYS[suite][0], SUITE_KEYS[suite][1])
    parameters.security, parameters.securitySuite = Security(int(protection)), SecuritySuite(suite)
    parameters.invocationCounter = counter
    return bytes(GXDLMSChippering.encryptAesGcm(parameters, plaintext))


SUITE_KEYS = {
    suite: (bytes(range(size)), bytes(range(0x60, 0x60 + size))) for suite, size in {0: 16, 1: 16, 2: 32}.items()
}


@pytest.mark.parametrize("length", [1, 13, 16, 100, 127, 300])
@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("suite", SUITE_KEYS)
@pytest.mark.parametrize("protection", PROTECTIONS)
def test_gurux_dlms_ciphers_as_we_do(protection, suite, general, length):
    plaintext = bytes((0xC0,)) + bytes(range(256)) * 2
    plaintext = plaintext[:length]
    keys = {"global": Key(*SUITE_KEYS[suite])}
    ours = ciphering(protection, suite=suite, keys=keys, general=general).protect(plaintext)
    tag = GENERAL_GLO if general else GLOBAL[0xC0]
    assert ours.hex() == guruxs(plaintext, protection, suite=suite, tag=tag, counter=1).hex()


def test_the_tags_of_ciphered_services_are_guruxs():
    names = {name: int(command) for name, command in Command.__members__.items()}
    paired = {"GLO_": GLOBAL, "DED_": DEDICATED}
    # Its DED_EVENT_NOTIFICATION and DED_INFORMATION_REPORT_REQUEST are as the standard has them; it lacks the others.
    checked = 0
    for name, tag in names.items():
        table = paired.get(name[:4])
        clear = names.get(name[4:])
        if table is not None and clear is not None:
            assert table[clear] == tag, name
            checked += 1
    assert checked > 20


def test_no_two_services_share_a_tag():
    tags = [*GLOBAL, *GLOBAL.values(), *DEDICATED.values(), GENERAL_GLO, GENERAL_DED]
    assert len(set(tags)) == len(tags)


def test_a_request_takes_the_next_counter_of_its_key_and_no_other():
    ours = ciphering()
    taken = [split_header(unwrap(ours.protect(REQUEST)).sealed)[1] for _ in range(3)]
    ours.use_dedicated_key()
    dedicated = [unwrap(ours.protect(REQUEST)) for _ in range(2)]
    assert taken == [1, 2, 3]
    assert [(each.key, split_header(each.sealed)[1]) for each in dedicated] == [("dedicated", 100), ("dedicated", 101)]


def test_an_initiate_request_goes_under_the_global_key_and_its_own_tag_always():
    ours = ciphering(general=True)
    ours.use_dedicated_key()
    protected = ours.protect_initiate(b"\x01\x00")
    assert protected[0] == 0x21
    assert KEY.unseal(unwrap(protected).sealed, title=OUR_TITLE) == b"\x01\x00"
    assert split_header(unwrap(protected).sealed) == (BOTH, 1)


def test_general_protection_shows_our_title_with_each_request():
    ours = ciphering(general=True)
    first = unwrap(ours.protect(REQUEST))
    ours.use_dedicated_key()
    second = unwrap(ours.protect(REQUEST))
    assert [(each.key, each.title, each.service) for each in (first, second)] == [
        ("global", OUR_TITLE, None),
        ("dedicated", OUR_TITLE, None),
    ]


def test_without_a_dedicated_key_the_global_one_stays_in_use():
    ours = ciphering(keys={"global": KEY})
    ours.use_dedicated_key()
    assert unwrap(ours.protect(REQUEST)).key == "global"


@pytest.mark.parametrize("apdu", [bytes.fromhex("6003"), bytes.fromhex("6203800100")])
def test_what_belongs_to_acse_stays_in_clear_and_takes_no_counter(apdu):
    ours = ciphering()
    assert ours.protect(apdu) == apdu
    assert split_header(unwrap(ours.protect(REQUEST)).sealed)[1] == 1


def test_without_a_counter_nothing_is_sent():
    def none_left():
        raise CipheringError("used up")

    ours = Ciphering({"global": KEY}, protection=BOTH, suite=0, title=OUR_TITLE, next_counters={"global": none_left})
    with pytest.raises(CipheringError, match="used up"):
        ours.protect(REQUEST)


# What is believed


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


# Octets


@pytest.mark.parametrize("apdu", [b"", b"\xc4\x01", b"\x61\x00", b"\xd8\x01\x01"])
def test_what_is_not_ciphered_is_not_taken_apart(apdu):
    assert unwrap(apdu) is None


def test_an_apdu_that_shows_a_title_is_taken_apart():
    apdu = bytes.fromhex("DB 08") + TITLE + bytes.fromhex("03 010203")
    assert unwrap(apdu) == Envelope("global", TITLE, b"\1\2\3", None)


@pytest.mark.parametrize(
    "octets", ["CC", "CC81", "CC84FFFFFFFF", "CC8000", "DB", "DB0855", "DB00", "DB0002AA", "CC03AABB"]
)
def test_lengths_that_do_not_fit_are_told(octets):
    with pytest.raises(CipheringError, match="a ciphered APDU"):
        unwrap(bytes.fromhex(octets))


@pytest.mark.parametrize("length", range(5))
def test_a_header_that_is_cut_off_is_told(length):
    with pytest.raises(CipheringError, match=f"cut off: {length} octets"):
        KEY.unseal(bytes((0x30, 0, 0, 0, 1))[:length], title=TITLE)


def test_a_key_of_another_length_is_none():
    with pytest.raises(ValueError, match="key"):
        Key(bytes(15))


def test_nothing_shows_a_key():
    secrets = (BLOCK_CIPHER_KEY, AUTHENTICATION_KEY)
    ours = ciphering()
    for shown in (repr(KEY), str(KEY), f"{KEY}", repr(ours), repr(unwrap(ours.protect(REQUEST)))):
        assert not any(secret.hex() in shown.lower() or repr(secret)[2:-1] in shown for secret in secrets)


# What we do not ask of others, and why


def test_canary_the_librarys_own_decryption_wants_a_tag_of_sixteen_octets():
    sealed = KEY.seal(VALUE, control=BOTH, title=TITLE, counter=1)
    associated = bytes((BOTH,)) + AUTHENTICATION_KEY
    with pytest.raises(InvalidTag):
        AESGCM(BLOCK_CIPHER_KEY).decrypt(TITLE + sealed[1:5], sealed[5:], associated)


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
