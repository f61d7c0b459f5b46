"""What OBIS codes are called, alone and among the others of a meter."""

from __future__ import annotations

import re

import pytest
from gurux_dlms.enums import ObjectType
from gurux_dlms.GXDLMSConverter import GXDLMSConverter

from field import needs_field
from field_objects import objects_of
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.obis_names import Kind, meaning_of, names_of

NAME = re.compile(r"[a-z][a-z0-9_]*")
LISTS = [
    "dlmsprofile-smr500.json",
    "gurux_simulator_crystal_india.xml",
    "kamstrup_jdlms_object_list.json",
    "kpz_m2m3_0.0.49.typ",
    "kpz_m2m3_1.4.10.typ",
    "osgp_sim_e650_objects.txt",
    "osgp_sim_smr5_objects.txt",
    "rim489_openspodes_reader_objects.txt",
]
#: gurux's words for the direction or the quadrant of a power.
GURUX_DIRECTIONS = {
    "import": r"power\+ ",
    "export": r"power- ",
    "q1": r"QI$",
    "q2": r"QII$",
    "q3": r"QIII$",
    "q4": r"QIV$",
    "absolute": r"\)\+abs",
    "net": r"\)-abs",
}


def named(*codes, class_id=3):
    return names_of([(class_id, parse_obis(code)) for code in codes])


