"""The configuration, compiled once into what is read from whom: nothing is looked up by name while meters are read.

Plans are plain frozen data that compare equal where nothing changed, so that reading the configuration again can keep
what it did not touch. Devices that read the same values of a group share one GroupPlan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from telegraf_dlms.access import PROTECTIONS, Access
from telegraf_dlms.address import hdlc_client, hdlc_server, lower_by_serial, wrapper_server
from telegraf_dlms.compact_conversation import CompactRequest
from telegraf_dlms.conversation import ReadRequest
from telegraf_dlms.cosem import (
    BUFFER,
    COMPACT_DATA,
    PROFILE_GENERIC,
    SCALED,
    SCALER_ATTRIBUTE,
    SECRETS,
    TIME_ATTRIBUTE,
    AttributeDescriptor,
    default_attributes,
    is_described,
)
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.link import Rs485Settings, SerialSettings, TcpSettings
from telegraf_dlms.metrics import Presentation
from telegraf_dlms.profile_conversation import BufferRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from telegraf_dlms.config import Configuration
    from telegraf_dlms.models import Connection, Device, Group, Value
    from telegraf_dlms.secret import Secret


Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ValuePlan:
    """A configured value, for every device that has it. ``tags`` are its own and its group's, nearest first won.

    ``request`` are the attributes of a single value, ``buffer`` the rows of a profile or the row of compact data; each
    is None where not wanted.
    """

    name: str
    class_id: int
    logical_name: bytes
    version: int | None
    request: ReadRequest | None
    buffer: BufferRequest | CompactRequest | None
    scaler: int | None
    unit: int | str | None
    is_tag: bool
    tags: Tags
    #: The object's base name, where it is known without the object list.
    short_name: int | None
    #: Whose time is printed.
    timestamp: Literal["poll", "meter"] = "poll"


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """The values of one group that one device has, and when they are due. Durations are nanoseconds."""

    name: str
    measurement: str
    interval_ns: int
    jitter_ns: int
    offset_ns: int
    spread_ns: int
    values: tuple[ValuePlan, ...]


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """One device: how it is addressed, associated with, and shown."""

    name: str
    connection: str
    link: TcpSettings | SerialSettings
    interface_type: Literal["hdlc", "wrapper", "hdlc_mode_e"]
    client_address: int
    server_address: int
    hdlc_client: bytes
    hdlc_server: bytes
    access: Access
    max_info_length: int
    window_size: int
    timeout_ns: int
    retries: int
    pause_after_connect_ns: int
    pause_between_requests_ns: int
    ignore_echo: bool
    no_lists: bool
    null_cells: Literal["", "previous"]
    presentation: Presentation
    tags: Tags
    #: The object whose value is the meter's invocation counter.
    invocation_counter: bytes | None
    #: class_id, logical name, base name: objects that need no object list.
    short_names: tuple[tuple[int, bytes, int], ...]
    groups: tuple[GroupPlan, ...]

    @property
    def whereabouts(self) -> tuple[object, ...]:
        """What tells which meter is asked, and as whom: where it changes, what was known is of another one."""
        addresses = (self.client_address, self.server_address, self.hdlc_server)
        return (self.link, self.interface_type, *addresses)

    @property
    def reads_secrets(self) -> bool:
        """Whether the configuration names an attribute that is a secret (``cosem.SECRETS``)."""
        requests = (value.request for group in self.groups for value in group.values if value.request is not None)
        return any((each.class_id, each.attribute) in SECRETS for request in requests for each in request.attributes)


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """One link and the devices that share it."""

    name: str
    link: TcpSettings | SerialSettings
    persistent: bool
    meters: tuple[MeterPlan, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is enabled. ``aligned``: ticks are whole multiples of the interval in UTC (round_interval)."""

    aligned: bool
    connections: tuple[ConnectionPlan, ...]

    @property
    def meters(self) -> tuple[MeterPlan, ...]:
        """Every device that has something to read."""
        return tuple(meter for connection in self.connections for meter in connection.meters)

    @property
    def has_profiles(self) -> bool:
        """Whether rows of a profile are read."""
        values = (value for meter in self.meters for group in meter.groups for value in group.values)
        return any(isinstance(value.buffer, BufferRequest) for value in values)


