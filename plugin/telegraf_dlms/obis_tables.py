"""What OBIS codes mean, as data: value groups C, D and E of each medium (IEC 62056-6-1; Blue Book part 1, "OBIS").

Names are the standard's, short and in snake_case; ``words`` stand where a name says less than the standard does.
``obis_names`` puts them together. In a name ``{e}`` is value group E, and ``{n}`` is E + 1, where the standard counts
from 1; a name without them that stands for every E gets ``_<e>`` behind it, but not for 0.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a value is read for: the groups that ``discover`` makes, in their order in the file."""

    ENERGY = "energy"
    VOLUME = "volume"
    INSTANTANEOUS = "instantaneous"
    DEMAND = "demand"
    POWER_QUALITY = "power_quality"
    BILLING = "billing"
    PROFILES = "profiles"
    CLOCK_AND_IDENTITY = "clock_and_identity"
    EVENTS = "events"
    SETTINGS = "settings"
    MANUFACTURER_SPECIFIC = "manufacturer_specific"
    OTHER = "other"


class Meaning(NamedTuple):
    """What a code stands for."""

    name: str
    kind: Kind
    words: str = ""


_ENERGY, _VOLUME, _NOW, _PQ = Kind.ENERGY, Kind.VOLUME, Kind.INSTANTANEOUS, Kind.POWER_QUALITY
_IDENTITY, _EVENTS, _SETTINGS, _PROFILES = Kind.CLOCK_AND_IDENTITY, Kind.EVENTS, Kind.SETTINGS, Kind.PROFILES

#: Value group A → medium, put before the names of its values. Electricity and abstract objects have nothing before.
MEDIA = {4: "heat_cost_allocator", 5: "cooling", 6: "heat", 7: "gas", 8: "cold_water", 9: "hot_water"}

# Electricity (A = 1). Value group C: 1 to 20 are sums of all phases, 21 to 40 are L1, then L2 and L3.

#: C modulo 20 → nature and direction of power or energy, and the quadrants where the name does not say them.
POWERS = {
    1: ("active", "import", "QI+QIV"),
    2: ("active", "export", "QII+QIII"),
    3: ("reactive", "import", "QI+QII"),
    4: ("reactive", "export", "QIII+QIV"),
    5: ("reactive", "q1", ""),
    6: ("reactive", "q2", ""),
    7: ("reactive", "q3", ""),
    8: ("reactive", "q4", ""),
    9: ("apparent", "import", "QI+QIV"),
    10: ("apparent", "export", "QII+QIII"),
    15: ("active", "absolute", "|QI+QIV|+|QII+QIII|"),
    16: ("active", "net", "|QI+QIV|-|QII+QIII|"),
    17: ("active", "q1", ""),
    18: ("active", "q2", ""),
    19: ("active", "q3", ""),
    20: ("active", "q4", ""),
}
#: C modulo 20 → what is no power.
QUANTITIES = {11: "current", 12: "voltage", 13: "power_factor", 14: "frequency"}
#: C beyond the phases.
FURTHER_QUANTITIES = {
    82: "pulses",
    83: "losses",
    84: "power_factor_export",
    85: "power_factor_export_l1",
    86: "power_factor_export_l2",
    87: "power_factor_export_l3",
    88: "ampere_squared_hours",
    89: "volt_squared_hours",
    90: "current_sum",
    91: "current_neutral",
    92: "voltage_neutral",
    124: "voltage_l1_l2",
    125: "voltage_l2_l3",
    126: "voltage_l3_l1",
}
#: C of the quantities that have harmonics in value group E; 15, 35, 55 and 75 are active power.
HARMONIC = frozenset({11, 12, 15, 31, 32, 35, 51, 52, 55, 71, 72, 75, 90, 91, 92, 124, 125, 126})
#: D of the values that harmonics are of: instantaneous, averages 3 and 4, and limits.
HARMONIC_VALUES = frozenset({7, 24, 56, *range(31, 46)})
#: E of harmonics beyond the 120th.
DISTORTIONS = {
    124: ("thd", "total harmonic distortion"),
    125: ("tdd", "total demand distortion"),
    126: ("all_harmonics", "all harmonics"),
    127: ("harmonics_ratio", "all harmonics to nominal value ratio"),
}
#: C = 81: the digits of E are the places of an angle's reference and of what it is measured from there.
ANGLE_PLACES = {
    0: "voltage_l1",
    1: "voltage_l2",
    2: "voltage_l3",
    4: "current_l1",
    5: "current_l2",
    6: "current_l3",
    7: "current_neutral",
}

