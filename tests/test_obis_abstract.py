"""Codes that all media have, against descriptions that others wrote: gurux-dlms has the Blue Book's list of them."""

from __future__ import annotations

import re

import pytest
from gurux_dlms.enums import ObjectType
from gurux_dlms.GXDLMSConverter import GXDLMSConverter

from telegraf_dlms.obis import parse_obis
from telegraf_dlms.obis_abstract import ABSTRACT, FIRST_COMMON
from telegraf_dlms.obis_names import meaning_of


@pytest.fixture(scope="module")
def described():
    converter = GXDLMSConverter()
    return lambda code, class_id: converter.getDescription(code, ObjectType(class_id))


@pytest.mark.parametrize(
    ("code", "class_id", "name", "words"),
    [
        ("0.0.1.0.0.255", 8, "clock", "Clock"),
        ("0.0.96.1.0.255", 1, "device_id_1", "manufacturing number"),
        ("0.0.96.1.9.255", 1, "device_id_10", "Device ID"),
        ("0.0.96.7.21.255", 1, "power_failures_any_phase", "in any phase"),
        ("0.0.96.7.9.255", 1, "long_power_failures_any_phase", "long power failures"),
        ("0.0.96.7.16.255", 1, "long_power_failure_duration_l1", "Duration of long power failure"),
        ("0.0.96.20.15.255", 1, "magnetic_field_count", "magnetic field event counter"),
        ("0.0.96.20.8.255", 1, "terminal_cover_open_total_duration", "Terminal cover open event, cumulative"),
        ("0.0.97.98.12.255", 1, "alarm_filter_3", "Alarm filter"),
        ("0.0.97.98.21.255", 1, "alarm_descriptor_2", "Alarm descriptor"),
        ("0.0.10.0.106.255", 9, "disconnect_control_script_table", "Disconnect control"),
        ("0.0.15.0.4.255", 22, "push_schedule", "Push"),
        ("0.0.21.0.2.255", 7, "alternate_display_readout", "Alternate display readout"),
        ("0.0.96.6.3.255", 3, "battery_voltage", "Battery voltage"),
        ("0.0.40.0.0.255", 15, "association", "Current association"),
        ("0.0.42.0.0.255", 1, "logical_device_name", "Logical device name"),
        ("0.0.43.1.3.255", 1, "invocation_counter_3", "Invocation counter"),
        ("0.0.25.6.0.255", 47, "gsm_diagnostic", "GSM diagnostic"),
        ("0.0.99.98.4.255", 7, "event_log_4", "Event log"),
    ],
)
def test_a_code_means_what_others_say_that_it_means(described, code, class_id, name, words):
    assert meaning_of(class_id, parse_obis(code)).name == name
    assert any(words.lower() in text.lower() for text in described(code, class_id)), described(code, class_id)


def test_codes_from_96_on_hold_for_what_is_electricitys_own():
    for group, value, element in ABSTRACT:
        if group < FIRST_COMMON or value is None:
            continue
        code = bytes((1, 0, group, value, 1 if element is None else element, 255))
        assert not re.match("obis_", meaning_of(1, code).name), code


def test_codes_below_96_are_abstract_alone():
    assert meaning_of(1, parse_obis("1.0.42.0.0.255")).name != meaning_of(1, parse_obis("0.0.42.0.0.255")).name
    assert not meaning_of(47, parse_obis("7.0.25.6.0.255")).name.endswith("gsm_diagnostic")
