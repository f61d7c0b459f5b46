"""A profile's buffer to rows of printed lines."""

from __future__ import annotations

import math
import random

import pytest

from telegraf_dlms.axdr import BitString, DateTime, VisibleString
from telegraf_dlms.cosem import CLASS_NAMES, AttributeDescriptor, CaptureObject, ScalerUnit
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import DataRefused, MappingError
from telegraf_dlms.metrics import Presentation
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.printed import PrintedRows
from telegraf_dlms.profile import ProfileSeries, needed_scalers

MIDNIGHT = 1767225600
POLL = 1767300000_000000000
WH = ScalerUnit(-1, 30)
PROFILE = parse_obis("1.0.99.1.0.255")

CLOCK = CaptureObject(8, parse_obis("0.0.1.0.0.255"), 2, 0)
UNIX = CaptureObject(1, parse_obis("0.0.1.1.0.255"), 2, 0)
STATUS = CaptureObject(1, parse_obis("0.0.96.10.1.255"), 2, 0)
IMPORT = CaptureObject(3, parse_obis("1.0.1.8.0.255"), 2, 0)
MAXIMUM = CaptureObject(4, parse_obis("1.0.1.6.0.255"), 2, 0)


def layout(*captures, scalers=None, **options):
    series = ProfileSeries(
        "dlms",
        tags={"name": "p"},
        logical_name=PROFILE,
        presentation=Presentation("utf-8", options.pop("clock", DeviceClock())),
        **options,
    )
    if scalers is None:
        scalers = dict.fromkeys(needed_scalers(captures), WH)
    return series.prepare(captures, scalers)


def rows_of(made, buffer, *, period=900, sort_method=1):
    return made.rows(buffer, capture_period=period, sort_method=sort_method, poll_time_ns=POLL)


def at(hour, minute=0, *, status=0) -> bytes:
    return bytes((7, 0xEA, 1, 1, 4, hour, minute, 0, 0, 0, 0, status))


def ns(hour, minute=0) -> int:
    return (MIDNIGHT + hour * 3600 + minute * 60) * 1_000_000_000


def cells(rows) -> list[str]:
    """Return what is short to read of each line: the obis, the fields, and the time of day with its nanoseconds."""
    short = []
    for row in rows.rows:
        for line in row.lines:
            tags, fields, time = line.split(" ")
            obis = dict(tag.split("=") for tag in tags.split(",")[1:])["obis"]
            minutes, nanoseconds = divmod(int(time) - ns(0), 60_000_000_000)
            short.append(f"{obis} {fields} {minutes // 60:02}:{minutes % 60:02}+{nanoseconds}")
    return short


def test_each_cell_is_a_line_at_its_rows_time_and_the_clock_is_none():
    made = layout(CLOCK, STATUS, IMPORT)
    rows = rows_of(made, [(at(1), 0, 12345), (at(1, 15), 4, 12350)])
    assert [line for row in rows.rows for line in row.lines] == [
        f"dlms,class_id=1,name=p,obis=0.0.96.10.1.255,profile=1.0.99.1.0.255 value=0 {ns(1)}",
        f"dlms,class_id=3,name=p,obis=1.0.1.8.0.255,profile=1.0.99.1.0.255,unit=Wh value=1234.5 {ns(1)}",
        f"dlms,class_id=1,name=p,obis=0.0.96.10.1.255,profile=1.0.99.1.0.255 value=4 {ns(1, 15)}",
        f"dlms,class_id=3,name=p,obis=1.0.1.8.0.255,profile=1.0.99.1.0.255,unit=Wh value=1235 {ns(1, 15)}",
    ]
    assert (rows.problems, rows.misfits, rows.nulls) == ((), 0, 0)


@pytest.mark.parametrize(
    ("status", "suffix"), [(0, ""), (0xFF, ""), (8, ",clock_status=8i"), (0x80, ",clock_status=128i")]
)
def test_a_status_of_the_clock_that_tells_something_is_on_each_line(status, suffix):
    rows = rows_of(layout(CLOCK, STATUS, IMPORT), [(at(1, status=status), 1, 20)])
    assert cells(rows) == [f"0.0.96.10.1.255 value=1{suffix} 01:00+0", f"1.0.1.8.0.255 value=2{suffix} 01:00+0"]


