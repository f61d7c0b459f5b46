"""The real parts by themselves: what they are, that they start, and that they end."""

from __future__ import annotations

import fetch
import parts
import pytest

pytestmark = pytest.mark.real


def test_telegraf_is_the_version_that_the_design_measured(real_telegraf):
    assert f"github.com/influxdata/telegraf\tv{fetch.TELEGRAF_VERSION}\t".encode() in real_telegraf.read_bytes()


def test_telegraf_reads_a_command_and_writes_to_influxdb(real_telegraf, influxdb, tmp_path):
    config = tmp_path / "telegraf.conf"
    config.write_text(
        f"""
        [agent]
          flush_interval = "1s"
        [[inputs.execd]]
          command = ["sh", "-c", "echo 'meter,name=a value=1.5 1767225600000000000'; read end"]
        [[outputs.influxdb]]
          urls = ["{influxdb.url}"]
          database = "parts"
        """,
        encoding="utf-8",
    )
    with parts.telegraf(config) as telegraf:
        rows = parts.until(
            lambda: influxdb.query('SELECT "value" FROM "meter" GROUP BY "name"', database="parts"),
            "a point to arrive",
        )
        assert telegraf.stop() == 0
    assert rows == [{"name": "a", "time": 1767225600000000000, "value": 1.5}]


def test_influxdb_answers_on_loopback_only(influxdb):
    assert {"name": "_internal"} not in influxdb.query("SHOW DATABASES", database="anything")
    assert influxdb.address.startswith("127.0.0.1:")


def test_foreign_meter_listens_on_a_free_port(foreign_meter):
    interface, port = foreign_meter
    assert interface in {"wrapper", "hdlc"}
    assert port > 1023


def test_a_part_that_failed_is_not_cached_and_says_why(tmp_path, monkeypatch):
    def fail(folder):
        (folder / "half").write_text("")
        raise fetch.CannotFetchError("there is no go on this machine")

    monkeypatch.setattr(fetch, "CACHE", tmp_path)
    part = fetch.Part("Telegraf", "telegraf-1", "telegraf", fail)
    assert not fetch.fetch(part)
    assert part.missing() == "Telegraf: there is no go on this machine"
    assert [path.name for path in tmp_path.iterdir()] == ["telegraf-1.reason"]


def test_a_part_that_was_built_is_kept_and_its_old_reason_forgotten(tmp_path, monkeypatch):
    built = []

    def build(folder):
        built.append(folder)
        (folder / "telegraf").write_text("")

    monkeypatch.setattr(fetch, "CACHE", tmp_path)
    part = fetch.Part("Telegraf", "telegraf-1", "telegraf", build)
    part.reason_file.write_text("no network")
    assert fetch.fetch(part)
    assert fetch.fetch(part)
    assert len(built) == 1
    assert part.missing() is None
    assert [path.name for path in tmp_path.iterdir()] == ["telegraf-1"]
