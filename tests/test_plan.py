"""The configuration, compiled once into what is read from whom."""

from __future__ import annotations

import pytest

from scripted_meter import descriptor
from stations import connection, device, group, plan_of, table, value
from telegraf_dlms.access import Access
from telegraf_dlms.conversation import ReadRequest
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.link import Rs485Settings, SerialSettings, TcpSettings
from telegraf_dlms.metrics import Presentation
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.plan import ConnectionPlan, GroupPlan, MeterPlan, Plan, ValuePlan
from telegraf_dlms.profile_conversation import BufferRequest

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
ENERGY, SCALER = descriptor(3, "1.0.1.8.0.255"), descriptor(3, "1.0.1.8.0.255", 3)
PROFILE = parse_obis("1.0.99.1.0.255")


def energy(**settings):
    return value("energy", obis="1-0:1.8.0", **settings)


def meter(*values, interface_type="hdlc", **settings) -> MeterPlan:
    """Return the plan of one device."""
    tables = connection(), device(interface_type=interface_type, **settings), group("g", *(values or [energy()]))
    (plan,) = plan_of(*tables).meters
    return plan


def value_plan(**settings) -> ValuePlan:
    return meter(energy(**settings)).groups[0].values[0]


def test_what_is_not_written_has_the_defaults_of_the_configuration():
    tables = (
        table("connection", {"name": "line", "address": "192.0.2.1", "port": 4059}),
        table("device", {"name": "house", "connection": "line"}),
        table("group", {"name": "g"}),
        table("group.value", {"name": "energy", "device": "house", "obis": "1-0:1.8.0", "class_id": "register"}),
    )
    value_ = ValuePlan(
        name="energy",
        class_id=3,
        logical_name=ENERGY.logical_name,
        version=None,
        request=ReadRequest((ENERGY,), SCALER, named=False),
        buffer=None,
        scaler=None,
        unit=None,
        is_tag=False,
        tags=(),
        short_name=None,
    )
    meter_ = MeterPlan(
        name="house",
        connection="line",
        link=TcpSettings("192.0.2.1", 4059),
        interface_type="hdlc",
        client_address=16,
        server_address=1,
        hdlc_client=b"\x21",
        hdlc_server=b"\x03",
        access=Access("none", b"", 65535),
        max_info_length=128,
        window_size=1,
        timeout_ns=5 * SECOND,
        retries=2,
        pause_after_connect_ns=0,
        pause_between_requests_ns=0,
        ignore_echo=False,
        no_lists=False,
        null_cells="",
        presentation=Presentation("utf-8", DeviceClock("standard", "UTC")),
        tags=(),
        invocation_counter=None,
        short_names=(),
        groups=(GroupPlan("g", "dlms", SECOND, 0, 0, 0, (value_,)),),
    )
    link = TcpSettings("192.0.2.1", 4059)
    assert plan_of(*tables) == Plan(aligned=True, connections=(ConnectionPlan("line", link, False, (meter_,)),))