#: D → the word behind "energy", of what is a power; (name, words).
TIME_INTEGRALS = {
    8: ("", "time integral 1"),
    9: ("billing_period", "time integral 2: in this billing period"),
    10: ("over_threshold", "time integral 3: beyond a threshold"),
    17: ("time_integral_7", "time integral 7"),
    18: ("time_integral_8", "time integral 8"),
    19: ("time_integral_9", "time integral 9"),
    20: ("time_integral_10", "time integral 10"),
    29: ("recording_interval_1", "time integral 5: in this recording interval 1"),
    30: ("recording_interval_2", "time integral 6: in this recording interval 2"),
    58: ("test", "time integral 4: test"),
}
#: D → how a power or another quantity was taken; the kind is that of a power.
VALUES = {
    0: Meaning("billing_average", Kind.DEMAND, "billing period average"),
    1: Meaning("cumulative_min", Kind.DEMAND, "cumulative minimum 1"),
    2: Meaning("cumulative_max", Kind.DEMAND, "cumulative maximum 1"),
    3: Meaning("min", Kind.DEMAND, "minimum 1"),
    4: Meaning("average", Kind.DEMAND, "current average 1"),
    5: Meaning("last_average", Kind.DEMAND, "last average 1"),
    6: Meaning("max", Kind.DEMAND, "maximum 1"),
    7: Meaning("", _NOW, "instantaneous value"),
    11: Meaning("cumulative_min_2", Kind.DEMAND, "cumulative minimum 2"),
    12: Meaning("cumulative_max_2", Kind.DEMAND, "cumulative maximum 2"),
    13: Meaning("min_2", Kind.DEMAND, "minimum 2"),
    14: Meaning("average_2", Kind.DEMAND, "current average 2"),
    15: Meaning("last_average_2", Kind.DEMAND, "last average 2"),
    16: Meaning("max_2", Kind.DEMAND, "maximum 2"),
    21: Meaning("cumulative_min_3", Kind.DEMAND, "cumulative minimum 3"),
    22: Meaning("cumulative_max_3", Kind.DEMAND, "cumulative maximum 3"),
    23: Meaning("min_3", Kind.DEMAND, "minimum 3"),
    24: Meaning("average_3", Kind.DEMAND, "current average 3"),
    25: Meaning("last_average_3", Kind.DEMAND, "last average 3"),
    26: Meaning("max_3", Kind.DEMAND, "maximum 3"),
    27: Meaning("average_5", Kind.DEMAND, "current average 5"),
    28: Meaning("average_6", Kind.DEMAND, "current average 6"),
    31: Meaning("under_limit_threshold", _PQ),
    32: Meaning("under_limit_count", _PQ, "under limit occurrence counter"),
    33: Meaning("under_limit_duration", _PQ),
    34: Meaning("under_limit_magnitude", _PQ),
    35: Meaning("over_limit_threshold", _PQ),
    36: Meaning("over_limit_count", _PQ, "over limit occurrence counter"),
    37: Meaning("over_limit_duration", _PQ),
    38: Meaning("over_limit_magnitude", _PQ),
    39: Meaning("missing_threshold", _PQ),
    40: Meaning("missing_count", _PQ, "missing occurrence counter"),
    41: Meaning("missing_duration", _PQ),
    42: Meaning("missing_magnitude", _PQ),
    43: Meaning("under_limit_time_threshold", _PQ, "time threshold for under limit"),
    44: Meaning("over_limit_time_threshold", _PQ, "time threshold for over limit"),
    45: Meaning("missing_time_threshold", _PQ, "time threshold for missing magnitude"),
    46: Meaning("contracted", _SETTINGS, "contracted value"),
    55: Meaning("test_average", Kind.DEMAND, "test average"),
    56: Meaning("average_4", Kind.DEMAND, "current average 4"),
}

