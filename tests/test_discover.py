"""``discover``: the search on meters in memory, and the command as a process against the built-in meter."""

from __future__ import annotations

import tomllib

import parts
import points
import pytest

from jumping_clock import on_a_jumping_clock
from stations import (
    AARQ,
    RLRQ,
    Scene,
    Station,
    connection,
    device,
    group,
    hanging_up,
    serial_number,
    silent,
    whole,
)
from telegraf_dlms.discover import ATTEMPTS, MAX_LOSSES, discover, find
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.obis import format_obis
from telegraf_dlms.simulator import meter as simulated
from telegraf_dlms.wrapper import HEADER_SIZE, encode

pytestmark = pytest.mark.process

#: What the built-in meter has.
OBJECTS = len(simulated.OBJECTS)
KEY = "000102030405060708090a0b0c0d0e0f"
SECURE = ["--access-security", "high_gmac", "--transport-security", "authentication_encryption"]
SECURED = f"""
  access_security = "high_gmac"
  transport_security = "authentication_encryption"
  block_cipher_key = "{KEY}"
  authentication_key = "{KEY}"
  client_address = 1
  invocation_counter = "0.0.43.1.0.255"
"""
CONFIGURATION = """
[agent]
  state_file = "meters.state"

[[connection]]
  name = "basement"
  address = "127.0.0.1"
  port = {port}

[[device]]
  name = "house"
  connection = "basement"
  interface_type = "{interface}"
  {keys}
"""


class Said(list):
    def say(self, level, text):
        self.append(f"{level[0].upper()} {text}")

    def __getattr__(self, level):
        if level not in {"info", "warn", "error", "debug"}:
            raise AttributeError(level)
        return lambda text: self.say(level, text)

    def set_level(self, level):
        self.level = level


def scene(interface="wrapper", *, secret=b"", **settings):
    tables = connection(), device(interface_type=interface, **settings), group("g", serial_number())
    return Scene(*tables, line=Station(interface, password=secret))


def search(house):
    return find(house.plan.connections[0], house.world)


def by_code(findings):
    return {format_obis(finding.listed.logical_name): finding for finding in findings}


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_every_object_of_the_list_is_looked_at_in_one_association(interface):
    house = scene(interface)
    findings = await search(house)
    assert len(findings) == OBJECTS
    assert all(finding.attributes for finding in findings)
    found = by_code(findings)
    assert found["1.0.13.7.0.255"].fields == "value=0.981"
    assert found["0.0.96.1.0.255"].fields == 'value_text="10000001"'
    assert found["1.0.99.1.0.255"].profile.entries_in_use == 5760
    assert len(house.station.opened) == 1
    assert house.station.wire.has_let_go
    assert house.said == [
        f"I house: its object list has {OBJECTS} objects",
        f"I house: 25 of {OBJECTS} objects were looked at",
    ]


@on_a_jumping_clock
async def test_the_association_is_released_at_the_end():
    house = scene()
    await search(house)
    assert house.station.count(AARQ) == house.station.count(RLRQ) == 1
    assert house.station.tags()[-1] == RLRQ


@on_a_jumping_clock
async def test_an_object_that_ends_the_association_once_is_looked_at_again():
    house = scene()
    house.station.mishaps = {4: hanging_up}
    findings = await search(house)
    assert len(findings) == OBJECTS
    assert all(finding.attributes for finding in findings)
    assert house.station.count(AARQ) == 2


@on_a_jumping_clock
async def test_an_object_that_ends_the_association_always_is_left_out_with_the_reason():
    house = scene()
    house.station.mishaps = {4: silent, 6: hanging_up}
    findings = await search(house)
    assert len(findings) == OBJECTS
    [left_out] = [finding for finding in findings if not finding.attributes]
    assert left_out.refusals == ((2, "it ends the association: line: closed by the meter"),)
    assert house.station.count(AARQ) == 1 + ATTEMPTS


@on_a_jumping_clock
async def test_a_meter_that_ends_each_association_is_not_read():
    house = scene()
    house.station.mishaps = dict.fromkeys(range(4, 1000, 2), hanging_up)
    assert await search(house) is None
    assert house.station.count(AARQ) == 1 + MAX_LOSSES
    assert house.said[-2] == "E house: line: closed by the meter"
    assert house.said[-1].startswith("E house: hint: ")


@on_a_jumping_clock
async def test_a_meter_that_does_not_answer_is_told():
    house = scene(timeout="3s")
    house.station.manner = silent
    assert await search(house) is None
    assert house.said[0] == "E house: line: no answer within 3 s"
    assert "check server_address (wPort 1 was asked) and client_address (16)" in house.said[1]


@pytest.mark.parametrize(
    ("said_instead", "why", "hint"),
    [
        (b"\x01\x0c", "type-unmatched (12)", "its list is refused or broken"),
        (b"\x01\x03", "read-write-denied (3)", "client_address 16 may not read this"),
        (
            b"\x00\x01\x02\x02",
            "A-XDR: 2 items promised at octet 2, 1 octets are there",
            "its list is refused or broken",
        ),
        (b"\x00\x11\x05", "the object list is no array but int", "its list is refused or broken"),
    ],
)
@on_a_jumping_clock
async def test_an_object_list_that_is_refused_or_broken_is_told_as_that(said_instead, why, hint):
    def otherwise(answer):
        apdu = bytes((0xC4, 1, answer[HEADER_SIZE + 2])) + said_instead
        return whole(encode(1, 16, apdu))

    house = scene()
    house.station.mishaps = {2: otherwise}
    assert await search(house) is None
    assert house.said[-2] == f"E house: the meter's object list: {why}"
    assert house.said[-1].startswith(f"E house: hint: {hint}")


