"""What is said of a device's troubles: each once, the same again at debug, one line when it is over."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from telegraf_dlms.counters import COUNTER_END, COUNTER_WARNINGS
from telegraf_dlms.errors import AssociationError, CipheringError
from telegraf_dlms.obis import format_obis

if TYPE_CHECKING:
    from collections.abc import Collection

    from telegraf_dlms.cosem import AttributeDescriptor
    from telegraf_dlms.log import Changes, LogLevel

#: A value's place: its group and its name.
Place = tuple[str, str]


class Troubles:
    """The troubles of one device, by what they concern."""

    __slots__ = ("_changes", "_clock_cause", "_device", "_refused")

    def __init__(self, device: str, changes: Changes) -> None:
        self._device = device
        self._changes = changes
        self._refused: dict[Place, set[AttributeDescriptor]] = {}
        self._clock_cause = ""

    @property
    def places(self) -> Collection[Place]:
        """The values of which something was refused."""
        return self._refused.keys()

    def device(self, error: Exception) -> None:
        """Say why the device could not be read; a refused secret is for a person to mend."""
        refused = isinstance(error, CipheringError) or (isinstance(error, AssociationError) and error.authentication)
        locks = refused and isinstance(error, AssociationError)
        hint = ": not tried again for an hour, lest the meter locks" if locks else ""
        level: LogLevel = "error" if refused else "warn"
        self._changes.say(("device", self._device), level, f"{self._device}: {error}{hint}")

    def locked(self, until_ns: int) -> None:
        """Say that the device refused its secrets before this process began; ``until_ns`` is the wall clock's."""
        until = datetime.fromtimestamp(until_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ends = f'not tried again before {until}, or until "telegraf-dlms unlock {shlex.quote(self._device)}"'
        text = f"{self._device}: its password or key was refused before this start: {ends}"
        self._changes.say(("device", self._device), "warn", text)

    def device_is_back(self) -> None:
        """Say that the device answers, where it did not."""
        self._changes.over(("device", self._device), f"{self._device}: is read again")

    def renew(self) -> None:
        """Have what is wrong with the device said once more where it goes on: it is reached or shown otherwise now."""
        self._changes.renew(("device", self._device))

    def forget(self) -> None:
        """Take the device as one of which nothing was said: it is not read any more."""
        for kind in ("device", "meter", "clock"):
            self._changes.forget((kind, self._device))
        for place, attributes in self._refused.items():
            for attribute in attributes:
                self._changes.forget(("value", self._device, place, attribute))

    def counter_used(self, number: int | None) -> None:
        """Say at each of ``COUNTER_WARNINGS`` that the device's key has few invocation counters left."""
        if number is None or number < COUNTER_WARNINGS[0]:
            return
        passed = sum(number >= each for each in COUNTER_WARNINGS)
        text = f"its key was used with invocation counter {number}: it has to be changed before {COUNTER_END}"
        self._changes.say(("counter", self._device, passed), "warn", f"{self._device}: {text}")

    def another_meter(self, former: str, identity: str) -> None:
        """Say that another meter answers than before; where they come and go, once."""
        now = f"is {identity} now" if identity else "does not say any more which it is"
        text = f"{self._device}: the meter was {former}, and {now}: another one, of which nothing is known"
        self._changes.say(("meter", self._device), "warn", text)

    def same_meter(self) -> None:
        """Have the next other meter said again."""
        self._changes.forget(("meter", self._device))

    def clock(self, cause: str, remark: str) -> None:
        """Say what is wrong with its clock, once for each cause; without a remark, that it is right again."""
        key = ("clock", self._device)
        if not remark:
            self._changes.over(key, f"{self._device}: its clock is right again")
        else:
            if cause != self._clock_cause:
                self._changes.forget(key)
            self._changes.say(key, "warn", f"{self._device}: {remark}")
        self._clock_cause = cause

    def passing(self, error: Exception) -> None:
        """Note at debug what a retry may mend."""
        self._changes.say(("retry", self._device), "debug", f"{self._device}: {error}: trying again")

    def refused(self, place: Place, attribute: AttributeDescriptor, error: Exception, *, times: int = 1) -> None:
        """Say why an attribute gave nothing."""
        self._refused.setdefault(place, set()).add(attribute)
        often = f" ({times} times)" if times > 1 else ""
        text = f"{self._attribute(place, attribute)}: {error}{often}"
        self._changes.say(("value", self._device, place, attribute), "warn", text)

    def accepted(self, place: Place, refused: set[AttributeDescriptor]) -> None:
        """Say which attributes of a value are read again: those that were refused, and are not now."""
        before = self._refused.get(place)
        if not before:
            return
        for attribute in before - refused:
            self._changes.over(
                ("value", self._device, place, attribute), f"{self._attribute(place, attribute)}: is read again"
            )
        before &= refused
        if not before:
            del self._refused[place]

    def once(self, what: str, text: str) -> None:
        """Say something of the device that is no trouble, once."""
        self._changes.say(("note", self._device, what), "info", f"{self._device}: {text}")

    def _attribute(self, place: Place, attribute: AttributeDescriptor) -> str:
        name = f"{format_obis(attribute.logical_name)}/{attribute.attribute}"
        return f"{self._device} {'/'.join(place)}: {name}"