def compile_plan(configuration: Configuration) -> Plan:
    """Return what the configuration means; devices without a value, and connections without a device, drop out."""
    if not configuration.agent.enabled:
        return Plan(configuration.agent.round_interval, ())
    groups = _groups_by_device(configuration.groups)
    connections = {connection.name: connection for connection in configuration.connections if connection.enabled}
    meters: dict[str, list[MeterPlan]] = {}
    links = {name: link_of(connection) for name, connection in connections.items()}
    for device in configuration.devices:
        if device.enabled and device.connection in connections and device.name in groups:
            plan = _meter(device, links[device.connection], groups[device.name], configuration.agent.tags)
            meters.setdefault(device.connection, []).append(plan)
    return Plan(
        configuration.agent.round_interval,
        tuple(
            ConnectionPlan(name, links[name], connection.persistent, tuple(meters[name]))
            for name, connection in connections.items()
            if name in meters
        ),
    )


def meter_plan(configuration: Configuration, device_name: str, groups: Iterable[Group] = ()) -> MeterPlan:
    """Return the plan of one device, enabled or not, with the values that it has in ``groups``; KeyError."""
    device = {device.name: device for device in configuration.devices}[device_name]
    connection = next(each for each in configuration.connections if each.name == device.connection)
    return _meter(device, link_of(connection), _groups_by_device(groups).get(device_name, ()), configuration.agent.tags)


def _groups_by_device(groups: Iterable[Group]) -> dict[str, tuple[GroupPlan, ...]]:
    by_device: dict[str, list[GroupPlan]] = {}
    for group in groups:
        if not group.enabled:
            continue
        values: dict[str, list[ValuePlan]] = {}
        for value in group.values:
            if value.enabled:
                plan = _value(value, group)
                for device in value.devices:
                    values.setdefault(device, []).append(plan)
        shared: dict[tuple[int, ...], GroupPlan] = {}
        for device, plans in values.items():
            key = tuple(map(id, plans))
            if key not in shared:
                shared[key] = _group(group, tuple(plans))
            by_device.setdefault(device, []).append(shared[key])
    return {device: tuple(plans) for device, plans in by_device.items()}


def _group(group: Group, values: tuple[ValuePlan, ...]) -> GroupPlan:
    return GroupPlan(
        name=group.name,
        measurement=group.measurement,
        interval_ns=group.interval,
        jitter_ns=group.collection_jitter,
        offset_ns=group.collection_offset,
        spread_ns=group.collection_spread,
        values=values,
    )


def _value(value: Value, group: Group) -> ValuePlan:
    named = value.attributes is not None
    attributes = value.attributes or default_attributes(value.class_id, value.version)
    buffer = _buffer(value) if BUFFER in attributes else None
    singles = tuple(
        AttributeDescriptor(value.class_id, value.obis, number)
        for number in attributes
        if buffer is None or number != BUFFER
    )
    return ValuePlan(
        name=value.name,
        class_id=value.class_id,
        logical_name=value.obis,
        version=value.version,
        request=_request(value, singles, named=named) if singles else None,
        buffer=buffer,
        scaler=value.scaler,
        unit=value.unit,
        is_tag=value.is_tag,
        tags=_merge(group.tags, value.tags),
        short_name=value.short_name,
        timestamp=value.timestamp,
    )


def _buffer(value: Value) -> BufferRequest | CompactRequest | None:
    if value.class_id == PROFILE_GENERIC:
        return BufferRequest(value.obis, value.entries, value.backfill)
    return CompactRequest(value.obis) if value.class_id == COMPACT_DATA else None


def _request(value: Value, attributes: tuple[AttributeDescriptor, ...], *, named: bool) -> ReadRequest:
    time = TIME_ATTRIBUTE.get(value.class_id) if value.timestamp == "meter" else None
    return ReadRequest(
        attributes,
        _scaler_unit(value, [attribute.attribute for attribute in attributes]),
        named,
        probes=not named and not is_described(value.class_id),
        time=None if time is None else AttributeDescriptor(value.class_id, value.obis, time),
    )


