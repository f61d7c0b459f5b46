"""What a test tells of what was read: octets and values as they came, lines as they would be printed, refusals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from telegraf_dlms import axdr
from telegraf_dlms.cosem import SECRETS, attribute_of
from telegraf_dlms.errors import AssociationError, DataRefused, RemoteProtocolError
from telegraf_dlms.fields import plain
from telegraf_dlms.obis import format_obis
from telegraf_dlms.steps import utc
from telegraf_dlms.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegraf_dlms.cosem import AttributeDescriptor
    from telegraf_dlms.errors import TelegrafDlmsError
    from telegraf_dlms.fields import Presentation
    from telegraf_dlms.log import Changes
    from telegraf_dlms.plan import ValuePlan
    from telegraf_dlms.steps import Plain
    from telegraf_dlms.troubles import Place

#: Measurement and tags, fields, time; spaces in tags are escaped, and none is in a time.
_LINE: Final = re.compile(r"((?:\\.|[^\\ ])*) (.*) (-?\d+)", re.DOTALL)
_UNIT: Final = re.compile(r",unit=((?:\\.|[^\\,])*)")
_ESCAPED: Final = re.compile(r"\\(.)")
#: A row's line has the OBIS code of its profile.
_OF_A_ROW: Final = re.compile(r"^(?:\\.|[^\\ ])*,profile=")


class Problems(Troubles):
    """Keeps why attributes gave nothing, for who tells it; ``note`` takes what is worth knowing besides."""

    def __init__(self, device: str, changes: Changes, *, note: Callable[[str], None]) -> None:
        super().__init__(device, changes)
        self._note = note
        self.all: list[tuple[AttributeDescriptor, Exception]] = []

    @property
    def text(self) -> str:
        """All of them, each with its attribute."""
        return "; ".join(
            f"{format_obis(attribute.logical_name)}/{attribute.attribute}: {error}" for attribute, error in self.all
        )

    def refused(self, place: Place, attribute: AttributeDescriptor, error: Exception, *, times: int = 1) -> None:
        """Keep why an attribute gave nothing."""
        super().refused(place, attribute, error, times=times)
        self.all.append((attribute, error))

    def once(self, what: str, text: str) -> None:
        """Tell something that is no trouble."""
        super().once(what, text)
        self._note(text)


def read_detail(
    descriptor: AttributeDescriptor, answer: bytes | DataRefused, presentation: Presentation
) -> dict[str, Plain]:
    """Return an attribute with its A-XDR octets and its value, or why it has none; of a secret, that it is one."""
    class_id, logical_name, number = descriptor
    detail: dict[str, Plain] = {
        "obis": format_obis(logical_name),
        "class_id": class_id,
        "attribute": number,
        "attribute_name": attribute_of(class_id, number).name,
    }
    if isinstance(answer, DataRefused):
        return detail | {"refused": str(answer)}
    if (class_id, number) in SECRETS:
        return detail | {"secret": True}
    return detail | {"octets": answer.hex(" "), "value": _value_of(answer, presentation)}


def value_detail(plan: ValuePlan, group: str, lines: Sequence[str], *, tag: str | None) -> dict[str, Plain]:
    """Return a configured value with what would be printed of it; ``tag`` is what an ``is_tag`` value told."""
    detail: dict[str, Plain] = {
        "group": group,
        "name": plan.name,
        "obis": format_obis(plan.logical_name),
        "class_id": plan.class_id,
    }
    if plan.request is not None and any((each.class_id, each.attribute) in SECRETS for each in plan.request.attributes):
        return detail | {"instead": "<secret>"}
    if plan.is_tag:
        return detail | {"instead": "no tag" if tag is None else f"tag {plan.name}={tag}"}
    if plan.buffer is not None:
        times = {line.rpartition(" ")[2] for line in lines if _OF_A_ROW.match(line)}
        return detail | {"rows": len(times), "lines": list(lines)}
    for line in lines:
        if match := _LINE.fullmatch(line):
            tags, fields, time_ns = match.groups()
            unit = _UNIT.search(tags)
            detail["fields"] = fields
            detail["unit"] = _ESCAPED.sub(r"\1", unit[1]) if unit else ""
            detail["time"] = utc(int(time_ns))
    return detail | {"lines": list(lines)}


def refusal_detail(error: TelegrafDlmsError) -> dict[str, Plain]:
    """Return the standard's numbers that an error has, as machines want them."""
    if isinstance(error, AssociationError):
        numbers = {"aare_result": error.result, "aare_diagnostic": error.diagnostic}
    elif isinstance(error, DataRefused):
        numbers = {"data_access_result": error.result}
    else:
        numbers = {}
    return {name: number for name, number in numbers.items() if number is not None}


def _value_of(octets: bytes, presentation: Presentation) -> Plain:
    try:
        value: Plain = plain(axdr.decode_all(octets), presentation)
    except RemoteProtocolError as error:
        return f"no value: {error}"
    return value
