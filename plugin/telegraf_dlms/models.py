"""The tables of the configuration (design, section 1) but ``[[device]]``, which has a module of its own.

Names and defaults are the contract's; durations are nanoseconds. ``config.load`` gives them with every reference
resolved: what a connection or the agent says for its devices and groups is filled in.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, ValidationInfo

from telegraf_dlms.config_types import (
    Duration,
    FilePath,
    Measurement,
    Name,
    NoBoolean,
    Obis,
    PortPath,
    PositiveDuration,
    Table,
    Tags,
    Text,
    Unsigned8,
    Unsigned16,
)
from telegraf_dlms.cosem import attribute_number, class_id_of
from telegraf_dlms.device_model import Device, Workarounds
from telegraf_dlms.durations import SECOND, UNITS
from telegraf_dlms.problems import shown

__all__ = ["Agent", "Connection", "Device", "Group", "Rs485", "Value", "Workarounds"]


class Agent(Table):
    """The ``[agent]`` table: what holds for everything."""

    enabled: bool = True
    measurement: Measurement = "dlms"
    tags: Tags = Field(default_factory=dict)
    log_level: Literal["error", "warn", "info", "debug", "trace"] = "info"
    state_file: FilePath | None = None
    replay: Duration = 10 * UNITS["m"]
    round_interval: bool = True
    collection_jitter: Duration = 0
    collection_offset: Duration = 0
    collection_spread: Duration = 0


class Rs485(Table):
    """The RS-485 mode of a serial port, as in Telegraf (plugins/inputs/modbus/sample_general_end.conf)."""

    delay_rts_before_send: Duration = 0
    delay_rts_after_send: Duration = 0
    rts_high_during_send: bool = False
    rts_high_after_send: bool = False
    rx_during_tx: bool = False


class Connection(Table):
    """A ``[[connection]]`` table: a TCP connection or a serial port, which its devices share."""

    name: Name
    enabled: bool = True
    type: Literal["tcp", "serial"] = "tcp"
    address: Text | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    device: PortPath | None = None
    baud_rate: Literal[300, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    data_bits: Literal[5, 6, 7, 8] = 8
    stop_bits: Annotated[Literal[1, 2], NoBoolean] = 1
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    flow_control: Literal["none", "rts_cts", "xon_xoff"] = "none"
    rs485: Rs485 | None = None
    persistent: bool = False
    #: Defaults for the connection's devices.
    timeout: PositiveDuration | None = None
    retries: Annotated[int, Field(ge=0, le=255)] | None = None


def _class_id(name_or_number: object) -> int:
    if isinstance(name_or_number, bool) or not isinstance(name_or_number, int | str):
        raise ValueError("is neither a number from 0 to 65535 nor a class's name")  # noqa: TRY004  pydantic catches ValueError alone
    if isinstance(name_or_number, int) and not 0 <= name_or_number <= 65535:
        raise ValueError("is outside 0..65535")
    try:
        return class_id_of(name_or_number)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f'"{name_or_number}" ')) from None


def _attributes(attributes: object, info: ValidationInfo) -> tuple[int, ...]:
    """Resolve names by the class and the version, which are validated before: where these are wrong, names wait."""
    if not isinstance(attributes, list | tuple):
        raise ValueError("is not a list of attributes' names or numbers")  # noqa: TRY004  as above
    if not attributes:
        raise ValueError("is empty")
    numbers: list[int] = []
    for attribute in attributes:
        if isinstance(attribute, str):
            if "class_id" not in info.data or "version" not in info.data:
                continue
            numbers.append(_attribute_number(attribute, info))
        elif isinstance(attribute, bool) or not isinstance(attribute, int) or not 1 <= attribute <= 127:
            raise ValueError(f"holds {shown(attribute)}, neither an attribute's name nor a number from 1 to 127")
        else:
            numbers.append(attribute)
    return tuple(dict.fromkeys(numbers))


def _attribute_number(name: str, info: ValidationInfo) -> int:
    try:
        return attribute_number(info.data["class_id"], name, info.data["version"])
    except ValueError as error:
        raise ValueError(str(error).replace(f'"{name}"', shown(name), 1)) from None


def _unit(unit: object) -> int | str:
    if isinstance(unit, bool) or not isinstance(unit, int | str):
        raise ValueError("is neither a code of the Blue Book nor a unit's symbol")  # noqa: TRY004  as above
    if isinstance(unit, int) and not 0 <= unit <= 255:
        raise ValueError("is outside 0..255")
    if isinstance(unit, str) and (not unit.isprintable() or unit.endswith("\\")):
        raise ValueError("cannot be a tag of line protocol")
    return unit


class Value(Table):
    """A ``[[group.value]]`` table: one object of one or more devices.

    ``devices`` are names in the order of the configuration, patterns resolved; values of the same devices share
    one tuple. ``attributes`` are numbers, None where the class's default ones are read. ``unit`` is a code of the
    Blue Book, or a text to print as it is.
    """

    name: Name
    enabled: bool = True
    device: Text | None = None
    devices: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    obis: Obis
    class_id: Annotated[int, PlainValidator(_class_id)] = 1
    version: Unsigned8 | None = None
    attributes: Annotated[tuple[int, ...], PlainValidator(_attributes)] | None = None
    entries: Annotated[int, Field(ge=1, le=32767)] | None = None
    backfill: Duration = UNITS["d"]
    scaler: Annotated[int, Field(ge=-128, le=127)] | None = None
    unit: Annotated[int | str, PlainValidator(_unit)] | None = None
    short_name: Unsigned16 | None = None
    timestamp: Literal["poll", "meter"] = "poll"
    is_tag: bool = False
    tags: Tags = Field(default_factory=dict)


class Group(Table):
    """A ``[[group]]`` table: values that are gathered at one interval; 0 gathers only when asked."""

    name: Name
    enabled: bool = True
    interval: Duration = SECOND
    measurement: Measurement = "dlms"
    tags: Tags = Field(default_factory=dict)
    collection_jitter: Duration = 0
    collection_offset: Duration = 0
    collection_spread: Duration = 0
    values: tuple[Value, ...] = ()
