"""What tables say about each other: names, devices, connections, serial ports.

Where a file could not be read at all, what seems not to exist may be in there: then only what is there is checked.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from fnmatch import translate
from typing import TYPE_CHECKING, TypeVar

from telegraf_dlms.config_types import Table
from telegraf_dlms.models import Connection, Device, Group, Value
from telegraf_dlms.problems import Suggestions, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from telegraf_dlms.tables import Checked

T = TypeVar("T", bound=Table)
Named = TypeVar("Named", Connection, Device, Group)


def by_name(tables: Iterable[Checked[Named]]) -> dict[str, Checked[Named]]:
    """Return the tables by their names; a name that is there twice is reported, and the first one holds."""
    known: dict[str, Checked[Named]] = {}
    for checked in tables:
        if not checked.sound("name"):
            continue
        first = known.setdefault(checked.table.name, checked)
        if first is not checked:
            checked.report("name", message="is already used at", other=first.at("name"))
    return known


def check_ports(connections: Iterable[Checked[Connection]]) -> None:
    """Report a serial port that two connections name, by whatever links; a disabled one does not count."""
    known: dict[str, Checked[Connection]] = {}
    for checked in connections:
        table = checked.table
        if (
            not table.enabled
            or not table.device
            or not checked.sound("type", "device", "enabled")
            or table.type == "tcp"
        ):
            continue
        first = known.setdefault(os.path.realpath(table.device), checked)
        if first is not checked:
            checked.report(
                "device",
                message=f"{shown(table.device)} is already the port of the connection at",
                other=first.at("device"),
            )


def connect(
    device: Checked[Device], connections: Mapping[str, Checked[Connection]], *, suggestions: Suggestions | None
) -> None:
    """Check a device's connection, and fill in what the connection says for its devices.

    Without suggestions, a name that is not there is no problem.
    """
    if not device.sound("connection"):
        return
    connection = connections.get(device.table.connection)
    if connection is None:
        if suggestions is not None:
            message = suggestions.missing("connection", device.table.connection, connections)
            device.report("connection", message=message)
        return
    if connection.sound("type") and connection.table.type == "tcp" and device.table.interface_type == "hdlc_mode_e":
        device.report("interface_type", message='hdlc_mode_e is for connections of type "serial"')
    inherit(device, {key: getattr(connection.table, key) for key in ("timeout", "retries")})


def inherit(checked: Checked[T], defaults: Mapping[str, object]) -> None:
    """Fill in what was not written in this table but in a farther one; None there says nothing."""
    filled = {key: value for key, value in defaults.items() if value is not None and not checked.given(key)}
    if filled:
        checked.table = checked.table.model_copy(update=filled)


class DeviceNames:
    """The devices that values name: exact names first, then patterns as of a shell."""

    def __init__(self, names: Iterable[str], *, suggestions: Suggestions | None) -> None:
        self._known = {name: position for position, name in enumerate(dict.fromkeys(names))}
        self._sorted = sorted(self._known)
        self._suggestions = suggestions
        self._resolved: dict[tuple[str, ...], tuple[str, ...]] = {}

    def resolve(self, value: Checked[Value]) -> None:
        """Fill in a value's devices; values that name the same ones share one tuple."""
        table = value.table
        if not value.sound("device", "devices"):
            return
        named = table.devices if table.device is None else (table.device,)
        if table.device is not None:
            self._check_name(value, table.device)
        else:
            if value.given("devices") and not named:
                value.report("devices", message="is empty")
            for name in named:
                self._check_pattern(value, name)
        devices = self._resolved.get(named)
        if devices is None:
            exact = table.device is not None
            devices = named if exact else tuple(dict.fromkeys(name for part in named for name in self._matching(part)))
            self._resolved[named] = devices
        value.table = table.model_copy(update={"devices": devices})

    def _check_name(self, value: Checked[Value], name: str) -> None:
        if name in self._known or self._suggestions is None:
            return
        message = self._suggestions.missing("device", name, self._known)
        if _is_pattern(name):
            message = f"there is no device {shown(name)}; patterns are for devices = [ ... ]"
        value.report("device", message=message)

    def _check_pattern(self, value: Checked[Value], name: str) -> None:
        if self._suggestions is None or name in self._known:
            return
        if not _is_pattern(name):
            value.report("devices", message=self._suggestions.missing("device", name, self._known))
        elif not self._matching(name):
            value.report("devices", message=f"{shown(name)} matches no device")

    def _matching(self, name: str) -> tuple[str, ...]:
        if name in self._known:
            return (name,)
        if not _is_pattern(name):
            return ()
        single = (name,)
        if single not in self._resolved:
            matches = re.compile(translate(name)).match
            found = filter(matches, self._beginning_with(_SPECIAL.split(name, maxsplit=1)[0]))
            self._resolved[single] = tuple(sorted(found, key=self._known.__getitem__))
        return self._resolved[single]

    def _beginning_with(self, prefix: str) -> Iterator[str]:
        """Yield the names that can match, in their own order: thousands of patterns need not look at all of them."""
        for position in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[position].startswith(prefix):
                return
            yield self._sorted[position]


def check_value_names(values: Sequence[Checked[Value]]) -> None:
    """Report a value's name that a device has twice in its group; ``values`` are those of one group."""
    same: dict[str, list[Checked[Value]]] = {}
    for checked in values:
        if checked.sound("name"):
            same.setdefault(checked.table.name, []).append(checked)
    for namesakes in same.values():
        first_of: dict[str, Checked[Value]] = {}
        for checked in namesakes if len(namesakes) > 1 else ():
            _check_namesake(checked, first_of)


def _check_namesake(checked: Checked[Value], first_of: dict[str, Checked[Value]]) -> None:
    taken = next((device for device in checked.table.devices if device in first_of), None)
    if taken is not None:
        message = f"is already used for the device {shown(taken)} in this group at"
        checked.report("name", message=message, other=first_of[taken].at("name"))
    for device in checked.table.devices:
        first_of.setdefault(device, checked)


_SPECIAL = re.compile(r"[*?[]")


def _is_pattern(name: str) -> bool:
    return _SPECIAL.search(name) is not None
