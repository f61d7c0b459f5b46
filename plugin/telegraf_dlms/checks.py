"""What a table must hold as a whole: checks over the keys of one table that are right in themselves."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, TypeVar

from telegraf_dlms.address import hdlc_server, lower_by_serial, wrapper_server
from telegraf_dlms.cosem import COMPACT_DATA, PROFILE_GENERIC, SCALER_ATTRIBUTE, is_field_name
from telegraf_dlms.errors import CipheringError
from telegraf_dlms.models import Agent, Connection, Device, Group, Value
from telegraf_dlms.problems import shown

if TYPE_CHECKING:
    from telegraf_dlms.secret import Secret
    from telegraf_dlms.tables import Checked

Tagged = TypeVar("Tagged", Agent, Device, Group, Value)

_TCP_KEYS = ("address", "port")
_SERIAL_KEYS = ("device", "baud_rate", "data_bits", "stop_bits", "parity", "flow_control", "rs485")

#: Tags that we write ourselves, on the lines of values, of dlms_device and of dlms_profile.
OUR_TAGS = frozenset({"device", "group", "name", "obis", "class_id", "unit", "profile", "data_index", "connection"})
#: Fields of dlms_device and dlms_profile; a device's tags are on their lines too.
_OUR_FIELDS = frozenset(
    {
        *("up", "result", "result_code", "gather_time_ns", "exchanges", "bytes_sent", "bytes_received", "values_read"),
        *("values_refused", "errors", "timeouts", "retries", "skipped_polls", "meter_id", "clock_drift_seconds"),
        *("invocation_counter", "rows", "gap_seconds", "backlog_seconds", "capture_period"),
    }
)


#: The block of AES-128, to which the password of "high" is padded with zeros.
_HIGH_PASSWORD = 16


def check_connection(checked: Checked[Connection]) -> None:
    """Check that a connection has the keys of its type, and no other type's."""
    if not checked.sound("type"):
        return
    table = checked.table
    required, foreign = (_TCP_KEYS, _SERIAL_KEYS) if table.type == "tcp" else (("device",), _TCP_KEYS)
    for key in required:
        if not checked.given(key):
            checked.report(key, message=f'is required for type "{table.type}"')
    for key in foreign:
        if checked.given(key):
            checked.report(key, message=f'is no key of type "{table.type}"')
    if table.type == "tcp" and checked.sound("address") and table.address is not None:
        _check_address(checked, table.address)
    if table.device == "":
        checked.report("device", message="is empty")
    if table.type == "serial" and checked.given("rs485") and table.flow_control == "rts_cts":
        checked.report("flow_control", message='"rts_cts" and rs485 both drive RTS: write one of them')


def check_device(checked: Checked[Device]) -> None:
    """Check a device's addresses and security."""
    if checked.sound("interface_type"):
        _check_client_address(checked)
        _check_server_address(checked)
    _check_formula(checked)
    _check_password(checked)
    _check_symmetric_keys(checked)
    _check_dedicated_key(checked)
    _check_asymmetric_keys(checked)
    _check_titles(checked)
    _check_general_protection(checked)


def check_value(checked: Checked[Value]) -> None:
    """Check that a value's keys go together; its devices are references, and checked with them."""
    table = checked.table
    if checked.given("device") and checked.given("devices"):
        checked.report("devices", message="is there beside device: write one of them")
    elif not checked.given("device") and not checked.given("devices"):
        checked.report("device", message="is required, or devices")
    if checked.sound("is_tag") and table.is_tag:
        _check_tag(checked, table.name, "name")
    if not checked.sound("class_id"):
        return
    for key in ("entries", "backfill"):
        if key in table.model_fields_set and table.class_id != PROFILE_GENERIC:
            checked.report(key, message=f"is for profiles (class_id 7), not for class_id {table.class_id}")
    if table.is_tag and table.class_id in {PROFILE_GENERIC, COMPACT_DATA}:
        checked.report("is_tag", message=f"class_id {table.class_id} has rows, which are no tag")
    never = {1, SCALER_ATTRIBUTE.get(table.class_id, 1)}
    if table.attributes and never.issuperset(table.attributes):
        checked.report("attributes", message="logical_name and scaler_unit are never fields: nothing would be read")


def check_tags(checked: Checked[Tagged]) -> None:
    """Check that no tag is called like one of ours, like a field, or `time`."""
    for tag in checked.table.tags:
        _check_tag(checked, tag, "tags", tag)


def _check_tag(checked: Checked[Tagged], tag: str, *key: str) -> None:
    if tag in OUR_TAGS:
        checked.report(*key, message=f"{shown(tag)} is a tag that is already written on each line")
    elif tag == "time":
        checked.report(*key, message='"time" cannot be a tag: it is the time of a line')
    elif is_field_name(tag) or tag in _OUR_FIELDS:
        checked.report(*key, message=f"{shown(tag)} cannot be a tag: it is the name of a field")


