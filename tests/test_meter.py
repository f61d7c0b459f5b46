"""One device while the process lives."""

from __future__ import annotations

import pytest

from hdlc_frames import CLIENT, SERVER, UA
from scripted_meter import SaidLog, association, descriptor
from scripted_profile import CLOCK, IMPORT, PROFILE, STATUS
from stations import connection, device, group, load_profile, plan_of, serial_number, value
from talking import drive
from telegraf_dlms.cosem import ScalerUnit
from telegraf_dlms.errors import Silence
from telegraf_dlms.hdlc import Frame, FrameBuffer, Kind, Parameters, decode_parameters
from telegraf_dlms.lock_out import LOCK_NS
from telegraf_dlms.log import Changes
from telegraf_dlms.meter import (
    BACK_OFF_SHARE,
    FIRST_BACK_OFF_NS,
    LONGEST_BACK_OFF_NS,
    MEMORY_NS,
    BackOff,
    Counted,
    KeptRows,
    Meter,
)
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.printed import PrintedRows
from telegraf_dlms.state import state_in_memory

SECOND = 1_000_000_000
TIME = 1_767_225_600 * SECOND
ENERGY = descriptor(3, "1.0.1.8.0.255")


def meter(*tables, log=None, state=None, **settings):
    """Return the meter of the first device of a configuration, by default one with a register and a profile."""
    if not tables:
        values = group("g", value("energy", obis="1-0:1.8.0"), load_profile(), serial_number(is_tag=True))
        tables = (connection(), device(**settings), values)
    return Meter(plan_of(*tables).meters[0], Changes(log or SaidLog()), state=state or state_in_memory())


def hdlc_meter(**settings):
    return meter(interface_type="hdlc", logical_server_address=1, server_address=17, **settings)


def frames(octets) -> list[Frame]:
    buffer = FrameBuffer()
    buffer.feed(octets)
    return list(iter(buffer.next, None))


# Back-off and lock.


@pytest.mark.parametrize(
    ("cost_s", "pauses_s"),
    [
        pytest.param(0, [0.9, 1.8, 3.6, 7.2, 14.4, 15, 15], id="a failure that costs nothing"),
        pytest.param(1, [0.9, 1.8, 3.6, 7.2, 14.4, 15, 15], id="one of a second"),
        pytest.param(5, [0.9, 1.8, 3.6, 7.2, 14.4, 28.8, 57.6, 60, 60], id="one of five: a twelfth of the bus"),
    ],
)
def test_pauses_grow_with_each_failure_up_to_what_it_costs(cost_s, pauses_s):
    back_off, now, pauses = BackOff(), 7 * SECOND, []
    for _ in pauses_s:
        back_off.failed(now, cost_ns=cost_s * SECOND)
        pauses.append((back_off.until_ns - now) / SECOND)
        now = back_off.until_ns
    assert pauses == pauses_s


def test_a_meter_that_is_dead_for_years_does_not_count_without_an_end():
    back_off = BackOff(failures=10**9)
    back_off.failed(0, cost_ns=10**15)
    assert back_off.until_ns == min(FIRST_BACK_OFF_NS << 32, BACK_OFF_SHARE * 10**15)
    back_off.failed(0, cost_ns=0)
    assert back_off.until_ns == LONGEST_BACK_OFF_NS


def test_an_answer_ends_the_pauses():
    back_off = BackOff()
    back_off.failed(0, cost_ns=0)
    back_off.failed(0, cost_ns=0)
    back_off.succeeded()
    assert back_off == BackOff()
    back_off.failed(SECOND, cost_ns=0)
    assert back_off.until_ns == SECOND + FIRST_BACK_OFF_NS


def test_a_pause_and_a_lock_keep_polls_away_until_they_are_over():
    it = meter()
    assert it.blocked(0, wall_ns=TIME) is None
    it.back_off.until_ns = 5
    assert it.blocked(4, wall_ns=TIME) is PollResult.BACKING_OFF
    it.lock_out.begin(0, wall_ns=TIME)
    assert it.blocked(4, wall_ns=TIME) is PollResult.LOCKED
    assert it.blocked(LOCK_NS - 1, wall_ns=TIME) is PollResult.LOCKED
    assert it.blocked(LOCK_NS, wall_ns=TIME) is None


# Framings.