#: A code's value groups C, D and E; None stands for every number.
Place = tuple[int, int | None, int | None]

#: Electricity, C = 0 (general purpose) and service entries.
ELECTRICITY: dict[Place, Meaning] = {
    (0, 0, None): Meaning("electricity_id_{n}", _IDENTITY),
    (0, 1, 0): Meaning("billing_period_counter", Kind.BILLING),
    (0, 1, 1): Meaning("billing_periods_available", Kind.BILLING, "number of available billing periods"),
    (0, 1, 2): Meaning("billing_period_time", Kind.BILLING, "time stamp of the most recent billing period"),
    (0, 1, 3): Meaning("billing_period_counter_2", Kind.BILLING),
    (0, 1, 4): Meaning("billing_periods_available_2", Kind.BILLING, "number of available billing periods, scheme 2"),
    (0, 1, 5): Meaning("billing_period_time_2", Kind.BILLING, "time stamp of the most recent billing period, scheme 2"),
    (0, 2, 0): Meaning("firmware_identifier", _IDENTITY, "active firmware identifier"),
    (0, 2, 1): Meaning("parameter_record_number", _IDENTITY),
    (0, 2, 2): Meaning("time_switch_program_number", _IDENTITY),
    (0, 2, 3): Meaning("ripple_control_program_number", _IDENTITY, "RCR program number"),
    (0, 2, 4): Meaning("connection_diagram_id", _IDENTITY, "meter connection diagram ID"),
    (0, 2, 7): Meaning("passive_calendar_name", _IDENTITY),
    (0, 2, 8): Meaning("firmware_signature", _IDENTITY, "active firmware signature"),
    (0, 3, 0): Meaning("active_energy_led_constant", _SETTINGS, "meter constant: active energy, metrological LED"),
    (0, 3, 1): Meaning("reactive_energy_led_constant", _SETTINGS, "meter constant: reactive energy, metrological LED"),
    (0, 3, 2): Meaning("apparent_energy_led_constant", _SETTINGS, "meter constant: apparent energy, metrological LED"),
    (0, 3, 3): Meaning("active_energy_pulse_constant", _SETTINGS, "meter constant: active energy, output pulse"),
    (0, 3, 4): Meaning("reactive_energy_pulse_constant", _SETTINGS, "meter constant: reactive energy, output pulse"),
    (0, 3, 5): Meaning("apparent_energy_pulse_constant", _SETTINGS, "meter constant: apparent energy, output pulse"),
    (0, 4, 0): Meaning("power_reading_factor", _SETTINGS, "reading factor for power"),
    (0, 4, 1): Meaning("energy_reading_factor", _SETTINGS, "reading factor for energy"),
    (0, 4, 2): Meaning("current_transformer_numerator", _SETTINGS, "transformer ratio, current, numerator"),
    (0, 4, 3): Meaning("voltage_transformer_numerator", _SETTINGS, "transformer ratio, voltage, numerator"),
    (0, 4, 4): Meaning("overall_transformer_numerator", _SETTINGS, "overall transformer ratio, numerator"),
    (0, 4, 5): Meaning("current_transformer_denominator", _SETTINGS, "transformer ratio, current, denominator"),
    (0, 4, 6): Meaning("voltage_transformer_denominator", _SETTINGS, "transformer ratio, voltage, denominator"),
    (0, 4, 7): Meaning("overall_transformer_denominator", _SETTINGS, "overall transformer ratio, denominator"),
    (0, 5, None): Meaning("demand_limit_{e}", _SETTINGS),
    (0, 6, 0): Meaning("nominal_voltage", _SETTINGS),
    (0, 6, 1): Meaning("nominal_current", _SETTINGS, "basic or nominal current"),
    (0, 6, 2): Meaning("nominal_frequency", _SETTINGS),
    (0, 6, 3): Meaning("maximum_current", _SETTINGS),
    (0, 6, 4): Meaning("reference_voltage", _SETTINGS, "reference voltage for power quality measurement"),
    (0, 6, 5): Meaning("auxiliary_reference_voltage", _SETTINGS, "reference voltage of the auxiliary power supply"),
    (0, 7, None): Meaning("input_pulse_constant_{e}", _SETTINGS, "input pulse value or constant {e}"),
    (0, 8, 0): Meaning("measurement_period_1", _SETTINGS, "measurement period 1, for averaging scheme 1"),
    (0, 8, 1): Meaning("measurement_period_2", _SETTINGS, "measurement period 2, for averaging scheme 2"),
    (0, 8, 2): Meaning("measurement_period_3", _SETTINGS, "measurement period 3, for instantaneous values"),
    (0, 8, 3): Meaning("test_measurement_period", _SETTINGS, "measurement period 4, for test values"),
    (0, 8, 4): Meaning("recording_interval_1", _SETTINGS, "recording interval 1, for load profiles"),
    (0, 8, 5): Meaning("recording_interval_2", _SETTINGS, "recording interval 2, for load profiles"),
    (0, 8, 6): Meaning("billing_period_length", _SETTINGS, "billing period"),
    (0, 8, 7): Meaning("billing_period_length_2", _SETTINGS, "billing period 2"),
    (0, 8, 8): Meaning("harmonics_measurement_period", _SETTINGS, "measurement period 4, for harmonics"),
    (0, 9, 0): Meaning("time_since_billing", Kind.BILLING, "time expired since the last end of a billing period"),
    (0, 9, 1): Meaning("local_time", _IDENTITY),
    (0, 9, 2): Meaning("local_date", _IDENTITY),
    (0, 9, 5): Meaning("week_day", _IDENTITY),
    (0, 9, 6): Meaning("last_reset_time", Kind.BILLING, "time of last reset"),
    (0, 9, 7): Meaning("last_reset_date", Kind.BILLING, "date of last reset"),
    (0, 9, 8): Meaning("output_pulse_duration", _SETTINGS),
    (0, 9, 9): Meaning("clock_synchronisation_window", _SETTINGS),
    (0, 9, 10): Meaning("clock_synchronisation_method", _SETTINGS),
    (0, 9, 11): Meaning("clock_shift_limit", _SETTINGS, "clock time shift limit"),
    (0, 9, 12): Meaning("billing_reset_lockout", _SETTINGS, "billing period reset lockout time"),
    (0, 10, None): Meaning("loss_coefficient_{e}", _SETTINGS, "coefficient {e} of transformer and line losses"),
    (0, 11, None): Meaning("measurement_algorithm_{e}", _SETTINGS),
    (96, 1, None): Meaning("metering_point_id_{n}", _IDENTITY),
    (96, 5, 5): Meaning("meter_started", _EVENTS, "meter started status flag"),
    (96, 10, 0): Meaning("missing_voltage_status", _EVENTS, "status information: missing voltage"),
    (96, 10, 1): Meaning("missing_current_status", _EVENTS, "status information: missing current"),
    (96, 10, 2): Meaning("current_without_voltage_status", _EVENTS, "status information: current without voltage"),
    (96, 10, 3): Meaning("auxiliary_supply_status", _EVENTS, "status information: auxiliary power supply"),
    (99, 10, 1): Meaning("voltage_dips_profile", _PROFILES),
    (99, 10, 2): Meaning("voltage_swells_profile", _PROFILES),
    (99, 10, 3): Meaning("voltage_cuts_profile", _PROFILES),
    (99, 11, None): Meaning("voltage_harmonic_profile_{e}", _PROFILES),
    (99, 12, None): Meaning("current_harmonic_profile_{e}", _PROFILES),
    (99, 13, 0): Meaning("voltage_unbalance_profile", _PROFILES),
    (99, 14, None): Meaning("power_quality_profile", _PROFILES),
    (99, 97, None): Meaning("power_failure_log", _PROFILES, "power failure event log"),
}

