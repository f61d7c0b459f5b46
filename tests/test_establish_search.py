"""Openings of devices without ``invocation_counter``: the meter's own counter is found where it is needed."""

from __future__ import annotations

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
from scripted_meter import descriptor, listing, unsigned
from sealed import BOTH
from secured_meter import VALUE, aare, access
from secured_station import again, ask, meter_of, opening_of, refused, used
from stations import LATENCY_S, garbage, hanging_up, silent
from telegraf_dlms.action import encode_action_response
from telegraf_dlms.counter_search import MAX_FOUND
from telegraf_dlms.errors import AssociationError, Silence

GMAC = access("high_gmac", protection=BOTH)
PUBLIC_AARQ, PUBLIC_GET, PUBLIC_RLRQ = (("public", name) for name in ("AARQ", "GET", "RLRQ"))
LOOKED = [PUBLIC_AARQ, PUBLIC_GET, PUBLIC_GET, PUBLIC_RLRQ]
OWN = [("own", "AARQ"), ("own", "ciphered")]
REFUSED = bytes.fromhex("D80101")


def unconfigured(wanted=GMAC, *options, **settings):
    return opening_of(wanted, *options, invocation_counter=None, **settings)


def took(opening):
    return opening.scene.station.take_said()


@on_a_jumping_clock
async def test_where_no_number_of_the_key_is_known_the_meter_s_own_is_looked_for_and_once():
    opening = unconfigured()
    await opening.make()
    assert await ask(opening) == VALUE
    assert (took(opening)[:-1], used(opening)) == (LOOKED + OWN, [41, 43, 44])
    assert [step.detail for step in opening.steps if step.name == "invocation_counter"] == [
        {"obis": "0.0.43.1.0.255", "value": 40}
    ]
    await again(opening)
    assert took(opening) == OWN
    assert opening.scene.said == []


@on_a_jumping_clock
async def test_a_number_that_the_state_knows_goes_on():
    opening = unconfigured()
    state, title = opening.scene.world.state, meter_of(opening).client_title
    state.reserve(state.counters(GMAC.block_cipher_key, system_title=title).wanted[0], 100, at_least=41)
    await opening.make()
    assert (took(opening), used(opening)[0]) == (OWN, 141)


@on_a_jumping_clock
async def test_nothing_is_looked_for_where_the_configuration_says_where_it_is():
    opening = opening_of(GMAC)
    opening.scene.station.public.value = lambda: 4
    meter_of(opening).refuse = lambda: REFUSED
    await refused(opening, AssociationError)
    assert [name for name in took(opening) if name[0] == "public"] == [PUBLIC_AARQ, PUBLIC_GET, PUBLIC_RLRQ]


@on_a_jumping_clock
async def test_it_is_found_in_the_object_list_too():
    opening = unconfigured()
    public = opening.scene.station.public
    number, public.value = public.value, lambda: 4
    public.others = {
        descriptor(15, "0.0.40.0.0.255"): listing("0.0.43.1.7.255"),
        descriptor(1, "0.0.43.1.7.255"): number(),
    }
    await opening.make()
    assert used(opening)[0] == 41
    assert public.asked == ["0.0.43.1.0.255", "0.0.43.1.1.255", "0.0.40.0.0.255", "0.0.43.1.7.255"]


@on_a_jumping_clock
async def test_where_nothing_is_found_the_state_s_number_is_the_first_and_nothing_is_said():
    opening = unconfigured()
    meter_of(opening).last = 0
    opening.scene.station.public.value = lambda: 4
    await opening.make()
    assert used(opening)[0] == 1
    assert opening.scene.said == []
    await again(opening)
    assert took(opening)[-2:] == OWN
    assert len(opening.scene.station.public.asked) == 3


@on_a_jumping_clock
async def test_a_public_client_that_is_not_let_in_is_no_error():
    opening = unconfigured()
    meter_of(opening).last = 0
    opening.scene.station.public.aare = {"result": 1, "diagnostic": 1}
    await opening.make()
    assert (took(opening), used(opening)[0]) == ([PUBLIC_AARQ, *OWN], 1)


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@pytest.mark.parametrize("trouble", [silent, garbage, hanging_up])
@on_a_jumping_clock
async def test_a_public_client_that_gets_no_answer_costs_one_timeout_and_the_association_is_opened(trouble, interface):
    opening = unconfigured(GMAC, interface)
    meter_of(opening).last = 0
    opening.scene.station.mishaps[1 if interface == "wrapper" else 2] = trouble  # its AARQ
    await opening.make()
    assert await ask(opening) == VALUE
    assert used(opening)[0] == 1
    assert elapsed() < 5 + 10 * LATENCY_S + 1
    assert opening.scene.said == []


@on_a_jumping_clock
async def test_a_dead_meter_is_looked_at_once_and_costs_one_timeout_then():
    opening = unconfigured()
    opening.scene.station.manner = silent
    await refused(opening, Silence)
    assert elapsed() == pytest.approx(10, abs=0.1)
    opening.bus.distrust()
    await refused(opening, Silence)
    assert elapsed() == pytest.approx(15, abs=0.1)


