"""Associations on their way: what both sides prove, which counters are used up, and what of an AARE is believed."""

from __future__ import annotations

import secrets
from itertools import product

import pytest

from scripted_meter import Apdus, converse
from sealed import BOTH, ENCRYPTION, OTHER_TITLE, OUR_TITLE, PROTECTIONS, TITLE, flipped
from secured_meter import (
    AARQ,
    ACTION,
    ALL,
    PASSWORD,
    VALUE,
    SecuredMeter,
    aare,
    access,
    identity,
    initiate_response,
    opened,
    read,
)
from telegraf_dlms.access import Mechanism
from telegraf_dlms.ber import elements, only
from telegraf_dlms.ciphering import GENERAL_GLO, Protection, split_header, unwrap
from telegraf_dlms.errors import AssociationError, CipheringError, TelegrafDlmsError
from telegraf_dlms.handshake import Handshake, Identity

SECURITIES = [mechanism.name.lower() for mechanism in Mechanism]
HIGH = [security for security in SECURITIES if security.startswith("high")]
REFERENCINGS = ["logical_names", "short_names"]
NONE = Protection.NONE
DEDICATED = bytes(range(0x40, 0x50))


def refused(meter, error=AssociationError, **options):
    """Return why an association with a meter does not come about."""
    with pytest.raises(error) as caught:
        opened(meter, **options)
    assert type(caught.value) is error
    return caught.value


# What comes about


@pytest.mark.parametrize(
    ("referencing", "security", "protection"), list(product(REFERENCINGS, SECURITIES, [NONE, *PROTECTIONS]))
)
def test_every_access_security_goes_with_every_transport_security(referencing, security, protection):
    meter = SecuredMeter(access(security, referencing, protection=protection))
    assert read(opened(meter), meter) == VALUE


@pytest.mark.parametrize(
    ("suite", "general", "dedicated"), list(product([0, 1, 2], [False, True], [b"", DEDICATED, "random"]))
)
def test_every_suite_goes_with_every_key_and_form(suite, general, dedicated):
    dedicated = dedicated * 2 if suite == 2 and isinstance(dedicated, bytes) else dedicated
    wanted = access("high_gmac", protection=BOTH, suite=suite, general=general, dedicated_key=dedicated)
    meter = SecuredMeter(wanted)
    assert read(opened(meter), meter) == VALUE
    assert meter.counters[-1][0] == ("dedicated" if dedicated else "global")
    assert (
        meter.heard[-1][0]
        == {
            (False, False): 0xC8,
            (False, True): 0xD0,
            (True, False): 0xDB,
            (True, True): 0xDC,
        }[general, bool(dedicated)]
    )


def test_an_initiate_response_may_come_under_general_glo_ciphering():
    meter = SecuredMeter(access(protection=BOTH))
    meter.initiate = {"form": GENERAL_GLO}
    assert read(opened(meter), meter) == VALUE


@pytest.mark.parametrize("diagnostic", [0, 14])
def test_with_hls_both_diagnostics_go_on(diagnostic):
    meter = SecuredMeter(access("high_md5"))
    meter.aare = {"diagnostic": diagnostic}
    assert read(opened(meter), meter) == VALUE


# Counters


def test_counters_are_taken_in_order_the_token_s_between_them():
    meter = SecuredMeter(access("high_gmac", protection=BOTH))
    association = opened(meter)
    read(association, meter)
    read(association, meter)
    # AARQ; the token, and the method that it travels in; two values.
    assert meter.counters == [("global", 1), ("global", 3), ("token", 2), ("global", 4), ("global", 5)]


def test_a_token_takes_a_counter_also_where_nothing_is_ciphered():
    meter = SecuredMeter(access("high_gmac"))
    opened(meter, identity=identity(first=77))
    assert meter.counters == [("token", 77)]


@pytest.mark.parametrize("dedicated", [DEDICATED, "random"])
def test_a_dedicated_key_has_its_counters_from_the_first_value_on(dedicated):
    meter = SecuredMeter(access("high_md5", protection=BOTH, dedicated_key=dedicated))
    read(opened(meter), meter)
    assert meter.counters == [("global", 1), ("global", 2), ("dedicated", 100)]