#: Gas (A = 7): the kinds of volumes by C modulo 10, in the families below, and what is measured besides.
GAS_FLOWS = {
    1: "forward_undisturbed",
    2: "forward_disturbed",
    3: "forward_absolute",
    4: "reverse_undisturbed",
    5: "reverse_disturbed",
    6: "reverse_absolute",
    7: "forward_absolute_encoder",
    8: "reverse_absolute_encoder",
}
GAS_FAMILIES = {
    0: ("meter_volume", _VOLUME),
    1: ("converter_volume", _VOLUME),
    2: ("logger_volume", _VOLUME),
    3: ("energy", _ENERGY),
    6: ("mass", _VOLUME),
}
GAS_QUANTITIES = {
    41: "absolute_temperature",
    42: "absolute_pressure",
    43: "flow_rate",
    44: "velocity_of_sound",
    45: "density",
    46: "relative_density",
    47: "gauge_pressure",
    48: "differential_pressure",
    49: "air_density",
    51: "correction_factor",
    52: "conversion_factor",
    53: "compressibility_factor",
    54: "superior_calorific_value",
    55: "gas_law_deviation_coefficient",
    70: "analysis",
}
#: D of gas: the first ones, which nearly all meters have.
GAS_VALUES = {
    0: ("", "at metering conditions"),
    1: ("corrected", "corrected value"),
    2: ("base_conditions", "at base conditions"),
    3: ("redundant", "redundant value at metering conditions"),
}