def test_wrapper_speaks_from_the_clients_to_the_servers_wport():
    framing = meter(client_address=100, logical_server_address=1, server_address=17).new_framing()
    _, sent = drive(framing.exchange(b"\xc0"), bytes.fromhex("0001 0091 0064 0001 c4"))
    assert sent == [bytes.fromhex("0001 0064 0091 0001 c0")]


def test_hdlc_speaks_with_the_addresses_and_the_parameters_of_the_plan():
    framing = hdlc_meter(max_info_length=512, window_size=3).new_framing()
    _, (snrm,) = drive(framing.open(), UA)
    (frame,) = frames(snrm)
    assert (frame.destination, frame.source, frame.kind) == (SERVER, CLIENT, Kind.SNRM)
    assert decode_parameters(frame.information) == Parameters(512, 512, 3, 3)


def test_hdlc_repeats_its_frames_as_often_as_the_plan_says():
    framing = hdlc_meter(retries=3).new_framing()
    drive(framing.open(), UA)
    framing.established()
    with pytest.raises(Silence):
        drive(framing.exchange(b"\xc0"), *[Silence()] * 4)
    assert framing.repeats == 3


@pytest.mark.parametrize("make", [meter, hdlc_meter], ids=["wrapper", "hdlc"])
def test_an_echo_is_ignored_where_that_is_configured(make):
    framing = make(workarounds={"ignore_echo": True}).new_framing()
    assert framing._echo is not None
    assert make().new_framing()._echo is None


def test_what_the_meter_may_take_for_open_is_closed_before_the_next_opening():
    it = hdlc_meter()
    drive(it.new_framing().open(), UA)
    _, sent = drive(it.new_framing().open(), UA, UA)
    assert [frame.kind for octets in sent for frame in frames(octets)] == [Kind.DISC, Kind.SNRM]


def test_after_an_association_that_was_found_dead_each_own_opening_of_the_poll_insists():
    """The public client may come between, and what it leaves behind is not to end at a DISC either."""
    house = hdlc_meter(client_address=1)
    assert not house.new_framing().insists
    house.insists = True
    clients = ("own", "public", "own")
    assert [house.new_framing(client=client).insists for client in clients] == [True, False, True]


def test_what_was_closed_is_opened_without_ado():
    it = hdlc_meter()
    framing = it.new_framing()
    drive(framing.open(), UA)
    drive(framing.close(), UA)
    it.drop_framing()
    it.drop_framing()
    _, sent = drive(it.new_framing().open(), UA)
    assert [frame.kind for octets in sent for frame in frames(octets)] == [Kind.SNRM]


def test_exchanges_and_repeats_are_counted_across_framings():
    it = hdlc_meter()
    assert it.counted == Counted(0, 0)
    for number in (1, 2):
        framing = it.new_framing()
        framing.exchanges, framing.repeats = 5, 1
        assert it.counted == Counted(5 * number, number)
    it.drop_framing()
    assert it.counted == Counted(10, 2)


def test_with_its_framing_an_association_and_what_holds_only_in_it_are_gone():
    it = meter()
    it.new_framing()
    it.association = association()
    it.memory.captures[PROFILE] = (CLOCK,)
    it.memory.scalers[ENERGY] = ScalerUnit(0, 30)
    it.drop_framing()
    assert (it.framing, it.association, it.memory.captures) == (None, None, {})
    assert it.memory.scalers == {ENERGY: ScalerUnit(0, 30)}


# What is known of it.


def test_what_a_meter_was_asked_once_is_believed_for_a_day():
    it = meter()
    memory = it.recall(5)
    memory.scalers[ENERGY] = ScalerUnit(0, 30)
    assert it.recall(5 + MEMORY_NS - 1).scalers
    assert it.recall(5 + MEMORY_NS).scalers == {}
    it.memory.scalers[ENERGY] = ScalerUnit(0, 30)
    assert it.recall(4 + 2 * MEMORY_NS).scalers


def test_tags_that_were_read_are_on_every_line_of_the_device_and_configured_ones_win():
    it = meter(connection(), device(tags={"site": "north"}), group("g", value("energy"), load_profile()))
    energy, load = it.values["g"]
    profile = load.profile
    before = profile.layout((STATUS,), {})
    it.set_read_tags({"serial": "A1", "site": "south"})
    body, _ = energy.series.body([(2, 5)], scaler_unit=ScalerUnit(0, 255))
    assert body == ("dlms,class_id=3,device=house,group=g,name=energy,obis=1.0.13.7.0.255,serial=A1,site=north value=5")
    after = profile.layout((STATUS,), {})
    assert after is not before
    assert after.columns[0].prefix().endswith("profile=1.0.99.1.0.255,serial=A1,site=north ")


