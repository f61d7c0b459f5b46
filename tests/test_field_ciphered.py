"""The ciphered pushes of real meters: what protects them holds, and what is in them is what it is known to be."""

from __future__ import annotations

from itertools import count

import pytest

from field import apdu_in, apdu_of, cases, each, frames_of, needs_field, notification, plain, pushes
from telegraf_dlms.axdr import decode_all
from telegraf_dlms.ciphering import Ciphering, Key, Protection, split_header, unwrap
from telegraf_dlms.errors import CipheringError
from telegraf_dlms.fields import print_scaled
from telegraf_dlms.obis import format_obis

BOTH = Protection.AUTHENTICATION | Protection.ENCRYPTION
#: Title, protection and invocation counter, as they are written in clear.
HEADS = {
    "hdlc_kamstrup_omnipower": (b"KAME\x014\x90\x83", BOTH, 0x010F60A4),
    "hdlc_landis_gyr_e450": (b"LGZgsp\xb1\x77", BOTH, 0x00177BCA),
    "hdlc_lgz_e450_2": (b"LGZgs]\xd3\xa9", BOTH, 0x000ACC83),
    "mbus_netz_noe_p1": (b"KFMgP\x00\x00\x09", Protection.ENCRYPTION, 0x23),
}
CIPHERED = [push for push in pushes() if push.keys]
AUTHENTICATED = [push for push in CIPHERED if "ak" in push.keys]


def envelope_of(push):
    envelope = unwrap(apdu_of(push))
    assert (envelope.key, envelope.service) == ("global", None)
    return envelope


def key_of(push):
    return Key(push.keys["ek"], push.keys.get("ak", b""))


def said(values):
    """Return what a flat push says: names, each with a value behind it, that with a scaler_unit; and texts alone."""
    found, texts = {}, []
    left = list(values)
    while left:
        item = left.pop(0)
        if not isinstance(item, bytes) or len(item) != 6:
            texts.append(plain(item))
            continue
        content = left.pop(0)
        scaler = left.pop(0)[0] if left and isinstance(left[0], tuple) else None
        found[format_obis(item)] = plain(content) if scaler is None else float(print_scaled(content, scaler)[0])
    return found, texts


@needs_field
def test_every_ciphered_push_with_a_key_is_read():
    assert sorted(push.id for push in CIPHERED) == sorted(HEADS)


@each(CIPHERED)
def test_a_ciphered_push_says_what_it_is_known_to_say(case):
    envelope = envelope_of(case)
    plaintext = key_of(case).unseal(envelope.sealed, title=envelope.title)
    date_time, octets = notification(plaintext)
    found, texts = said(decode_all(octets))
    expected = dict(case.expected)
    nameless = [expected.pop(name) for name in ("0.0.0.0.0.0", "0.0.96.1.0.255") if name in expected]
    assert found == expected
    assert set(nameless) <= set(texts) <= {*nameless, plain(date_time)}


@each(CIPHERED)
def test_what_protects_a_push_is_in_clear_and_made_again_octet_for_octet(case):
    envelope = envelope_of(case)
    control, counter = split_header(envelope.sealed)
    assert (envelope.title, control, counter) == HEADS[case.id]
    plaintext = key_of(case).unseal(envelope.sealed, title=envelope.title)
    again = key_of(case).seal(plaintext, control=control, title=envelope.title, counter=counter)
    assert again == envelope.sealed


@each(AUTHENTICATED)
def test_one_bit_of_a_recorded_push_altered_anywhere_is_noticed(case):
    envelope = envelope_of(case)
    key, sealed = key_of(case), envelope.sealed
    for bit in range(8, 8 * len(sealed)):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CipheringError, match="tag is wrong"):
            key.unseal(bytes(altered), title=envelope.title)


@each(AUTHENTICATED)
def test_an_association_believes_a_recorded_message_once_and_from_its_meter_alone(case):
    apdu, title = apdu_of(case), envelope_of(case).title

    def ciphering(server_title):
        counters = {"global": count(1).__next__}
        made = Ciphering({"global": key_of(case)}, protection=BOTH, suite=0, title=bytes(8), next_counters=counters)
        made.server_title = server_title
        return made

    association = ciphering(title)
    assert association.unprotect(apdu)[0] == 0x0F
    with pytest.raises(CipheringError, match="a reply was repeated"):
        association.unprotect(apdu)
    with pytest.raises(CipheringError, match="system title"):
        ciphering(bytes(8)).unprotect(apdu)


# The two of smartmeter_datacollector: one has its key, of the other nobody published it.


def collected(name):
    case = next(case for case in cases("smartmeter_datacollector") if case["id"] == name)
    octets = b"".join(bytes.fromhex(frame["hex"]) for frame in case["frames"])
    return unwrap(apdu_in(frames_of(octets))), case["keys"]


@needs_field
def test_a_push_in_ciphered_blocks_lists_its_objects_and_has_a_value_for_each():
    envelope, keys = collected("lg_e570:ENCRYPTED_VALID_DATA")
    assert split_header(envelope.sealed) == (Protection.ENCRYPTION, 9334)
    plaintext = Key(bytes.fromhex(keys["ek"])).unseal(envelope.sealed, title=envelope.title)
    _, octets = notification(plaintext)
    value = decode_all(octets)
    readings = {format_obis(name): content for (_, name, _, _), content in zip(value[0], value, strict=True)}
    assert readings["0.0.42.0.0.255"] == b"LGZ1030769231253"
    assert (readings["1.1.1.8.0.255"], readings["1.1.8.8.0.255"], readings["1.0.13.7.0.255"]) == (862055, 78751, 1000)
    assert len(value) == 18


@needs_field
def test_a_push_without_its_key_is_taken_apart_and_its_tag_fails():
    envelope, keys = collected("lg_e450:ENCRYPTED_DATA_NO_PUSHLIST")
    assert keys == {}
    assert envelope.title == b"LGZgsx\x1f\xd0"
    assert split_header(envelope.sealed) == (BOTH, 430140)
    with pytest.raises(CipheringError, match="tag is wrong"):
        Key(bytes(16), bytes(16)).unseal(envelope.sealed, title=envelope.title)