@pytest.mark.parametrize(
    ("code", "name", "kind"),
    [
        # electricity: powers and energies, rates, phases
        ("1.0.1.8.0.255", "active_energy_import", Kind.ENERGY),
        ("1.0.2.8.0.255", "active_energy_export", Kind.ENERGY),
        ("1.0.1.8.2.255", "active_energy_import_rate_2", Kind.ENERGY),
        ("1.0.61.8.63.255", "active_energy_import_l3_rate_63", Kind.ENERGY),
        ("1.0.1.8.128.255", "active_energy_import_e128", Kind.ENERGY),
        ("1.0.1.9.0.255", "active_energy_import_billing_period", Kind.ENERGY),
        ("1.0.1.29.0.255", "active_energy_import_recording_interval_1", Kind.ENERGY),
        ("1.0.7.8.0.255", "reactive_energy_q3", Kind.ENERGY),
        ("1.0.15.8.0.255", "active_energy_absolute", Kind.ENERGY),
        ("1.0.36.8.0.255", "active_energy_net_l1", Kind.ENERGY),
        ("1.0.1.7.0.255", "active_power_import", Kind.INSTANTANEOUS),
        ("1.0.49.7.0.255", "apparent_power_import_l2", Kind.INSTANTANEOUS),
        ("1.0.1.4.0.255", "active_power_import_average", Kind.DEMAND),
        ("1.0.1.5.0.255", "active_power_import_last_average", Kind.DEMAND),
        ("1.0.1.6.0.255", "active_power_import_max", Kind.DEMAND),
        ("1.0.1.6.1.255", "active_power_import_max_rate_1", Kind.DEMAND),
        ("1.0.1.16.0.255", "active_power_import_max_2", Kind.DEMAND),
        ("1.0.1.3.0.255", "active_power_import_min", Kind.DEMAND),
        ("1.0.1.2.0.255", "active_power_import_cumulative_max", Kind.DEMAND),
        ("1.0.1.35.0.255", "active_power_import_over_limit_threshold", Kind.POWER_QUALITY),
        # billing periods
        ("1.0.1.8.0.3", "active_energy_import_billing_3", Kind.BILLING),
        ("1.0.1.8.1.101", "active_energy_import_rate_1_last_billing_1", Kind.BILLING),
        ("1.0.1.6.0.0", "active_power_import_max_billing_0", Kind.BILLING),
        ("1.0.1.8.0.126", "active_energy_import_f126", Kind.ENERGY),
        ("1.0.0.4.2.7", "current_transformer_numerator_billing_7", Kind.SETTINGS),
        # other quantities, harmonics, angles
        ("1.0.32.7.0.255", "voltage_l1", Kind.INSTANTANEOUS),
        ("1.0.12.7.0.255", "voltage", Kind.INSTANTANEOUS),
        ("1.0.71.7.0.255", "current_l3", Kind.INSTANTANEOUS),
        ("1.0.91.7.0.255", "current_neutral", Kind.INSTANTANEOUS),
        ("1.0.124.7.0.255", "voltage_l1_l2", Kind.INSTANTANEOUS),
        ("1.0.53.7.0.255", "power_factor_l2", Kind.INSTANTANEOUS),
        ("1.0.14.7.0.255", "frequency", Kind.INSTANTANEOUS),
        ("1.0.32.24.0.255", "voltage_l1_average_3", Kind.INSTANTANEOUS),
        ("1.0.31.4.0.255", "current_l1_average", Kind.DEMAND),
        ("1.0.32.3.0.255", "voltage_l1_min", Kind.INSTANTANEOUS),
        ("1.0.32.32.0.255", "voltage_l1_under_limit_count", Kind.POWER_QUALITY),
        ("1.0.32.7.3.255", "voltage_l1_harmonic_3", Kind.INSTANTANEOUS),
        ("1.0.31.7.124.255", "current_l1_thd", Kind.INSTANTANEOUS),
        ("1.0.35.7.5.255", "active_power_absolute_l1_harmonic_5", Kind.INSTANTANEOUS),
        ("1.0.1.7.5.255", "active_power_import_rate_5", Kind.INSTANTANEOUS),
        ("1.0.89.8.0.255", "volt_squared_hours", Kind.ENERGY),
        ("1.0.11.8.0.255", "current_integral", Kind.ENERGY),
        ("1.0.83.8.7.255", "losses_e7", Kind.ENERGY),
        ("1.0.81.7.4.255", "angle_current_l1_from_voltage_l1", Kind.INSTANTANEOUS),
        ("1.0.81.7.10.255", "angle_voltage_l1_from_voltage_l2", Kind.INSTANTANEOUS),
        # general purpose, service entries, profiles
        ("1.0.0.2.0.255", "firmware_identifier", Kind.CLOCK_AND_IDENTITY),
        ("1.0.0.0.2.255", "electricity_id_3", Kind.CLOCK_AND_IDENTITY),
        ("1.0.96.1.0.255", "metering_point_id_1", Kind.CLOCK_AND_IDENTITY),
        ("1.0.96.5.2.255", "operating_status_2", Kind.EVENTS),
        ("1.0.99.1.0.255", "load_profile_1", Kind.PROFILES),
        ("1.0.99.1.1.255", "load_profile_1_1", Kind.PROFILES),
        ("1.0.98.1.0.126", "billing_profile_f126", Kind.PROFILES),
        ("1.0.99.97.0.255", "power_failure_log", Kind.PROFILES),
        # other media
        ("7.0.3.0.0.255", "gas_forward_absolute_meter_volume", Kind.VOLUME),
        ("7.0.13.2.0.255", "gas_forward_absolute_converter_volume_base_conditions", Kind.VOLUME),
        ("7.0.33.2.1.255", "gas_forward_absolute_energy_base_conditions_rate_1", Kind.ENERGY),
        ("7.0.43.0.0.255", "gas_flow_rate", Kind.INSTANTANEOUS),
        ("7.0.41.0.0.255", "gas_absolute_temperature", Kind.INSTANTANEOUS),
        ("7.0.0.0.0.255", "gas_id_1", Kind.CLOCK_AND_IDENTITY),
        ("7.0.97.97.0.255", "gas_error_register", Kind.EVENTS),
        ("7.0.0.9.2.255", "gas_local_date", Kind.CLOCK_AND_IDENTITY),
        ("8.0.1.0.0.255", "cold_water_volume", Kind.VOLUME),
        ("9.0.2.0.0.255", "hot_water_flow_rate", Kind.INSTANTANEOUS),
        ("8.0.1.2.0.255", "cold_water_volume_set_date", Kind.VOLUME),
        ("6.0.1.0.0.255", "heat_energy", Kind.ENERGY),
        ("6.0.8.5.0.255", "heat_power_max", Kind.INSTANTANEOUS),
        ("6.0.1.3.0.1", "heat_energy_billing_date_billing_1", Kind.BILLING),
        ("5.0.1.0.0.255", "cooling_energy", Kind.ENERGY),
        ("4.0.2.0.0.255", "heat_cost_allocator_rated_integral", Kind.VOLUME),
        # what is in no table
        ("1.0.200.8.0.255", "obis_1_0_200_8_0_255", Kind.OTHER),
        ("1.0.1.60.0.255", "obis_1_0_1_60_0_255", Kind.OTHER),
        ("1.0.128.8.0.255", "obis_1_0_128_8_0_255", Kind.MANUFACTURER_SPECIFIC),
        ("1.0.81.7.3.255", "obis_1_0_81_7_3_255", Kind.OTHER),
        ("0.0.96.50.1.255", "obis_0_0_96_50_1_255", Kind.MANUFACTURER_SPECIFIC),
        ("0.0.94.31.3.255", "obis_0_0_94_31_3_255", Kind.OTHER),
        ("7.0.60.0.0.255", "obis_7_0_60_0_0_255", Kind.OTHER),
        ("6.0.1.60.0.255", "obis_6_0_1_60_0_255", Kind.OTHER),
        ("6.0.0.2.0.255", "obis_6_0_0_2_0_255", Kind.OTHER),
        ("15.0.1.0.0.255", "obis_15_0_1_0_0_255", Kind.OTHER),
    ],
)
def test_a_code_has_its_name_and_its_kind(code, name, kind):
    meaning = meaning_of(3, parse_obis(code))
    assert (meaning.name, meaning.kind) == (name, kind)