@on_a_jumping_clock
async def test_once_it_answers_a_refusal_has_the_counter_looked_for():
    opening = unconfigured()
    station = opening.scene.station
    meter_of(opening).refuse = lambda: REFUSED
    station.mishaps[1] = silent
    await opening.make()
    assert used(opening)[:2] == [1, 41]
    assert took(opening) == [PUBLIC_AARQ, ("own", "AARQ"), *LOOKED, *OWN]


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_a_refusal_of_a_number_that_is_too_low_is_followed_once(interface):
    opening = unconfigured(GMAC, interface)
    await opening.make()
    meter = meter_of(opening)
    meter.last, meter.refuse = 90_000, lambda: REFUSED
    took(opening)
    await again(opening)
    assert await ask(opening) == VALUE
    assert used(opening)[-3:] == [90_001, 90_003, 90_004]
    said = [name for name in took(opening) if name[1] in {"AARQ", "GET"}]
    assert said == [("own", "AARQ"), PUBLIC_AARQ, PUBLIC_GET, ("own", "AARQ")], "what was found before is asked alone"
    assert opening.scene.said == []


@on_a_jumping_clock
async def test_a_proof_that_was_refused_for_its_counter_is_given_again_in_an_association_of_its_own():
    opening = unconfigured(access("high_gmac"))
    await opening.make()
    meter, refusals = meter_of(opening), [REFUSED]
    meter.bends[0xC3] = lambda answer: refusals.pop() if refusals else answer
    opening.scene.station.public.value = lambda: unsigned(9000)
    took(opening)
    await again(opening)
    assert used(opening, "token") == [41, 42, 9001]
    assert took(opening)[:3] == [("own", "AARQ"), ("own", "ACTION"), ("own", "RLRQ")]


@on_a_jumping_clock
async def test_a_refusal_of_a_number_that_was_high_enough_has_another_reason_and_is_looked_into_once():
    opening = unconfigured()
    await opening.make()
    meter = meter_of(opening)
    meter.last = 10
    meter.answer = lambda _apdu: aare(meter.access, initiate=b"", result=1, diagnostic=1)
    took(opening)
    for _ in range(2):
        opening.meter.drop_framing()
        opening.bus.distrust()
        await refused(opening, AssociationError)
    assert took(opening) == [("own", "AARQ"), PUBLIC_AARQ, PUBLIC_GET, PUBLIC_RLRQ, ("own", "AARQ")]


@pytest.mark.parametrize("security", ["low", "high_md5"])
@on_a_jumping_clock
async def test_a_refused_password_is_shown_once_where_the_meter_has_counted_what_it_was_sent(security):
    opening = unconfigured(access(security, protection=BOTH))
    await opening.make()
    meter = meter_of(opening)
    release = 0 if security == "low" else 1
    opening.scene.station.public.value = lambda: unsigned(meter.last + release)
    if security == "low":
        meter.bends[0x60] = lambda _: aare(meter.access, initiate=b"", result=1, diagnostic=13)
    else:
        meter.prove = lambda _proof, invoke: encode_action_response(invoke, result=3)
    opening.meter.drop_framing()
    opening.bus.distrust()
    took(opening)
    await refused(opening, AssociationError)
    assert [name for name in took(opening) if name[1] == "AARQ"] == [("own", "AARQ"), PUBLIC_AARQ]


@on_a_jumping_clock
async def test_a_refusal_that_is_none_of_a_secret_is_followed_also_by_one_where_the_counter_is_what_was_sent():
    opening = unconfigured()
    await opening.make()
    meter = meter_of(opening)
    meter.last, meter.refuse = used(opening)[-1] + 1, lambda: REFUSED
    await again(opening)
    assert used(opening)[-3:] == [44, 45, 47]


@on_a_jumping_clock
async def test_a_counter_that_would_cost_half_the_key_is_not_believed_and_said():
    opening = unconfigured()
    meter_of(opening).last = 0
    opening.scene.station.public.value = lambda: unsigned(MAX_FOUND)
    await opening.make()
    assert used(opening)[0] == 1
    assert opening.scene.said == [
        "I house: 0.0.43.1.0.255 seems to be its invocation counter, and is 2000000000: if so, set invocation_counter"
    ]


@on_a_jumping_clock
async def test_under_a_configured_title_where_nothing_can_be_kept_it_is_the_way_in():
    opening = unconfigured(system_title="5A5A5A0102030405")
    await opening.make()
    assert used(opening)[0] == 41


@on_a_jumping_clock
async def test_without_a_key_nothing_is_looked_for():
    opening = unconfigured(access("high_md5"))
    await opening.make()
    assert took(opening) == [("own", "AARQ"), ("own", "ACTION")]


@on_a_jumping_clock
async def test_another_meter_has_counters_of_its_own():
    opening = unconfigured()
    await opening.make()
    it = opening.meter
    assert it.counter_search.objects
    it.identify("A1")
    it.identify("B2")
    assert not it.counter_search.objects
