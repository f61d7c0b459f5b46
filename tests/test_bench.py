"""What ``make bench`` counts and tells, without measuring any time."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from bench import buffers, exchanges, fleets, report, serials
from bench.buffers import ProfileMeter
from bench.children import Usage as ProcessUsage
from bench.children import cores, staying_on
from bench.clients import ExampleClient, OurClient, OurProfileClient, silenced
from bench.fleet import INTERVAL_S, Fleet, Outcome, Tally, Verdict, address_of, name_of
from bench.meters import Counting, Recording, meter
from bench.paced import Line, Usage
from bench.registers import REGISTERS
from bench.report import Row, Section, as_markdown, as_text, at_least, at_most
from telegraf_dlms.config import load
from telegraf_dlms.plan import compile_plan
from telegraf_dlms.simulator.meter import OBJECTS

SECOND = 10**9
SECURITIES = ["none", "authentication_encryption"]


# Clients


@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
def test_both_clients_read_the_same_of_the_same_meter(interface, security):
    ours = OurClient(meter(interface, security), REGISTERS, interface=interface, security=security).poll()
    with silenced():
        example = ExampleClient(meter(interface, security), REGISTERS, interface=interface, security=security)
        example.poll_as_example()
    values = [float(line.rpartition(" ")[0].rpartition("=")[2]) for line in ours]
    assert values == [pytest.approx(float(register.value)) for register in example.registers]
    assert len(set(ours)) == len(REGISTERS) == 20


def test_the_registers_are_those_of_the_built_in_meter():
    assert {each.class_id for each in OBJECTS.values() if ".".join(map(str, each.logical_name)) in REGISTERS} == {3}


@pytest.mark.parametrize("security", SECURITIES)
def test_a_replay_gives_the_answers_that_were_taken_down(security):
    recording = Recording(meter("wrapper", security))
    first = OurClient(recording, REGISTERS, security=security).poll()
    assert OurClient(recording.replay(), REGISTERS, security=security).poll() == first


@pytest.mark.parametrize("block", [buffers.BLOCK, 60_000])
@pytest.mark.parametrize("security", SECURITIES)
def test_both_clients_read_the_same_rows(security, block):
    lines = OurProfileClient(ProfileMeter(security, block=block), security=security).poll()
    with silenced():
        rows = ExampleClient(ProfileMeter(security, block=block), [], security=security).read_profile()
    assert len(lines) == 4 * len(rows) == 4 * buffers.ROWS
    values = [float(line.split(" ")[1].removeprefix("value=")) for line in lines]
    assert values == [pytest.approx(cell / 10) for row in rows for cell in row[1:]]


# Exchanges


def test_a_poll_is_one_exchange_where_the_meter_does_lists_and_one_a_register_where_it_does_none():
    assert (exchanges.ours("wrapper"), exchanges.ours("wrapper", list_size=1)) == (1, len(REGISTERS))


def test_the_example_takes_two_exchanges_a_register_and_what_opens_and_ends_it():
    assert (exchanges.theirs("wrapper"), exchanges.theirs("hdlc")) == (2 * len(REGISTERS) + 2, 2 * len(REGISTERS) + 4)


def test_a_small_pdu_takes_more_exchanges_and_far_fewer_than_one_a_register():
    assert 1 < exchanges.ours("wrapper", max_pdu_size=exchanges.SMALL_PDU) <= 4


def test_counting_leaves_the_answers_alone():
    counting = Counting(meter("wrapper", "none"))
    lines = OurClient(counting, REGISTERS).poll()
    assert lines == OurClient(meter("wrapper", "none"), REGISTERS).poll()
    assert counting.exchanges == 2


# The slow line


def answer_of(answers):
    """Return a meter that answers the last octet of each message, and nothing to those before it."""
    waiting = iter(answers)
    return lambda octets: next(waiting) if octets == b"!" else b""


def test_octets_reach_the_other_end_one_after_the_other_each_in_its_time():
    line = Line(answer_of([b"abc"]), 0.5)
    line.heard(b"x!", 10.0)
    assert (line.due, line.move(10.4)) == (10.5, b"")
    assert line.move(11.0) == b""
    assert line.due == 11.5
    assert line.move(12.0) == b"ab"
    assert (line.move(12.5), line.due) == (b"c", None)
    assert line.usage == Usage(busy_s=2.5, octets=5)


def test_what_the_line_is_idle_is_whose_turn_it_was():
    line = Line(answer_of([b"ab", b"c"]), 0.5)
    line.heard(b"!", 10.0)
    line.move(10.5 + 0.25)  # so late does the meter answer: its octets begin then
    assert line.move(11.75) == b"ab"
    line.heard(b"!", 11.875)
    line.move(12.375)
    line.move(12.875)
    assert line.usage == Usage(busy_s=2.5, plugin_s=0.125, meter_s=0.25, plugin_turns=1, octets=5)
    assert line.usage.share == 2.5 / 2.875


def test_a_pause_between_two_polls_is_no_turn_around():
    line = Line(answer_of([b"a", b"b"]), 0.5)
    line.heard(b"!", 10.0)
    line.move(10.5)
    line.move(11.0)
    line.heard(b"!", 17.0)
    line.move(17.5)
    line.move(18.0)
    assert line.usage.share == 1.0
    assert Usage().share == 0.0


@pytest.mark.parametrize("load_", serials.loads(), ids=lambda each: each.name)
def test_a_slow_lines_configuration_is_good(load_, tmp_path):
    conf = tmp_path / "line.conf"
    conf.write_text(serials.configuration(load_, device="/dev/ttyUSB0"))
    (device,) = compile_plan(load([conf])).meters
    assert device.max_info_length == load_.max_info_length
    assert len(device.groups[0].values) == len(load_.values)


# Fleets


@pytest.mark.parametrize(
    "fleet", fleets.fleets({"BENCH_METERS": "5", "BENCH_SECONDS": "30"}), ids=lambda each: each.name
)
def test_a_fleets_configuration_is_good(fleet, tmp_path):
    conf = tmp_path / "fleet.conf"
    conf.write_text(fleet.configuration(port=4059, state_file=tmp_path / "fleet.state"))
    plan = compile_plan(load([conf]))
    assert [meter.name for meter in plan.meters] == [name_of(number) for number in range(fleet.meters)]
    assert {connection.persistent for connection in plan.connections} == {True}
    for each in plan.meters:
        assert (each.no_lists, bool(each.access.protection)) == (fleet.lists == "no_lists", fleet.security != "none")
        assert len(each.groups[0].values) == len(REGISTERS)
        assert each.groups[0].interval_ns == INTERVAL_S * SECOND


def test_the_environment_says_how_large_the_fleets_are_and_which_there_are():
    environment = {"BENCH_METERS": "10000", "BENCH_SECONDS": "600", "BENCH_FLEETS": "plain,no_lists"}
    assert [(each.meters, each.seconds, each.lists) for each in fleets.fleets(environment)] == [
        (10_000, 600, "lists"),
        (2_000, 600, "no_lists"),
    ]
    with pytest.raises(ValueError, match="BENCH_FLEETS: fast is none of plain, ciphered"):
        fleets.fleets({"BENCH_FLEETS": "fast"})


def test_meters_have_addresses_of_their_own():
    assert [address_of(number) for number in (0, 254, 9_999)] == ["127.0.0.1", "127.0.0.255", "127.0.39.16"]


def value_lines(name, time_ns):
    return "".join(f"dlms,device={name},obis={obis} value=1 {time_ns}\n" for obis in REGISTERS).encode()


def device_line(name, time_ns, result="ok"):
    return f'dlms_device,connection=c,device={name} up=1i,result="{result}",result_code=0i {time_ns}\n'.encode()


def taken(fleet, *polls, cut=7):
    """Return the tally of polls: meter, seconds behind its offset at which it began, how long it took, its result."""
    tally = Tally()
    for number, began_s, took_s, result in polls:
        time_ns = fleet.offset_ns(number) + round(began_s * SECOND)
        text = value_lines(name_of(number), time_ns) if result == "ok" else b""
        text += device_line(name_of(number), time_ns, result)
        tally.take(text[:-cut], time_ns)
        tally.take(text[-cut:], time_ns + round(took_s * SECOND))
    return tally


def judged(fleet, *polls):
    return taken(fleet, *polls).verdict(fleet, since_ns=100 * SECOND, until_ns=130 * SECOND)


def test_a_fleet_that_was_read_at_every_tick_was_on_time():
    fleet = Fleet(2, 30, spread_s=0)
    verdict = judged(fleet, *((number, tick, 0.25, "ok") for tick in (100, 110, 120) for number in (0, 1)))
    assert (verdict.due, verdict.in_time, verdict.lines, verdict.lines_due) == (6, 6, 120, 120)
    assert (verdict.delay(0), verdict.delay(0.5), verdict.delay(1)) == (0.25, 0.25, 0.25)


def test_what_was_late_failed_or_was_not_there_is_not_on_time():
    fleet = Fleet(1, 30, spread_s=0)
    verdict = judged(fleet, (0, 100.5, 9.75, "ok"), (0, 110, 1, "timeout"))
    assert (verdict.due, verdict.in_time, verdict.lines) == (3, 0, 20)
    assert verdict.delay(1) == 10.25


def test_a_meter_is_due_from_its_first_poll_on_and_one_that_was_never_polled_from_the_next_tick_on():
    fleet = Fleet(2, 30, spread_s=0)
    verdict = judged(fleet, (0, 108, 9, "ok"), (0, 110, 1, "ok"))
    assert (verdict.due, verdict.in_time) == (3 + 3, 1)
    assert taken(fleet, (0, 108, 9, "ok")).verdict(fleet, since_ns=101 * SECOND, until_ns=130 * SECOND).due == 3 + 2


def test_each_meter_is_due_at_its_own_time():
    fleet = Fleet(40, 30)
    offsets = {fleet.offset_ns(number) for number in range(40)}
    assert len(offsets) == 40
    assert 0 <= min(offsets) < max(offsets) < INTERVAL_S * SECOND
    verdict = judged(fleet, *((number, tick, 0.5, "ok") for number in range(40) for tick in (90, 100, 110, 120)))
    assert 80 <= verdict.due == verdict.in_time <= 120


def test_a_tally_knows_how_polls_ended_and_when_the_first_began():
    tally = taken(Fleet(2, 30, spread_s=0), (0, 102, 1, "ok"), (1, 101, 1, "connect"), (0, 112, 1, "ok"))
    assert tally.results() == Counter({"ok": 2, "connect": 1})
    assert tally.began_ns == 101 * SECOND


def test_a_run_leaves_the_process_on_the_cores_that_it_had():
    before = os.sched_getaffinity(0)
    core = cores(2)[1]
    with staying_on(core):
        assert os.sched_getaffinity(0) == ({core} if core is not None else before)
    assert os.sched_getaffinity(0) == before


def outcome(fleet, *, share=0.5, peak=100_000_000, delays=(0.1,) * 100):
    verdict = Verdict(len(delays), len(delays) * len(REGISTERS), delays)
    return Outcome(fleet, verdict, Counter(ok=len(delays)), ProcessUsage(12.5, peak, 0), share, 0.1)


def verdicts(told):
    return [row.verdict for row in told.rows]


def test_a_fleet_is_held_to_its_part_of_the_core_and_of_the_memory():
    good = fleets.section(outcome(Fleet(1000, 60), share=0.1), before_octets=50_000_000)
    assert verdicts(good) == ["met", "met", "", "met", "met"]
    assert good.rows[3].ratio == "1000.0 µs a poll"
    assert good.rows[4].ratio == "50.0 KB a meter"
    heavy = outcome(Fleet(1000, 60), share=0.11, peak=120_000_000, delays=(0.1, 10.5))
    assert verdicts(fleets.section(heavy, before_octets=50_000_000)) == ["missed", "met", "", "missed", "missed"]
    full = fleets.section(outcome(Fleet(20_000, 60), share=0.99), before_octets=50_000_000)
    assert full.rows[3].verdict == "met"


# The report


SECTION = Section("Exchanges", (Row("a poll", "1", "44", "44x fewer", "1", "met"), Row("another | one", "20")))


def test_a_section_is_a_table_in_a_terminal():
    assert as_text(SECTION) == (
        "Exchanges\n"
        "  what           ours  against  ratio      target\n"
        "  a poll         1     44       44x fewer  1       met\n"
        "  another | one  20\n"
    )


def test_the_report_is_markdown():
    lines = as_markdown([SECTION], about=["On a machine."]).splitlines()
    assert lines[:3] == ["# What `make bench` measured", "", "On a machine."]
    assert lines[4:] == [
        "## Exchanges",
        "",
        "| what | ours | against | ratio | target |  |",
        "| --- | --- | --- | --- | --- | --- |",
        "| a poll | 1 | 44 | 44x fewer | 1 | met |",
        "| another / one | 20 |  |  |  |  |",
    ]


def test_a_target_is_met_at_its_very_value():
    assert [at_most(value, 1.5) for value in (1.4, 1.5, 1.6)] == ["met", "met", "missed"]
    assert [at_least(value, 4) for value in (3.9, 4, 4.1)] == ["missed", "met", "met"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (report.times_less(2.0, 9.0), "4.5x less"),
        (report.times_less(2.0, 90.0), "45x less"),
        (report.microseconds(0.00000742), "7.4 µs"),
        (report.milliseconds(0.0134), "13.4 ms"),
        (report.megabytes(60_000_000), "60 MB"),
        (report.kilobytes(35_160), "35.2 KB"),
        (report.percent(1.0), "100 %"),
        (report.percent(0.999999), "99.99 %"),
        (report.percent(0.0), "0.00 %"),
    ],
)
def test_numbers_are_told_as_people_read_them(text, expected):
    assert text == expected