def test_a_null_clock_follows_in_fifo_with_the_status_of_the_clock_that_it_follows():
    buffer = [(None, 0), (at(1, status=8), 1), (None, 2), (b"\xff" * 12, 3), (at(5), 4), (None, 5)]
    assert cells(rows_of(layout(CLOCK, STATUS), buffer)) == [
        "0.0.96.10.1.255 value=0,clock_status=8i 00:45+0",
        "0.0.96.10.1.255 value=1,clock_status=8i 01:00+0",
        "0.0.96.10.1.255 value=2,clock_status=8i 01:15+0",
        "0.0.96.10.1.255 value=3,clock_status=8i 01:30+0",
        "0.0.96.10.1.255 value=4 05:00+0",
        "0.0.96.10.1.255 value=5 05:15+0",
    ]


@pytest.mark.parametrize(
    ("sort_method", "period", "expected"),
    [
        pytest.param(1, 900, ["1 01:00+0", "2 01:15+0", "3 01:30+0"], id="fifo"),
        pytest.param(None, 900, ["1 01:00+0", "2 01:15+0", "3 01:30+0"], id="order unknown: as fifo"),
        pytest.param(2, 900, ["3 00:30+0", "2 00:45+0", "1 01:00+0"], id="lifo: back in time, oldest first"),
        pytest.param(1, 0, ["1 01:00+0", "2 01:00+1", "3 01:00+2"], id="no period: kept"),
        pytest.param(2, 0, ["3 01:00+0", "2 01:00+1", "1 01:00+2"], id="no period, lifo: in capture order"),
        pytest.param(3, 900, ["1 01:00+0", "2 01:00+1", "3 01:00+2"], id="another order: kept"),
    ],
)
def test_a_null_clock_goes_by_order_and_period(sort_method, period, expected):
    buffer = [(at(1), 1), (None, 2), (None, 3)]
    rows = rows_of(layout(CLOCK, STATUS), buffer, period=period, sort_method=sort_method)
    assert cells(rows) == [f"0.0.96.10.1.255 value={cell}" for cell in expected]


def test_rows_of_another_order_come_by_time():
    rows = rows_of(layout(CLOCK, STATUS), [(at(3), 9), (at(1), 8), (at(2), 7)], sort_method=3)
    assert cells(rows) == [f"0.0.96.10.1.255 value={text}" for text in ("8 01:00+0", "7 02:00+0", "9 03:00+0")]


def test_rows_without_any_clock_have_the_polls_time_a_nanosecond_apart():
    rows = rows_of(layout(STATUS), [(5,), (6,)])
    assert [(row.clock_ns, row.time_ns) for row in rows.rows] == [(None, POLL), (None, POLL + 1)]
    rows = rows_of(layout(CLOCK, STATUS), [(None, 5)])
    assert [(row.clock_ns, row.time_ns) for row in rows.rows] == [(None, POLL)]


def test_rows_of_one_time_are_a_nanosecond_apart_the_same_at_every_read():
    made, memory = layout(CLOCK, STATUS), PrintedRows()
    first = rows_of(made, [(at(1), 1), (at(1), 2), (at(2), 3)]).rows
    memory.commit(memory.place(first), printed_ns=1)
    second = rows_of(made, [(at(1), 2), (at(1), 9), (at(2), 3)]).rows
    fresh = memory.place(memory.unprinted(second, order="captured"))
    assert [row.time_ns for row in first] == [ns(1), ns(1) + 1, ns(2)]
    assert [row.lines[0].split(" ")[1:] for row in fresh] == [["value=9", str(ns(1) + 2)]]


def test_unix_seconds_are_a_clock():
    rows = rows_of(layout(UNIX, STATUS), [(MIDNIGHT + 3600, 5)])
    assert cells(rows) == ["0.0.96.10.1.255 value=5 01:00+0"]


def test_a_date_time_among_the_cells_is_the_clock_where_there_is_no_other():
    captured = CaptureObject(1, parse_obis("0.0.96.2.0.255"), 2, 0)
    rows = rows_of(layout(STATUS, captured, IMPORT), [(1, None, 10), (2, at(1), 20)])
    assert cells(rows) == [
        "0.0.96.10.1.255 value=1 00:45+0",
        "1.0.1.8.0.255 value=1 00:45+0",
        "0.0.96.10.1.255 value=2 01:00+0",
        "1.0.1.8.0.255 value=2 01:00+0",
    ]