@pytest.mark.parametrize("step", ["AARQ", "token", "action", "value"])
def test_where_no_counter_is_left_nothing_more_is_sent(step):
    left = iter(range(1, {"AARQ": 1, "token": 2, "action": 3, "value": 4}[step]))

    def next_counter():
        for number in left:
            return number
        raise CipheringError("used up")

    meter = SecuredMeter(access("high_gmac", protection=BOTH))
    with pytest.raises(CipheringError, match="used up"):
        read(opened(meter, identity=Identity(OUR_TITLE, next_counter)), meter)
    assert len(meter.heard) == {"AARQ": 0, "token": 1, "action": 1, "value": 2}[step]


def test_an_identity_without_counters_has_none():
    assert "provided for" in str(
        refused(SecuredMeter(access("high_gmac")), CipheringError, identity=Identity(OUR_TITLE))
    )


def test_the_release_of_a_ciphered_association_proves_that_it_is_ours():
    meter = SecuredMeter(access(protection=BOTH, dedicated_key=DEDICATED))
    association = opened(meter)
    rlrq = association.release_request()
    information = only(dict(elements(only(rlrq, 0x62, "RLRQ"), "RLRQ"))[0xBE], 0x04, "user-information")
    clear = meter.opened(unwrap(information))
    assert clear[:2] == b"\x01\x00", "an InitiateRequest, and no dedicated key in it"
    assert meter.counters == [("global", 1), ("global", 2)]


def test_the_release_in_clear_takes_no_counter():
    meter = SecuredMeter(access("high_gmac"))
    assert opened(meter).release_request() == bytes.fromhex("6203800100")
    assert meter.counters == [("token", 1)]


# Dedicated keys


@pytest.mark.parametrize("suite", [0, 1, 2])
def test_a_random_key_is_a_fresh_one_each_time_as_long_as_its_suite_wants_it(suite):
    meters = [SecuredMeter(access(protection=BOTH, suite=suite, dedicated_key="random")) for _ in range(20)]
    for meter in meters:
        opened(meter)
    keys = {meter.dedicated_key for meter in meters}
    assert len(keys) == 20
    assert {len(key) for key in keys} == {32 if suite == 2 else 16}


def test_a_dedicated_key_travels_ciphered():
    meter = SecuredMeter(access(protection=ENCRYPTION, dedicated_key=DEDICATED))
    opened(meter)
    assert meter.dedicated_key == DEDICATED
    assert DEDICATED not in meter.heard[0]


# The AARE


@pytest.mark.parametrize("protection", [Protection.AUTHENTICATION, BOTH])
def test_no_bit_of_a_ciphered_aare_lowers_anything(protection):
    meter = SecuredMeter(access("high_gmac", protection=protection))
    right = opened(meter)
    size = len(meter.answer_aarq(meter.heard[0]))
    judged = []
    for bit in range(size * 8):
        meter = SecuredMeter(access("high_gmac", protection=protection))
        meter.bends[AARQ] = lambda answer, bit=bit: flipped(answer, bit)
        try:
            association = opened(meter)
        except TelegrafDlmsError as error:
            judged.append(type(error))
            continue
        judged.append(None)
        assert association.negotiated == right.negotiated
        assert read(association, meter) == VALUE
        assert meter.heard[-1][0] == 0xC8
    # What may be another is in clear: parts that nobody needs, and 14 instead of 0 for the diagnostic.
    assert judged.count(None) < 60
    assert judged.count(CipheringError) > len(right_tag_and_text(meter)) * 8


def right_tag_and_text(meter):
    """Return what is authenticated of an AARE: the InitiateResponse, its header and tag."""
    return meter.sealed(initiate_response(meter.access))