def _scaler_unit(value: Value, attributes: Iterable[int]) -> AttributeDescriptor | None:
    if value.scaler is not None and value.unit is not None:
        return None
    if not any((value.class_id, number) in SCALED for number in attributes):
        return None
    return AttributeDescriptor(value.class_id, value.obis, SCALER_ATTRIBUTE[value.class_id])


def _meter(
    device: Device,
    link: TcpSettings | SerialSettings,
    groups: tuple[GroupPlan, ...],
    agent_tags: Mapping[str, str],
) -> MeterPlan:
    server = device.server_address
    if device.server_address_type == "serial_number":
        server = lower_by_serial(device.serial_number, device.serial_number_formula)
    logical, wrapper = device.logical_server_address, device.interface_type == "wrapper"
    size = device.address_size
    return MeterPlan(
        name=device.name,
        connection=device.connection,
        link=link,
        interface_type=device.interface_type,
        client_address=device.client_address,
        server_address=wrapper_server(logical, server, address_size=size) if wrapper else server,
        hdlc_client=b"" if wrapper else hdlc_client(device.client_address),
        hdlc_server=b"" if wrapper else hdlc_server(logical, server, address_size=size),
        access=_access(device),
        max_info_length=device.max_info_length,
        window_size=device.window_size,
        timeout_ns=device.timeout,
        retries=device.retries,
        pause_after_connect_ns=device.workarounds.pause_after_connect,
        pause_between_requests_ns=device.workarounds.pause_between_requests,
        ignore_echo=device.workarounds.ignore_echo,
        no_lists=device.workarounds.no_lists,
        null_cells=device.workarounds.null_cells,
        presentation=Presentation(device.encoding, DeviceClock(device.deviation, device.time_zone)),
        tags=_merge(agent_tags, device.tags),
        invocation_counter=device.invocation_counter,
        short_names=tuple(
            (value.class_id, value.logical_name, value.short_name)
            for group in groups
            for value in group.values
            if value.short_name is not None
        ),
        groups=groups,
    )


def _access(device: Device) -> Access:
    dedicated = device.dedicated_key
    return Access(
        device.access_security,
        b"" if device.access_security == "none" else _reveal(device.secret),
        device.max_pdu_size,
        "logical_names" if device.logical_name_referencing else "short_names",
        protection=PROTECTIONS[device.transport_security],
        suite=device.security_suite,
        authentication_key=_reveal(device.authentication_key),
        block_cipher_key=_reveal(device.block_cipher_key),
        dedicated_key="random" if dedicated == "random" else _reveal(dedicated),
        signing_key=_reveal(device.signing_key),
        server_public_key=_reveal(device.server_public_key),
        system_title=device.system_title,
        server_system_title=device.server_system_title,
        general=device.general_protection,
    )


def _reveal(secret: Secret | None) -> bytes:
    return b"" if secret is None else secret.reveal()


def link_of(connection: Connection) -> TcpSettings | SerialSettings:
    """Return what a connection is opened with."""
    if connection.type == "tcp":
        return TcpSettings(connection.address or "", connection.port or 0)
    rs485 = connection.rs485
    return SerialSettings(
        device=connection.device or "",
        baud_rate=connection.baud_rate,
        data_bits=connection.data_bits,
        stop_bits=connection.stop_bits,
        parity=connection.parity,
        flow_control=connection.flow_control,
        rs485=None
        if rs485 is None
        else Rs485Settings(
            rs485.delay_rts_before_send,
            rs485.delay_rts_after_send,
            rs485.rts_high_during_send,
            rs485.rts_high_after_send,
            rs485.rx_during_tx,
        ),
    )


def _merge(*nearer_last: Mapping[str, str]) -> Tags:
    merged: dict[str, str] = {}
    for tags in nearer_last:
        merged.update(tags)
    return tuple(merged.items())
