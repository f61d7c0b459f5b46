"""The counter that a refusal names: followed once, upwards and not far, through whatever names it."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from scripted_meter import unsigned
from sealed import BOTH
from secured_meter import VALUE, aare, access
from secured_station import again, ask, meter_of, opening_of, refused, used, without_counter
from telegraf_dlms.counters import MAX_RESYNC
from telegraf_dlms.errors import AssociationError, CipheringError

AARQ, CIPHERED = ("own", "AARQ"), ("own", "ciphered")
GMAC = access("high_gmac", protection=BOTH)


def rejecting(meter):
    """Return how a meter refuses a counter in an AARE."""
    named = lambda: bytes.fromhex("D80106") + (meter.last + 1).to_bytes(4)  # noqa: E731  read at each refusal
    return lambda: aare(meter.access, initiate=named(), result=1, diagnostic=1)


@pytest.mark.parametrize("way", ["exception-response", "AARE"])
@on_a_jumping_clock
async def test_the_counter_that_a_refusal_names_is_the_next(way):
    opening = without_counter(GMAC)
    meter = meter_of(opening)
    meter.last = 5000
    if way == "AARE":
        meter.refuse = rejecting(meter)
    await opening.make()
    assert opening.scene.station.said == [AARQ, AARQ, CIPHERED]
    assert used(opening) == [1, 5001, 5003]
    assert await ask(opening) == VALUE


@on_a_jumping_clock
async def test_a_counter_that_the_public_client_read_wrong_is_mended_by_the_refusal():
    opening = opening_of(GMAC)
    opening.scene.station.public.value = lambda: unsigned(10)
    await opening.make()
    assert used(opening) == [11, 41, 43]


@pytest.mark.parametrize(
    ("named", "words"), [(2 + MAX_RESYNC + 10, "too far from 2"), (1, "1 is used already"), (0, "1 is used")]
)
@on_a_jumping_clock
async def test_a_counter_that_is_too_far_or_not_above_is_not_followed(named, words):
    opening = without_counter(GMAC)
    meter = meter_of(opening)
    meter.last, meter.refuse = 5000, lambda: bytes.fromhex("D80106") + named.to_bytes(4)
    assert words in await refused(opening, CipheringError)
    assert opening.scene.station.said == [AARQ]
    await refused(opening, CipheringError)
    assert used(opening) == [1, 2], "no number was burnt"


@on_a_jumping_clock
async def test_the_farthest_counter_is_followed():
    opening = without_counter(GMAC)
    meter_of(opening).last = 2 + MAX_RESYNC - 1
    await opening.make()
    assert used(opening)[1] == 2 + MAX_RESYNC


@on_a_jumping_clock
async def test_a_named_counter_is_followed_once_until_the_meter_lets_us_in():
    opening = without_counter(GMAC)
    meter = meter_of(opening)
    meter.last, meter.refuse = 10**6, lambda: bytes.fromhex("D80106") + (used(opening)[-1] + 1000).to_bytes(4)
    assert "invocation-counter-error" in await refused(opening, AssociationError)
    assert opening.scene.station.said == [AARQ, AARQ]
    opening.bus.distrust()
    assert "after the one that it expected before" in await refused(opening, CipheringError)
    meter.last = 0
    await again(opening)
    assert used(opening) == [1, 1001, 1002, 1003, 1005]
    meter.last, meter.refuse = 7000, lambda: bytes.fromhex("D80106") + (7001).to_bytes(4)
    await again(opening)
    assert used(opening)[-2:] == [7001, 7003], "once it was in, a later one is followed again"


@on_a_jumping_clock
async def test_a_refusal_that_names_no_counter_is_final():
    opening = without_counter(GMAC)
    meter_of(opening).last, meter_of(opening).refuse = 5000, lambda: bytes.fromhex("D80101")
    assert "exception-response" in await refused(opening, AssociationError)
    assert opening.scene.station.said == [AARQ]


@on_a_jumping_clock
async def test_a_token_s_counter_that_is_refused_is_followed_in_an_association_of_its_own():
    opening = without_counter(access("high_gmac"))
    meter, named = meter_of(opening), [9000]
    meter.bends[0xC3] = lambda answer: bytes.fromhex("D80106") + named.pop().to_bytes(4) if named else answer
    await opening.make()
    proof, release = ("own", "ACTION"), ("own", "RLRQ")
    assert opening.scene.station.said == [AARQ, proof, release, AARQ, proof]
    assert used(opening, "token") == [1, 9000]


@on_a_jumping_clock
async def test_the_release_behind_a_refused_counter_is_not_taken_for_what_was_refused():
    opening = without_counter(GMAC)
    meter, refusals = meter_of(opening), [bytes.fromhex("D8010600000004")]
    meter.last = 0
    meter.bends[0xC3] = lambda answer: refusals.pop() if refusals else answer
    await opening.make()
    assert (used(opening), used(opening, "token")) == ([1, 3, 5, 7], [2, 6]), "the release had 4"