@pytest.mark.parametrize(
    ("initiate", "words"),
    [
        (lambda meter, clear: clear, "came in clear: 08"),
        (lambda meter, clear: meter.sealed(clear, control=0x10), "weaker"),
        (lambda meter, clear: meter.sealed(clear, control=0x20), "weaker"),
        (lambda meter, clear: meter.sealed(clear, control=0x00), "weaker"),
        (lambda meter, clear: meter.sealed(clear, control=0x31), "security suite 1, 0 is configured"),
        (lambda meter, clear: meter.sealed(clear, title=OTHER_TITLE), "tag is wrong"),
        (lambda meter, clear: meter.sealed(clear, title=OTHER_TITLE, form=GENERAL_GLO), "from system title"),
        (lambda meter, clear: b"\xcc" + meter.sealed(clear)[1:], "is of service c4 and holds 08"),
        (lambda meter, clear: b"\x48" + meter.sealed(clear)[1:], "dedicated key, which is not in use"),
        (lambda meter, clear: flipped(meter.sealed(clear), 200), "tag is wrong"),
        (lambda meter, clear: meter.heard_initiate(), "tag is wrong"),
    ],
)
def test_an_initiate_response_is_held_to_the_configured_security(initiate, words):
    class Meter(SecuredMeter):
        def answer_aarq(self, apdu):
            self.aare = {"initiate": initiate(self, initiate_response(self.access))}
            return super().answer_aarq(apdu)

        def heard_initiate(self):
            return only(dict(elements(only(self.heard[0], 0x60, ""), ""))[0xBE], 0x04, "")

    assert words in str(refused(Meter(access(protection=BOTH)), CipheringError))


def test_the_initiate_response_counts_as_a_reply():
    """So that it does not come twice, and nothing from before it comes after it."""
    meter = SecuredMeter(access(protection=BOTH))
    association = opened(meter)
    meter.next_counter = iter([1000]).__next__
    with pytest.raises(CipheringError, match="invocation counter 1000 came after 1000"):
        read(association, meter)


def test_an_aare_that_leaves_ciphering_out_is_not_accepted():
    meter = SecuredMeter(access(protection=BOTH))
    meter.aare = {"context": 1, "initiate": initiate_response(meter.access)}
    assert "60857405080101, 60857405080103 was asked for" in str(refused(meter, CipheringError))


def test_no_more_is_granted_than_was_asked_for():
    wanted = access(protection=BOTH)
    meter = SecuredMeter(wanted)
    meter.aare = {"initiate": meter.sealed(initiate_response(wanted, conformance=ALL))}
    assert opened(meter).negotiated.conformance == wanted.proposed


@pytest.mark.parametrize("in_clear", [True, False])
@pytest.mark.parametrize("error", ["0E010600", "D80102", "D8010600001000"])
def test_a_refusal_in_the_place_of_the_initiate_response_is_one_ciphered_or_not(error, in_clear):
    meter = SecuredMeter(access(protection=BOTH))
    octets_ = bytes.fromhex(error)
    meter.aare = {"initiate": octets_ if in_clear else meter.sealed(octets_, form=GENERAL_GLO)}
    refusal = refused(meter)
    assert refusal.counter == (0x1000 if len(octets_) > 4 else None)
    assert not refusal.authentication


@pytest.mark.parametrize("in_clear", [True, False])
def test_a_rejecting_aare_says_why_also_by_what_is_in_it(in_clear):
    wanted = access(protection=BOTH)
    reason = bytes.fromhex("0E010606")
    meter = SecuredMeter(wanted)
    meter.bends[AARQ] = lambda _: aare(wanted, initiate=reason if in_clear else b"", result=1, diagnostic=2)
    text = "the association was refused: rejected-permanent (1), application-context-name-not-supported (2)"
    inner = ", confirmed-service-error: initiate (1), service-error (6, 6)" if in_clear else ""
    assert str(refused(meter)) == text + inner


@pytest.mark.parametrize("answer", ["D8010600001000", "0E010600"])
def test_a_refused_aarq_may_name_the_counter_that_would_be_right(answer):
    meter = SecuredMeter(access(protection=BOTH))
    meter.bends[AARQ] = lambda _: bytes.fromhex(answer)
    assert refused(meter).counter == (0x1000 if answer.startswith("D8") else None)


