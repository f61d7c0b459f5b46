"""The snippets of docs/scale.md are what they say to be, and all of them deal out the same number of shards."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import hcl2
import parts
import points
import pytest
import yaml

from telegraf_dlms.config import load
from telegraf_dlms.service import state_path
from telegraf_dlms.shard import parse_shard
from telegraf_dlms.state_file import FOLDER, VAR_LIB

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
SNIPPETS = dict(re.findall(r"^```(.*)\n((?:(?!```).*\n)*)```$", PAGE, re.MULTILINE))
UNIT = "telegraf-dlms@.service"
METERS = """
[[connection]]
  name = "line"
  address = "127.0.0.1"
  port = {port}
[[device]]
  name = "house"
  connection = "line"
  interface_type = "wrapper"
[[group]]
  name = "energy"
  interval = "1s"
  [[group.value]]
    name = "active_import"
    device = "house"
    obis = "1-0:1.8.0"
    class_id = "register"
"""


def test_every_snippet_is_tested_here():
    assert set(SNIPPETS) == {
        "toml telegraf.conf",
        "toml consumer.conf",
        "toml telegraf-dlms.conf",
        f"ini {UNIT}",
        "sh syntax",
        "hcl meters.nomad.hcl",
        "yaml meters.yaml",
    }


def unit():
    """Return the unit's sections."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(SNIPPETS[f"ini {UNIT}"])
    return parser


def stateful_set():
    return yaml.safe_load(SNIPPETS["yaml meters.yaml"])


def task():
    """Return the job's group and its task."""
    (job,) = hcl2.loads(SNIPPETS["hcl meters.nomad.hcl"])["job"]
    ((_, body),) = job.items()
    ((_, group),) = body["group"][0].items()
    ((_, found),) = group["task"][0].items()
    return group, found


def plain(text):
    """Return a string of HCL without the quotes that some versions of the parser leave on it."""
    return text.strip('"')


# Telegraf


def test_telegraf_starts_a_shard_and_the_consumer_reads_what_the_others_write():
    telegraf = tomllib.loads(SNIPPETS["toml telegraf.conf"])
    consumer = tomllib.loads(SNIPPETS["toml consumer.conf"])
    (execd,), (kafka,) = telegraf["inputs"]["execd"], telegraf["outputs"]["kafka"]
    (reader,) = consumer["inputs"]["kafka_consumer"]
    assert execd["command"][-2:] == ["--shard", "${SHARD}"]
    assert kafka["topic"] in reader["topics"]
    assert kafka["brokers"] == reader["brokers"]
    assert {execd["data_format"], kafka["data_format"], reader["data_format"]} == {"influx"}


@pytest.mark.real
def test_a_real_telegraf_runs_the_shard_of_its_environment(real_telegraf, built_in_meter, tmp_path):
    meters = tmp_path / "telegraf-dlms.conf"
    meters.write_text(METERS.format(port=built_in_meter))
    text, _, _ = SNIPPETS["toml telegraf.conf"].partition("[[outputs.kafka]]")
    text = text.replace('"telegraf-dlms"', json.dumps([*parts.PLUGIN])[1:-1])
    text = text.replace("/etc/telegraf-dlms.conf", str(meters)).replace(
        'flush_interval = "5s"', 'flush_interval = "1s"'
    )
    conf = tmp_path / "telegraf.conf"
    conf.write_text(f'{text}\n[[outputs.file]]\n  files = ["stdout"]\n  data_format = "influx"\n')
    with parts.telegraf(conf, environment={"SHARD": "1/1"}) as telegraf:
        telegraf.said("^dlms,")
        assert {point.tags["device"] for point in points.parse_all(telegraf.lines("^dlms,"))} == {"house"}
    with parts.telegraf(conf, environment={"SHARD": "9/8"}) as telegraf:
        telegraf.said("--shard: 9 is outside 1..8")