def test_tags_that_did_not_change_cost_nothing():
    it = meter()
    profile = it.values["g"][1].profile
    it.set_read_tags({"serial": "A1"})
    layout = profile.layout((CLOCK, STATUS), {})
    it.set_read_tags({"serial": "A1"})
    assert profile.layout((CLOCK, STATUS), {}) is layout


def test_columns_are_compiled_again_only_where_they_changed():
    profile = meter().values["g"][1].profile
    scalers = {descriptor(3, "1.0.1.8.0.255", 3): ScalerUnit(-1, 30)}
    layout = profile.layout((CLOCK, IMPORT), scalers)
    assert profile.layout((CLOCK, IMPORT), dict(scalers)) is layout
    assert profile.layout((CLOCK, IMPORT), {}) is not layout
    assert len(profile.layout((CLOCK, IMPORT, STATUS), {}).columns) == 3


def test_a_register_is_no_profile():
    assert meter().values["g"][0].profile is None


# Lines.


def test_the_nearest_tag_wins_and_the_values_own_names_cannot_be_lost():
    agent = '[agent]\nmeasurement = "meters"\ntags = {a = "agent", b = "agent", c = "agent", d = "agent"}\n'
    it = meter(
        agent,
        connection(),
        device(tags={"b": "device", "c": "device", "d": "device"}),
        group("g", value(scaler=0, unit="kWh", tags={"d": "value"}), tags={"c": "group", "d": "group"}),
    )
    line, problems = it.values["g"][0].series.line([(2, 700)], scaler_unit=None, time_ns=TIME)
    assert problems == ()
    assert line == (
        "meters,a=agent,b=device,c=group,class_id=3,d=value,device=house,group=g,name=power_factor,"
        f"obis=1.0.13.7.0.255,unit=kWh value=700 {TIME}"
    )


def test_a_profile_shows_what_the_plan_says_of_it():
    it = meter(
        connection(),
        device(workarounds={"null_cells": "previous"}),
        group("g", load_profile(scaler=-3, unit=27), measurement="profiles"),
    )
    rows = (
        it.values["g"][0]
        .profile.layout((IMPORT,), {})
        .rows([(5000,), (None,)], capture_period=0, sort_method=1, poll_time_ns=TIME)
    )
    head = "profiles,class_id=3,device=house,group=g,name=load,obis=1.0.1.8.0.255,profile=1.0.99.1.0.255,unit=W"
    assert [line for row in rows.rows for line in row.lines] == [f"{head} value=5 {TIME}", f"{head} value=5 {TIME + 1}"]


def test_the_version_of_a_class_names_its_fields():
    modem = value("modem", obis="0.0.2.2.0.255", class_id=29, version=0, attributes=["phone_list"])
    it = meter(connection(), device(), group("g", modem))
    body, _ = it.values["g"][0].series.body([(6, [b"112"])], scaler_unit=None)
    assert body.endswith(' phone_list="[\\"112\\"]"')


def test_a_poll_that_was_not_made_is_told_with_the_totals_so_far():
    it = meter(connection(), device(tags={"site": "north"}), group("g", value()))
    it.totals.errors, it.totals.timeouts, it.totals.retries = 3, 2, 1
    assert it.device_line(it.not_polled(PollResult.BACKING_OFF), time_ns=TIME) == (
        'dlms_device,connection=line,device=house,site=north up=0i,result="backing_off",result_code=8i,'
        "gather_time_ns=0i,exchanges=0i,bytes_sent=0i,bytes_received=0i,values_read=0i,values_refused=0i,"
        f"errors=3i,timeouts=2i,retries=1i,skipped_polls=0i {TIME}"
    )


def test_skipped_ticks_are_counted():
    it = meter()
    assert [it.not_polled(PollResult.SKIPPED).skipped_polls for _ in range(3)] == [1, 2, 3]
    assert it.not_polled(PollResult.LOCKED).skipped_polls == 3


# After a reload.


KEPT = KeptRows(b"digest", PrintedRows())


@pytest.fixture
def state():
    return state_in_memory()


