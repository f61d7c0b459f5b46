"""Ciphered APDUs by the octet; gurux-dlms ciphers alike. What is believed of a meter's: test_ciphering_replies."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.enums import Command, Security
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.objects.enums import SecuritySuite

from sealed import (
    AUTHENTICATION,
    AUTHENTICATION_KEY,
    BLOCK_CIPHER_KEY,
    BOTH,
    ENCRYPTION,
    KEY,
    OUR_TITLE,
    PROTECTIONS,
    REQUEST,
    SUITE_KEYS,
    TITLE,
    VALUE,
    ciphering,
)
from telegraf_dlms.ciphering import (
    DEDICATED,
    GENERAL_DED,
    GENERAL_GLO,
    GLOBAL,
    Ciphering,
    Envelope,
    Key,
    split_header,
    unwrap,
    wrap,
)
from telegraf_dlms.errors import CipheringError

#: The Green Book's example (9.2.3.3.7): its keys, its title, counter 01234567h and the time of the clock.
GREEN_BOOK_PLAIN = bytes.fromhex("C0010000080000010000FF0200")
GREEN_BOOK = {
    AUTHENTICATION: "C81E 1001234567 C0010000080000010000FF0200 06725D910F9221D263877516",
    ENCRYPTION: "C812 2001234567 411312FF935A47566827C467BC",
    BOTH: "C81E 3001234567 411312FF935A47566827C467BC 7D825C3BE4A77C3FCC056B6B",
}

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


@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("protection", PROTECTIONS)
@pytest.mark.parametrize("size", [40, 64, 127, 128, 129, 130, 131, 204, 257, 258, 259, 260, 261, 262, 300, 65535])
def test_what_fits_a_pdu_is_known_to_the_octet(size, protection, general):
    ours = ciphering(protection, general=general)
    room = ours.room_in(size)
    assert len(ours.protect(b"\xc0" * room)) <= size < len(ours.protect(b"\xc0" * (room + 1)))


def test_a_pdu_that_holds_nothing_ciphered_is_asked_for_the_least():
    assert ciphering(BOTH).room_in(12) == 1


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


# What we do not ask of the library, and why


def test_canary_the_librarys_own_decryption_wants_a_tag_of_sixteen_octets():
    sealed = KEY.seal(VALUE, control=BOTH, title=TITLE, counter=1)
    associated = bytes((BOTH,)) + AUTHENTICATION_KEY
    with pytest.raises(InvalidTag):
        AESGCM(BLOCK_CIPHER_KEY).decrypt(TITLE + sealed[1:5], sealed[5:], associated)
