"""The commands ``test connection|device|group``: by name, on real sockets, with report, trace and exit status."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading

import parts
import pytest

from replay import Replay, read_trace
from scripted_meter import SaidLog
from stations import connection, device, group, load_profile, serial_number, value
from telegraf_dlms.buttons import Order, press
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.shard import WHOLE, Shard
from test_report_live import Terminal, terminal

__all__ = ["terminal"]


class TraceLog(SaidLog):
    """A log that remembers, with what configurations ask of one."""

    level = None

    def set_level(self, level):
        self.level = level

    def trace(self, text):
        self.say("trace", text)

    def is_enabled(self, level):
        return False


@pytest.fixture
def log():
    return TraceLog()


@pytest.fixture
def config(tmp_path):
    """Write a configuration; its state is beside it."""

    def write(*tables):
        path = tmp_path / "meters.conf"
        agent = f'[agent]\nstate_file = "{tmp_path}/state"\n'
        path.write_text("\n".join([agent, *tables]), encoding="utf-8")
        return path

    return write


@contextlib.contextmanager
def listener(answer=b""):
    """Listen on a free port; give it, and what was heard of each client until it hung up."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        heard.append(b"")
                        while octets := client.recv(4096):
                            heard[-1] += octets
                            client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def at_port(port, name="line", **settings):
    return connection(name, **{"address": "127.0.0.1", "port": port} | settings)


def pressed(kind, name, path, log, *, file=None, form="text", trace=None, shard=WHOLE):
    file = file or io.StringIO()
    status = press(Order(kind, name, form, trace, shard), [path], file=file, log=log)
    return status, file.getvalue().splitlines()


def objects(kind, name, path, log, **settings):
    status, lines = pressed(kind, name, path, log, form="json", **settings)
    return status, [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("kind", "name", "problem"),
    [
        ("connection", "lime", 'there is no connection "lime"; did you mean "line"?'),
        ("device", "huose", 'there is no device "huose"; did you mean "house"?'),
        ("group", "energi", 'there is no group "energi"; did you mean "energy"?'),
        ("group", "house", 'there is no group "house"'),
    ],
)
def test_a_name_that_is_not_there_is_a_problem_with_a_suggestion(kind, name, problem, config, log):
    path = config(connection(), device(), group("energy", value()))
    with pytest.raises(ConfigError) as caught:
        pressed(kind, name, path, log)
    assert caught.value.problems == (problem,)


def test_the_configuration_says_how_much_is_logged(config, log):
    path = config(at_port(closed_port()))
    path.write_text(path.read_text().replace("[agent]", '[agent]\nlog_level = "debug"'))
    pressed("connection", "line", path, log)
    assert log.level == "debug"


def test_a_connection_is_opened_and_nothing_is_sent(config, log):
    with listener() as (port, heard):
        status, lines = pressed("connection", "line", config(at_port(port)), log)
        parts.until(lambda: heard, "the connection")
    assert status == 0
    assert [line.split(",")[0] for line in lines] == [
        "ok      resolve              127.0.0.1: 127.0.0.1",
        f"ok      connect              127.0.0.1 port {port}",
        "ok      result               the connection can be opened",
    ]
    assert heard == [b""]


def test_a_connection_that_is_refused_ends_with_status_1(config, log):
    port = closed_port()
    status, steps = objects("connection", "line", config(at_port(port)), log)
    assert status == 1
    assert [(step["step"], step["ok"]) for step in steps] == [("resolve", True), ("connect", False), ("result", False)]
    assert steps[-1]["text"] == "the connection cannot be opened"
    assert steps[-1]["layer"] == "connection"
    assert steps[-1]["cause"] == f"127.0.0.1:{port}: connection refused"


def test_of_several_addresses_one_is_enough(config, log, monkeypatch):
    async def both(_loop, _name, port, **_settings):
        return [(0, 0, 0, "", (address, port)) for address in ("127.0.0.1", "::1", "127.0.0.1")]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", both)
    with listener() as (port, _):
        status, steps = objects("connection", "line", config(at_port(port)), log)
    assert status == 0
    assert [step["ok"] for step in steps] == [True, True, False, True]
    assert steps[-1]["text"] == "the connection can be opened: 1 of 2 addresses"


def test_a_device_that_answers_ends_with_status_0(config, log, built_in_meter):
    path = config(at_port(built_in_meter), device())
    status, steps = objects("device", "house", path, log)
    assert status == 0
    assert [step["step"] for step in steps] == ["resolve", "connect", "associate", "read", "read", "release", "result"]
    assert all(step["ok"] for step in steps)
    assert {step.get("device") for step in steps[:-1]} == {"house"}
    assert steps[-1] == {"step": "result", "ok": True, "text": "the device answers"}


def test_a_device_is_tried_though_it_is_not_enabled(config, log, built_in_meter):
    path = config(at_port(built_in_meter, enabled=False), device(enabled=False))
    assert pressed("device", "house", path, log)[0] == 0


def test_the_result_of_a_failure_repeats_layer_cause_and_hint_for_machines(config, log):
    with listener() as (port, _):
        path = config(at_port(port), device(timeout="20ms"))
        status, steps = objects("device", "house", path, log)
    assert status == 1
    failed, result = steps[-2:]
    assert (failed["step"], result["step"], result["text"]) == ("associate", "result", "failed: association")
    assert {key: failed[key] for key in ("layer", "cause", "hint")} == {
        key: result[key] for key in ("layer", "cause", "hint")
    }