def test_further_clocks_and_captured_times_are_cells():
    second = CaptureObject(8, parse_obis("0.0.1.0.1.255"), 2, 0)
    captured = MAXIMUM._replace(attribute=5)
    rows = rows_of(layout(CLOCK, second, UNIX, MAXIMUM, captured), [(at(1), at(2), 77, 50, DateTime(at(3)))])
    assert cells(rows) == [
        '0.0.1.0.1.255 clock_time="2026-01-01T02:00:00+00:00" 01:00+0',
        "0.0.1.1.0.255 value=77 01:00+0",
        "1.0.1.6.0.255 value=5 01:00+0",
        '1.0.1.6.0.255 capture_time="2026-01-01T03:00:00+00:00" 01:00+0',
    ]


@pytest.mark.parametrize(
    ("captures", "row", "line"),
    [
        pytest.param((CLOCK,), (at(1),), '0.0.1.0.0.255 clock_time="2026-01-01T01:00:00+00:00" 01:00+0', id="clock"),
        pytest.param((CLOCK, STATUS), (at(1), None), '0.0.1.0.0.255 clock_time="2026-01-01T01:00:00+00:00" 01:00+0',
                     id="nothing but nulls beside it"),
        pytest.param((CLOCK,), (at(1, status=8),),
                     '0.0.1.0.0.255 clock_time="2026-01-01T01:00:00+00:00",clock_status=8i 01:00+0', id="its status"),
        pytest.param((UNIX,), (MIDNIGHT + 60,), '0.0.1.1.0.255 clock_time="2026-01-01T00:01:00+00:00" 00:01+0',
                     id="Unix seconds"),
    ],
)  # fmt: skip
def test_a_row_with_nothing_else_prints_its_clock(captures, row, line):
    assert cells(rows_of(layout(*captures), [row])) == [line]


def test_a_clock_left_out_in_a_row_with_nothing_else_prints_the_time_in_utc():
    rows = rows_of(layout(CLOCK), [(at(1),), (None,)])
    assert cells(rows)[1] == '0.0.1.0.0.255 clock_time="2026-01-01T01:15:00+00:00" 01:15+0'


def test_a_null_cell_gives_no_field_but_keeps_its_column():
    rows = rows_of(layout(CLOCK, STATUS, IMPORT), [(at(1), None, 10), (at(2), 2, None)])
    assert cells(rows) == ["1.0.1.8.0.255 value=1 01:00+0", "0.0.96.10.1.255 value=2 02:00+0"]
    assert rows.nulls == 2


def test_null_cells_repeat_the_one_above_where_the_meter_compresses_so():
    made = layout(CLOCK, STATUS, IMPORT, null_cells="previous")
    rows = rows_of(made, [(at(1), None, 10), (None, 2, None), (None, None, None)])
    assert cells(rows) == [
        "1.0.1.8.0.255 value=1 01:00+0",
        "0.0.96.10.1.255 value=2 01:15+0",
        "1.0.1.8.0.255 value=1 01:15+0",
        "0.0.96.10.1.255 value=2 01:30+0",
        "1.0.1.8.0.255 value=1 01:30+0",
    ]
    assert rows.nulls == 4


@pytest.mark.parametrize(
    "row", [(at(1), 5), (at(1), 5, 6, 7), (), 5], ids=["shorter", "longer", "empty", "no structure"]
)
def test_a_row_that_does_not_fit_is_refused_and_shifts_nothing(row):
    rows = rows_of(layout(CLOCK, STATUS, IMPORT), [(at(1), 1, 10), row, (None, 3, 30)])
    assert cells(rows) == [
        "0.0.96.10.1.255 value=1 01:00+0",
        "1.0.1.8.0.255 value=1 01:00+0",
        "0.0.96.10.1.255 value=3 01:30+0",
        "1.0.1.8.0.255 value=3 01:30+0",
    ]
    assert rows.misfits == 1
    (problem,) = rows.problems
    assert problem.attribute == AttributeDescriptor(7, PROFILE, 2)
    assert "3 columns" in str(problem.error)


def test_a_row_whose_clock_is_no_time_is_refused():
    wildcard = bytes.fromhex("07EAFF01FF000000FF800000")
    rows = rows_of(layout(CLOCK, STATUS), [(at(1), 1), (wildcard, 2), (None, 3)])
    assert cells(rows) == ["0.0.96.10.1.255 value=1 01:00+0", "0.0.96.10.1.255 value=3 01:30+0"]
    (problem,) = rows.problems
    assert problem.attribute == AttributeDescriptor(*CLOCK[:3])
    assert wildcard.hex() in str(problem.error)


