"""Which meter answers: what is asked for it, what is taken for an answer, and what becomes of what was known."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from readout_scene import ENERGY, ENERGY_HEAD, ENERGY_LINE, ENERGY_UNIT, SERIAL, SERIAL_LINE, TIME, Scene, energy
from scripted_meter import NOT_ALLOWED, ScriptedMeter, association, converse, octets, scaler_unit, unsigned
from stations import load_profile, serial_number
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.conversation import Memory
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import LinkError, RemoteProtocolError, Silence
from telegraf_dlms.fields import Presentation
from telegraf_dlms.identity import (
    LOGICAL_DEVICE_NAME,
    MAX_IDENTITY,
    QUIET_NS,
    SERIAL_NUMBER,
    Identification,
    identify,
    identity_of,
)
from telegraf_dlms.lists import Answers, Lists

PRESENTATION = Presentation("utf-8", DeviceClock())
OBJECTS = (LOGICAL_DEVICE_NAME, SERIAL_NUMBER)
NAME = octets(b"ISK1030775213859")
NAMED, NUMBERED = "0.0.42.0.0.255/2", "0.0.96.1.0.255/2"


@pytest.mark.parametrize(
    ("value", "identity"),
    [
        pytest.param(b"ISK1030775213859", "ISK1030775213859", id="a logical device name"),
        pytest.param(b"LGZ\x01\x02\x03", "4c475a010203", id="with a binary number"),
        pytest.param("A 1", "A 1", id="a visible-string"),
        pytest.param(75213859, "75213859", id="a number"),
        pytest.param(0, "0", id="zero is a number"),
        pytest.param(b" 75213859\0\0", "75213859", id="padded"),
        pytest.param("75213859 ", "75213859", id="a padded text"),
        pytest.param("Жук".encode(), "Жук", id="in the device's encoding"),
        pytest.param(b"x" * MAX_IDENTITY, "x" * MAX_IDENTITY, id="as long as it may be"),
        pytest.param(b"x" * (MAX_IDENTITY + 1), "", id="too long"),
        pytest.param(b"", "", id="empty"),
        pytest.param(bytes(16), "", id="nothing but zeros"),
        pytest.param(b"\xff" * 16, "", id="nothing but FF"),
        pytest.param("  ", "", id="nothing but spaces"),
        pytest.param(None, "", id="null"),
        pytest.param(True, "", id="a boolean"),
        pytest.param(1.5, "", id="a float"),
        pytest.param((1, 2), "", id="a structure"),
        pytest.param([], "", id="an array"),
    ],
)
def test_what_tells_a_meter_from_others_is_a_text_or_a_number(value, identity):
    assert identity_of(value, PRESENTATION) == identity


class Meter(ScriptedMeter):
    """Is asked who it is, as often as a test wants."""

    def __init__(self, name, number=4):
        super().__init__({LOGICAL_DEVICE_NAME: name, SERIAL_NUMBER: number})
        self.memory = Memory()

    def identify(self):
        asked = association()
        objects = [each for each in OBJECTS if each not in self.memory.nameless]
        return converse(identify(Answers(asked, asked.lists, objects), objects, self.memory, PRESENTATION), self)


def test_the_logical_device_name_is_enough():
    meter = Meter(NAME, unsigned(5))
    assert meter.identify() == "ISK1030775213859"
    assert meter.asked == [NAMED]


@pytest.mark.parametrize("refusal", [3, 4, 9, 250, octets(b""), encode(Tag.NULL_DATA), b"\x09\x05A", NOT_ALLOWED])
def test_the_serial_number_stands_in_and_the_name_is_not_asked_for_again_that_day(refusal):
    meter = Meter(refusal, unsigned(75213859))
    assert [meter.identify(), meter.identify()] == ["75213859"] * 2
    assert meter.asked == [NAMED, NUMBERED, NUMBERED]
    meter.memory.forget()
    meter.identify()
    assert meter.asked[3:] == [NAMED, NUMBERED]


def test_a_meter_that_refuses_both_is_nobody_and_is_not_asked_again_that_day():
    meter = Meter(4, 3)
    assert [meter.identify(), meter.identify()] == ["", ""]
    assert meter.asked == [NAMED, NUMBERED]


@pytest.mark.parametrize("failure", [1, 2])
def test_a_meter_that_cannot_tell_now_is_asked_again(failure):
    meter = Meter(failure, unsigned(5))
    assert meter.identify() is None
    meter.attributes[LOGICAL_DEVICE_NAME] = NAME
    assert meter.identify() == "ISK1030775213859"
    assert meter.asked == [NAMED] * 2


# Whether it is asked.


def test_a_meter_is_asked_in_each_association():
    identification = Identification()
    assert [identification.begin(0), identification.begin(1)] == [True, True]


def test_a_question_that_meets_silence_is_left_out_once_and_for_a_day_where_all_is_well_then():
    identification = Identification()
    identification.begin(0)
    identification.unanswered()
    assert not identification.begin(1)
    identification.read_on(5)
    assert [identification.begin(5 + QUIET_NS - 1), identification.begin(5 + QUIET_NS)] == [False, True]


def test_a_meter_that_is_silent_anyway_is_asked_again():
    identification = Identification()
    identification.unanswered()
    assert [identification.begin(now_ns) for now_ns in range(3)] == [False, True, True]
    identification.read_on(4)
    assert identification.begin(5), "the question was not to blame"


# In a readout.


class Asked(Scene):
    """A scene whose meter is asked who it is, in each association."""

    def associate(self):
        super().associate()
        self.house.association.is_identified = False

    async def poll_anew(self):
        self.associate()
        return (await self.poll())[0]


def named(*values, name=NAME, **settings):
    return Asked(*values, meter=ScriptedMeter({LOGICAL_DEVICE_NAME: name}), **settings)


@on_a_jumping_clock
async def test_a_meter_is_asked_before_all_else_and_once_an_association():
    scene = named(serial_number())
    for _ in range(2):
        assert (await scene.poll())[0] == [SERIAL_LINE]
    assert (scene.house.identity, scene.meter.take_asked()) == ("ISK1030775213859", [NAMED, NUMBERED, NUMBERED])
    await scene.poll_anew()
    assert scene.meter.take_asked() == [NAMED, NUMBERED]
    assert scene.log.all == []


@on_a_jumping_clock
async def test_it_is_known_before_profiles_are_read():
    scene = named(load_profile())
    scene.meter.attributes[LOGICAL_DEVICE_NAME] = NAME
    await scene.poll()
    assert scene.meter.asked[0] == NAMED
    assert scene.house.identity == "ISK1030775213859"


@on_a_jumping_clock
async def test_an_object_that_is_a_value_too_is_asked_for_once():
    scene = named(serial_number(), name=4)
    assert (await scene.poll())[0] == [SERIAL_LINE]
    assert scene.house.identity == "A1"
    assert scene.meter.asked == [NAMED, NUMBERED]


@on_a_jumping_clock
async def test_a_value_that_tells_nobody_who_the_meter_is_is_refused_each_time():
    scene = named(energy(), serial_number(), name=4)
    scene.meter.attributes[SERIAL] = 4
    for _ in range(2):
        assert await scene.poll() == ([ENERGY_LINE], (1, 1))
    assert scene.log.above_debug == ["W house g/serial: 0.0.96.1.0.255/2: object-undefined (4)"]
    assert scene.house.identity == ""


ANOTHER = "W house: the meter was ISK1030775213859, and is LGZ1 now: another one, of which nothing is known"


@on_a_jumping_clock
async def test_of_another_meter_nothing_is_believed_that_was_known():
    scene = named(energy())
    lists = scene.house.lists
    lists.shorten(7)
    assert (await scene.poll())[0] == [ENERGY_LINE]
    scene.meter.take_asked()
    scene.meter.attributes |= {LOGICAL_DEVICE_NAME: octets(b"LGZ1"), ENERGY_UNIT: scaler_unit(0, 30)}
    assert await scene.poll_anew() == [f"{ENERGY_HEAD},unit=Wh value=12345 {TIME}"]
    assert scene.meter.take_asked() == [NAMED, "1.0.1.8.0.255/2", "1.0.1.8.0.255/3"]
    assert scene.log.all == [ANOTHER]
    assert scene.house.lists is scene.house.association.lists is not lists
    assert scene.house.lists.limit == Lists(limit=1).limit


@on_a_jumping_clock
async def test_tags_that_were_read_are_those_of_the_meter_that_gave_them():
    scene = named(energy(), serial_number(is_tag=True))
    assert ",serial=A1," in (await scene.poll())[0][0]
    scene.meter.attributes |= {LOGICAL_DEVICE_NAME: octets(b"LGZ1"), SERIAL: 4}
    assert await scene.poll_anew() == [ENERGY_LINE]


@on_a_jumping_clock
async def test_what_was_read_of_the_one_before_and_not_printed_is_not_printed_as_the_others():
    scene = named(energy(), serial_number())
    await scene.poll_anew()
    scene.associate()
    scene.meter.attributes[SERIAL] = LinkError("closed")
    readout = scene.readout()
    with pytest.raises(LinkError):
        await readout.read_rest(scene.link)
    scene.meter.attributes |= {
        LOGICAL_DEVICE_NAME: octets(b"LGZ1"),
        SERIAL: octets(b"A1"),
        ENERGY: unsigned(5),
        ENERGY_UNIT: scaler_unit(0, 30),
    }
    scene.associate()
    scene.take_lines()
    await readout.read_rest(scene.link)
    assert scene.take_lines() == [f"{ENERGY_HEAD},unit=Wh value=5 {TIME}", SERIAL_LINE]


@on_a_jumping_clock
async def test_meters_that_come_and_go_are_said_once_and_again_once_one_has_stayed():
    scene = named(serial_number())
    for name in (b"ISK1030775213859", b"LGZ1", b"ISK1030775213859", b"LGZ1"):
        scene.meter.attributes[LOGICAL_DEVICE_NAME] = octets(name)
        await scene.poll_anew()
    assert scene.log.above_debug == [ANOTHER]
    await scene.poll_anew()
    scene.meter.attributes[LOGICAL_DEVICE_NAME] = octets(b"ISK1")
    await scene.poll_anew()
    assert scene.log.above_debug[1:] == [
        "W house: the meter was LGZ1, and is ISK1 now: another one, of which nothing is known"
    ]


@on_a_jumping_clock
async def test_a_meter_that_says_no_more_who_it_is_is_another_one():
    scene = named(energy())
    await scene.poll()
    scene.meter.attributes |= {LOGICAL_DEVICE_NAME: 4, SERIAL: 4, ENERGY_UNIT: scaler_unit(0, 30)}
    assert await scene.poll_anew() == [f"{ENERGY_HEAD},unit=Wh value=12345 {TIME}"]
    assert scene.house.identity == ""
    said = (
        "the meter was ISK1030775213859, and does not say any more which it is: another one, of which nothing is known"
    )
    assert scene.log.all == [f"W house: {said}"]


@on_a_jumping_clock
async def test_a_meter_that_cannot_tell_now_is_the_one_that_it_was_and_is_asked_at_the_next_poll():
    scene = named(energy(), name=2)
    await scene.poll()
    assert scene.house.identity == ""
    scene.meter.attributes[LOGICAL_DEVICE_NAME] = NAME
    await scene.poll()
    scene.meter.attributes[LOGICAL_DEVICE_NAME] = 2
    await scene.poll_anew()
    assert scene.house.identity == "ISK1030775213859"
    assert scene.log.all == []


@pytest.mark.parametrize("trouble", [Silence("no answer"), LinkError("closed"), RemoteProtocolError("garbled")])
@on_a_jumping_clock
async def test_a_meter_that_falls_silent_at_the_question_is_read_without_it(trouble):
    scene = named(serial_number(), name=trouble)
    with pytest.raises(type(trouble)):
        await scene.poll()
    assert await scene.poll_anew() == [SERIAL_LINE]
    assert await scene.poll_anew() == [SERIAL_LINE]
    assert scene.meter.take_asked() == [NAMED, NUMBERED, NUMBERED]
    scene.mono_ns += QUIET_NS
    scene.meter.attributes[LOGICAL_DEVICE_NAME] = NAME
    await scene.poll_anew()
    assert scene.house.identity == "ISK1030775213859"


@on_a_jumping_clock
async def test_a_kept_association_that_is_dead_tells_nothing_of_the_question():
    scene = named(serial_number(), name=Silence("no answer"))
    scene.house.association.is_doubtful = True
    with pytest.raises(Silence):
        await scene.poll()
    scene.meter.attributes[LOGICAL_DEVICE_NAME] = NAME
    await scene.poll_anew()
    assert scene.house.identity == "ISK1030775213859"
