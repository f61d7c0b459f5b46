"""Compact buffers to values: where the template's id stands, what fits, and what is refused."""

from __future__ import annotations

import random

import pytest

from telegraf_dlms.axdr import DateTime, Tag, encode
from telegraf_dlms.compact import Template
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.obis import parse_obis

COMPACT = parse_obis("0.0.66.0.1.255")
OWN_ID = (62, COMPACT, 4, 0)
CLOCK = (8, parse_obis("0.0.1.0.0.255"), 2, 0)
IMPORT = (3, parse_obis("1.0.1.8.0.255"), 2, 0)
SERIAL = (1, parse_obis("0.0.96.1.0.255"), 2, 0)
MOMENT = bytes.fromhex("07EA0101040D000000FFC400")
VALUES = [MOMENT, 12345, b"A1"]
#: A date-time in an octet-string, a double-long-unsigned, and an octet-string.
TYPES = "09 06 09"
OCTETS = "0c" + MOMENT.hex() + "00003039 02 4131"


def template(*captures, description, template_id=0x30):
    return Template.of(
        COMPACT, captures=list(captures), template_id=template_id, description=bytes.fromhex(description)
    )


def read(made, buffer):
    return made.cells(bytes.fromhex(buffer))


@pytest.mark.parametrize(
    ("captures", "description", "values"),
    [
        pytest.param([OWN_ID, CLOCK, IMPORT, SERIAL], f"0204 11 {TYPES}", [0x30, *VALUES], id="captured first"),
        pytest.param([CLOCK, IMPORT, SERIAL], f"0203 {TYPES}", VALUES, id="in front of all"),
        pytest.param([CLOCK, IMPORT, SERIAL], f"0204 11 {TYPES}", VALUES, id="in front, and described"),
        pytest.param([OWN_ID, CLOCK, IMPORT, SERIAL], f"0203 {TYPES}", [0x30, *VALUES], id="captured, not described"),
        pytest.param([CLOCK, IMPORT, SERIAL], f"30 0203 {TYPES}", VALUES, id="in front of the description too"),
        pytest.param([OWN_ID, CLOCK, IMPORT, SERIAL], f"30 0204 11 {TYPES}", [0x30, *VALUES], id="in front of both"),
    ],
)
def test_the_template_id_is_the_first_octet_however_the_meter_came_by_it(captures, description, values):
    assert read(template(*captures, description=description), f"30 {OCTETS}") == values


def test_a_template_may_be_called_like_the_tag_of_a_structure():
    made = template(IMPORT, SERIAL, description="0202 06 09", template_id=2)
    assert read(made, "02 00003039 02 4131") == [12345, b"A1"]
    described = template(IMPORT, SERIAL, description="02 0202 06 09", template_id=2)
    assert read(described, "02 00003039 02 4131") == [12345, b"A1"]


@pytest.mark.parametrize(
    ("types", "octets", "values"),
    [
        ("19", MOMENT.hex(), [DateTime(MOMENT)]),
        ("00", "", [None]),
        ("02 02 0f 16", "ff 1e", [(-1, 30)]),
        ("01 0002 12", "0001 0002", [[1, 2]]),
        ("04", "09 ff80", ["111111111"]),
        ("17", "43668000", [230.5]),
    ],
)
def test_a_captured_value_may_be_of_any_type(types, octets, values):
    assert read(template(SERIAL, description=f"0201 {types}"), f"30 {octets}") == values


def test_capture_objects_of_version_1_have_a_restriction_and_columns_behind_the_data_index():
    captures = [(*IMPORT[:3], 2, (0, None), []), (*SERIAL, (1, (MOMENT, MOMENT)))]
    made = template(*captures, description="0202 06 09")
    assert made.captures == (CaptureObject(*IMPORT[:3], 2), CaptureObject(*SERIAL))
    assert read(made, "30 00003039 02 4131") == [12345, b"A1"]


@pytest.mark.parametrize(
    ("buffer", "reason"),
    [
        ("31 00003039", "the compact_buffer is of template 31h, not 30h"),
        ("", "the compact_buffer is of template h, not 30h"),
        (
            "30 000030",
            "the compact_buffer does not fit its template_description: A-XDR: the value is cut off at octet 3",
        ),
        ("30 0000303900", "left over behind what was described"),
        ("30", "does not fit"),
    ],
)
def test_a_buffer_that_does_not_fit_to_the_last_octet_is_refused(buffer, reason):
    with pytest.raises(DataRefused, match=reason):
        read(template(IMPORT, description="0201 05"), buffer)


@pytest.mark.parametrize(
    ("captures", "description", "reason"),
    [
        ([IMPORT, SERIAL], "0201 06", "it has 1 values for 2 capture_objects"),
        ([IMPORT], "06", "it has 0 values for 1 capture_objects"),
        ([IMPORT], "", "the type description is cut off"),
        ([IMPORT], "0201 08", "tag 8 in a type description"),
        ([IMPORT], "0201 06 06", "1 octets are left over behind a type description"),
    ],
)
def test_a_description_that_is_none_of_the_capture_objects_is_refused(captures, description, reason):
    with pytest.raises(DataRefused, match=reason):
        read(template(*captures, description=description), "30 00003039")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"captures": None}, "the capture_objects are no array"),
        ({"captures": [(3, b"short", 2, 0)]}, "the capture_objects hold"),
        ({"template_id": b"\x30"}, "the template_id is b'0', no number"),
        ({"template_id": True}, "the template_id is True, no number"),
        ({"description": [2, 1, 6]}, r"the template_description is \[2, 1, 6\], no octet-string"),
    ],
)
def test_what_is_no_template_is_refused(wrong, reason):
    right = {"captures": [IMPORT], "template_id": 0x30, "description": b"\x02\x01\x06"}
    with pytest.raises(DataRefused, match=reason):
        Template.of(COMPACT, **(right | wrong))


def test_random_octets_give_as_many_values_as_there_are_columns_or_a_refusal():
    rng = random.Random(62)
    fitted = 0
    tags = [*Tag, 8, 28, *[Tag.UNSIGNED, Tag.LONG, Tag.OCTET_STRING] * 8]
    for _ in range(4000):
        captures = rng.choices([OWN_ID, CLOCK, IMPORT, SERIAL], k=rng.randrange(4))
        types = bytes(rng.choice(tags) for _ in range(len(captures) + rng.randrange(2)))
        description = bytes((2, len(types))) + types
        made = template(*captures, description=description.hex(), template_id=rng.choice([2, 0x30, 0x30, 300, -1]))
        buffer = bytes((rng.choice([2, 0x30, 0x30]),)) + bytes(rng.randrange(4) for _ in range(rng.randrange(9)))
        try:
            cells = made.cells(buffer)
        except DataRefused:
            continue
        assert len(cells) == len(captures)
        fitted += 1
    assert fitted > 20


def test_what_was_encoded_without_tags_comes_back():
    values = [(Tag.DOUBLE_LONG_UNSIGNED, 7), (Tag.OCTET_STRING, b"xyz"), (Tag.LONG, -5), (Tag.BOOLEAN, True)]
    octets = b"".join(encode(tag, value)[1:] for tag, value in values)
    description = bytes((2, len(values), *(tag for tag, _ in values)))
    made = template(IMPORT, SERIAL, IMPORT, SERIAL, description=description.hex())
    assert made.cells(b"\x30" + octets) == [value for _, value in values]