def used(state, **settings):
    """Return a meter that has lived."""
    former = meter(state=state, **settings)
    former.recall(5)
    former.totals.errors = 7
    former.lock_out.begin(0, wall_ns=TIME)
    former.memory.scalers[ENERGY] = ScalerUnit(0, 30)
    former.values["g"][1].profile.kept = KEPT
    former.set_read_tags({"serial": "A1"})
    return former


def test_a_device_that_is_still_the_same_keeps_all_that_is_known_of_it(state):
    former, it = used(state), meter(timeout="7s", state=state)
    it.adopt(former)
    assert it.totals.errors == 7
    assert it.blocked(LOCK_NS - 1, wall_ns=0) is PollResult.LOCKED
    assert it.recall(6).scalers == {ENERGY: ScalerUnit(0, 30)}
    assert it.values["g"][1].profile.kept is KEPT
    assert ",serial=A1" in it.values["g"][0].series.prefix(None)
    assert (it.back_off, it.framing, it.association) == (BackOff(), None, None)


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        pytest.param({}, {"server_address": 2}, id="server_address"),
        pytest.param({}, {"client_address": 17}, id="client_address"),
        pytest.param({}, {"interface_type": "hdlc"}, id="interface_type"),
        pytest.param({"port": 4060}, {}, id="port"),
        pytest.param({"address": "other"}, {}, id="address"),
        pytest.param({"name": "other"}, {"on": "other"}, id="connection"),
    ],
)
def test_at_another_address_is_another_meter(line, settings, state):
    values = group("g", value("energy", obis="1-0:1.8.0"), load_profile(), serial_number(is_tag=True))
    it = meter(connection(**line), device(**settings), values, state=state)
    it.adopt(used(state))
    assert it.totals.errors == 7
    assert it.recall(6).scalers == {}
    assert it.values["g"][1].profile.kept is None
    assert it.blocked(5, wall_ns=TIME) is None
    assert it.read_tags == {}


def test_a_new_password_ends_the_lock(state):
    it = meter(access_security="low", password="a new one", state=state)
    it.adopt(used(state, access_security="low", password="an old one"))
    assert it.blocked(5, wall_ns=TIME) is None
    assert it.recall(6).scalers


@pytest.mark.parametrize(
    ("group_name", "profile"),
    [
        pytest.param("h", load_profile(), id="in another group"),
        pytest.param("g", value("other", obis="1.0.99.1.0.255", class_id=7), id="by another name"),
        pytest.param("g", value("load", obis="1.0.99.2.0.255", class_id=7), id="another profile"),
        pytest.param("g", value("serial", obis="0.0.96.1.1.255", class_id=1, is_tag=True), id="another serial number"),
        pytest.param("g", serial_number(is_tag=True, scaler=1), id="the serial number, shown otherwise"),
    ],
)
def test_rows_and_tags_of_another_value_are_not_its_own(group_name, profile, state):
    it = meter(connection(), device(), group(group_name, profile))
    it.adopt(used(state))
    profiles = [each.profile for each in it.values[group_name] if each.profile is not None]
    assert all(each.kept is None for each in profiles)
    assert it.read_tags == {}


def test_a_value_that_is_no_tag_any_more_leaves_the_lines(state):
    it = meter(connection(), device(), group("g", value("energy", obis="1-0:1.8.0"), serial_number()))
    it.adopt(used(state))
    assert it.read_tags == {}


def test_a_tag_whose_value_is_gone_is_not_kept_by_another_value_of_its_name():
    known = group("g", serial_number(is_tag=True)), group("h", serial_number())
    former, it = meter(connection(), device(), *known), meter(connection(), device(), known[1])
    former.set_read_tags({"serial": "A1"})
    it.adopt(former)
    assert it.read_tags == {}


def test_what_was_refused_before_a_reload_is_said_to_be_read_again_after_it():
    log = SaidLog()
    former, it = meter(log=log), meter()
    former.troubles.refused(("g", "energy"), ENERGY, Silence("no"))
    it.adopt(former)
    it.troubles.accepted(("g", "energy"), set())
    assert log.all[-1] == "I house g/energy: 1.0.1.8.0.255/2: is read again"


def test_a_data_link_that_was_not_closed_before_a_reload_is_closed_after_it():
    former, it = hdlc_meter(), hdlc_meter(timeout="7s")
    drive(former.new_framing().open(), UA)
    former.drop_framing()
    it.adopt(former)
    _, sent = drive(it.new_framing().open(), UA, UA)
    assert [frame.kind for octets in sent for frame in frames(octets)] == [Kind.DISC, Kind.SNRM]
