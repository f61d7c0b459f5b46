"""Which step of an opening comes next, and where it failed."""

from __future__ import annotations

import pytest

from stations import connection, device, group, plan_of, serial_number
from telegraf_dlms.circumstances import Circumstances, LockedOut
from telegraf_dlms.hints import diagnose
from telegraf_dlms.opening_steps import OpeningSteps, circumstances_of
from telegraf_dlms.trace import Heard

KEY = "000102030405060708090A0B0C0D0E0F"
CIPHERED = {
    "access_security": "high_gmac",
    "transport_security": "encryption",
    "block_cipher_key": KEY,
    "authentication_key": KEY,
    "invocation_counter": "0.0.43.1.0.255",
}
COUNTER = {key: setting for key, setting in CIPHERED.items() if key != "access_security"}


def plan(line=None, *, name="house", **settings):
    return plan_of(connection(**(line or {})), device(name, **settings), group("g", serial_number(name))).meters[0]


def walk(steps):
    """Take each step that comes next; return their names."""
    names = []
    while (name := steps.next) != "read":
        names.append(name)
        steps.took(name)
    return names


@pytest.mark.parametrize(
    ("line", "settings", "names"),
    [
        ({}, {"interface_type": "wrapper"}, ["associate"]),
        ({}, {"interface_type": "hdlc"}, ["data_link", "associate"]),
        ({"type": "serial"}, {"interface_type": "hdlc_mode_e"}, ["mode_e", "data_link", "associate"]),
        ({}, {"access_security": "high", "password": "secret"}, ["associate", "authenticate"]),
        ({}, CIPHERED, ["invocation_counter", "associate", "authenticate"]),
        (
            {},
            COUNTER | {"interface_type": "hdlc"},
            ["data_link", "invocation_counter", "data_link", "associate"],
        ),
    ],
)
def test_the_steps_are_those_of_the_device(line, settings, names):
    assert walk(OpeningSteps(plan(line, **settings))) == names


def test_a_step_that_was_left_out_is_passed_over():
    steps = OpeningSteps(plan(**CIPHERED))
    steps.took("associate")
    assert steps.next == "authenticate"


def test_an_opening_that_begins_anew_goes_on_behind_what_it_did_again():
    steps = OpeningSteps(plan(**COUNTER, interface_type="hdlc"))
    assert walk(steps)[-1] == "associate"
    steps.took("data_link")
    assert steps.next == "associate"


def test_a_step_that_the_device_does_not_have_changes_nothing():
    steps = OpeningSteps(plan(interface_type="wrapper"))
    steps.took("data_link")
    assert steps.next == "associate"


def test_the_circumstances_are_those_of_the_device():
    heard = Heard(9)
    wrapper = plan(client_address=32, server_address=3, access_security="high", password="secret")
    assert circumstances_of(wrapper, "associate", heard=heard) == Circumstances(
        "associate",
        device="house",
        link="tcp",
        interface_type="wrapper",
        server="wPort 3",
        client=32,
        access_security="high",
        heard=heard,
    )


def test_a_device_with_a_blank_in_its_name_is_one_word_of_a_command():
    where = circumstances_of(plan(name="my meter"), "associate", heard=Heard())
    assert diagnose(LockedOut("locked"), where).hint.endswith("telegraf-dlms unlock 'my meter'")


def test_a_serial_line_is_told_with_its_settings():
    where = circumstances_of(plan({"type": "serial"}, interface_type="hdlc", **COUNTER), "data_link", heard=Heard())
    assert (where.link, where.line, where.interface_type) == ("serial", "9600 8N1", "hdlc")
    assert where.transport_security == "encryption"
