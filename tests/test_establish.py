"""Openings step by step: the public client first, counters that never come twice, and what becomes of refusals.

What happens to links and lines meanwhile is in test_establish_links.
"""

from __future__ import annotations

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
from scripted_meter import octets, unsigned
from sealed import BOTH, ENCRYPTION, TITLE
from secured_meter import NAME, PASSWORD, VALUE, access
from secured_station import COUNTER, again, ask, meter_of, opening_of, refused, used, without_counter
from stations import silent, value
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.counters import COUNTER_END
from telegraf_dlms.errors import CipheringError, RemoteProtocolError, Silence

PUBLIC = [("public", "AARQ"), ("public", "GET"), ("public", "RLRQ")]
AARQ, CIPHERED = ("own", "AARQ"), ("own", "ciphered")
GMAC = access("high_gmac", protection=BOTH)
DEDICATED = bytes(range(0x40, 0x50))


# Steps


@on_a_jumping_clock
async def test_the_public_client_reads_the_counter_and_is_gone_before_the_association_begins():
    opening = opening_of(GMAC)
    link = await opening.make()
    assert link is opening.bus.live_link
    assert opening.scene.station.said == [*PUBLIC, AARQ, CIPHERED]
    # The meter's counter is 40: the AARQ's is the next, then the token's, and that of the method it travels in.
    assert meter_of(opening).counters == [("global", 41), ("global", 43), ("token", 42)]
    assert await ask(opening) == VALUE


@on_a_jumping_clock
async def test_each_step_is_told_once_it_went_well():
    opening = opening_of(GMAC)
    await opening.make()
    assert [(step.name, dict(step.detail)) for step in opening.steps] == [
        ("invocation_counter", {"obis": "0.0.43.1.0.255", "value": 40}),
        (
            "associate",
            {
                "result": "accepted",
                "diagnostic": "authentication-required (14)",
                "conformance": [
                    "priority_mgmt_supported",
                    "block_transfer_with_get_or_read",
                    "multiple_references",
                    "get",
                    "selective_access",
                    "action",
                ],
                "max_pdu_size": 0x400,
                "server_system_title": TITLE.hex(),
            },
        ),
        ("authenticate", {"mechanism": "high_gmac"}),
    ]


@on_a_jumping_clock
async def test_a_step_that_fails_is_not_told():
    opening = opening_of(GMAC)
    meter_of(opening).title = meter_of(opening).client_title
    await refused(opening, CipheringError)
    assert [step.name for step in opening.steps] == ["invocation_counter"]


@pytest.mark.parametrize("security", ["none", "low", "high_md5", "high_sha256", "high_ecdsa"])
@on_a_jumping_clock
async def test_where_no_key_is_used_no_counter_is_asked_for(security):
    opening = opening_of(access(security))
    await opening.make()
    assert opening.scene.station.said[0] == AARQ
    assert meter_of(opening).counters == []
    assert await ask(opening) == VALUE


@on_a_jumping_clock
async def test_our_title_is_the_configured_one_or_the_state_s():
    for settings, title in (({}, b"TDL"), ({"system_title": "5A5A5A0102030405"}, b"ZZZ\1\2\3\4\5")):
        opening = opening_of(GMAC, **settings)
        await opening.make()
        assert meter_of(opening).client_title.startswith(title)
        assert await ask(opening) == VALUE


@on_a_jumping_clock
async def test_under_a_configured_title_no_number_is_known_where_nothing_can_be_kept():
    opening = without_counter(GMAC, system_title="5A5A5A0102030405")
    assert "set invocation_counter" in await refused(opening, CipheringError)
    assert opening.scene.station.said == []


# Counters


@on_a_jumping_clock
async def test_without_the_object_s_code_counters_are_the_state_s():
    opening = without_counter(GMAC)
    meter_of(opening).last = 0
    await opening.make()
    await again(opening)
    assert opening.scene.station.said == [AARQ, CIPHERED] * 2
    assert used(opening) == [1, 3, 4, 6]


@on_a_jumping_clock
async def test_the_meter_s_own_counter_is_never_lowered_to():
    opening = opening_of(GMAC)
    await opening.make()
    opening.scene.station.public.value = lambda: unsigned(7)
    await again(opening)
    assert used(opening) == [41, 43, 44, 46]