@pytest.mark.parametrize(
    ("settings", "name", "planned"),
    [
        ({"client_address": 1}, "hdlc_client", b"\x03"),
        ({"client_address": 100, "interface_type": "wrapper"}, "client_address", 100),
        ({"access_security": "low", "password": "12345678"}, "access", Access("low", b"12345678", 65535)),
        ({"access_security": "low", "password_hex": "00ff"}, "access", Access("low", b"\x00\xff", 65535)),
        ({"password": "12345678"}, "access", Access("none", b"", 65535)),
        ({"max_pdu_size": 512}, "access", Access("none", b"", 512)),
        ({"max_info_length": 512}, "max_info_length", 512),
        ({"window_size": 7}, "window_size", 7),
        ({"timeout": "1500ms"}, "timeout_ns", 3 * SECOND // 2),
        ({"retries": 0}, "retries", 0),
        ({"encoding": "cp1252"}, "presentation", Presentation("cp1252", DeviceClock())),
        (
            {"deviation": "inverted", "time_zone": "Europe/Berlin"},
            "presentation",
            Presentation("utf-8", DeviceClock("inverted", "Europe/Berlin")),
        ),
        ({"workarounds": {"pause_after_connect": "1s"}}, "pause_after_connect_ns", SECOND),
        ({"workarounds": {"pause_between_requests": "20ms"}}, "pause_between_requests_ns", SECOND // 50),
        ({"workarounds": {"ignore_echo": True}}, "ignore_echo", True),
        ({"workarounds": {"no_lists": True}}, "no_lists", True),
        ({"workarounds": {"null_cells": "previous"}}, "null_cells", "previous"),
        ({"invocation_counter": "0.0.43.1.0.255"}, "invocation_counter", bytes.fromhex("00002B0100FF")),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else None,
)
def test_each_key_of_a_device_reaches_its_plan(settings, name, planned):
    assert getattr(meter(**settings), name) == planned


@pytest.mark.parametrize(
    ("settings", "octets", "wport"),
    [
        ({}, "03", 1),
        ({"logical_server_address": 1, "server_address": 17}, "02 23", 145),
        ({"server_address": 6678}, "68 2D", 6678),
        ({"logical_server_address": 1, "server_address": 6678}, "00 02 68 2D", 23062),
        ({"address_size": 4}, "00 00 00 03", 1),
        ({"logical_server_address": 1, "address_size": 4}, "00 02 00 03", 16385),
        ({"server_address_type": "serial_number", "serial_number": 87655678}, "68 2D", 6678),
        (
            {"server_address_type": "serial_number", "serial_number": 1117, "serial_number_formula": "SN % 100",
             "logical_server_address": 1},
            "02 23", 145,
        ),
    ],
)  # fmt: skip
def test_addresses_are_sent_as_the_design_has_them(settings, octets, wport):
    hdlc, wrapper = meter(**settings), meter(interface_type="wrapper", **settings)
    assert hdlc.hdlc_server == bytes.fromhex(octets)
    assert hdlc.hdlc_client == b"\x21"
    assert wrapper.server_address == wport
    assert wrapper.client_address == 16
    assert (wrapper.hdlc_client, wrapper.hdlc_server) == (b"", b"")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({"type": "tcp"}, TcpSettings("line", 4059), id="tcp"),
        pytest.param({"type": "serial"}, SerialSettings("/dev/line"), id="serial"),
        pytest.param(
            {"type": "serial", "baud_rate": 300, "data_bits": 7, "stop_bits": 2, "parity": "even",
             "flow_control": "rts_cts"},
            SerialSettings("/dev/line", 300, 7, 2, "even", "rts_cts"),
            id="every key of the line",
        ),
        pytest.param(
            {"type": "serial", "rs485": {"delay_rts_before_send": "2ms", "delay_rts_after_send": "3ms",
             "rts_high_during_send": True, "rx_during_tx": True}},
            SerialSettings("/dev/line", rs485=Rs485Settings(2_000_000, 3_000_000, True, False, True)),
            id="rs485",
        ),
        pytest.param(
            {"type": "serial", "rs485": {"rts_high_after_send": True}},
            SerialSettings("/dev/line", rs485=Rs485Settings(rts_high_after_send=True)),
            id="rs485 after send",
        ),
    ],
)  # fmt: skip
def test_each_key_of_a_connection_reaches_its_link(settings, expected):
    (plan,) = plan_of(connection(**settings), device(interface_type="hdlc"), group("g", value())).connections
    assert plan.link == expected


def test_a_connection_gives_its_devices_what_they_do_not_say_themselves():
    tables = (
        connection(persistent=True, timeout="7s", retries=9),
        device(),
        device("other", timeout="1s", retries=0),
        group("g", value(of=["house", "other"])),
    )
    (plan,) = plan_of(*tables).connections
    assert plan.persistent
    assert [(each.timeout_ns // SECOND, each.retries) for each in plan.meters] == [(7, 9), (1, 0)]


@pytest.mark.parametrize(
    ("settings", "name", "planned"),
    [
        ({"interval": "15m"}, "interval_ns", 900 * SECOND),
        ({"interval": "0s"}, "interval_ns", 0),
        ({"measurement": "meters"}, "measurement", "meters"),
        ({"collection_jitter": "2s"}, "jitter_ns", 2 * SECOND),
        ({"collection_offset": "3s"}, "offset_ns", 3 * SECOND),
        ({"collection_spread": "4s"}, "spread_ns", 4 * SECOND),
    ],
)
def test_each_key_of_a_group_reaches_its_plan(settings, name, planned):
    (plan,) = plan_of(connection(), device(), group("g", value(), **settings)).meters
    assert getattr(plan.groups[0], name) == planned


def test_the_agent_gives_groups_what_they_do_not_say_themselves():
    agent = (
        '[agent]\nmeasurement = "meters"\nround_interval = false\n'
        'collection_jitter = "2s"\ncollection_offset = "3s"\ncollection_spread = "4s"\n'
    )
    own = group("own", value(), measurement="power", collection_jitter="0s", interval="1s")
    plan = plan_of(agent, connection(), device(), group("g", value(), interval="1s"), own)
    assert not plan.aligned
    (inherited, said) = plan.meters[0].groups
    assert inherited == GroupPlan("g", "meters", SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND, inherited.values)
    assert said == GroupPlan("own", "power", SECOND, 0, 3 * SECOND, 4 * SECOND, said.values)


# Values.


@pytest.mark.parametrize(
    ("settings", "attributes", "named"),
    [
        pytest.param({}, (2,), False, id="a register's default"),
        pytest.param({"class_id": 4}, (2, 4, 5), False, id="an extended register's"),
        pytest.param({"class_id": 5}, (2, 3, 5, 6, 7, 8, 9), False, id="a demand register's"),
        pytest.param({"class_id": 8}, (2, 4), False, id="a clock's"),
        pytest.param({"class_id": 40000}, (2,), False, id="a class that nobody knows"),
        pytest.param({"class_id": "extended_register", "attributes": ["capture_time", 2]}, (5, 2), True, id="named"),
        pytest.param({"class_id": 4, "attributes": [2, 4, 5]}, (2, 4, 5), True, id="the default ones, named"),
    ],
)
def test_a_value_asks_for_the_attributes_that_are_named_or_for_its_classs_default(settings, attributes, named):
    request = value_plan(**settings).request
    assert request is not None
    assert tuple(asked.attribute for asked in request.attributes) == attributes
    assert request.named is named


@pytest.mark.parametrize(
    ("settings", "scaler_attribute"),
    [
        pytest.param({}, 3, id="a register"),
        pytest.param({"class_id": 4}, 3, id="an extended register"),
        pytest.param({"class_id": 5, "attributes": [3]}, 4, id="a demand register"),
        pytest.param({"class_id": 4, "attributes": ["capture_time"]}, None, id="nothing that is scaled"),
        pytest.param({"class_id": 1}, None, id="data"),
        pytest.param({"scaler": 0}, 3, id="only the scaler is configured"),
        pytest.param({"unit": "kWh"}, 3, id="only the unit is configured"),
        pytest.param({"scaler": 0, "unit": 30}, None, id="both are configured"),
        pytest.param({"scaler": 0, "unit": ""}, None, id="no unit is configured"),
    ],
)
def test_a_scaler_unit_is_wanted_where_something_is_scaled_by_it(settings, scaler_attribute):
    request = value_plan(**settings).request
    assert request is not None
    assert (request.scaler_unit and request.scaler_unit.attribute) == scaler_attribute


def test_a_value_keeps_what_it_overrides():
    plan = value_plan(scaler=-3, unit="kWh", version=1, class_id=1, is_tag=True)
    assert (plan.scaler, plan.unit, plan.version, plan.class_id, plan.is_tag) == (-3, "kWh", 1, 1, True)


@pytest.mark.parametrize(
    ("settings", "buffer", "attributes"),
    [
        pytest.param({}, BufferRequest(PROFILE, None, DAY), None, id="all new rows"),
        pytest.param({"entries": 96}, BufferRequest(PROFILE, 96, DAY), None, id="the newest rows"),
        pytest.param({"backfill": "2h"}, BufferRequest(PROFILE, None, 7200 * SECOND), None, id="backfill"),
        pytest.param({"attributes": ["capture_period"]}, None, [4], id="another attribute"),
        pytest.param(
            {"attributes": ["entries_in_use", "buffer", 8]}, BufferRequest(PROFILE, None, DAY), [7, 8], id="with others"
        ),
    ],
)
def test_a_profiles_buffer_is_rows_and_its_other_attributes_are_values(settings, buffer, attributes):
    plan = meter(value("load", obis="1-0:99.1.0", class_id="profile_generic", **settings)).groups[0].values[0]
    assert plan.buffer == buffer
    assert (plan.request and [asked.attribute for asked in plan.request.attributes]) == attributes


def test_the_nearer_tag_wins():
    agent = '[agent]\ntags = {a = "agent", b = "agent", c = "agent", d = "agent"}\n'
    tables = (
        connection(),
        device(tags={"b": "device", "c": "device", "d": "device"}),
        group("g", value(tags={"d": "value"}), tags={"c": "group", "d": "group"}),
    )
    (plan,) = plan_of(agent, *tables).meters
    assert dict(plan.tags) == {"a": "agent", "b": "device", "c": "device", "d": "device"}
    assert dict(plan.groups[0].values[0].tags) == {"c": "group", "d": "value"}


# What is in the plan, and what is not.


@pytest.mark.parametrize(
    ("tables", "left"),
    [
        pytest.param(["[agent]\nenabled = false\n", connection(), device(), group("g", value())], [], id="the agent"),
        pytest.param([connection(enabled=False), device(), group("g", value())], [], id="the connection"),
        pytest.param([connection(), device(enabled=False), group("g", value())], [], id="the device"),
        pytest.param([connection(), device(), group("g", value(), enabled=False)], [], id="the group"),
        pytest.param([connection(), device(), group("g", value(enabled=False))], [], id="the value"),
        pytest.param([connection(), device(), group("g")], [], id="no value"),
        pytest.param([connection(), device()], [], id="no group"),
        pytest.param(
            [connection(), device(), group("g", value(), value("b", enabled=False))],
            ["power_factor"],
            id="another value",
        ),
        pytest.param(
            [connection(), device(), group("g", value(), enabled=False), group("h", value("b"))],
            ["b"],
            id="another group",
        ),
    ],
)
def test_what_is_disabled_or_has_nothing_to_read_is_not_there(tables, left):
    plan = plan_of(*tables)
    assert [value_.name for meter_ in plan.meters for group_ in meter_.groups for value_ in group_.values] == left
    assert bool(plan.connections) == bool(left)


def test_the_order_is_that_of_the_configuration():
    plan = plan_of(
        connection("b"),
        connection("unused"),
        connection("a"),
        device("z", on="a"),
        device("y", on="b"),
        device("x", on="a"),
        group("g2", value("v2", of=["*"]), value("v1", of=["x", "y"])),
        group("g1", value(of="x")),
    )
    assert [(each.name, [meter_.name for meter_ in each.meters]) for each in plan.connections] == [
        ("b", ["y"]),
        ("a", ["z", "x"]),
    ]
    last = plan.meters[-1]
    assert [(group_.name, [value_.name for value_ in group_.values]) for group_ in last.groups] == [
        ("g2", ["v2", "v1"]),
        ("g1", ["power_factor"]),
    ]


def test_devices_that_read_the_same_share_one_plan_of_the_group():
    devices = [device(f"feeder-{number}") for number in range(4)]
    plan = plan_of(connection(), *devices, group("g", value(of=["feeder-*"]), value("b", of=["feeder-3"])))
    first, second, third, other = (meter_.groups[0] for meter_ in plan.meters)
    assert first is second is third
    assert len(first.values) == 1
    assert len(other.values) == 2
    assert other.values[0] is first.values[0]


# Reading it again.

TWO = [connection("a"), connection("b"), device("x", on="a"), device("y", on="b"), group("g", value(of=["x", "y"]))]


def test_what_did_not_change_is_equal_and_can_be_looked_up():
    first, again = plan_of(*TWO), plan_of(*TWO)
    assert first == again
    assert set(first.connections) == set(again.connections)


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param([TWO[0], connection("b", port=4060), *TWO[2:]], id="its port"),
        pytest.param([*TWO[:3], device("y", on="b", access_security="low", password="x"), TWO[4]], id="its password"),
        pytest.param([*TWO[:3], device("y", on="b", time_zone="+02:00"), TWO[4]], id="its time zone"),
        pytest.param([*TWO, group("h", value(of="y"))], id="its groups"),
    ],
)
def test_a_change_is_one_of_its_connection_alone(tables):
    (a, b), (a_again, b_again) = plan_of(*TWO).connections, plan_of(*tables).connections
    assert a == a_again
    assert b != b_again
    assert len({a, a_again, b, b_again}) == 3


def test_no_secret_is_in_what_a_plan_shows_of_itself():
    plan = plan_of(connection(), device(access_security="low", password="hunter2"), group("g", value()))
    assert plan.meters[0].access.password == b"hunter2"
    assert "hunter2" not in repr(plan)
    assert "access=Access(security='low'" in repr(plan)
