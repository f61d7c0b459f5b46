from argparse import ArgumentParser
from pathlib import Path

import pytest

from telegraf_dlms.errors import ConfigError
from telegraf_dlms.simulator import Access, Options, ServerAddress, add_arguments, options_from


def parse(*arguments):
    parser = ArgumentParser()
    add_arguments(parser)
    return options_from(parser.parse_args(arguments))


def test_the_defaults_are_those_of_a_device():
    assert parse() == Options() == Options("hdlc", "127.0.0.1", 4059, None, 1, 0.0, ServerAddress(1, (0, 1)), Access())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--interface", "wrapper"], Options(interface="wrapper")),
        (
            ["--interface", "hdlc_mode_e", "--pty", "run/head"],
            Options(interface="hdlc_mode_e", pty=Path("run/head")),
        ),
        (["--address", "::1", "--port", "0"], Options(address="::1", port=0)),
        (["--pty", "run/meter"], Options(pty=Path("run/meter"))),
        (["--meters", "1000"], Options(meters=1000)),
        (["--address", "127.1.0.1", "--meters", "3"], Options(address="127.1.0.1", meters=3)),
        (["--delay", "1s500ms"], Options(delay_s=1.5)),
        (["--server-address", "6678"], Options(server_address=ServerAddress(6678))),
        (["--logical-server-address", "3"], Options(server_address=ServerAddress(1, (3,)))),
        (["--password", "12345678"], Options(access=Access("low", b"12345678"))),
        (["--short-names"], Options(access=Access(referencing="short_names"))),
        (["--short-names", "--password", "1"], Options(access=Access("low", b"1", "short_names"))),
        (["--access-security", "none", "--password", "x"], Options(access=Access("none", b"x"))),
        (
            ["--pty", "run/bus", "--meters", "3", "--server-address", "16"],
            Options(pty=Path("run/bus"), meters=3, server_address=ServerAddress(16, count=3)),
        ),
    ],
    ids=lambda argument: " ".join(argument) if isinstance(argument, list) else "",
)
def test_options_are_what_the_arguments_say(arguments, expected):
    assert parse(*arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--port", "65536"], "--port: 65536 is outside 0..65535"),
        (["--meters", "0"], "--meters: 0 is less than 1"),
        (["--interface", "hdlc_mode_e"], "--interface hdlc_mode_e needs --pty"),
        (
            ["--interface", "hdlc_mode_e", "--pty", "run/head", "--meters", "2"],
            "--meters: 2 of them would all answer the one call of hdlc_mode_e",
        ),
        (["--address", "192.0.2.1", "--meters", "2"], "--meters: 2 of them need loopback addresses, 192.0.2.1 is none"),
        (["--address", "::1", "--meters", "2"], "--meters: 2 of them need loopback addresses, ::1 is none"),
        (
            ["--address", "127.255.255.254", "--meters", "3"],
            "--meters: 3 of them need loopback addresses, 127.255.255.254 is none",
        ),
        (["--server-address", "16384"], "--server-address: 16384 to 16384 is outside 0..16383"),
        (["--pty", "x", "--server-address", "16383", "--meters", "2"], "--server-address: 16383 to 16384 is outside"),
        (["--logical-server-address", "-1"], "--logical-server-address: -1 is outside 0..16383"),
        (["--access-security", "low"], '--password: is required for access_security "low"'),
        (["--delay", "soon"], '--delay: "soon" is not a duration'),
    ],
    ids=lambda argument: " ".join(argument) if isinstance(argument, list) else "",
)
def test_a_bad_argument_is_told(arguments, problem):
    with pytest.raises(ConfigError) as error:
        parse(*arguments)
    assert [told[: len(problem)] for told in error.value.problems] == [problem]


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as error:
        parse("--port", "-1", "--meters", "0", "--access-security", "low", "--delay", "soon", "--initial-counter", "-1")
    assert len(error.value.problems) == 5


def test_no_secret_is_shown():
    assert "12345678" not in repr(parse("--password", "12345678"))