@on_a_jumping_clock
async def test_a_counter_that_others_have_raised_is_followed():
    opening = opening_of(GMAC)
    await opening.make()
    meter_of(opening).last = 90_000
    await again(opening)
    assert used(opening) == [41, 43, 90_001, 90_003]


@on_a_jumping_clock
async def test_a_counter_may_be_held_as_four_octets():
    opening = opening_of(GMAC)
    opening.scene.station.public.value = lambda: octets((40).to_bytes(4))
    await opening.make()
    assert used(opening)[0] == 41


@pytest.mark.parametrize("number", [COUNTER_END - 1, COUNTER_END])
@on_a_jumping_clock
async def test_a_counter_at_its_end_is_used_up(number):
    opening = opening_of(GMAC)
    opening.scene.station.public.value = lambda: unsigned(number)
    assert "used up: the meter needs a new key" in await refused(opening, CipheringError)
    assert opening.scene.station.said == PUBLIC


@on_a_jumping_clock
async def test_a_failed_opening_uses_its_counters_up():
    opening = without_counter(GMAC)
    meter_of(opening).last = 0
    opening.scene.station.mishaps[1] = silent
    await refused(opening, Silence)
    opening.bus.distrust()
    await opening.make()
    assert used(opening) == [1, 2, 4]


@pytest.mark.parametrize("dedicated", [DEDICATED, "random"])
@on_a_jumping_clock
async def test_no_counter_comes_twice_whichever_key_it_is_of(dedicated):
    opening = opening_of(access("high_gmac", protection=BOTH, dedicated_key=dedicated))
    for _ in range(3):
        await again(opening)
        for _ in range(70):
            assert await ask(opening) == VALUE
        opening.meter.association.release_request()
    everything = used(opening) + used(opening, "token") + used(opening, "dedicated")
    assert len(used(opening, "dedicated")) == 210
    assert len(everything) == len(set(everything)), "meters count them as one"
    for key in ("global", "dedicated"):
        assert used(opening, key) == sorted(used(opening, key))


@on_a_jumping_clock
async def test_a_dedicated_key_of_the_configuration_has_numbers_of_its_own_in_the_state():
    wanted = access(protection=BOTH, dedicated_key=DEDICATED)
    opening = opening_of(wanted)
    await opening.make()
    await ask(opening)
    state = opening.scene.world.state
    ours = [
        state.counters(key, system_title=meter_of(opening).client_title) for key in (wanted.block_cipher_key, DEDICATED)
    ]
    assert [each.end > 41 for each in ours] == [True, True]
    assert ours[0] is not ours[1]


@on_a_jumping_clock
async def test_of_a_dedicated_key_the_meter_s_own_counter_says_nothing():
    opening = opening_of(access(protection=BOTH, dedicated_key=DEDICATED), system_title="5A5A5A0102030405")
    words = await refused(opening, CipheringError)
    assert words.startswith('dedicated_key, which may be "random": the state cannot be kept')
    assert opening.scene.station.said == []
    opening = opening_of(access(protection=BOTH, dedicated_key="random"), system_title="5A5A5A0102030405")
    await opening.make()
    assert used(opening) == [41]


@pytest.mark.parametrize("name", ["global", "dedicated"])
@on_a_jumping_clock
async def test_numbers_that_another_process_took_meanwhile_are_left_to_it(name):
    wanted = access(protection=BOTH, dedicated_key=DEDICATED)
    opening = without_counter(wanted)
    meter_of(opening).last = 0
    await opening.make()
    await ask(opening)
    state, title = opening.scene.world.state, meter_of(opening).client_title
    key = wanted.block_cipher_key if name == "global" else DEDICATED
    taken = state.reserve(state.counters(key, system_title=title).wanted[0], 500)
    await again(opening)
    await ask(opening)
    assert used(opening, name)[-1] >= taken.stop