# Titles


def test_the_title_of_the_aare_is_the_meter_s():
    meter = SecuredMeter(access(protection=BOTH), title=OTHER_TITLE)
    assert read(opened(meter), meter) == VALUE


def test_a_title_is_configured_where_the_aare_has_none():
    meter = SecuredMeter(access(protection=BOTH, server_system_title=TITLE))
    meter.aare = {"title": b""}
    assert read(opened(meter), meter) == VALUE


@pytest.mark.parametrize(
    ("security", "protection"),
    [("none", BOTH), ("high_gmac", NONE), ("high_sha256", NONE), ("high_ecdsa", NONE)],
)
@pytest.mark.parametrize("title", [b"", TITLE[:7], TITLE + b"\0"])
def test_without_a_title_of_eight_octets_nothing_goes_on_that_is_bound_to_one(security, protection, title):
    meter = SecuredMeter(access(security, protection=protection))
    meter.aare = {"title": title}
    assert "set server_system_title" in str(refused(meter, CipheringError))
    assert len(meter.heard) == 1


def test_another_title_than_the_configured_one_is_another_meter():
    meter = SecuredMeter(access(protection=BOTH, server_system_title=TITLE), title=OTHER_TITLE)
    words = "the meter's system title is 4d4d4d0000bc614f, server_system_title is 4d4d4d0000bc614e"
    assert str(refused(meter, CipheringError)) == words


@pytest.mark.parametrize("security", ["none", "high_gmac"])
def test_our_own_title_is_nobody_else_s(security):
    meter = SecuredMeter(access(security, protection=BOTH), title=OUR_TITLE)
    assert "our own system title" in str(refused(meter, CipheringError))
    assert len(meter.heard) == 1


# Secrets


SECRETS = [
    PASSWORD,
    DEDICATED,
    *[getattr(access(), name) for name in ("authentication_key", "block_cipher_key", "signing_key")],
]


def shown_by(*things):
    texts = [repr(thing) + str(thing) for thing in things]
    return [
        secret for secret in SECRETS for text in texts if secret.hex() in text.lower() or repr(secret)[2:-1] in text
    ]


@pytest.mark.parametrize("security", SECURITIES)
def test_nothing_shows_a_secret(security):
    wanted = access(security, protection=BOTH, dedicated_key=DEDICATED)
    meter = SecuredMeter(wanted)
    handshake = Handshake(Apdus(), wanted, identity())
    things = [handshake, wanted, identity(), converse(handshake.request(), meter), handshake.framing]
    association = opened(meter)
    assert not shown_by(*things, association, association.framing)


@pytest.mark.parametrize("security", SECURITIES)
def test_no_error_shows_a_secret(security):
    wanted = access(security, protection=BOTH, dedicated_key=DEDICATED)
    for bit in range(0, 1200, 7):
        for tag in (AARQ, ACTION):
            meter = SecuredMeter(wanted)
            meter.bends[tag] = lambda answer, bit=bit: flipped(answer, bit % (8 * len(answer)))
            said = []
            try:
                opened(meter)
            except TelegrafDlmsError as error:
                said = [error, *error.args]
            assert not shown_by(*said)


def test_challenges_and_fresh_keys_come_from_secrets():
    asked = []
    wanted = access("high_md5", protection=BOTH, dedicated_key="random")

    def random(size):
        asked.append(size)
        return bytes(range(size))

    Handshake(Apdus(), wanted, identity(), random=random)
    assert asked == [16, 16]
    assert Handshake.__init__.__kwdefaults__["random"] is secrets.token_bytes


def test_the_header_of_the_first_apdu_is_the_configured_protection():
    meter = SecuredMeter(access(protection=ENCRYPTION, suite=1))
    opened(meter)
    information = only(dict(elements(only(meter.heard[0], 0x60, ""), ""))[0xBE], 0x04, "")
    assert (information[0], split_header(unwrap(information).sealed)) == (0x21, (0x21, 1))
