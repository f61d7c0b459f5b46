"""Profiles: what a profile captures, and one configured profile of one device (Blue Book, 4.3.6, Profile generic).

``ProfileSeries`` is compiled once; ``prepare`` makes a ``Layout`` of the columns as the meter has them now, and a
layout turns buffers into rows of printed lines (``layout``), of which ``rows`` tells which are new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegraf_dlms.cosem import BUFFER, PROFILE_GENERIC, SCALER_ATTRIBUTE, AttributeDescriptor, CaptureObject
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.layout import Column, Layout
from telegraf_dlms.metrics import Presentation, Series
from telegraf_dlms.obis import LENGTH as LOGICAL_NAME_LENGTH
from telegraf_dlms.obis import format_obis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.cosem import ScalerUnit
    from telegraf_dlms.null_cells import NullCells


def parse_capture_objects(value: Value) -> tuple[CaptureObject, ...]:
    """Return a profile's columns; DataRefused where the value is not what capture_objects are.

    The data index may be missing, as in version 0 of the class.
    """
    if not isinstance(value, list | tuple):
        raise DataRefused(None, "the capture_objects are no array")
    return tuple(_capture_object(item) for item in value)


def needed_scalers(captures: Iterable[CaptureObject]) -> tuple[AttributeDescriptor, ...]:
    """Return the scaler_unit attributes of the captured objects that have one, each once: for scaling and the unit."""
    return tuple(
        dict.fromkeys(_scaler_attribute(capture) for capture in captures if capture.class_id in SCALER_ATTRIBUTE)
    )


class ProfileSeries:
    """The lines of one configured profile of one device, or of its compact data: ``class_id`` tells which.

    ``tags`` are all but ``profile``, ``data_index`` and what tells of the captured objects, which are added here.
    """

    __slots__ = (
        "_class_id",
        "_extra_tags",
        "_logical_name",
        "_measurement",
        "_null_cells",
        "_presentation",
        "_scaler",
        "_tags",
        "_unit",
    )

    def __init__(
        self,
        measurement: str,
        *,
        tags: Mapping[str, str],
        logical_name: bytes,
        presentation: Presentation,
        class_id: int = PROFILE_GENERIC,
        null_cells: NullCells = "",
        scaler: int | None = None,
        unit: int | str | None = None,
    ) -> None:
        self._measurement = measurement
        self._tags = tags
        self._extra_tags: Mapping[str, str] = {}
        self._class_id = class_id
        self._logical_name = logical_name
        self._presentation = presentation
        self._null_cells = null_cells
        self._scaler = scaler
        self._unit = unit

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set the tags that were read (``is_tag``) for layouts made from now on; the configured ones win."""
        self._extra_tags = tags

    def needed_scalers(self, captures: Iterable[CaptureObject]) -> tuple[AttributeDescriptor, ...]:
        """Return the scaler_unit attributes that ``prepare`` wants: none where the configuration overrides both."""
        if self._scaler is not None and self._unit is not None:
            return ()
        return needed_scalers(captures)

    def prepare(self, captures: Sequence[CaptureObject], scalers: Mapping[AttributeDescriptor, ScalerUnit]) -> Layout:
        """Compile the columns; what a column's scaler_unit scales is refused where it is not among ``scalers``."""
        return Layout(
            attribute=AttributeDescriptor(self._class_id, self._logical_name, BUFFER),
            columns=tuple(
                Column(capture, self._series(capture), scalers.get(_scaler_attribute(capture))) for capture in captures
            ),
            presentation=self._presentation,
            null_cells=self._null_cells,
        )

    def _series(self, capture: CaptureObject) -> Series:
        index = {"data_index": str(capture.data_index)} if capture.data_index else {}
        scaled = capture.class_id in SCALER_ATTRIBUTE
        return Series(
            self._measurement,
            tags={**self._extra_tags, **self._tags, "profile": format_obis(self._logical_name), **index},
            class_id=capture.class_id,
            logical_name=capture.logical_name,
            presentation=self._presentation,
            scaler=self._scaler if scaled else None,
            unit=self._unit if scaled else None,
        )


def _scaler_attribute(capture: CaptureObject) -> AttributeDescriptor:
    return AttributeDescriptor(capture.class_id, capture.logical_name, SCALER_ATTRIBUTE.get(capture.class_id, 0))


def _capture_object(item: Value) -> CaptureObject:
    match item:
        case (int(class_id), bytes(name), int(attribute), *rest) if len(name) == LOGICAL_NAME_LENGTH:
            data_index = rest[0] if rest else 0
            if isinstance(data_index, int) and _fits(class_id, attribute, data_index):
                return CaptureObject(class_id, bytes(name), attribute, data_index)
    raise DataRefused(None, f"the capture_objects hold {item!r:.80}, which is none")


def _fits(class_id: int, attribute: int, data_index: int) -> bool:
    """Return whether these are a long-unsigned, an integer, a long-unsigned: a range descriptor says them again.

    A boolean is none of them, though it is an integer to Python.
    """
    if bool in {type(class_id), type(attribute), type(data_index)}:
        return False
    return 0 <= class_id <= 0xFFFF and -0x80 <= attribute <= 0x7F and 0 <= data_index <= 0xFFFF
