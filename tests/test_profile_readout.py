"""One profile in one poll: read, printed, and only then noted; tests/test_readout_profiles.py has what is printed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from jumping_clock import on_a_jumping_clock
from readout_scene import TIME, Scene, all_rows, rows, status_rows, told
from scripted_profile import CLOCK, IMPORT, STATUS, ScriptedProfile, date_time, quarter
from stations import connection, device, group, load_profile, plan_of, value
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.buffer_progress import FIRST_AT_ONCE
from telegraf_dlms.errors import LinkError
from telegraf_dlms.log import Changes
from telegraf_dlms.meter import Meter
from telegraf_dlms.output import OutputClosed
from telegraf_dlms.printed import PrintedRows
from telegraf_dlms.profile_readout import first_clock, profile_digest
from telegraf_dlms.state import state_in_memory
from telegraf_dlms.throttle import BURST, Throttle


class Kept:
    """A state file that remembers what it was told, and in which order to what was printed."""

    def __init__(self, output, *, replay_ns=0):
        self.output, self.replay_ns = output, replay_ns
        self.texts, self.told = {}, []

    def load(self, profile):
        text = self.texts.get(profile)
        return PrintedRows() if text is None else PrintedRows.from_text(text)

    def keep(self, profile, printed, *, when="soon"):
        self.texts[profile] = printed.to_text()
        self.told.append((when, len(printed._again), len(self.output.all)))

    def settle(self):
        pass


def scene_of(*values, meter=None, throttle=None, **settings):
    scene = Scene(*values or (all_rows(backfill="1d"),), meter=meter or ScriptedProfile(), **settings)
    kept = Kept(scene.lines)
    scene.world = replace(scene.world, watermarks=kept, throttle=throttle)
    return scene, kept


def profile_of(scene):
    return scene.house.values["g"][0]


class KeepsNulls(ScriptedProfile):
    """Keeps a status as null where it did not change, and has no more to say when it is asked for the last rows."""

    def _cell(self, column, number):
        if column == STATUS and number:
            return encode(Tag.NULL_DATA)
        return super()._cell(column, number)


@pytest.mark.parametrize("value", [all_rows(backfill="1d"), load_profile(entries=3)], ids=["new", "newest"])
@on_a_jumping_clock
async def test_null_cells_repeat_those_of_rows_that_were_read_before(value):
    meter = KeepsNulls(range(3), columns=(CLOCK, STATUS, IMPORT))
    scene, _ = scene_of(value, meter=meter, workarounds={"null_cells": "previous"})
    await scene.poll()
    for number in range(3, 12):
        meter.numbers.append(number)
        lines, _ = await scene.poll()
        status = ("0.0.96.10.1.255", "value=0", number)
        assert rows(lines) == [status, ("1.0.1.8.0.255", f"value={float(number) / 10:g}", number)]


# What is noted, and when.


@on_a_jumping_clock
async def test_rows_are_noted_as_printed_once_they_have_left():
    scene, kept = scene_of()
    await scene.poll()
    assert kept.told == [("soon", 0, 9)]
    await scene.poll()
    assert len(kept.told) == 1  # nothing is new


@on_a_jumping_clock
async def test_rows_that_did_not_leave_are_not_noted():
    scene, kept = scene_of()
    scene.lines.closed.set()
    with pytest.raises(OutputClosed):
        await scene.poll()
    assert kept.told == []
    assert profile_of(scene).profile.kept.printed.last is None


@on_a_jumping_clock
async def test_a_stop_while_a_slow_reader_is_waited_for_notes_nothing():
    scene, kept = scene_of()
    scene.lines.room.clear()
    poll = asyncio.create_task(scene.poll())
    await asyncio.sleep(1)
    poll.cancel()
    await asyncio.wait([poll])
    assert len(scene.take_lines()) == 9
    assert kept.told == []
    scene.lines.room.set()
    assert len((await scene.poll())[0]) == 9


@pytest.mark.parametrize(
    ("numbers", "planned"),
    [
        pytest.param([8, 5], 1, id="a time that is taken"),
        pytest.param([8, 108], 2, id="two rows of one time"),
        pytest.param([8, 9], 0, id="times of their own"),
        pytest.param(range(8, 17), 9, id="more rows than usual"),
    ],
)
@on_a_jumping_clock
async def test_the_times_of_rows_that_share_one_are_kept_before_they_leave(numbers, planned):
    scene, kept = scene_of(meter=ScriptedProfile(clocks={108: date_time(8)}))
    await scene.poll()
    kept.told.clear()
    scene.meter.numbers += numbers
    lines, _ = await scene.poll()
    expected = [("now", planned, 0)] if planned else []
    assert kept.told == [*expected, ("soon", 0, len(lines))]


@on_a_jumping_clock
async def test_a_process_that_is_killed_before_it_noted_what_it_printed_prints_the_same_again():
    scene, kept = scene_of(meter=ScriptedProfile([*range(8), 5, 5, 6]))
    before = dict(kept.texts)
    lines, _ = await scene.poll()
    for texts in (before, {digest: text for digest, text in kept.texts.items() if "again" in text}):
        kept.texts = dict(texts)
        profile_of(scene).profile.kept = None
        assert (await scene.poll())[0] == lines


# Whose rows they are.


@on_a_jumping_clock
async def test_another_meter_or_other_columns_have_rows_of_their_own():
    scene, _ = scene_of()
    assert len((await scene.poll())[0]) == 9
    scene.house.identity = "another one"
    assert len((await scene.poll())[0]) == 9
    assert len((await scene.poll())[0]) == 1
    scene.house.identity = ""
    assert len((await scene.poll())[0]) == 1
    scene.meter.columns = (CLOCK, STATUS, IMPORT)
    scene.meter.attributes[scene.meter.at(3)] = ScriptedProfile(columns=scene.meter.columns).attributes[
        scene.meter.at(3)
    ]
    scene.associate()
    assert len((await scene.poll())[0]) == 17


def test_no_two_profiles_share_a_digest():
    names = ("house", "hut")
    groups = [
        group(name, value("load", names, "1.0.99.1.0.255", 7), value("other", names, "1.0.99.1.0.255", 7))
        + value("night", names, "1.0.99.2.0.255", 7)
        for name in ("g", "h")
    ]
    plan = plan_of(connection(), *(device(name, server_address=place) for place, name in enumerate(names, 1)), *groups)
    digests = set()
    for meter_plan in plan.meters:
        meter = Meter(meter_plan, Changes(None), state=state_in_memory())
        for identity in ("", "TDL1", "TDL2"):
            meter.identity = identity
            for each in (each for values in meter.values.values() for each in values):
                digests |= {profile_digest(meter, each, columns) for columns in ((), (CLOCK,), (CLOCK, STATUS))}
    assert len(digests) == 2 * 3 * 6 * 3
    assert {len(digest) for digest in digests} == {16}


@on_a_jumping_clock
async def test_how_the_meter_writes_its_clock_is_kept_for_the_next_process():
    scene, kept = scene_of(meter=ScriptedProfile(refuses={2}))
    await scene.poll()
    scene.house.memory.forget()
    profile_of(scene).profile.kept = None
    scene.meter.numbers.append(8)
    scene.meter.take_asked()
    assert rows((await scene.poll())[0]) == status_rows(8)
    assert scene.meter.asked[-1] == "range from 23:45"
    assert all(date_time(7).hex() in text or date_time(8).hex() in text for text in kept.texts.values())


# Parts.


@on_a_jumping_clock
async def test_of_a_buffer_that_is_given_whole_a_part_is_printed_at_once_and_the_others_wait():
    at_once = 2 * FIRST_AT_ONCE
    count = 2 * at_once + 20
    meter = ScriptedProfile(range(count), refuses={1, 2})
    scene, _ = scene_of(all_rows(backfill="100d"), meter=meter, throttle=Throttle())
    scene.world = replace(scene.world, wall_ns=lambda: quarter(count))
    parts, behind = [], []
    for _ in range(3):
        parts.append((await scene.poll())[0])
        behind.append(list(scene.house.behind))
    assert [len(part) for part in parts] == [at_once + 1, at_once + 1, 20 + 1]
    assert rows([line for part in parts for line in part]) == status_rows(*range(count))
    assert meter.asked.count("buffer") == 1
    assert behind == [[profile_of(scene)], [profile_of(scene)], []]
    for part, left in zip(parts, (at_once + 20, 20, 0), strict=True):
        assert f",backlog_seconds={left * 900}i," in part[-1]


@on_a_jumping_clock
async def test_without_a_throttle_all_parts_are_printed_in_one_poll_with_a_line_of_their_own():
    scene, _ = scene_of(all_rows(backfill="100d"), meter=ScriptedProfile(range(300)))
    times = iter(range(1, 1000))
    scene.world = replace(scene.world, wall_ns=lambda: quarter(300) + next(times))
    lines, counts = await scene.poll()
    assert rows(lines) == status_rows(*range(300))
    parts = [line for line in lines if line.startswith("dlms_profile,")]
    assert len(parts) > 2
    assert parts[0].endswith(f" {TIME}")
    assert len({part.rpartition(" ")[2] for part in parts}) == len(parts)
    assert counts == (1, 0)


@on_a_jumping_clock
async def test_the_throttle_is_asked_for_more_rows_than_the_usual_ones_and_pays_for_what_was_printed():
    throttle = Throttle()
    scene, _ = scene_of(meter=ScriptedProfile(range(90)), throttle=throttle)
    await scene.poll()
    assert not throttle.claim(BURST - FIRST_AT_ONCE + 1, 0)
    assert throttle.claim(BURST - FIRST_AT_ONCE, 0)
    scene.meter.numbers += range(90, 94)
    while scene.house.behind:
        scene.house.behind.clear()
        throttle.give_back(BURST)
        await scene.poll()
    throttle.claim(BURST, 0)
    scene.meter.numbers += [94, 95]
    assert rows((await scene.poll())[0]) == status_rows(94, 95)


@on_a_jumping_clock
async def test_what_the_throttle_does_not_allow_is_not_read_and_not_counted():
    throttle = Throttle()
    throttle.claim(BURST, 0)
    scene, _ = scene_of(throttle=throttle)
    assert await scene.poll() == ([], (0, 0))
    assert "buffer" not in scene.meter.asked
    assert list(scene.house.behind) == [profile_of(scene)]


@on_a_jumping_clock
async def test_what_was_claimed_is_given_back_where_reading_fails():
    throttle = Throttle()
    scene, _ = scene_of(throttle=throttle)
    scene.meter.attributes[scene.meter.at(7)] = LinkError("closed")
    with pytest.raises(LinkError):
        await scene.poll()
    assert throttle.claim(BURST, 0)


@on_a_jumping_clock
async def test_a_profile_that_is_refused_is_not_behind():
    throttle = Throttle()
    scene, _ = scene_of(throttle=throttle)
    scene.house.behind[profile_of(scene)] = 5000
    scene.meter.attributes[scene.meter.at(3)] = 4
    assert (await scene.poll())[1] == (0, 1)
    assert not scene.house.behind


# What is missing.


@on_a_jumping_clock
async def test_a_gap_is_told_once_also_where_a_restart_comes_between():
    scene, _ = scene_of()
    await scene.poll()
    scene.meter.numbers += [10, 11]
    assert (await scene.poll())[0][-1] == told(2, gap_s=1800)
    profile_of(scene).profile.kept = None
    assert (await scene.poll())[0][-1] == told(0)
    scene.meter.numbers += [14]
    assert (await scene.poll())[0][-1] == told(1, gap_s=1800)


@on_a_jumping_clock
async def test_rows_that_entries_left_out_while_nothing_ran_are_a_gap():
    scene, _ = scene_of(load_profile(entries=2))
    await scene.poll()
    profile_of(scene).profile.kept = None
    scene.meter.numbers += range(8, 20)
    lines, _ = await scene.poll()
    assert rows(lines) == status_rows(18, 19)
    assert lines[-1] == told(2, gap_s=10 * 900)


@pytest.mark.parametrize(
    ("buffer", "cell"),
    [([(b"1", 2), (b"3", 4)], b"1"), ([(5, 2)], None), ([5], None), ([()], None), ([], None), (None, None)],
)
def test_the_first_clock_of_a_buffer_is_its_octets(buffer, cell):
    assert first_clock((CLOCK, STATUS), buffer) == cell
    assert first_clock((STATUS,), buffer) is None
