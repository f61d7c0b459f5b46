"""``check``: the plan for a person to read, and what is sent to whom. No meter is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegraf_dlms.compact_conversation import CompactRequest
from telegraf_dlms.cosem import attribute_of, class_name
from telegraf_dlms.durations import format_duration
from telegraf_dlms.link import TcpSettings
from telegraf_dlms.obis import format_obis
from telegraf_dlms.service import told
from telegraf_dlms.shard import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telegraf_dlms.config import Configuration
    from telegraf_dlms.link import SerialSettings
    from telegraf_dlms.models import Device
    from telegraf_dlms.plan import ConnectionPlan, GroupPlan, MeterPlan, Plan, ValuePlan
    from telegraf_dlms.profile_conversation import BufferRequest
    from telegraf_dlms.shard import Shard


def describe(configuration: Configuration, plan: Plan, shard: Shard = WHOLE) -> Iterator[str]:
    """Yield the lines of ``check``, of what is in a shard; secrets are in none of them."""
    yield told(plan, shard)
    devices = {device.name: device for device in configuration.devices}
    for connection in plan.connections:
        yield f"connection {connection.name}: {_link(connection)}"
        for meter in connection.meters:
            yield from _meter(meter, devices[meter.name])
            for group in meter.groups:
                yield f"    group {group.name}: {_schedule(group, aligned=plan.aligned)}"
                yield from (f"      {_value(value)}" for value in group.values)
    yield from (f"note: {note}" for note in configuration.notes)


def _link(connection: ConnectionPlan) -> str:
    link = connection.link
    kept = "associations are kept open" if connection.persistent else "an association for each poll"
    if isinstance(link, TcpSettings):
        host = f"[{link.address}]" if ":" in link.address else link.address
        return f"tcp {host}:{link.port}, {kept}"
    return f"serial {link.device} {line_text(link)}, {kept}"


def line_text(link: SerialSettings) -> str:
    """Return how a serial line is set, as people write it: 9600 8N1."""
    flow_control = "" if link.flow_control == "none" else f" {link.flow_control}"
    rs485 = "" if link.rs485 is None else " rs485"
    return f"{link.baud_rate} {link.data_bits}{link.parity[0].upper()}{link.stop_bits}{flow_control}{rs485}"


def _meter(meter: MeterPlan, device: Device) -> Iterator[str]:
    timeout = format_duration(meter.timeout_ns)
    names = "" if device.logical_name_referencing else "short names, "
    yield (
        f"  device {meter.name}: {meter.interface_type}, sent to {server_text(meter)} from {_client(meter)}, {names}"
        f"access security {device.access_security}, transport security {device.transport_security}, "
        f"timeout {timeout}, retries {meter.retries}"
    )
    if meter.access.needs_title:
        yield f"    {', '.join(_security(meter))}"


def _security(meter: MeterPlan) -> Iterator[str]:
    """Yield what is shown to the meter beside the secrets, and how they are used."""
    access = meter.access
    title = access.system_title
    yield f"system title {'of the state file' if title is None else title.hex()}"
    if access.needs_counter:
        counter = meter.invocation_counter
        where = "of the state file, looked for where that has none"
        if counter is not None:
            where = f"read from {format_obis(counter)} by the public client"
        yield f"security suite {access.suite}"
        yield f"invocation counter {where}"
    if access.protection:
        # The key itself is never shown, so what stands here is one of three words.
        fresh = access.dedicated_key == "random"
        yield f"dedicated key {'random' if fresh else 'as configured' if access.dedicated_key else 'none'}"
    if access.general:
        yield "general-glo-ciphering"


def server_text(meter: MeterPlan) -> str:
    """Return what a meter is sent to."""
    if meter.interface_type == "wrapper":
        return f"wPort {meter.server_address}"
    return f"address {meter.hdlc_server.hex(' ').upper()}"


def _client(meter: MeterPlan) -> str:
    if meter.interface_type == "wrapper":
        return f"wPort {meter.client_address}"
    return meter.hdlc_client.hex().upper()


def _schedule(group: GroupPlan, *, aligned: bool) -> str:
    if not group.interval_ns:
        return "when asked"
    parts = [f"every {format_duration(group.interval_ns)}", "aligned to UTC" if aligned else "from the start on"]
    delays = (("offset", group.offset_ns), ("jitter up to", group.jitter_ns), ("spread over", group.spread_ns))
    return ", ".join(parts + [f"{name} {format_duration(duration)}" for name, duration in delays if duration])


def _value(value: ValuePlan) -> str:
    wanted = []
    if value.request is not None:
        names = [
            attribute_of(value.class_id, descriptor.attribute, value.version).name
            for descriptor in value.request.attributes
        ]
        if value.request.probes:
            names.append("and those behind it")
        if value.request.time is not None:
            time = attribute_of(value.class_id, value.request.time.attribute, value.version)
            names.append(f"at its own {time.name}")
        wanted.append(", ".join(names))
    if value.buffer is not None:
        wanted.append(_rows(value.buffer))
    name = class_name(value.class_id) or "unknown class"
    tag = ", as a tag" if value.is_tag else ""
    return f"{value.name}: {format_obis(value.logical_name)} class {value.class_id} ({name}): {'; '.join(wanted)}{tag}"


def _rows(request: BufferRequest | CompactRequest) -> str:
    if isinstance(request, CompactRequest):
        return "one row, by its template"
    if request.entries is not None:
        return f"the newest {request.entries} rows, each once"
    return f"new rows, at first {format_duration(request.backfill_ns)} back"