# Whoever starts it


@pytest.mark.may_skip("systemd is not on every machine")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze on this machine")
    text = SNIPPETS[f"ini {UNIT}"].replace("/usr/bin/telegraf", shutil.which("true")).replace("User=telegraf\n", "")
    (tmp_path / UNIT).write_text(text)
    instance = tmp_path / UNIT.replace("@", "@3")
    instance.symlink_to(UNIT)
    done = subprocess.run([analyze, "verify", str(instance)], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT[:8] in line]) == (0, [])


def test_the_units_instance_is_the_shards_number_and_its_state_can_be_written():
    service = unit()["Service"]
    assert service["Environment"].replace("%i", "3") == "SHARD=3/8"
    assert service["StateDirectory"] == "telegraf-dlms"
    assert int(service["LimitNOFILE"]) >= 10_000 + 32


def test_nomads_allocations_count_from_0_and_shards_from_1():
    group, found = task()
    shell, arguments = plain(found["config"][0]["command"]), [plain(each) for each in found["config"][0]["args"]]
    script = re.sub(r"exec telegraf .*", 'echo "$SHARD"', arguments[1])
    shards = [
        subprocess.run(
            [shell, arguments[0], script],
            env={"NOMAD_ALLOC_INDEX": str(index)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for index in range(group["count"])
    ]
    assert [str(parse_shard(each)) for each in shards] == [f"{number}/8" for number in range(1, 9)]


def test_kubernetes_numbers_its_pods_from_1_and_has_as_many_as_there_are_shards():
    spec = stateful_set()["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    environment = {each["name"]: each for each in container["env"]}
    # A variable is expanded where those that it uses stand before it.
    assert list(environment).index("NUMBER") < list(environment).index("SHARD")
    first = spec["ordinals"]["start"]
    numbers = range(first, first + spec["replicas"])
    shards = [environment["SHARD"]["value"].replace("$(NUMBER)", str(number)) for number in numbers]
    assert [str(parse_shard(each)) for each in shards] == [f"{number}/8" for number in range(1, 9)]


def test_nomads_sticky_disk_has_the_state_of_each_shard(tmp_path):
    group, _ = task()
    (disk,) = group["ephemeral_disk"]
    assert (disk["sticky"], disk["migrate"]) == (True, True)
    conf = tmp_path / "telegraf-dlms.conf"
    conf.write_text(SNIPPETS["toml telegraf-dlms.conf"])
    configuration = load([conf], environment={"NOMAD_ALLOC_DIR": "/alloc"})
    # Nomad keeps alloc/data alone: https://developer.hashicorp.com/nomad/docs/job-specification/ephemeral_disk
    assert state_path(configuration, [conf], shard=parse_shard("3/8")) == Path("/alloc/data/meters-3.state")


def test_the_disk_of_a_pod_is_where_the_state_is_looked_for_first():
    (container,) = stateful_set()["spec"]["template"]["spec"]["containers"]
    mounted = {each["name"]: Path(each["mountPath"]) for each in container["volumeMounts"]}
    assert mounted["state"] == VAR_LIB / FOLDER


def test_kubernetes_mounts_what_it_has():
    spec = stateful_set()["spec"]
    pod = spec["template"]["spec"]
    names = {each["name"] for each in pod["volumes"]} | {
        each["metadata"]["name"] for each in spec["volumeClaimTemplates"]
    }
    assert {each["name"] for each in pod["containers"][0]["volumeMounts"]} == names
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_the_shell_snippet_is_good_shell_and_starts_instances_of_the_unit():
    assert subprocess.run(["bash", "-n", "-c", SNIPPETS["sh syntax"]], check=False).returncode == 0
    instances = re.findall(r"telegraf-dlms@\d", SNIPPETS["sh syntax"])
    assert {each.replace("@", "@.service ").partition(" ")[0][: len(UNIT)] for each in instances} == {UNIT}
