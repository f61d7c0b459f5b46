"""A meter with compact data of a clock and a register."""

from __future__ import annotations

from scripted_meter import ScriptedMeter, descriptor, octets, scaler_unit
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.obis import parse_obis

COMPACT = parse_obis("0.0.66.0.1.255")
CLOCK = CaptureObject(8, parse_obis("0.0.1.0.0.255"), 2, 0)
IMPORT = CaptureObject(3, parse_obis("1.0.1.8.0.255"), 2, 0)
IMPORT_UNIT = descriptor(3, "1.0.1.8.0.255", 3)
MOMENT = bytes.fromhex("07EA0101040D000000FFC400")


def at(number):
    return descriptor(62, "0.0.66.0.1.255", number)


def capture_objects(*captures):
    return array(
        structure(
            encode(Tag.LONG_UNSIGNED, capture.class_id),
            octets(capture.logical_name),
            encode(Tag.INTEGER, capture.attribute),
            encode(Tag.LONG_UNSIGNED, capture.data_index),
        )
        for capture in captures
    )


class CompactMeter(ScriptedMeter):
    """A meter with one compact buffer of a clock and a register; the template_id stands in front."""

    def __init__(self, number=7):
        super().__init__()
        self.attributes = {IMPORT_UNIT: scaler_unit(-1, 30)}
        self.set_template(0x30, Tag.DOUBLE_LONG_UNSIGNED, number)

    def set_template(self, template_id, tag, number):
        self.attributes |= {
            at(2): octets(bytes((template_id, 12)) + MOMENT + encode(tag, number)[1:]),
            at(3): capture_objects(CLOCK, IMPORT),
            at(4): encode(Tag.UNSIGNED, template_id),
            at(5): octets(bytes((Tag.STRUCTURE, 2, Tag.OCTET_STRING, tag))),
        }
