"""What one poll reads and prints of profiles."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from readout_scene import ENERGY_UNIT, NOT_UNSCALED, TIME, Scene, all_rows, rows, status_rows, told
from scripted_meter import descriptor, octets, unsigned
from scripted_profile import CLOCK, EXPORT, IMPORT, PROFILE, STATUS, ScriptedProfile, quarter
from stations import load_profile, value
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.errors import LinkError
from telegraf_dlms.output import OutputClosed


@on_a_jumping_clock
async def test_rows_are_printed_once_at_their_own_time():
    scene = Scene(load_profile(entries=4), meter=ScriptedProfile())
    lines, counts = await scene.poll()
    head = "dlms,class_id=1,device=house,group=g,name=load,obis=0.0.96.10.1.255,profile=1.0.99.1.0.255"
    assert lines[0] == f"{head} value=4 {quarter(4)}"
    assert rows(lines) == status_rows(4, 5, 6, 7)
    assert lines[-1] == told(4)
    assert counts == (1, 0)
    scene.meter.numbers.append(8)
    lines, counts = await scene.poll()
    assert rows(lines) == status_rows(8)
    assert lines[-1] == told(1)
    assert await scene.poll() == ([told(0)], (1, 0))


@on_a_jumping_clock
async def test_rows_that_entries_left_out_are_told_as_a_gap():
    scene = Scene(load_profile(entries=2), meter=ScriptedProfile())
    await scene.poll()
    scene.meter.numbers += [8, 9, 10, 11]
    lines, _ = await scene.poll()
    assert rows(lines) == status_rows(10, 11)
    assert lines[-1] == told(2, gap_s=1800)


@on_a_jumping_clock
async def test_a_row_of_the_far_future_does_not_silence_a_profile():
    scene = Scene(all_rows(backfill="30m"), meter=ScriptedProfile(refuses={1, 2}))
    await scene.poll()
    scene.meter.numbers.append(100 * 365 * 96)
    assert rows((await scene.poll())[0]) == status_rows(100 * 365 * 96)
    scene.meter.numbers.append(8)
    assert rows((await scene.poll())[0]) == status_rows(8)


@on_a_jumping_clock
async def test_rows_of_a_clock_that_was_set_back_by_an_hour_are_all_printed_once():
    scene = Scene(all_rows(backfill="30m"), meter=ScriptedProfile())
    await scene.poll()
    scene.meter.numbers += [8, 5, 6]
    lines, _ = await scene.poll()
    assert [line.split(" ")[1:] for line in lines[:-1]] == [
        ["value=8", str(quarter(8))], ["value=5", str(quarter(5) + 1)], ["value=6", str(quarter(6) + 1)],
    ]  # fmt: skip
    assert "gap_seconds=0i" in lines[-1]
    assert rows((await scene.poll())[0]) == []


@on_a_jumping_clock
async def test_without_entries_all_rows_since_backfill_are_printed_and_then_all_new_ones():
    scene = Scene(all_rows(backfill="30m"), meter=ScriptedProfile())
    assert rows((await scene.poll())[0]) == status_rows(5, 6, 7)
    scene.meter.numbers += range(8, 14)
    assert rows((await scene.poll())[0]) == status_rows(*range(8, 14))


@pytest.mark.parametrize(
    ("settings", "expected"), [({"entries": 2}, (6, 7)), ({"backfill": "30m"}, (5, 6, 7))], ids=["entries", "backfill"]
)
@pytest.mark.parametrize("sort_method", [1, 2, 3], ids=["fifo", "lifo", "largest"])
@on_a_jumping_clock
async def test_of_a_meter_that_gives_all_rows_only_those_that_are_wanted_are_printed(settings, expected, sort_method):
    scene = Scene(all_rows(**settings), meter=ScriptedProfile(refuses={1, 2}, sort_method=sort_method))
    assert rows((await scene.poll())[0]) == status_rows(*expected)


@on_a_jumping_clock
async def test_rows_without_a_clock_have_the_polls_time():
    scene = Scene(all_rows(), meter=ScriptedProfile([1, 2], columns=(STATUS,)))
    lines, _ = await scene.poll()
    assert [line.split(" ")[1:] for line in lines[:-1]] == [["value=1", str(TIME)], ["value=2", str(TIME + 1)]]


@on_a_jumping_clock
async def test_rows_that_did_not_leave_are_printed_the_next_time():
    scene = Scene(load_profile(), meter=ScriptedProfile())
    scene.lines.closed.set()
    with pytest.raises(OutputClosed):
        await scene.poll()
    scene.lines.closed.clear()
    assert rows((await scene.poll())[0]) == status_rows(6, 7)


@on_a_jumping_clock
async def test_a_profile_that_is_refused_leaves_the_others_alone():
    scene = Scene(value("other", obis="1.0.99.2.0.255", class_id=7), load_profile(), meter=ScriptedProfile())
    lines, counts = await scene.poll()
    assert rows(lines) == status_rows(6, 7)
    assert counts == (1, 1)
    assert scene.log.all == ["W house g/other: 1.0.99.2.0.255/2: its capture_objects: object-undefined (4)"]


@on_a_jumping_clock
async def test_an_empty_buffer_counts_as_read():
    scene = Scene(load_profile(), value("all", obis="1-0:99.1.0", class_id=7), meter=ScriptedProfile([]))
    lines, counts = await scene.poll()
    assert lines[0] == told(0)
    assert len(lines) == 2
    assert counts == (2, 0)
    assert scene.log.all == []


@on_a_jumping_clock
async def test_a_column_whose_scaler_is_refused_costs_no_other_column():
    scene = Scene(load_profile(), meter=ScriptedProfile(columns=(CLOCK, IMPORT, EXPORT)))
    scene.meter.attributes[ENERGY_UNIT] = 3
    lines, counts = await scene.poll()
    assert [(obis, fields) for obis, fields, _ in rows(lines)] == [
        ("1.0.2.8.0.255", "value=6"), ("1.0.2.8.0.255", "value=7"),
    ]  # fmt: skip
    assert counts == (1, 0)
    assert scene.log.all == [f"W house g/load: 1.0.1.8.0.255/2: {NOT_UNSCALED} (2 times)"]


@on_a_jumping_clock
async def test_rows_that_do_not_fit_are_said_and_the_columns_are_asked_for_again():
    scene = Scene(load_profile(), meter=ScriptedProfile())
    right = scene.meter.attributes[scene.meter.at(2)]
    scene.meter.attributes[scene.meter.at(2)] = array([structure(unsigned(1))])
    assert await scene.poll() == ([told(0)], (0, 1))
    assert scene.log.all == ["W house g/load: 1.0.99.1.0.255/2: a row of 1 cells for 2 columns"]
    scene.meter.take_asked()
    scene.meter.attributes[scene.meter.at(2)] = right
    assert rows((await scene.poll())[0]) == status_rows(6, 7)
    assert scene.meter.asked[0] == "capture_objects"
    assert PROFILE in scene.house.memory.captures
    assert scene.log.above_debug[1:] == ["I house g/load: 1.0.99.1.0.255/2: is read again"]


@on_a_jumping_clock
async def test_an_attribute_beside_the_buffer_that_is_refused_is_said_once_and_not_read_again_between():
    scene = Scene(all_rows(attributes=["buffer", "profile_entries"]), meter=ScriptedProfile())
    scene.meter.words = lambda *_: ""
    for _ in range(3):
        assert (await scene.poll())[1] == (1, 0)
    assert scene.log.above_debug == ["W house g/load: 1.0.99.1.0.255/8: object-undefined (4)"]


@on_a_jumping_clock
async def test_a_buffer_that_is_refused_beside_another_attribute_is_said_once():
    scene = Scene(all_rows(attributes=["buffer", "entries_in_use"]), meter=ScriptedProfile(refuses={0, 1, 2}))
    for _ in range(3):
        lines, counts = await scene.poll()
        assert [line.split(" ")[1] for line in lines] == ["entries_in_use=8i"]
        assert counts == (1, 0)
    assert scene.log.above_debug == ["W house g/load: 1.0.99.1.0.255/2: type-unmatched (12)"]


@on_a_jumping_clock
async def test_profiles_that_were_read_are_not_read_again_and_a_lost_one_counts_not_at_all():
    scene = Scene(load_profile(), value("other", obis="1.0.99.2.0.255", class_id=7), meter=ScriptedProfile())
    scene.meter.attributes[descriptor(7, "1.0.99.2.0.255", 3)] = LinkError("closed")
    scene.meter.words = lambda about, _: f"{about.logical_name[3]}/{about.attribute}"
    readout = scene.readout()
    with pytest.raises(LinkError):
        await readout.read_rest(scene.link)
    assert (readout.read, readout.refused) == (1, 0)
    scene.associate()
    scene.meter.attributes[descriptor(7, "1.0.99.2.0.255", 3)] = 4
    scene.meter.take_asked()
    await readout.read_rest(scene.link)
    assert (readout.read, readout.refused) == (1, 1)
    assert rows(scene.take_lines()) == status_rows(6, 7)
    assert scene.meter.asked == ["2/3"]


# Remarks.


def with_rows(*cells):
    """Return a profile whose buffer is these rows of a clock and a number."""
    meter = ScriptedProfile()
    meter.attributes[meter.at(2)] = array([structure(octets(clock), number) for clock, number in cells])
    return meter


NO_DEVIATION = bytes.fromhex("07ea 01 01 04 020000 ff 8000 ff")
IN_UTC = bytes.fromhex("07ea 01 01 04 020000 ff 0000 00")
NULL = encode(Tag.NULL_DATA)


@pytest.mark.parametrize(
    ("cell", "settings", "said"),
    [
        pytest.param(
            (IN_UTC, NULL), {},
            'g/load: null cells; if they repeat the cell above: workarounds.null_cells = "previous"',
            id="null cells",
        ),
        pytest.param((IN_UTC, NULL), {"workarounds": {"null_cells": "previous"}}, None, id="null cells, configured"),
        pytest.param(
            (NO_DEVIATION, unsigned(1)), {}, 'the meter gives no deviation; its time is taken for time_zone "UTC"',
            id="no deviation",
        ),
        pytest.param((NO_DEVIATION, unsigned(1)), {"time_zone": "Europe/Berlin"}, None, id="no deviation, configured"),
        pytest.param((IN_UTC, unsigned(1)), {}, None, id="nothing"),
    ],
)  # fmt: skip
@on_a_jumping_clock
async def test_what_an_operator_may_want_to_set_is_said_once(cell, settings, said):
    scene = Scene(load_profile(), meter=with_rows(cell), **settings)
    for _ in range(2):
        await scene.poll()
    assert scene.log.above_debug == ([] if said is None else [f"I house: {said}"])
