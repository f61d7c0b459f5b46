"""Line protocol: what is printed, and the defects of influx-line-protocol 0.1.5 that we print around."""

from __future__ import annotations

import math
import random
import struct

import pytest
from influx_line_protocol import Metric

from telegraf_dlms import line
from telegraf_dlms.errors import MappingError
from telegraf_dlms.line import Line, print_fields, print_float, print_integer, print_text, print_value


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (12345678.9, "12345678.9"),
        (12345678.0, "12345678"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (0.1, "0.1"),
        (1e15, "1000000000000000"),
        (1e16, "1e+16"),
        (1e21, "1e+21"),
        (1.5e-7, "1.5e-07"),
        (5e-324, "5e-324"),
    ],
)
def test_a_float_is_the_shortest_decimal_that_reads_back(value, printed):
    assert print_float(value) == printed
    assert float(printed) == value


def test_any_float_reads_back_as_itself():
    rng = random.Random(3)
    for _ in range(2000):
        (value,) = struct.unpack(">d", rng.randbytes(8))
        if math.isfinite(value):
            assert float(print_float(value)) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_since_telegraf_would_drop_the_line(value):
    with pytest.raises(MappingError, match="cannot be a field"):
        print_float(value)


@pytest.mark.parametrize(
    ("value", "printed"), [(900, "900i"), (-1, "-1i"), (2**63 - 1, f"{2**63 - 1}i"), (-(2**63), f"-{2**63}i")]
)
def test_an_integer_has_the_suffix_of_integers(value, printed):
    assert print_integer(value) == printed


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_an_integer_beyond_64_bits_is_refused(value):
    with pytest.raises(MappingError, match="64 bits"):
        print_integer(value)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Wh", '"Wh"'),
        ("", '""'),
        ('a "b" \\c', '"a \\"b\\" \\\\c"'),
        ("a=b, c", '"a=b, c"'),
        ("Zähler №1", '"Zähler №1"'),
    ],
)
def test_text_escapes_backslashes_and_quotes_only(text, printed):
    assert print_text(text) == printed


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\x00", "\x0c", "\u2028"])
def test_text_that_would_break_the_line_is_refused(text):
    with pytest.raises(MappingError, match="cannot be printed"):
        print_text(text)


@pytest.mark.parametrize(("value", "printed"), [(True, "true"), (False, "false"), (1, "1i"), (1.0, "1"), ("1", '"1"')])
def test_a_value_is_printed_by_its_type(value, printed):
    assert print_value(value) == printed


def test_fields_keep_their_order():
    assert print_fields([("up", 1), ("result", "ok"), ("a b", 0.5)]) == 'up=1i,result="ok",a\\ b=0.5'


@pytest.mark.parametrize(
    ("tags", "prefix"),
    [
        ({"name": "b", "device": "a"}, "dlms,device=a,name=b "),
        ({"device": "a", "unit": ""}, "dlms,device=a "),
        ({"device": "a", "": "b"}, "dlms,device=a "),
        ({}, "dlms "),
        ({"where": "a, b=c"}, "dlms,where=a\\,\\ b\\=c "),
        ({"unit": "m³", "temperature": "°C"}, "dlms,temperature=°C,unit=m³ "),
        ({"path": "C:\\meters"}, "dlms,path=C:\\meters "),
        ({"path": "C:\\meters\\"}, "dlms,path=C:\\meters "),
        ({"path": "C:\\ \\"}, "dlms,path=C: "),
        ({"path": "\\"}, "dlms "),
        ({"text": "two\nlines\t"}, "dlms,text=two\\ lines "),
        ({"text": "\r\n"}, "dlms "),
        ({"quoted": 'a"b'}, 'dlms,quoted=a"b '),
    ],
)
def test_tags_are_sorted_escaped_and_never_empty(tags, prefix):
    assert Line("dlms", tags).prefix == prefix


def test_a_measurement_escapes_commas_and_spaces_but_no_equals_sign():
    assert Line("a b,c=d", {}).prefix == "a\\ b\\,c=d "


def test_a_line_is_built_as_the_package_builds_one():
    line = Line("dlms", {"device": "feeder-1"})
    line.add_tag("name", "active_import")
    line.add_value("value", 12345678.9)
    line.add_value("clock_status", 8)
    line.with_timestamp(1767225600000000000)
    assert str(line) == ("dlms,device=feeder-1,name=active_import value=12345678.9,clock_status=8i 1767225600000000000")


def test_a_line_without_a_time_ends_after_its_fields():
    line = Line("dlms")
    line.add_value("value", 1.0)
    assert str(line) == "dlms value=1"


def test_a_line_without_a_field_is_none():
    with pytest.raises(MappingError, match="without a field"):
        str(Line("dlms", {"device": "a"}))


class Celsius(int):
    """An int that is not exactly int."""


# Canaries. When one of these fails, the package was mended, and `Line` may leave that to it.


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        pytest.param(12345678.9, "1.23457e+07", id="floats lose digits"),
        pytest.param(math.nan, "nan", id="NaN is printed"),
        pytest.param(math.inf, "inf", id="infinity is printed"),
        pytest.param("a\nb", '"a\nb"', id="raw newlines are printed"),
    ],
)
def test_canary_upstream_prints_values_that_lie_or_break_the_line(value, printed):
    metric = Metric("m")
    metric.add_value("f", value)
    assert str(metric) == f"m f={printed}"


@pytest.mark.parametrize("value", [Celsius(5), None], ids=["an int's subclass", "None"])
def test_canary_upstream_fails_on_what_is_not_exactly_one_of_its_types(value):
    metric = Metric("m")
    metric.add_value("f", value)
    with pytest.raises(AttributeError):
        str(metric)


@pytest.mark.parametrize(
    ("tag", "printed"),
    [
        pytest.param("", "m,t= f=1i", id="empty tags are printed"),
        pytest.param("a\\b", "m,t=a\\\\b f=1i", id="backslashes of tags are doubled"),
        pytest.param("a\nb", "m,t=a\nb f=1i", id="newlines of tags are printed"),
    ],
)
def test_canary_upstream_prints_tags_that_no_parser_reads_back(tag, printed):
    metric = Metric("m")
    metric.add_tag("t", tag)
    metric.add_value("f", 1)
    assert str(metric) == printed


def test_canary_upstream_prints_a_line_without_a_field():
    assert str(Metric("m")) == "m "


def test_our_line_prints_an_ints_subclass_as_its_number():
    assert print_value(Celsius(5)) == "5i"


def test_long_texts_of_meters_are_not_kept_as_tags():
    line._printed_tag.cache_clear()
    for number in range(200):
        text = f"{number} " + "long, " * 20
        assert Line("m", {"t": text}).prefix == "m,t=" + text.strip().replace(" ", "\\ ").replace(",", "\\,") + " "
        assert Line("m", {"t": f"{number % 5}"}).prefix == f"m,t={number % 5} "
    assert line._printed_tag.cache_info().currsize == 5
