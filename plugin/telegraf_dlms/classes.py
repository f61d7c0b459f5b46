"""The interface classes of the Blue Book as data: class, version, attribute, field, type.

Field names are the Blue Book's attribute names in snake_case (part 2, chapters 4 and 5), but for the Clock's ``time``,
which InfluxDB would drop: it is ``clock_time``. A field name has one type for ever, over all classes and versions;
where the Blue Book gives one name two types, every attribute of that name is a CHOICE:

- ``buffer`` is an array in Profile generic, an octet-string in Utility tables;
- ``repetition_delay`` is a number in Auto connect and in Push setup until version 1, a structure from version 2 on;
- ``status`` is a CHOICE in the Extended and Demand registers, a number elsewhere.

Rules for who adds a class: rows in the order of their numbers; a row that a later version changed or dropped names its
last version, its successor the first one; a type that meets another one under the same name makes both a CHOICE, and
that breaks dashboards, so rather leave such a class out (Credit, 112, has a ``period`` that is a date-time).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class FieldType(Enum):
    """What the field of an attribute holds; the attribute's own type where it has one in the Blue Book."""

    #: A table is looked up by type for every field that is printed; Enum's own hash is that of a text, in Python.
    __hash__ = object.__hash__

    CHOICE = "float, or text, or JSON text, by what the meter sends"
    STATUS = "integer, or text, or JSON text, by what the meter sends"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    BITS = "text of 0 and 1, first bit first"
    TEXT = "text; octet-strings that are not printable as hex"
    DATE_TIME = "RFC 3339 text"
    IP_ADDRESS = "text of an IPv4 or IPv6 address"
    IP_ADDRESSES = "JSON text, a list of addresses"
    JSON = "JSON text"
    NO_FIELD = "never a field"


class Row(NamedTuple):
    """An attribute of a class in the versions from ``first`` to ``last``; None stands for the newest one."""

    number: int
    name: str
    type: FieldType
    first: int = 0
    last: int | None = None


_CHOICE = FieldType.CHOICE
_STATUS = FieldType.STATUS
_INTEGER = FieldType.INTEGER
_BOOLEAN = FieldType.BOOLEAN
_BITS = FieldType.BITS
_TEXT = FieldType.TEXT
_DATE_TIME = FieldType.DATE_TIME
_ADDRESS = FieldType.IP_ADDRESS
_ADDRESSES = FieldType.IP_ADDRESSES
_JSON = FieldType.JSON
_NO_FIELD = FieldType.NO_FIELD

#: Attribute 1 of every class.
LOGICAL_NAME = Row(1, "logical_name", _NO_FIELD)