#: Heat cost allocators, thermal energy (cooling and heat) and water: C, and D alike for all of them.
HEAT_COST_ALLOCATOR = {
    1: ("unrated_integral", _VOLUME),
    2: ("rated_integral", _VOLUME),
    3: ("radiator_temperature", _NOW),
    4: ("medium_temperature", _NOW),
    5: ("flow_temperature", _NOW),
    6: ("return_temperature", _NOW),
    7: ("room_temperature", _NOW),
}
THERMAL = {
    1: ("energy", _ENERGY),
    2: ("volume", _VOLUME),
    3: ("mass", _VOLUME),
    4: ("flow_volume", _VOLUME),
    5: ("flow_mass", _VOLUME),
    6: ("return_volume", _VOLUME),
    7: ("return_mass", _VOLUME),
    8: ("power", _NOW),
    9: ("flow_rate", _NOW),
    10: ("flow_temperature", _NOW),
    11: ("return_temperature", _NOW),
    12: ("differential_temperature", _NOW),
    13: ("pressure", _NOW),
}
WATER = {1: ("volume", _VOLUME), 2: ("flow_rate", _NOW), 3: ("temperature", _NOW)}
METER_VALUES = {
    0: ("", "current value"),
    1: ("periodical", "periodical value 1"),
    2: ("set_date", "set date value"),
    3: ("billing_date", "billing date value"),
    4: ("min", "minimum 1"),
    5: ("max", "maximum 1"),
    6: ("test", "test value"),
    7: ("instantaneous", "instantaneous value"),
    8: ("time_integral_1", "time integral 1"),
    9: ("time_integral_2", "time integral 2"),
    10: ("average", "current average"),
    11: ("last_average", "last average"),
    12: ("periodical_2", "periodical value 2"),
    13: ("periodical_3", "periodical value 3"),
    14: ("min_2", "minimum 2"),
    15: ("max_2", "maximum 2"),
    20: ("under_limit_count", "under limit occurrence counter"),
    21: ("under_limit_duration", "under limit duration"),
    22: ("over_limit_count", "over limit occurrence counter"),
    23: ("over_limit_duration", "over limit duration"),
    24: ("missing_count", "missing data occurrence counter"),
    25: ("missing_duration", "missing data duration"),
}