def test_a_group_is_read_from_each_of_its_devices(config, log, built_in_meter):
    both = ["house", "barn"]
    path = config(
        at_port(built_in_meter),
        device(),
        device("barn"),
        device("shed", enabled=False),
        group("g", value(of=[*both, "shed"]), serial_number(), load_profile("barn"), value("off", enabled=False)),
    )
    status, steps = objects("group", "g", path, log)
    assert status == 0
    assert (steps[0]["step"], steps[0]["device"]) == ("note", "shed")
    assert steps[0]["text"] == "it, or its connection, is not enabled: not tried"
    values = [(step["device"], step["name"]) for step in steps if step["step"] == "value"]
    assert values == [("house", "power_factor"), ("house", "serial"), ("barn", "power_factor"), ("barn", "load")]
    assert steps[-1] == {
        "step": "result",
        "ok": True,
        "text": "4 of 4 values read",
        "values": 4,
        "values_read": 4,
        "values_refused": 0,
        "devices": 2,
        "devices_failed": 0,
    }


def test_a_group_goes_on_behind_a_device_that_fails_and_fails_as_the_first_did(config, log, built_in_meter):
    path = config(
        at_port(closed_port(), "gone"),
        at_port(built_in_meter),
        device("barn", on="gone"),
        device(),
        group("g", value(of=["barn", "house"]), value("none", obis="1.0.99.9.9.255"), enabled=False),
    )
    status, steps = objects("group", "g", path, log)
    assert status == 1
    result = steps[-1]
    assert result["text"] == "1 of 3 values read, 1 of 2 devices failed"
    assert (result["layer"], result["values_refused"]) == ("connection", 1)
    assert [step["device"] for step in steps if step["step"] == "value"] == ["house", "house"]


def test_of_a_group_the_devices_of_a_shard_are_tried(config, log, built_in_meter):
    # Of two shards "line" is in the first, "substation" in the second.
    path = config(
        at_port(built_in_meter), at_port(closed_port(), "substation"), device(), device("barn", on="substation"),
        group("g", value(of=["house", "barn"])),
    )  # fmt: skip
    status, steps = objects("group", "g", path, log, shard=Shard(1, 2))
    assert status == 0
    assert (steps[0]["step"], steps[0]["text"]) == ("note", "1 of its devices is in another shard: not tried")
    assert (steps[-1]["values"], steps[-1]["devices"]) == (1, 1)


@pytest.mark.parametrize(("kind", "name"), [("connection", "line"), ("device", "house")])
def test_what_is_in_another_shard_is_a_problem(kind, name, config, log):
    path = config(connection(), device(), group("energy", value()))
    with pytest.raises(ConfigError) as caught:
        pressed(kind, name, path, log, shard=Shard(3, 8))
    assert caught.value.problems == (f'--shard: {kind} "{name}" is in shard 4/8, not in 3/8',)


def test_a_shard_uses_the_state_of_its_run(config, log, built_in_meter, tmp_path):
    path = config(at_port(built_in_meter), device())
    assert pressed("device", "house", path, log, shard=Shard(4, 8))[0] == 0
    assert (tmp_path / "state-4").exists()
    assert not (tmp_path / "state").exists()


def test_a_trace_is_written_that_can_be_played_again(config, log, built_in_meter, tmp_path):
    path = config(at_port(built_in_meter), device(), group("g", value()))
    trace = tmp_path / "trace"
    status, _ = pressed("group", "g", path, log, trace=trace)
    assert status == 0
    lines = trace.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# telegraf-dlms ")
    assert lines[0].split(", ")[0].endswith(': test group "g"')
    assert "# house: associate" in lines
    signs = [stretch.sign for stretch in read_trace("\n".join(lines))]
    assert signs == [">", "<"] * (len(signs) // 2)
    assert len(Replay("\n".join(lines)).left) == len(signs) > 8
    assert [line.removeprefix("T ") for line in log.all] == lines


def test_without_a_file_the_log_alone_has_the_trace(config, log, built_in_meter):
    pressed("device", "house", config(at_port(built_in_meter), device()), log)
    assert any(line.startswith("T > 00 01") for line in log.all)


def test_a_trace_that_cannot_be_written_is_a_problem_before_anything_is_sent(config, log, tmp_path):
    with listener() as (port, heard):
        with pytest.raises(ConfigError, match=r"^--trace: .*/nowhere/trace cannot be written: No such file"):
            pressed("device", "house", config(at_port(port), device()), log, trace=tmp_path / "nowhere" / "trace")
        assert heard == []


@pytest.mark.usefixtures("terminal")
def test_a_terminal_sees_what_is_going_on_in_motion(config, log):
    file = Terminal()
    with listener() as (port, _):
        status, _ = pressed("device", "house", config(at_port(port), device(timeout="350ms")), log, file=file)
    assert status == 1
    assert file.getvalue().count("house: associate") > 2
    shown = file.shown()
    assert shown[0] == "device house"
    assert shown[-1] == "FAILED  result               failed: association"


def test_no_file_of_the_state_is_made_where_no_secret_is_used(config, log, built_in_meter, tmp_path):
    path = config(at_port(built_in_meter), device())
    path.write_text(path.read_text().replace("state_file", "# state_file"))
    assert pressed("device", "house", path, log)[0] == 0
    assert [each.name for each in tmp_path.iterdir()] == ["meters.conf"]
