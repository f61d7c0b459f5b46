"""The proofs of high-level security on their way: what is asked of a meter, and which refusals are of a secret."""

from __future__ import annotations

import pytest

from scripted_meter import octets
from sealed import flipped
from secured_meter import ACTION, READ, STOC, VALUE, SecuredMeter, access, opened, read
from telegraf_dlms.access import Mechanism
from telegraf_dlms.action import encode_action_response
from telegraf_dlms.errors import AssociationError, RemoteProtocolError
from telegraf_dlms.get import InvokeIds

HIGH = [mechanism.name.lower() for mechanism in Mechanism if mechanism >= Mechanism.HIGH]
REFERENCINGS = ["logical_names", "short_names"]


def refused(meter, error=AssociationError, **options):
    """Return why an association with a meter does not come about."""
    with pytest.raises(error) as caught:
        opened(meter, **options)
    assert type(caught.value) is error
    return caught.value


@pytest.mark.parametrize("security", HIGH)
def test_challenges_are_fresh_and_as_long_as_they_should_be(security):
    challenges = set()
    for _ in range(20):
        meter = SecuredMeter(access(security))
        opened(meter)
        challenges.add(meter.client_challenge)
    assert len(challenges) == 20
    assert {len(challenge) for challenge in challenges} == {32 if security == "high_ecdsa" else 16}


@pytest.mark.parametrize("size", [8, 16, 17, 64])
@pytest.mark.parametrize("security", HIGH)
def test_a_challenge_of_eight_to_sixty_four_octets_is_answered(security, size):
    meter = SecuredMeter(access(security), challenge=bytes(range(1, size + 1)))
    assert read(opened(meter), meter) == VALUE


@pytest.mark.parametrize("size", [1, 7, 65, 300])
def test_a_challenge_of_another_length_is_not_answered(size):
    meter = SecuredMeter(access("high_md5"), challenge=bytes(size))
    refusal = refused(meter)
    assert str(refusal) == f"the meter's challenge has {size} octets, not 8 to 64"
    assert not refusal.authentication, "no secret was refused: nothing locks"
    assert len(meter.heard) == 1


def test_an_aare_without_a_challenge_is_none_of_hls():
    meter = SecuredMeter(access("high_md5"), challenge=b"")
    assert "responding-authentication-value is missing" in str(refused(meter, RemoteProtocolError))


def test_another_mechanism_than_ours_is_not_gone_on_with():
    meter = SecuredMeter(access("high_gmac"))
    meter.aare = {"mechanism": 1}
    assert "with authentication mechanism 1, 5 was asked for" in str(refused(meter))
    assert len(meter.heard) == 1


@pytest.mark.parametrize("security", HIGH)
@pytest.mark.parametrize("theirs", [lambda ours: ours, lambda ours: ours + STOC, lambda ours: STOC + ours])
def test_our_challenge_sent_back_is_not_answered(security, theirs):
    meter = SecuredMeter(access(security))

    def challenged(apdu):
        SecuredMeter.answer_aarq(meter, apdu)
        meter.aare = {"challenge": theirs(meter.client_challenge)}
        return SecuredMeter.answer_aarq(meter, apdu)

    meter.answer_aarq = challenged
    assert "gave our own challenge back" in str(refused(meter))
    assert len(meter.heard) == 1


@pytest.mark.parametrize("referencing", REFERENCINGS)
@pytest.mark.parametrize("security", HIGH)
def test_a_meter_that_does_not_prove_itself_whole_is_not_read(security, referencing):
    meter = SecuredMeter(access(security, referencing))
    meter.client_challenge = bytes(16)
    size = len(meter.proof())
    for bend in (
        lambda right: right[:5],
        lambda right: right[:-1],
        lambda right: right + b"\0",
        lambda right: b"",
        lambda right: bytes(size),
        lambda right: flipped(right, 8 * len(right) - 1),
    ):
        meter = SecuredMeter(access(security, referencing))
        meter.proof = lambda bend=bend, meter=meter: bend(SecuredMeter.proof(meter))
        refusal = refused(meter)
        assert str(refusal) == "the meter's answer to our challenge is wrong"
        assert refusal.authentication


@pytest.mark.parametrize("security", HIGH)
def test_our_own_proof_is_no_proof_of_the_meter(security):
    meter = SecuredMeter(access(security))
    meter.prove = lambda proof, invoke: encode_action_response(invoke, returned=octets(proof))
    assert "answer to our challenge is wrong" in str(refused(meter))


@pytest.mark.parametrize(
    "answer",
    ["C701C10000", "C701C100010000", "C701C1000100 1101", "C701C1000100 0A0431323334"],
)
def test_a_proof_that_is_no_octet_string_is_none(answer):
    meter = SecuredMeter(access("high_md5"))
    meter.bends[ACTION] = lambda _: bytes.fromhex(answer)
    assert "answer to our challenge is wrong" in str(refused(meter))


@pytest.mark.parametrize(
    ("referencing", "answer", "words"),
    [
        ("logical_names", "C701C10300", "action-result read-write-denied (3)"),
        ("logical_names", "C701C100010103", "read-write-denied (3)"),
        ("logical_names", "D80101", "exception-response: service-not-allowed (1), operation-not-possible (1)"),
        ("logical_names", "0E010600", "confirmed-service-error: initiate (1), other (6, 0)"),
        ("short_names", "0C010103", "read-write-denied (3)"),
        ("short_names", "0E050202", "confirmed-service-error: read (5), service-error (2, 2)"),
        ("short_names", "D80101", "exception-response: service-not-allowed (1), operation-not-possible (1)"),
    ],
)
def test_a_refused_proof_is_a_refused_secret(referencing, answer, words):
    meter = SecuredMeter(access("high_md5", referencing))
    meter.bends |= dict.fromkeys((ACTION, READ), lambda _: bytes.fromhex(answer))
    refusal = refused(meter)
    assert str(refusal) == f"the meter refused our answer to its challenge: {words}"
    assert (refusal.authentication, refusal.counter) == (True, None)


def test_a_counter_that_is_refused_with_the_proof_is_no_refused_secret():
    meter = SecuredMeter(access("high_gmac"))
    meter.bends[ACTION] = lambda _: bytes.fromhex("D8010600001000")
    refusal = refused(meter)
    assert (refusal.authentication, refusal.counter) == (False, 0x1000)


@pytest.mark.parametrize(
    ("referencing", "answer"),
    [
        ("logical_names", "C701C2000100 0910 00112233445566778899aabbccddeeff"),
        ("logical_names", "C701C20300"),
        ("logical_names", "C401C10009021234"),
        ("logical_names", "C701C1000100 0910 0011"),
        ("short_names", "0C0100 0910 0011"),
        ("short_names", "0C02 000901aa 000901aa"),
    ],
)
def test_what_is_no_answer_to_our_proof_refuses_no_secret(referencing, answer):
    """It would lock the device for an hour."""
    meter = SecuredMeter(access("high_md5", referencing))
    meter.bends |= dict.fromkeys((ACTION, READ), lambda _: bytes.fromhex(answer))
    refused(meter, RemoteProtocolError)


def test_invoke_ids_go_on_over_the_proof():
    meter = SecuredMeter(access("high_md5"))
    invoke_ids = InvokeIds()
    association = opened(meter, invoke_ids=invoke_ids)
    read(association, meter)
    assert [apdu[2] for apdu in meter.heard[1:]] == [0xC1, 0xC2]