def test_a_column_whose_scaler_is_unknown_is_refused_and_said_once():
    rows = rows_of(layout(CLOCK, STATUS, IMPORT, scalers={}), [(at(hour), 1, 10) for hour in range(20)])
    assert cells(rows) == [f"0.0.96.10.1.255 value=1 {hour:02}:00+0" for hour in range(20)]
    (problem,) = rows.problems
    assert (problem.attribute, problem.times) == (AttributeDescriptor(*IMPORT[:3]), 20)
    assert isinstance(problem.error, DataRefused)


def test_a_row_of_which_all_was_refused_is_not_there_yet():
    rows = rows_of(layout(CLOCK, IMPORT, scalers={}), [(at(1), 10)])
    assert rows.rows == ()
    assert len(rows.problems) == 1


def test_a_cell_that_cannot_be_a_field_leaves_the_others_alone():
    rows = rows_of(layout(CLOCK, STATUS, IMPORT), [(at(1), math.nan, 10)])
    assert cells(rows) == ["1.0.1.8.0.255 value=1 01:00+0"]
    assert isinstance(rows.problems[0].error, MappingError)


def test_an_element_of_an_attribute_has_its_data_index_and_its_attributes_scaler():
    element = IMPORT._replace(data_index=2)
    rows = rows_of(layout(CLOCK, element), [(at(1), 10)])
    assert rows.rows[0].lines == [
        f"dlms,class_id=3,data_index=2,name=p,obis=1.0.1.8.0.255,profile=1.0.99.1.0.255,unit=Wh value=1 {ns(1)}"
    ]


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param((MAXIMUM.logical_name, 500, (-2, 27), 8, at(1)), id="with its logical_name"),
        pytest.param((None, 500, (-2, 27), 8, at(1)), id="with a null for it"),
        pytest.param((bytes(6), 500, (-2, 27), 8, at(1)), id="with another one"),
        pytest.param((7, 500, (-2, 27), 8, at(1)), id="with something else in its place"),
        pytest.param((500, (-2, 27), 8, at(1)), id="without"),
    ],
)
def test_all_attributes_of_an_object_are_the_line_that_the_object_would_have(cell):
    rows = rows_of(layout(CLOCK, MAXIMUM._replace(attribute=0)), [(at(1), cell)])
    (line,) = rows.rows[0].lines
    assert line == (
        "dlms,class_id=4,name=p,obis=1.0.1.6.0.255,profile=1.0.99.1.0.255,unit=W "
        f'value=5,status=8i,capture_time="2026-01-01T01:00:00+00:00" {ns(1)}'
    )


SECURITY = CaptureObject(64, parse_obis("0.0.43.0.0.255"), 0, 0)
OWN_CLASS = CaptureObject(9000, parse_obis("0.0.128.0.0.255"), 0, 0)


@pytest.mark.parametrize(
    ("column", "cell", "fields"),
    [
        (SECURITY, (SECURITY.logical_name, 3, 0), None),
        (SECURITY, (SECURITY.logical_name, 3, 0, b"C", b"S"), "security_policy=3i,security_suite=0i,"),
        (SECURITY, (3, 0, b"C", b"S"), "security_policy=3i,security_suite=0i,"),
        (SECURITY, (SECURITY.logical_name, 3, 0, b"C", b"S", []), "security_policy=3i,security_suite=0i,"),
        (SECURITY, (3, 0, b"C", b"S", []), None),
        (OWN_CLASS, (OWN_CLASS.logical_name, 7, b"A1"), 'attribute_2=7,attribute_3_text="A1"'),
        (OWN_CLASS, (7, b"A1"), None),
    ],
)
def test_all_attributes_of_an_object_may_be_those_of_an_older_version_or_of_a_class_that_is_not_known(
    column, cell, fields
):
    rows = rows_of(layout(CLOCK, column), [(at(1), cell)])
    printed = [line.split(" ")[1] for row in rows.rows for line in row.lines]
    assert (printed[0].startswith(fields) if fields else printed == []) is True
    assert len(rows.problems) == (fields is None)


def test_all_attributes_of_an_object_use_the_known_scaler_where_the_cell_has_none():
    rows = rows_of(layout(CLOCK, IMPORT._replace(attribute=0)), [(at(1), (None, 500, None))])
    assert cells(rows) == ["1.0.1.8.0.255 value=50 01:00+0"]


