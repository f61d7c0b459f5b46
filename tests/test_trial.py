"""One device tried step by step, behind links in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jumping_clock import on_a_jumping_clock
from replay import Replay, ReplayLink
from stations import (
    Scene,
    Station,
    connection,
    device,
    garbage,
    group,
    hanging_up,
    instead,
    load_profile,
    serial_number,
    silent,
    value,
)
from telegraf_dlms.ciphering import Protection
from telegraf_dlms.link import TcpSettings
from telegraf_dlms.report import Stage
from telegraf_dlms.simulator.server import Access
from telegraf_dlms.trial import try_device
from test_report import Kept

PASSWORD = "the quick brown fox"
LOW = {"access_security": "low", "password": PASSWORD}
KEYS = {"authentication_key": "D0" * 16, "block_cipher_key": "0A" * 16}
UNDEFINED = instead(bytes.fromhex("c401c10104"))
OPENED = ["resolve", "connect", "associate"]
USUAL = ["read", "read", "release"]


def scene(*values, interface="wrapper", secret="", serial=False, **settings):
    line = connection(type="serial") if serial else connection()
    station = Station(interface, password=secret.encode())
    values = group("g", *values or [value()])
    return Scene(line, device(interface_type=interface, timeout="1s", **settings), values, line=station)


async def resolver(name, port):
    assert (name, port) == ("line", 4059)
    return ["192.0.2.1"]


class Tried:
    """What a trial told."""

    def __init__(self, outcome, report, trace):
        self.outcome, self.steps, self.trace = outcome, report.steps, trace
        self.begun = [name for name, _ in report.begun]

    @property
    def names(self):
        return [step.name for step in self.steps]

    @property
    def last(self):
        return self.steps[-1]

    def of(self, name):
        return [step.detail for step in self.steps if step.name == name]

    @property
    def plain(self):
        """Return all steps without the time they took."""
        return [
            (step.name, step.is_ok, {key: what for key, what in step.detail.items() if key != "ms"})
            for step in self.steps
        ]


async def tried(scene, *groups, world=None):
    report, trace = Kept(), []
    stage = Stage(report, device="house", mono_ns=scene.world.mono_ns, remark=lambda text: trace.append(f"# {text}"))
    [plan] = scene.plan.meters
    outcome = await try_device(plan, stage, world or scene.world, say=trace.append, groups=groups, resolver=resolver)
    return Tried(outcome, report, trace)


@on_a_jumping_clock
async def test_a_device_is_opened_read_and_released_step_by_step():
    house = scene()
    told = await tried(house)
    assert told.names == [*OPENED, *USUAL]
    assert all(step.is_ok for step in told.steps)
    assert told.of("resolve")[0]["addresses"] == ["192.0.2.1"]
    assert told.of("associate")[0]["result"] == "accepted"
    name, clock = told.of("read")
    assert (name["obis"], name["value"]) == ("0.0.42.0.0.255", "TDL0000000000001")
    assert (clock["obis"], clock["value"]) == ("0.0.1.0.0.255", "2026-01-01T13:07:30+01:00")
    assert (told.outcome.failure, told.outcome.end) == (None, "reached")
    assert house.station.tags()[-1] == 0x62


@on_a_jumping_clock
async def test_the_next_step_is_known_before_it_fails():
    house = scene(interface="hdlc")
    assert (await tried(house)).begun[:4] == ["resolve", "connect", "data_link", "associate"]


@on_a_jumping_clock
async def test_over_hdlc_the_sizes_of_the_data_link_are_told():
    told = await tried(scene(interface="hdlc", max_info_length=256, window_size=3))
    assert told.names == ["resolve", "connect", "data_link", "associate", *USUAL]
    sizes = told.of("data_link")[0]
    assert (sizes["max_info_receive"], sizes["window_receive"]) == (256, 3)


@on_a_jumping_clock
async def test_a_port_is_opened_in_place_of_an_address():
    told = await tried(scene(interface="hdlc", serial=True))
    assert told.names[:2] == ["open", "data_link"]
    assert told.steps[0].detail["line"] == "9600 8N1"


@on_a_jumping_clock
async def test_with_keys_the_counter_comes_first_and_both_prove_themselves():
    security = {"access_security": "high_gmac", "transport_security": "authentication_encryption"}
    house = scene(client_address=1, invocation_counter="0.0.43.1.0.255", **security, **KEYS)
    house.station.access = Access(
        "high_gmac",
        protection=Protection.AUTHENTICATION | Protection.ENCRYPTION,
        authentication_key=b"\xd0" * 16,
        block_cipher_key=b"\x0a" * 16,
        initial_counter=5000,
    )
    told = await tried(house)
    assert told.names == ["resolve", "connect", "invocation_counter", "associate", "authenticate", *USUAL]
    assert told.of("invocation_counter")[0]["value"] == 5000
    assert told.of("authenticate")[0]["mechanism"] == "high_gmac"
    assert told.outcome.failure is None


@on_a_jumping_clock
async def test_what_a_group_has_is_read_once_and_told_with_its_lines():
    house = scene(value(), serial_number(), load_profile())
    told = await tried(house, "g")
    assert told.outcome.read == 3
    number, text, load = told.of("value")
    assert number["fields"].startswith("value=")
    assert number["time"] == "2026-01-01T12:07:30.3Z"
    assert text["lines"][0].startswith("dlms,class_id=1,device=house,group=g,name=serial,")
    assert load["rows"] == 2
    octets = {(detail["obis"], detail["attribute"]): detail["octets"] for detail in told.of("read")}
    of_singles = [("1.0.13.7.0.255", 2), ("1.0.13.7.0.255", 3), ("0.0.96.1.0.255", 2)]
    assert [each for each in octets if each in of_singles] == of_singles
    assert octets["1.0.13.7.0.255", 3].startswith("02 02 0f")


@on_a_jumping_clock
async def test_nothing_is_printed_and_nothing_is_logged():
    house = scene(value(), value("none", obis="1.0.99.9.9.255"), load_profile())
    await tried(house, "g")
    assert house.lines.all == []
    assert house.said == []


@on_a_jumping_clock
async def test_a_value_that_is_refused_fails_alone_with_a_hint():
    house = scene(value("none", obis="1.0.99.9.9.255"), value())
    told = await tried(house, "g")
    refused, read = [step for step in told.steps if step.name == "value"]
    assert (refused.failure.layer, refused.failure.cause) == ("application", "1.0.99.9.9.255/2: object-undefined (4)")
    assert "telegraf-dlms discover house" in refused.failure.hint
    assert read.is_ok
    assert (told.outcome.read, told.outcome.refused, told.outcome.end) == (1, 1, "reached")
    assert told.outcome.failure == refused.failure
    [asked] = [step for step in told.steps if step.detail.get("obis") == "1.0.99.9.9.255" and step.name == "read"]
    assert (asked.is_ok, asked.detail["refused"]) == (True, "object-undefined (4)")


@on_a_jumping_clock
async def test_an_attribute_that_was_named_is_wanted():
    house = scene(value("none", attributes=["value", 99]))
    told = await tried(house, "g")
    failed = [step for step in told.steps if not step.is_ok]
    assert [(step.name, step.detail.get("attribute")) for step in failed] == [("read", 99), ("value", None)]


@on_a_jumping_clock
async def test_a_tag_is_read_before_what_it_stands_on():
    house = scene(value(), serial_number(is_tag=True))
    told = await tried(house, "g")
    tag, number = told.of("value")
    assert tag["instead"].startswith("tag serial=")
    assert f",{tag['instead'].removeprefix('tag ')}," in f"{number['lines'][0].replace(' ', ',')},"


@on_a_jumping_clock
async def test_what_most_meters_have_may_be_missing():
    house = scene()
    house.station.mishaps[2] = UNDEFINED
    told = await tried(house)
    assert told.steps[3].detail["refused"] == "object-undefined (4)"
    assert told.steps[3].is_ok
    assert told.outcome.failure is None


@on_a_jumping_clock
async def test_a_wrong_password_locks_the_device_and_that_is_told_the_next_time():
    house = scene(secret="another", **LOW)
    told = await tried(house)
    assert (told.last.name, told.last.failure.layer) == ("associate", "association")
    assert told.last.failure.cause.endswith("authentication-failure (13)")
    assert told.last.failure.hint.startswith("the password is wrong")
    assert told.last.detail["aare_diagnostic"] == 13
    assert (told.outcome.end, told.outcome.failure) == ("missed", told.last.failure)
    heard = len(house.station.heard)
    again = await tried(house)
    assert again.names == ["lock_out"]
    assert again.last.failure.layer == "lock_out"
    assert again.last.failure.cause.startswith("its password or key was refused before this start: not tried again")
    assert "telegraf-dlms unlock house" in again.last.failure.hint
    assert len(house.station.heard) == heard


@pytest.mark.parametrize(
    ("interface", "manner", "step", "layer", "hint"),
    [
        ("wrapper", silent, "associate", "association", 'try interface_type "hdlc"'),
        ("wrapper", garbage, "associate", "wrapper", "no WRAPPER"),
        ("wrapper", hanging_up, "associate", "connection", "hung up"),
        ("wrapper", instead(b"\xd8\x01\x01"), "associate", "association", "no reason that tells"),
        ("hdlc", silent, "data_link", "data_link", "no octet came back"),
        ("hdlc", garbage, "data_link", "data_link", 'try interface_type "wrapper"'),
        ("hdlc", hanging_up, "data_link", "connection", "hung up"),
    ],
)
@on_a_jumping_clock
async def test_where_it_fails_the_step_says_layer_and_hint(interface, manner, step, layer, hint):
    house = scene(interface=interface)
    house.station.manner = manner
    told = await tried(house)
    assert (told.last.name, told.last.failure.layer) == (step, layer)
    assert hint in told.last.failure.hint
    assert [each.is_ok for each in told.steps] == [*[True] * (len(told.steps) - 1), False]


@on_a_jumping_clock
async def test_another_meter_that_answers_is_named():
    house = scene(interface="hdlc")
    house.station.manner = lambda _: [(0.1, bytes.fromhex("7ea00721237332637e"))]
    told = await tried(house)
    assert "somebody else answers: address 23 (server_address 17); address 03 was asked" in told.last.failure.hint


@on_a_jumping_clock
async def test_a_link_that_cannot_be_opened_fails_as_that():
    house = scene()
    house.station.refusal = "connection refused"
    told = await tried(house)
    assert told.names == ["resolve", "connect"]
    assert told.last.failure.cause == "line: connection refused"
    assert told.last.detail["address"] == "line"


@on_a_jumping_clock
async def test_a_name_that_is_not_known_fails_as_that():
    async def unknown(_name, _port):
        raise OSError(0, "Name or service not known")

    house, report = scene(), Kept()
    stage = Stage(report, device="house", mono_ns=house.world.mono_ns, remark=[].append)
    outcome = await try_device(house.plan.meters[0], stage, house.world, say=[].append, resolver=unknown)
    assert outcome.failure.cause == "line: cannot resolve the address: Name or service not known"
    assert [step.name for step in report.steps] == ["resolve"]


@on_a_jumping_clock
async def test_a_meter_that_falls_silent_in_the_middle_ends_it_there():
    house = scene(value(), serial_number())
    house.station.mishaps[5] = silent
    told = await tried(house, "g")
    assert told.names == [*OPENED, "read", "read", "read", "read"]
    assert told.last.failure.layer == "data_link"
    assert "a longer timeout" in told.last.failure.hint
    assert told.outcome.end == "missed"


@on_a_jumping_clock
async def test_an_unanswered_release_is_no_failure():
    house = scene()
    house.station.mishaps[4] = silent
    told = await tried(house)
    assert told.of("release")[0]["answered"] is False
    assert told.outcome.failure is None


@on_a_jumping_clock
async def test_the_trace_has_all_octets_the_steps_and_no_password():
    house = scene(secret=PASSWORD, **LOW)
    told = await tried(house)
    text = "\n".join(told.trace)
    assert [line for line in told.trace if line.startswith("#")] == [
        *(f"# {name}" for name in [*OPENED, "read", "release"]),
        "# closed",
    ]
    sent = [line for line in told.trace if line.startswith(">")]
    assert len(sent) == len(house.station.heard)
    assert text.count("**") == len(PASSWORD)
    assert PASSWORD.encode().hex(" ") not in text


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@pytest.mark.parametrize("values", [[value(), serial_number()], [load_profile()]], ids=["singles", "profile"])
@on_a_jumping_clock
async def test_a_trace_is_played_again_through_the_same_steps(interface, values):
    house = scene(*values, interface=interface, secret=PASSWORD, **LOW)
    told = await tried(house, "g")
    assert told.outcome.failure is None
    replay = Replay("\n".join(told.trace))

    async def open_replay(settings, *, timeout_s):
        assert isinstance(settings, TcpSettings)
        return ReplayLink("line", replay)

    again = await tried(house, "g", world=replace(house.world, open_link=open_replay))
    assert replay.left == []
    times = {"time", "lines"}
    assert [
        (name, is_ok, {key: what for key, what in detail.items() if key not in times})
        for name, is_ok, detail in again.plain
    ] == [
        (name, is_ok, {key: what for key, what in detail.items() if key not in times})
        for name, is_ok, detail in told.plain
    ]


@on_a_jumping_clock
async def test_a_silence_is_played_again_as_one():
    house = scene(value())
    house.station.mishaps[4] = silent
    told = await tried(house, "g")
    replay = Replay("\n".join(told.trace))

    async def open_replay(settings, *, timeout_s):
        return ReplayLink("line", replay)

    again = await tried(house, "g", world=replace(house.world, open_link=open_replay))
    assert again.names == told.names
    assert again.last.failure.layer == told.last.failure.layer == "data_link"