@pytest.mark.parametrize(
    ("class_id", "code", "kind"),
    [
        (7, "1.0.1.8.0.255", Kind.PROFILES),
        (62, "0.0.66.0.1.255", Kind.PROFILES),
        (8, "0.0.200.0.0.255", Kind.CLOCK_AND_IDENTITY),
        (9000, "0.0.94.1.1.255", Kind.SETTINGS),
        (9000, "0.0.130.1.1.255", Kind.MANUFACTURER_SPECIFIC),
    ],
)
def test_the_class_may_say_more_of_the_kind_than_the_code(class_id, code, kind):
    assert meaning_of(class_id, parse_obis(code)).kind == kind


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1.0.1.8.1.255", "active energy import (QI+QIV, time integral 1), rate 1"),
        ("1.0.5.7.0.255", "reactive power QI (instantaneous value)"),
        ("1.0.32.7.124.255", "voltage L1 (instantaneous value), total harmonic distortion"),
        ("1.0.1.6.0.101", "active power import max (QI+QIV, maximum 1), billing period 1 before this one"),
        ("0.0.24.2.3.255", "M-Bus value 3"),
        ("7.0.3.2.0.255", "gas forward absolute meter volume base conditions (at base conditions)"),
        ("0.0.25.1.0.255", "IPv4 setup"),
        ("1.0.200.8.0.255", "a code that is in no table of the standard"),
        ("0.0.94.31.3.255", "a code of country 31"),
        ("1.0.130.8.0.255", "a code of the manufacturer's"),
    ],
)
def test_the_words_say_what_it_is(code, words):
    assert meaning_of(3, parse_obis(code)).words == words


@pytest.mark.parametrize("group", range(1, 81))
def test_a_power_is_the_one_that_others_say(group):
    name = meaning_of(3, bytes((1, 0, group, 7, 0, 255))).name
    texts = GXDLMSConverter().getDescription(f"1.0.{group}.7.0.255", ObjectType.REGISTER)
    described = next(text for text in texts if "Inst. value" in text).replace("Ch. 0 ", "").replace(" Inst. value", "")
    phase = re.search(r"_(l[123])\b", name)
    assert phase is None or phase[1].upper() in described
    words = name.removesuffix(phase[0] if phase else "").split("_")
    if "power" in words[1:]:
        assert words[0] in described.lower()
        assert re.search(GURUX_DIRECTIONS[words[2]], described.strip()), described
    else:
        assert " ".join(words) in described.lower()


def test_a_meter_on_one_channel_has_names_without_it():
    assert named("1.1.1.8.0.255", "1.1.2.8.0.255") == ["active_energy_import", "active_energy_export"]


def test_where_channels_differ_they_are_named():
    assert named("1.0.1.8.0.255", "1.1.1.8.0.255", "1.2.1.8.0.255", "1.1.2.8.0.255") == [
        "active_energy_import",
        "active_energy_import_channel_1",
        "active_energy_import_channel_2",
        "active_energy_export",
    ]


def test_where_media_differ_electricity_is_named():
    assert named("0.0.96.5.1.255", "1.0.96.5.1.255") == ["operating_status_1", "operating_status_1_electricity"]
    assert named("0.0.96.5.1.255", "1.1.96.5.1.255") == ["operating_status_1", "operating_status_1_channel_1"]


def test_where_classes_differ_they_are_named():
    name = parse_obis("1.0.1.8.0.255")
    assert names_of([(3, name), (4, name), (9000, name)]) == [
        "active_energy_import_register",
        "active_energy_import_extended_register",
        "active_energy_import_class_9000",
    ]


def test_what_differs_in_nothing_that_has_a_word_is_called_by_its_code():
    same = [parse_obis("0.0.10.0.112.255"), parse_obis("0.0.10.0.125.255")]
    assert names_of([(9, name) for name in same]) == ["obis_0_0_10_0_112_255_class_9", "obis_0_0_10_0_125_255_class_9"]


def test_a_logical_name_of_another_length_is_no_obstacle():
    assert names_of([(1, b"\x01\x00\x01"), (1, b"")]) == ["obis_1_0_1", "obis"]


@needs_field
@pytest.mark.parametrize("name", LISTS)
def test_each_object_of_a_real_meter_has_a_name_of_its_own(name):
    objects = list(dict.fromkeys((listed.class_id, listed.logical_name) for listed in objects_of(name)))
    names = names_of(objects)
    assert len(set(names)) == len(objects) > 5
    assert all(NAME.fullmatch(each) for each in names)
    standard = [each for each in objects if meaning_of(*each).kind is not Kind.MANUFACTURER_SPECIFIC]
    unknown = [each for each in standard if meaning_of(*each).name.startswith("obis_") and not is_beyond(each[1])]
    assert unknown == []


def is_beyond(logical_name):
    """Tell whether the standard leaves a code to others: to countries, or to media that it does not have."""
    return logical_name[0] >= 128 or logical_name[2] == 94


def test_every_code_that_there_could_be_has_a_name():
    """One octet at a time over its whole range, around codes of every medium."""
    for base in ("0.0.96.1.0.255", "1.0.1.8.0.255", "1.0.81.7.0.255", "7.0.3.0.0.255", "6.0.1.0.0.255", "4.0.1.0.0.1"):
        for position in range(6):
            for octet in range(256):
                code = bytearray(parse_obis(base))
                code[position] = octet
                meaning = meaning_of(3, bytes(code))
                assert NAME.fullmatch(meaning.name)
                assert meaning.words
