"""Meters that have a dedicated key in force as soon as the AARQ brought it: dlms-cosem-rs 0.1.0 is one."""

from __future__ import annotations

import itertools

import pytest

from telegraf_dlms import hls
from telegraf_dlms.access import Access
from telegraf_dlms.action import encode_action_response, parse_action_request
from telegraf_dlms.axdr import Tag, decode_all, encode
from telegraf_dlms.ber import element
from telegraf_dlms.ciphering import DEDICATED, GLOBAL, Key, Protection, unwrap, wrap
from telegraf_dlms.errors import AssociationError, CipheringError
from telegraf_dlms.get import InvokeIds
from telegraf_dlms.handshake import Handshake, Identity
from telegraf_dlms.hls import Claim

BOTH = Protection.AUTHENTICATION | Protection.ENCRYPTION
OURS, THEIRS = b"TDL00001", b"MTR00001"
GLOBAL_KEY, DEDICATED_KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(16), bytes(range(16, 32))
ACCESS = Access(
    "high_gmac",
    b"",
    0xFFFF,
    protection=BOTH,
    block_cipher_key=GLOBAL_KEY,
    authentication_key=AUTHENTICATION_KEY,
    dedicated_key=DEDICATED_KEY,
)
CHALLENGE, STOC = b"c" * 16, b"s" * 16
UNDECIPHERED, NOT_POSSIBLE = bytes.fromhex("D80105"), bytes.fromhex("D80101")
GRANTED = bytes.fromhex("0800065F1F0400001819FFFF0007")


class Plain:
    """A link layer that is not there."""

    def exchange(self, apdu):
        return (yield apdu)


class Meter:
    """Answers the global key's action with ``refusal``, the dedicated key's as it should, where it knows it."""

    def __init__(self, refusal, *, knows_dedicated=True):
        self.refusal = refusal
        self.knows_dedicated = knows_dedicated
        self.tags = []
        self.counters = itertools.count(1)
        self.dedicated = Key(DEDICATED_KEY, AUTHENTICATION_KEY)

    def answer(self, apdu):
        self.tags.append(apdu[0])
        if apdu[0] == 0x60:
            return self.aare()
        if apdu[0] == GLOBAL[0xC3] or not self.knows_dedicated:
            return self.refusal
        request = parse_action_request(self.dedicated.unseal(unwrap(apdu).sealed, title=OURS))
        assert hls.is_proved(ACCESS, Claim(STOC, CHALLENGE, OURS, THEIRS), decode_all(request.parameters))
        proof = hls.prove(ACCESS, Claim(CHALLENGE, STOC, THEIRS, OURS), next_counter=lambda: 9)
        returned = encode(Tag.OCTET_STRING, proof)
        return self.sealed(self.dedicated, encode_action_response(request.invoke, returned=returned), DEDICATED)

    def aare(self):
        initiate = self.sealed(Key(GLOBAL_KEY, AUTHENTICATION_KEY), GRANTED, GLOBAL)
        fields = bytes.fromhex("A109060760857405080103A203020100A305A10302010E")
        fields += element(0xA4, element(0x04, THEIRS)) + element(0xAA, element(0x80, STOC))
        return element(0x61, fields + element(0xBE, element(0x04, initiate)))

    def sealed(self, key, apdu, tags):
        return wrap(key.seal(apdu, control=BOTH, title=THEIRS, counter=next(self.counters)), tags[apdu[0]])


def shake_hands(meter):
    numbers = itertools.count(1)
    identity = Identity(OURS, lambda: next(numbers), lambda: next(numbers))
    handshake = Handshake(Plain(), ACCESS, identity, random=lambda size: CHALLENGE[:size])
    for conversation in (handshake.request(), handshake.authenticate(InvokeIds())):
        try:
            octets = next(conversation)
            while True:
                octets = conversation.send(meter.answer(octets))
        except StopIteration:
            pass


def test_a_proof_that_the_meter_cannot_decipher_is_shown_under_the_dedicated_key():
    meter = Meter(UNDECIPHERED)
    shake_hands(meter)
    assert meter.tags == [0x60, GLOBAL[0xC3], DEDICATED[0xC3]]


def test_a_proof_that_the_meter_cannot_decipher_at_all_is_a_matter_of_ciphering():
    meter = Meter(UNDECIPHERED, knows_dedicated=False)
    with pytest.raises(CipheringError, match=r"deciphering-error \(5\)"):
        shake_hands(meter)
    assert meter.tags == [0x60, GLOBAL[0xC3], DEDICATED[0xC3]]


def test_another_refusal_of_our_proof_is_one():
    meter = Meter(NOT_POSSIBLE)
    with pytest.raises(AssociationError, match="operation-not-possible") as caught:
        shake_hands(meter)
    assert caught.value.authentication
    assert meter.tags == [0x60, GLOBAL[0xC3]]
