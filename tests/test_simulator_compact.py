"""The built-in meter's Compact data: its buffer is what its template says, and shows what the objects show."""

from __future__ import annotations

from simulator_client import NOON
from telegraf_dlms.axdr import decode_all
from telegraf_dlms.compact import Template
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator import meter
from telegraf_dlms.simulator.buffers import Moment
from telegraf_dlms.simulator.compact import TEMPLATE_ID

COMPACT = parse_obis("0.0.66.0.1.255")


def read(attribute, *, moment, of=(62, COMPACT)):
    return decode_all(meter.read(AttributeDescriptor(*of, attribute), moment))


def test_the_buffer_holds_the_present_values_of_the_captured_objects():
    for number in range(4):
        moment = Moment(NOON + 3600 * number, 1 + number)
        template = Template.of(
            COMPACT,
            captures=read(3, moment=moment),
            template_id=read(4, moment=moment),
            description=read(5, moment=moment),
        )
        own, *captures = template.captures
        assert own[:3] == (62, COMPACT, 4)
        first, *cells = template.cells(read(2, moment=moment))
        assert first == TEMPLATE_ID
        assert cells == [
            read(capture.attribute, moment=moment, of=(capture.class_id, capture.logical_name)) for capture in captures
        ]


def test_it_captures_upon_reading_and_has_six_attributes():
    moment = Moment(NOON, 1)
    assert read(1, moment=moment) == COMPACT
    assert read(6, moment=moment) == 1
    assert read(2, moment=moment) != read(2, moment=Moment(NOON + 60, 1))