#: class_id → its attributes but logical_name. Classes that are not here have nothing but numbered attributes.
CLASSES: dict[int, tuple[Row, ...]] = {
    1: (Row(2, "value", _CHOICE),),
    3: (
        Row(2, "value", _CHOICE),
        Row(3, "scaler_unit", _NO_FIELD),
    ),
    4: (
        Row(2, "value", _CHOICE),
        Row(3, "scaler_unit", _NO_FIELD),
        Row(4, "status", _STATUS),
        Row(5, "capture_time", _DATE_TIME),
    ),
    5: (
        Row(2, "current_average_value", _CHOICE),
        Row(3, "last_average_value", _CHOICE),
        Row(4, "scaler_unit", _NO_FIELD),
        Row(5, "status", _STATUS),
        Row(6, "capture_time", _DATE_TIME),
        Row(7, "start_time_current", _DATE_TIME),
        Row(8, "period", _INTEGER),
        Row(9, "number_of_periods", _INTEGER),
    ),
    6: (
        Row(2, "register_assignment", _JSON),
        Row(3, "mask_list", _JSON),
        Row(4, "active_mask", _TEXT),
    ),
    7: (
        Row(2, "buffer", _CHOICE),
        Row(3, "capture_objects", _JSON),
        Row(4, "capture_period", _INTEGER),
        Row(5, "sort_method", _INTEGER),
        Row(6, "sort_object", _JSON),
        Row(7, "entries_in_use", _INTEGER),
        Row(8, "profile_entries", _INTEGER),
    ),
    8: (
        Row(2, "clock_time", _DATE_TIME),
        Row(3, "time_zone", _INTEGER),
        Row(4, "status", _STATUS),
        Row(5, "daylight_savings_begin", _DATE_TIME),
        Row(6, "daylight_savings_end", _DATE_TIME),
        Row(7, "daylight_savings_deviation", _INTEGER),
        Row(8, "daylight_savings_enabled", _BOOLEAN),
        Row(9, "clock_base", _INTEGER),
    ),
    9: (Row(2, "scripts", _JSON),),
    10: (Row(2, "entries", _JSON),),
    11: (Row(2, "entries", _JSON),),
    12: (
        Row(2, "object_list", _JSON),
        Row(3, "access_rights_list", _JSON, first=1),
        Row(4, "security_setup_reference", _TEXT, first=2),
        Row(5, "user_list", _JSON, first=3),
        Row(6, "current_user", _JSON, first=3),
    ),
    15: (
        Row(2, "object_list", _JSON),
        Row(3, "associated_partners_id", _JSON),
        Row(4, "application_context_name", _CHOICE),
        Row(5, "xdlms_context_info", _JSON),
        Row(6, "authentication_mechanism_name", _CHOICE),
        Row(7, "lls_secret", _TEXT, last=0),
        Row(7, "secret", _TEXT, first=1),
        Row(8, "association_status", _INTEGER),
        Row(9, "security_setup_reference", _TEXT, first=1),
        Row(10, "user_list", _JSON, first=2),
        Row(11, "current_user", _JSON, first=2),
    ),
    17: (Row(2, "sap_assignment_list", _JSON),),
    18: (
        Row(2, "image_block_size", _INTEGER),
        Row(3, "image_transferred_blocks_status", _BITS),
        Row(4, "image_first_not_transferred_block_number", _INTEGER),
        Row(5, "image_transfer_enabled", _BOOLEAN),
        Row(6, "image_transfer_status", _INTEGER),
        Row(7, "image_to_activate_info", _JSON),
    ),
    19: (
        Row(2, "default_mode", _INTEGER),
        Row(3, "default_baud", _INTEGER),
        Row(4, "prop_baud", _INTEGER),
        Row(5, "response_time", _INTEGER),
        Row(6, "device_addr", _TEXT),
        Row(7, "pass_p1", _TEXT),
        Row(8, "pass_p2", _TEXT),
        Row(9, "pass_w5", _TEXT),
    ),
    20: (
        Row(2, "calendar_name_active", _TEXT),
        Row(3, "season_profile_active", _JSON),
        Row(4, "week_profile_table_active", _JSON),
        Row(5, "day_profile_table_active", _JSON),
        Row(6, "calendar_name_passive", _TEXT),
        Row(7, "season_profile_passive", _JSON),
        Row(8, "week_profile_table_passive", _JSON),
        Row(9, "day_profile_table_passive", _JSON),
        Row(10, "activate_passive_calendar_time", _DATE_TIME),
    ),
    21: (
        Row(2, "thresholds", _JSON),
        Row(3, "monitored_value", _JSON),
        Row(4, "actions", _JSON),
    ),
    22: (
        Row(2, "executed_script", _JSON),
        Row(3, "type", _INTEGER),
        Row(4, "execution_time", _JSON),
    ),
    23: (
        Row(2, "comm_speed", _INTEGER),
        Row(3, "window_size_transmit", _INTEGER),
        Row(4, "window_size_receive", _INTEGER),
        Row(5, "max_info_field_length_transmit", _INTEGER),
        Row(6, "max_info_field_length_receive", _INTEGER),
        Row(7, "inter_octet_time_out", _INTEGER),
        Row(8, "inactivity_time_out", _INTEGER),
        Row(9, "device_address", _INTEGER),
    ),
    24: (
        Row(2, "secondary_address", _TEXT, last=0),
        Row(2, "mode", _INTEGER, first=1),
        Row(3, "primary_address_list", _JSON, last=0),
        Row(3, "speed", _INTEGER, first=1),
        Row(4, "tabi_list", _JSON, last=0),
        Row(4, "primary_address_list", _JSON, first=1),
        Row(5, "fatal_error", _INTEGER, last=0),
        Row(5, "tabi_list", _JSON, first=1),
    ),
    25: (
        Row(2, "default_baud", _INTEGER),
        Row(3, "avail_baud", _INTEGER),
        Row(4, "addr_state", _INTEGER),
        Row(5, "bus_address", _INTEGER),
    ),
    26: (
        Row(2, "table_id", _INTEGER),
        Row(3, "length", _INTEGER),
        Row(4, "buffer", _CHOICE),
    ),
    27: (
        Row(2, "comm_speed", _INTEGER),
        Row(3, "initialization_string", _JSON),
        Row(4, "modem_profile", _JSON),
    ),
    28: (
        Row(2, "mode", _INTEGER),
        Row(3, "listening_window", _JSON),
        Row(4, "status", _STATUS),
        Row(5, "number_of_calls", _INTEGER),
        Row(6, "number_of_rings", _JSON),
        Row(7, "list_of_allowed_callers", _JSON, first=2),
    ),
    29: (
        Row(2, "mode", _INTEGER),
        Row(3, "repetitions", _INTEGER),
        Row(4, "repetition_delay", _CHOICE),
        Row(5, "calling_window", _JSON),
        Row(6, "phone_list", _JSON, last=0),
        Row(6, "destination_list", _JSON, first=1),
    ),
    40: (
        Row(2, "push_object_list", _JSON),
        Row(3, "send_destination_and_method", _JSON),
        Row(4, "communication_window", _JSON),
        Row(5, "randomisation_start_interval", _INTEGER),
        Row(6, "number_of_retries", _INTEGER),
        Row(7, "repetition_delay", _CHOICE),
        Row(8, "port_reference", _TEXT, first=1),
        Row(9, "push_client_sap", _INTEGER, first=1),
        Row(10, "push_protection_parameters", _JSON, first=1),
        Row(11, "push_operation_method", _INTEGER, first=2),
        Row(12, "confirmation_parameters", _JSON, first=2),
        Row(13, "last_confirmation_date_time", _DATE_TIME, first=2),
    ),
    41: (
        Row(2, "tcp_udp_port", _INTEGER),
        Row(3, "ip_reference", _TEXT),
        Row(4, "mss", _INTEGER),
        Row(5, "nb_of_sim_conn", _INTEGER),
        Row(6, "inactivity_time_out", _INTEGER),
    ),
    42: (
        Row(2, "dl_reference", _TEXT),
        Row(3, "ip_address", _ADDRESS),
        Row(4, "multicast_ip_address", _ADDRESSES),
        Row(5, "ip_options", _JSON),
        Row(6, "subnet_mask", _ADDRESS),
        Row(7, "gateway_ip_address", _ADDRESS),
        Row(8, "use_dhcp_flag", _BOOLEAN),
        Row(9, "primary_dns_address", _ADDRESS),
        Row(10, "secondary_dns_address", _ADDRESS),
    ),
    43: (Row(2, "mac_address", _TEXT),),
    44: (
        Row(2, "phy_reference", _TEXT),
        Row(3, "lcp_options", _JSON),
        Row(4, "ipcp_options", _JSON),
        Row(5, "ppp_authentication", _JSON),
    ),
    45: (
        Row(2, "apn", _TEXT),
        Row(3, "pin_code", _INTEGER),
        Row(4, "quality_of_service", _JSON),
    ),
    47: (
        Row(2, "operator", _TEXT),
        Row(3, "status", _STATUS),
        Row(4, "cs_attachment", _INTEGER),
        Row(5, "ps_status", _INTEGER),
        Row(6, "cell_info", _JSON),
        Row(7, "adjacent_cells", _JSON),
        Row(8, "capture_time", _DATE_TIME),
    ),
    48: (
        Row(2, "dl_reference", _TEXT),
        Row(3, "address_config_mode", _INTEGER),
        Row(4, "unicast_ipv6_addresses", _ADDRESSES),
        Row(5, "multicast_ipv6_addresses", _ADDRESSES),
        Row(6, "gateway_ipv6_addresses", _ADDRESSES),
        Row(7, "primary_dns_address", _ADDRESS),
        Row(8, "secondary_dns_address", _ADDRESS),
        Row(9, "traffic_class", _INTEGER),
        Row(10, "neighbor_discovery_setup", _JSON),
    ),
    62: (
        Row(2, "compact_buffer", _TEXT),
        Row(3, "capture_objects", _JSON),
        Row(4, "template_id", _INTEGER),
        Row(5, "template_description", _TEXT),
        Row(6, "capture_method", _INTEGER),
    ),
    63: (
        Row(2, "status_word", _CHOICE),
        Row(3, "mapping_table", _JSON),
    ),
    64: (
        Row(2, "security_policy", _INTEGER),
        Row(3, "security_suite", _INTEGER),
        Row(4, "client_system_title", _TEXT),
        Row(5, "server_system_title", _TEXT),
        Row(6, "certificates", _JSON, first=1),
    ),
    68: (
        Row(2, "actions", _JSON),
        Row(3, "permissions_table", _JSON),
        Row(4, "weightings_table", _JSON),
        Row(5, "most_recent_requests_table", _JSON),
        Row(6, "last_outcome", _INTEGER),
    ),
    70: (
        Row(2, "output_state", _BOOLEAN),
        Row(3, "control_state", _INTEGER),
        Row(4, "control_mode", _INTEGER),
    ),
    71: (
        Row(2, "monitored_value", _JSON),
        Row(3, "threshold_active", _CHOICE),
        Row(4, "threshold_normal", _CHOICE),
        Row(5, "threshold_emergency", _CHOICE),
        Row(6, "min_over_threshold_duration", _INTEGER),
        Row(7, "min_under_threshold_duration", _INTEGER),
        Row(8, "emergency_profile", _JSON),
        Row(9, "emergency_profile_group_id_list", _JSON),
        Row(10, "emergency_profile_active", _BOOLEAN),
        Row(11, "actions", _JSON),
    ),
    72: (
        Row(2, "mbus_port_reference", _TEXT),
        Row(3, "capture_definition", _JSON),
        Row(4, "capture_period", _INTEGER),
        Row(5, "primary_address", _INTEGER),
        Row(6, "identification_number", _INTEGER),
        Row(7, "manufacturer_id", _INTEGER),
        Row(8, "version", _INTEGER),
        Row(9, "device_type", _INTEGER),
        Row(10, "access_number", _INTEGER),
        Row(11, "status", _STATUS),
        Row(12, "alarm", _INTEGER),
        Row(13, "configuration", _INTEGER, first=1),
        Row(14, "encryption_key_status", _INTEGER, first=1),
    ),
    74: (Row(2, "comm_speed", _INTEGER),),
}

#: The attributes that are read where a value names none; for other classes all but logical_name.
READ_BY_DEFAULT: dict[int, tuple[int, ...]] = {
    1: (2,),
    3: (2,),
    4: (2, 4, 5),
    5: (2, 3, 5, 6, 7, 8, 9),
    7: (2,),
    8: (2, 4),
    62: (2,),
}

#: (class_id, attribute) that are read only when a value names them: passwords and a PIN.
SECRETS = frozenset({(15, 7), (19, 7), (19, 8), (19, 9), (44, 5), (45, 3)})