def _check_address(checked: Checked[Connection], address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        if not _is_host_name(address):
            checked.report("address", message=f"{shown(address)} is neither an IPv4 or IPv6 address nor a host name")


def _is_host_name(name: str) -> bool:
    """RFC 1123, 2.1, but leave alone what is not ASCII, and the underscores that people have."""
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or labels[-1].isdigit():
        return False
    return all(0 < len(label) <= 63 and label.replace("-", "").replace("_", "").isalnum() for label in labels)


def _check_client_address(checked: Checked[Device]) -> None:
    table = checked.table
    highest = 0xFFFF if table.interface_type == "wrapper" else 0x7F
    if checked.sound("client_address") and not 0 <= table.client_address <= highest:
        written = shown(table.client_address)
        checked.report(
            "client_address", message=f'{written} is outside 0..{highest} for interface_type "{table.interface_type}"'
        )


def _check_server_address(checked: Checked[Device]) -> None:
    table = checked.table
    # Where the logical address is wrong it is 0 here, which allows the most.
    highest = 0xFFFF if table.interface_type == "wrapper" and table.logical_server_address == 0 else 0x3FFF
    if not 0 <= table.server_address <= highest:
        written = shown(table.server_address)
        checked.report(
            "server_address", message=f'{written} is outside 0..{highest} for interface_type "{table.interface_type}"'
        )
        return
    keys = ("server_address", "server_address_type", "serial_number", "serial_number_formula")
    if not checked.sound("logical_server_address", "address_size", *keys):
        return
    by_serial = table.server_address_type == "serial_number"
    try:
        server = (
            lower_by_serial(table.serial_number, table.serial_number_formula) if by_serial else table.server_address
        )
    except ValueError:
        return
    encode = wrapper_server if table.interface_type == "wrapper" else hdlc_server
    try:
        encode(table.logical_server_address, server, address_size=table.address_size)
    except ValueError as error:
        likely = ("address_size", "logical_server_address", "server_address", "serial_number")
        checked.report(*[key for key in likely if checked.given(key)][:1], message=str(error))


def _check_formula(checked: Checked[Device]) -> None:
    table = checked.table
    if table.serial_number_formula is None or not checked.sound("serial_number"):
        return
    try:
        lower_by_serial(table.serial_number, table.serial_number_formula)
    except ValueError as error:
        checked.report("serial_number_formula", message=f"{shown(table.serial_number_formula)} {error}")


def _check_password(checked: Checked[Device]) -> None:
    table = checked.table
    if checked.given("password") and checked.given("password_hex"):
        checked.report("password_hex", message="is there beside password: write one of them")
    if not checked.sound("access_security", "password", "password_hex"):
        return
    access = table.access_security
    if access in {"low", "high", "high_md5", "high_sha1", "high_sha256"} and table.secret is None:
        checked.report("password", message=f'is required for access_security "{access}"')
    elif access == "high" and table.secret is not None and len(table.secret.reveal()) > _HIGH_PASSWORD:
        key = "password" if table.password is not None else "password_hex"
        checked.report(key, message=f'is longer than {_HIGH_PASSWORD} octets, which access_security "high" cannot hold')


def _check_symmetric_keys(checked: Checked[Device]) -> None:
    table = checked.table
    if checked.sound("security_suite"):
        for key in ("authentication_key", "block_cipher_key", "dedicated_key"):
            _check_key_length(checked, key, getattr(table, key))
    transport = table.transport_security if checked.sound("transport_security") else "none"
    gmac = checked.sound("access_security") and table.access_security == "high_gmac"
    reason = 'access_security "high_gmac"' if gmac else f'transport_security "{transport}"'
    if gmac or transport != "none":
        _require_secret(checked, "block_cipher_key", reason)
    if gmac or transport in {"authentication", "authentication_encryption"}:
        _require_secret(checked, "authentication_key", reason)


def _check_key_length(checked: Checked[Device], key: str, secret: Secret | str | None) -> None:
    suite = checked.table.security_suite
    octets = 32 if suite == 2 else 16
    if secret is not None and not isinstance(secret, str) and len(secret.reveal()) != octets:
        checked.report(key, message=f"expected {2 * octets} hex digits in security_suite {suite}")


def _check_dedicated_key(checked: Checked[Device]) -> None:
    if not checked.given("dedicated_key") or not checked.sound("transport_security"):
        return
    transport = checked.table.transport_security
    if transport in {"none", "authentication"}:
        checked.report("dedicated_key", message=f'would travel in clear with transport_security "{transport}"')


def _check_asymmetric_keys(checked: Checked[Device]) -> None:
    table = checked.table
    if not checked.sound("access_security") or table.access_security != "high_ecdsa":
        return
    from telegraf_dlms import hls  # noqa: PLC0415  it loads what certificates need, and hardly anybody has any

    for key, secret, check in (
        ("signing_key", table.signing_key, hls.check_signing_key),
        ("server_public_key", table.server_public_key, hls.check_server_public_key),
    ):
        _require_secret(checked, key, 'access_security "high_ecdsa"')
        if secret is None:
            continue
        try:
            check(secret.reveal())
        except CipheringError as error:
            checked.report(key, message=str(error).removeprefix(f"{key} "))


def _check_titles(checked: Checked[Device]) -> None:
    table = checked.table
    if table.system_title is not None and table.system_title == table.server_system_title:
        checked.report("server_system_title", message="is ours, of system_title: the meter has one of its own")


def _check_general_protection(checked: Checked[Device]) -> None:
    table = checked.table
    if table.general_protection and checked.sound("transport_security") and table.transport_security == "none":
        checked.report("general_protection", message='protects nothing with transport_security "none"')


def _require_secret(checked: Checked[Device], key: str, reason: str) -> None:
    if not checked.given(key):
        checked.report(key, message=f"is required for {reason}")
