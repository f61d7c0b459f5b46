"""Whole configurations: every bad one of testcases/config says what is wrong, good ones become what they say."""

from __future__ import annotations

import gc
import re
from pathlib import Path

import pytest

from telegraf_dlms.config import MAX_ALIKE, load
from telegraf_dlms.errors import ConfigError

CASES = sorted(path for path in (Path(__file__).parent / "testcases" / "config").iterdir() if path.is_dir())
SECOND = 1_000_000_000

BASE = """
[[connection]]
  name = "substation"
  address = "192.0.2.10"
  port = 4059
[[device]]
  name = "feeder-1"
  connection = "substation"
"""
GROUP = """
[[group]]
  name = "energy"
  [[group.value]]
    name = "active_import"
    devices = ["feeder-*"]
    obis = "1-0:1.8.0"
"""


@pytest.fixture
def folder(tmp_path):
    def write(*texts):
        for number, text in enumerate(texts):
            (tmp_path / f"{number}.conf").write_text(text)
        return tmp_path

    return write


def problems_of(path, environment=None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load([path], environment=environment or {})
    return [problem.replace(f"{path}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_configuration_says_all_that_is_wrong(case):
    assert problems_of(case) == (case / "expected.err").read_text().splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_message_has_a_secret(case):
    written = "".join(file.read_text(errors="replace") for file in case.glob("*.conf"))
    secrets = re.findall(r'^\s*(?:password|password_hex|\w+_key) = "?([^"@$\n]{4,})"?$', written, re.MULTILINE)
    expected = (case / "expected.err").read_text()
    assert not [secret for secret in secrets if secret != "random" and secret in expected]


def test_every_line_of_a_message_begins_with_its_file():
    for case in CASES:
        for line in (case / "expected.err").read_text().splitlines():
            assert re.match(r"\w+\.conf:\d+: ", line)


def test_files_make_one_configuration(folder):
    path = folder(GROUP, '[agent]\n  log_level = "debug"\n' + BASE, '[agent]\n  measurement = "meters"\n')
    configuration = load([path])
    assert configuration.agent.log_level == "debug"
    assert configuration.agent.measurement == "meters"
    assert configuration.groups[0].values[0].devices == ("feeder-1",)
    assert [file.name for file in configuration.files] == ["0.conf", "1.conf", "2.conf"]


def test_what_a_group_does_not_say_the_agent_says(folder):
    agent = '[agent]\n  measurement = "meters"\n  collection_jitter = "3s"\n  collection_spread = "9s"\n'
    group = GROUP.replace('name = "energy"', 'name = "energy"\n  collection_spread = 0\n  measurement = "m"')
    first, second = load(
        [folder(agent + BASE, group, group.replace("energy", "power").replace('"m"', '"dlms"'))]
    ).groups
    assert (first.measurement, first.collection_jitter, first.collection_spread) == ("m", 3 * SECOND, 0)
    assert second.measurement == "dlms"


def test_what_a_device_does_not_say_its_connection_says(folder):
    path = folder(BASE.replace("port = 4059", 'port = 4059\n  timeout = "9s"\n  retries = 0'))
    device = load([path]).devices[0]
    assert (device.timeout, device.retries) == (9 * SECOND, 0)


def test_paths_start_at_the_folder_of_their_file(folder):
    path = folder('[agent]\n  state_file = "state.db"\n', BASE + '  password_file = "pw"\n  access_security = "low"\n')
    (path / "pw").write_text("12345678\n")
    configuration = load([path])
    assert configuration.agent.state_file == path / "state.db"
    assert configuration.devices[0].secret.reveal() == b"12345678"


def test_variables_are_taken_from_the_environment(folder):
    path = folder(BASE.replace("4059", '"${PORT}"').replace("192.0.2.10", "$${x}.${HOST}") + GROUP)
    assert problems_of(path, {"PORT": "4059", "HOST": "meter"}) == [
        '0.conf:4: connection "substation": address: "${x}.meter" is neither an IPv4 or IPv6 address nor a host name',
    ]


def test_an_escaped_dollar_sign_is_a_variable_too(folder):
    path = folder(BASE.replace("192.0.2.10", "\\u0024{HOST}"))
    assert load([path], environment={"HOST": "meter"}).connections[0].address == "meter"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[agent]\n  enabled = false\n" + BASE + GROUP,
        BASE,
        BASE.replace("port = 4059", "port = 4059\n  enabled = false") + GROUP,
        BASE + "  enabled = false\n" + GROUP,
        BASE + GROUP.replace('"energy"', '"energy"\n  enabled = false'),
        BASE + GROUP + "    enabled = false\n",
    ],
    ids=["empty", "agent", "no-group", "connection", "device", "group", "value"],
)
def test_where_nothing_is_enabled_it_is_no_problem_but_idle(folder, text):
    assert load([folder(text)]).idle


def test_where_something_is_enabled_it_is_not_idle(folder):
    configuration = load([folder(BASE + GROUP)])
    assert not configuration.idle
    assert configuration.notes == ()


def notes_of(path) -> list[str]:
    return [note.replace(f"{path}/", "") for note in load([path]).notes]


def test_what_will_not_do_what_one_may_expect_is_told(folder):
    (note,) = notes_of(folder(BASE, GROUP + '    timestamp = "meter"\n'))
    place, _, text = note.partition('value "active_import": ')
    assert place == '1.conf:4: group "energy": '
    assert text == 'timestamp "meter": class_id 1 has no time of its own: the poll\'s time is printed'


def test_a_device_on_a_disabled_connection_is_told(folder):
    assert notes_of(folder(BASE.replace("port = 4059", "port = 4059\n  enabled = false"))) == [
        '0.conf:7: device "feeder-1": the connection "substation" is disabled: the device is not read'
    ]


def test_a_disabled_device_needs_no_note(folder):
    off = BASE.replace("port = 4059", "port = 4059\n  enabled = false")
    assert len(notes_of(folder(off))) == 1
    assert notes_of(folder(off + "  enabled = false\n")) == []


def test_a_tag_that_is_read_and_not_seen_or_not_the_same_is_told(folder):
    tag = '[[group.value]]\nname = "serial"\ndevices = ["*"]\nobis = "{}"\nis_tag = true\n'
    one, other = tag.format("0-0:96.1.0"), tag.format("0-0:42.0.0")
    group = '[[group]]\nname = "{}"\n'
    assert notes_of(folder(BASE, group.format("g") + one + group.format("h") + one)) == []
    assert notes_of(folder(BASE, group.format("g") + one + group.format("h") + "enabled = false\n" + other)) == []
    (note,) = notes_of(folder(BASE, group.format("g") + one + group.format("h") + other))
    changing = 'the tag "serial" of the device "feeder-1" may change to and fro: it is also that of 1.conf:7'
    assert note == f'1.conf:14: group "h": value "serial": is_tag: {changing}'
    (note,) = notes_of(folder('[agent]\ntags = { serial = "1" }\n' + BASE, group.format("g") + one))
    assert note.endswith('the tag "serial" of the device "feeder-1" is configured, which is printed instead')


def test_notes_that_say_the_same_of_many_tables_are_told_of_a_few(folder):
    connection, _, device = BASE.replace("port = 4059", "port = 4059\n  enabled = false").partition("[[device]]")
    names = [f"m-{number}" for number in range(MAX_ALIKE + 5)]
    devices = "".join(f"\n[[device]]\n{device.replace('feeder-1', name)}" for name in names)
    notes = notes_of(folder(connection, devices))
    assert len(notes) == MAX_ALIKE
    assert notes[-1].endswith("the device is not read (and 5 more)")
    assert not notes[-2].endswith("more)")


def test_the_garbage_collector_is_left_as_it_was(folder):
    path = folder("x = ")
    assert gc.isenabled()
    problems_of(path)
    assert gc.isenabled()


def test_many_devices_with_one_mistake_are_all_told(folder):
    device = "[[device]]\n" + BASE.partition("[[device]]")[2].replace("substation", "substatoin")
    text = BASE + "".join(device.replace("feeder-1", f"m-{number}") for number in range(2000))
    told = problems_of(folder(text))
    assert len(told) == 2000
    assert told[-1].startswith('0.conf:8008: device "m-1999": connection: there is no connection "substatoin"')