# A public client that is refused


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        ({"aare": {"result": 1, "diagnostic": 1}}, "rejected-permanent (1), no-reason-given (1)"),
        ({"aare": {"diagnostic": 14}}, "authentication-required (14)"),
        ({"value": lambda: 4}, "object-undefined (4)"),
        ({"value": lambda: encode(Tag.VISIBLE_STRING, b"41")}, "no number of 32 bits but b'41'"),
        ({"value": lambda: encode(Tag.LONG, -1)}, "no number of 32 bits but -1"),
        ({"value": lambda: encode(Tag.LONG64_UNSIGNED, 1 << 32)}, "no number of 32 bits but 4294967296"),
        ({"value": lambda: octets(b"12345")}, "no number of 32 bits but b'12345'"),
        ({"value": lambda: b"\x00"}, "no number of 32 bits but None"),
    ],
)
@on_a_jumping_clock
async def test_a_refused_public_client_leaves_the_state_s_counter_and_is_said_once(bend, words):
    opening = opening_of(GMAC)
    meter_of(opening).last = 0
    for name, setting in bend.items():
        setattr(opening.scene.station.public, name, setting)
    await opening.make()
    await again(opening)
    assert used(opening) == [1, 3, 4, 6]
    (said,) = [line for line in opening.scene.said if "public client" in line]
    assert said.startswith("I house: its invocation counter 0.0.43.1.0.255 cannot be read by the public client: ")
    assert words in said
    assert words in opening.steps[0].detail["refused"]


@on_a_jumping_clock
async def test_a_public_client_that_is_not_answered_costs_one_timeout():
    opening = opening_of(GMAC)
    opening.scene.station.manner = silent
    await refused(opening, Silence)
    assert elapsed() == pytest.approx(5.0)
    assert opening.scene.station.said == PUBLIC[:1]


@on_a_jumping_clock
async def test_what_is_no_dlms_to_the_public_client_ends_the_opening():
    opening = opening_of(GMAC)
    opening.scene.station.public.aare = {"initiate": b"\xff"}
    assert "InitiateResponse is malformed" in await refused(opening, RemoteProtocolError)


# Short names


def object_list(*entries):
    return array(
        [
            structure(
                encode(Tag.LONG, base_name),
                encode(Tag.LONG_UNSIGNED, class_id),
                encode(Tag.UNSIGNED, 0),
                encode(Tag.OCTET_STRING, logical_name),
            )
            for base_name, class_id, logical_name in entries
        ]
    )


@on_a_jumping_clock
async def test_the_public_client_s_object_list_is_read_once_and_is_not_ours():
    opening = opening_of(access("high_gmac", "short_names", protection=BOTH))
    public = opening.scene.station.public
    public.object_list = object_list((0x2000, COUNTER.class_id, COUNTER.logical_name))
    await opening.make()
    await again(opening)
    read = ("public", "READ")
    assert opening.scene.station.said.count(read) == 3, "the list once, the counter twice"
    assert used(opening) == [41, 43, 44, 46]
    assert opening.meter.short_names.wants_list(NAME)
    opening.meter.recall(opening.meter.memory_until_ns + 1)
    await again(opening)
    assert opening.scene.station.said.count(read) == 5, "forgotten after a day"


@on_a_jumping_clock
async def test_a_short_name_of_the_configuration_spares_the_public_client_its_list():
    counter = value("counter", "house", "0.0.43.1.0.255", 1, short_name=0x2000)
    opening = opening_of(access(referencing="short_names", protection=BOTH), values=[counter])
    await opening.make()
    assert opening.scene.station.said.count(("public", "READ")) == 1
    assert used(opening) == [41]


# Secrets


@pytest.mark.parametrize("security", ["low", "high", "high_gmac", "high_ecdsa"])
@on_a_jumping_clock
async def test_nothing_that_is_told_or_said_has_a_secret_in_it(security):
    wanted = access(security, protection=ENCRYPTION, dedicated_key=DEDICATED)
    opening = opening_of(wanted)
    await opening.make()
    shown = (
        repr(opening.steps)
        + repr(opening.meter.association)
        + repr(opening.meter.plan)
        + "".join(opening.scene.records.said)
    )
    shown += repr(vars(opening.meter))
    names = ("authentication_key", "block_cipher_key", "dedicated_key", "signing_key", "server_public_key")
    secrets = [PASSWORD, *[getattr(wanted, name) for name in names]]
    assert not [secret for secret in secrets if secret.hex() in shown.lower() or repr(secret)[2:-1] in shown]