def test_all_attributes_of_an_object_must_be_a_structure():
    rows = rows_of(layout(CLOCK, STATUS, IMPORT._replace(attribute=0)), [(at(1), 1, 500), (at(2), 2, None)])
    assert cells(rows) == ["0.0.96.10.1.255 value=1 01:00+0", "0.0.96.10.1.255 value=2 02:00+0"]
    assert len(rows.problems) == 1


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        pytest.param(IMPORT, (IMPORT.logical_name, 500, (-2, 30), 8), id="more than the class has"),
        pytest.param(MAXIMUM, (500, (-2, 30), 8), id="two fewer"),
        pytest.param(MAXIMUM, (MAXIMUM.logical_name, 500, (-2, 30), 8), id="its logical_name, but not its last one"),
        pytest.param(IMPORT, (), id="none"),
        pytest.param(STATUS._replace(class_id=9999), (1, 2), id="a class that is not known"),
    ],
)
def test_all_attributes_of_an_object_are_refused_where_they_could_be_others(column, cell):
    rows = rows_of(layout(CLOCK, STATUS, column._replace(attribute=0)), [(at(1), 1, cell)])
    assert cells(rows) == ["0.0.96.10.1.255 value=1 01:00+0"]
    (problem,) = rows.problems
    assert isinstance(problem.error, MappingError)
    assert f"{len(cell)} elements" in str(problem.error)


def test_a_compact_array_of_one_column_has_no_structures():
    assert cells(rows_of(layout(CLOCK), [at(1), at(2)])) == [
        f'0.0.1.0.0.255 clock_time="2026-01-01T0{hour}:00:00+00:00" 0{hour}:00+0' for hour in (1, 2)
    ]


@pytest.mark.parametrize(("buffer", "problems"), [(None, 0), ([], 0), (5, 1), (b"\x01", 1), ((at(1), 1), 1)])
def test_a_buffer_without_rows_is_empty_and_what_is_no_array_is_a_problem(buffer, problems):
    rows = rows_of(layout(CLOCK, STATUS), buffer)
    assert rows.rows == ()
    assert len(rows.problems) == problems


def test_the_devices_clock_gives_the_rows_their_time():
    local = bytes.fromhex("07EA0101040D000000800000")
    made = layout(CLOCK, STATUS, clock=DeviceClock(time_zone="+02:00"))
    assert cells(rows_of(made, [(local, 1)])) == ["0.0.96.10.1.255 value=1 11:00+0"]


def test_problems_stay_few_however_many_rows_have_them():
    made = layout(CLOCK, STATUS)
    rows = rows_of(made, [(bytes((number % 7,)), number) for number in range(5000)])
    (problem,) = rows.problems
    assert problem.times == 5000


def random_value(rng: random.Random, depth: int = 3):
    octets = rng.randbytes(rng.choice((0, 1, 4, 5, 6, 12)))
    kinds = (
        lambda: None,
        lambda: rng.randrange(-(2**63), 2**64) >> rng.randrange(64),
        lambda: rng.choice((True, False, math.nan, math.inf, 1e308, 0.1)),
        lambda: rng.choice((octets, at(rng.randrange(24)), DateTime(rng.randbytes(12)), b"\xff" * 12)),
        lambda: rng.choice((VisibleString(octets), BitString("010"), octets.decode("latin-1"))),
        lambda: tuple(random_value(rng, depth - 1) for _ in range(rng.randrange(4))) if depth else None,
        lambda: [random_value(rng, depth - 1) for _ in range(rng.randrange(4))] if depth else None,
    )
    return rng.choice(kinds)()


def test_nothing_that_a_meter_can_send_raises_or_breaks_a_line():
    rng = random.Random(7)
    captured = [
        CaptureObject(class_id, STATUS.logical_name, attribute, 0) for class_id in CLASS_NAMES for attribute in range(9)
    ]
    for _ in range(1500):
        columns = (CLOCK, *rng.sample(captured, 3))
        made = layout(*columns, null_cells=rng.choice(("", "previous")))
        buffer = [tuple(random_value(rng) for _ in range(rng.choice((4, 4, 4, 3)))) for _ in range(4)]
        rows = rows_of(made, buffer, period=rng.randrange(2**32), sort_method=rng.randrange(7))
        for row in rows.rows:
            assert -(2**63) <= row.time_ns < 2**63
            assert all(line.isprintable() and line.startswith("dlms,class_id=") for line in row.lines)