@on_a_jumping_clock
async def test_a_connection_that_cannot_be_opened_is_told_once():
    house = scene()
    house.station.refusal = "nobody is there"
    assert await search(house) is None
    assert house.said[0] == "W line: line: nobody is there"
    assert house.said[1].startswith("E house: hint: nobody answers at this address")
    assert len(house.said) == 2


@on_a_jumping_clock
async def test_a_refused_password_locks_the_device_as_a_poll_does():
    house = scene(secret=b"12345678", access_security="low", password="wrong")
    assert await search(house) is None
    assert "authentication-failure (13)" in house.said[-2]
    assert "hint: the password is wrong" in house.said[-1]
    assert await search(house) is None
    assert "was refused before this start" in house.records.said[-1]
    assert house.station.count(AARQ) == 1


# The command


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def configured(tmp_path):
    path = tmp_path / "meters.conf"

    def write(port=4059, interface="wrapper", keys=""):
        path.write_text(CONFIGURATION.format(port=port, interface=interface, keys=keys))
        return path

    return write


def test_a_device_that_is_not_configured_is_a_problem_with_a_hint(configured, said):
    with pytest.raises(ConfigError) as caught:
        discover("hous", [configured()], log=said)
    assert caught.value.problems == ('there is no device "hous"; did you mean "house"?',)
    assert said == []


def test_a_bad_configuration_is_told(configured, said):
    path = configured()
    path.write_text(path.read_text() + "\n  client_adress = 1\n")
    with pytest.raises(ConfigError, match="client_adress"):
        discover("house", [path], log=said)


def start(*arguments):
    return parts.Child([*parts.PLUGIN, *arguments])


def read_once(folder, *configurations):
    """Run ``--once`` on configurations; return its points, all read."""
    files = [argument for path in configurations for argument in ("--config", path)]
    with start(*files, "--once") as plugin:
        assert plugin.ended() == 0, plugin.text()
        return points.parse_all(plugin.out)


#: Interface, options of the built-in meter, keys of the device.
CASES = {
    "wrapper": ("wrapper", [], ""),
    "hdlc, in small blocks": ("hdlc", [], "max_pdu_size = 150"),
    "wrapper, short names": ("wrapper", ["--short-names"], "logical_name_referencing = false"),
    "hdlc, short names": ("hdlc", ["--short-names"], "logical_name_referencing = false"),
    "wrapper, ciphered": ("wrapper", [*SECURE, "--block-cipher-key", KEY, "--authentication-key", KEY], SECURED),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_discovered_is_read_whole(tmp_path, configured, case):
    interface, options, keys = CASES[case]
    listed = OBJECTS - 1 if "short names" in case else OBJECTS  # of an Association SN everything is long
    with parts.built_in_meter("--interface", interface, *options) as meter:
        base = configured(parts.listening(meter), interface, keys)
        with start("discover", "house", "--config", base) as command:
            assert command.ended() == 0, command.text()
            discovered = tmp_path / "discovered.conf"
            discovered.write_text("\n".join(command.out) + "\n", encoding="utf-8")
            assert f"I! house: its object list has {OBJECTS} objects" in command.log
            assert command.log[-1] == f"I! house: {listed} of {OBJECTS} objects can be read"
            assert not command.lines("^[WE]! ")
        printed = read_once(tmp_path, base, discovered)
    groups = tomllib.loads(discovered.read_text(encoding="utf-8"))["group"]
    values = [(each["name"], value["name"], value["obis"]) for each in groups for value in each["value"]]
    assert len(values) == len({name for _, name, _ in values}) == listed
    [poll] = [point for point in printed if point.measurement == "dlms_device"]
    assert (poll.fields["result"], poll.fields["values_read"], poll.fields["values_refused"]) == ("ok", listed, 0)
    lines = {(point.tags["group"], point.tags["name"]): point.tags for point in printed if point.measurement == "dlms"}
    assert {(*place, tags.get("profile", tags["obis"])) for place, tags in lines.items()} == set(values)


def test_a_meter_that_cannot_be_read_is_told_with_status_1(configured):
    with parts.built_in_meter("--interface", "wrapper", "--password", "12345678") as meter:
        base = configured(parts.listening(meter), keys='access_security = "low"\npassword = "wrong"')
        with start("discover", "house", base) as command:
            assert command.ended() == 1
            assert command.out == []
            assert command.lines(r"^E! house: .*authentication-failure \(13\)")
            assert command.lines(r"^E! house: hint: the password is wrong")


def test_an_unknown_device_is_told_with_status_2(configured):
    with start("discover", "hous", "--config", configured()) as command:
        assert command.ended() == 2
        assert command.out == []
        assert command.log == ['E! there is no device "hous"; did you mean "house"?']
