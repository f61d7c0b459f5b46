"""What one poll prints of profiles whose clocks are wrong, set back, left out or broken."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from readout_scene import Scene, all_rows, rows, status_rows, told
from scripted_meter import descriptor, octets, unsigned
from scripted_profile import ScriptedProfile, date_time, quarter
from stations import load_profile, value
from telegraf_dlms.axdr import Tag, array, encode, structure

#: The number of a row that was captured by a clock of the year 2099.
FAR = 73 * 365 * 96

FIFO, LIFO, LARGEST = 1, 2, 3
SELECTIVE = [
    pytest.param((), id="any selection"),
    pytest.param((1,), id="entries alone"),
    pytest.param((2,), id="ranges alone"),
    pytest.param((1, 2), id="no selection"),
]


async def printed(scene):
    return rows((await scene.poll())[0])


# A clock that is years ahead.


@pytest.mark.parametrize("settings", [{}, {"entries": 4}], ids=["all rows", "entries"])
@pytest.mark.parametrize("sort_method", [FIFO, LIFO, LARGEST], ids=["fifo", "lifo", "largest"])
@pytest.mark.parametrize("refuses", SELECTIVE)
@on_a_jumping_clock
async def test_a_row_of_2099_that_is_the_newest_at_first_silences_nothing_that_comes_later(
    refuses, sort_method, settings
):
    meter = ScriptedProfile([*range(6), FAR], refuses=refuses, sort_method=sort_method)
    scene = Scene(all_rows(**settings), meter=meter)
    seen = await printed(scene)
    assert seen[-1:] == status_rows(FAR)
    for number in (6, 7, 8):
        meter.numbers.append(number)
        seen += await printed(scene)
        assert seen[-1:] == status_rows(number)
    assert await printed(scene) == []
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("settings", [{}, {"entries": 4}], ids=["all rows", "entries"])
@pytest.mark.parametrize("sort_method", [FIFO, LIFO, LARGEST], ids=["fifo", "lifo", "largest"])
@pytest.mark.parametrize("refuses", SELECTIVE)
@on_a_jumping_clock
async def test_a_row_of_2099_that_comes_between_silences_nothing(refuses, sort_method, settings):
    by_range = not settings and (
        refuses == (2,) or (sort_method == LARGEST and 1 not in refuses)
    )  # a range ends a year from now
    meter = ScriptedProfile(range(6), refuses=refuses, sort_method=sort_method)
    scene = Scene(all_rows(**settings), meter=meter)
    await scene.poll()
    for number in (6, FAR, 7, 8):
        meter.numbers.append(number)
        assert await printed(scene) == ([] if by_range and number == FAR else status_rows(number))
    assert await printed(scene) == []


@on_a_jumping_clock
async def test_no_entry_is_lost_to_rows_of_2099_in_a_buffer_that_is_sorted_by_largest():
    meter = ScriptedProfile([FAR, FAR + 1, *range(4)], sort_method=LARGEST)
    scene = Scene(load_profile(entries=1), meter=meter)
    assert await printed(scene) == status_rows(3, FAR, FAR + 1)
    meter.numbers.append(4)
    assert await printed(scene) == status_rows(4)


@on_a_jumping_clock
async def test_a_meter_whose_clock_is_always_years_ahead_is_read_all_the_same():
    meter = ScriptedProfile(range(FAR, FAR + 8))
    scene = Scene(all_rows(backfill="30m"), meter=meter)
    assert await printed(scene) == status_rows(FAR + 5, FAR + 6, FAR + 7)
    meter.numbers.append(FAR + 8)
    assert await printed(scene) == status_rows(FAR + 8)


@pytest.mark.parametrize("settings", [{}, {"entries": 9}], ids=["all rows", "entries"])
@on_a_jumping_clock
async def test_no_row_of_2099_ends_a_gap(settings):
    scene = Scene(all_rows(**settings), meter=ScriptedProfile([*range(6), FAR, 6, 7], refuses={1, 2}))
    assert (await scene.poll())[0][-1] == told(9)
    scene.meter.numbers += [FAR + 5, 9]
    assert (await scene.poll())[0][-1] == told(2, gap_s=900)


# A clock that was set back.


def local(hour, minute, status):
    """Return what a clock in Berlin says in the night in which summer time ends, without a deviation."""
    return bytes.fromhex(f"07e9 0a 1a 07 {hour:02x} {minute:02x} 00 00 8000 {status:02x}")


AUTUMN = quarter(0) - 67 * 86400 * 10**9  # 2025-10-26 00:00 UTC
QUARTERS = (0, 15, 30, 45)
HOUR_TWICE = [(hour, minute) for hour in (2, 2, 3) for minute in QUARTERS]
MARKED = [0x80] * 4 + [0] * 8


@pytest.mark.parametrize(
    ("statuses", "hours"),
    [
        pytest.param(MARKED, [0, 1, 2], id="summer time is marked"),
        pytest.param([0] * 12, [1, 1, 2], id="nothing tells the hours apart"),
    ],
)
@pytest.mark.parametrize("refuses", SELECTIVE)
@on_a_jumping_clock
async def test_rows_of_the_hour_that_comes_twice_are_all_printed_once(refuses, statuses, hours):
    clocks = {1000 + place: local(*HOUR_TWICE[place], status) for place, status in enumerate(statuses)}
    meter = ScriptedProfile([], refuses=refuses, clocks=clocks)
    scene = Scene(all_rows(backfill="30m"), meter=meter, time_zone="Europe/Berlin")
    times = [AUTUMN + (60 * hour + minute) * 60 * 10**9 for hour in hours for minute in QUARTERS]
    for place, status in enumerate(statuses):
        meter.numbers.append(1000 + place)
        (line, last), _ = await scene.poll()
        fields = f"value={1000 + place}" + (",clock_status=128i" if status else "")
        time = times[place] + times[:place].count(times[place])
        assert line.split(" ")[1:] == [fields, str(time)]
        assert last == told(1)
    assert await printed(scene) == []


@pytest.mark.parametrize("refuses", SELECTIVE)
@on_a_jumping_clock
async def test_rows_of_a_clock_that_was_set_back_by_an_hour_are_all_printed_once(refuses):
    clocks = {100 + number: date_time(number) for number in range(4, 10)}
    scene = Scene(all_rows(backfill="30m"), meter=ScriptedProfile(refuses=refuses, clocks=clocks))
    assert await printed(scene) == status_rows(5, 6, 7)
    expected = [
        (104, 4, None if refuses == (2,) else 1),
        (105, 5, 1),
        (106, 6, 1),
        (107, 7, 1),
        (108, 8, 0),
        (109, 9, 0),
    ]
    for number, time, later in expected:
        scene.meter.numbers.append(number)
        lines, _ = await scene.poll()
        if later is None:  # before what was wanted first, and a range does not tell when it was captured
            assert lines == [told(0)]
        else:
            assert lines[0].split(" ")[1:] == [f"value={number}", str(quarter(time) + later)]
            assert lines[1:] == [told(1)]


# Clocks that are left out, or broken.


@pytest.mark.parametrize("refuses", [(), (2,)], ids=["any selection", "no entries"])
@pytest.mark.parametrize("sort_method", [FIFO, LIFO], ids=["fifo", "lifo"])
@on_a_jumping_clock
async def test_one_entry_without_a_clock_has_its_time_from_the_rows_before_it(sort_method, refuses):
    meter = ScriptedProfile(range(40), refuses=refuses, sort_method=sort_method)
    scene = Scene(load_profile(entries=1), meter=meter)
    assert await printed(scene) == status_rows(39)
    for number in (40, 41):
        meter.clocks[number] = None
        meter.numbers.append(number)
        assert await printed(scene) == status_rows(number)


@pytest.mark.parametrize("refuses", SELECTIVE)
@on_a_jumping_clock
async def test_all_new_rows_without_a_clock_have_their_times_from_the_row_before_them(refuses):
    meter = ScriptedProfile(refuses=refuses)
    scene = Scene(all_rows(), meter=meter)
    await scene.poll()
    for number in (8, 9, 10):
        meter.clocks[number] = None
        meter.numbers.append(number)
        assert await printed(scene) == status_rows(number)


@on_a_jumping_clock
async def test_a_row_with_a_broken_clock_costs_itself_alone_and_makes_the_poll_partial():
    no_day = bytes.fromhex("07ea 02 1e ff 000000 00 0000 00")
    scene = Scene(load_profile(entries=3), meter=ScriptedProfile([5, 6, 7], clocks={6: no_day}))
    readout = scene.readout()
    await readout.read_rest(scene.link)
    assert rows(scene.take_lines()) == status_rows(5, 7)
    assert (readout.read, readout.refused, readout.is_partial) == (1, 0, True)
    assert scene.log.all == ["W house g/load: 0.0.1.0.0.255/2: a row's clock is no time: 07ea021eff00000000000000"]
    del scene.meter.clocks[6]
    again = scene.readout()
    await again.read_rest(scene.link)
    assert not again.is_partial
    assert scene.log.above_debug[1:] == ["I house g/load: 0.0.1.0.0.255/2: is read again"]


# Remarks.


@on_a_jumping_clock
async def test_remarks_about_rows_are_made_once_for_each_device_and_not_for_each_profile():
    no_deviation = bytes.fromhex("07ea 01 01 04 020000 ff 8000 ff")
    meter = ScriptedProfile()
    buffer = array([structure(octets(no_deviation), cell) for cell in (unsigned(1), encode(Tag.NULL_DATA))])
    other = "1.0.99.2.0.255"
    meter.attributes |= {meter.at(2): buffer, descriptor(7, other, 2): buffer}
    meter.attributes |= {descriptor(7, other, number): meter.attributes[meter.at(number)] for number in (3, 4, 5, 7)}
    scene = Scene(load_profile(), value("other", obis=other, class_id=7, entries=2), meter=meter)
    for _ in range(2):
        await scene.poll()
    assert scene.log.above_debug == [
        'I house: g/load: null cells; if they repeat the cell above: workarounds.null_cells = "previous"',
        'I house: the meter gives no deviation; its time is taken for time_zone "UTC"',
    ]
