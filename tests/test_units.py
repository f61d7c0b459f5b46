"""The table of units."""

from __future__ import annotations

import unicodedata

import pytest
from gurux_dlms.enums import Unit

from telegraf_dlms.units import NO_UNIT, SYMBOLS, unit_symbol


@pytest.mark.parametrize(
    ("code", "symbol"),
    [
        (7, "s"),
        (8, "°"),
        (9, "°C"),
        (13, "m³"),
        (14, "m³"),
        (23, "Pa"),
        (27, "W"),
        (28, "VA"),
        (29, "var"),
        (30, "Wh"),
        (31, "VAh"),
        (32, "varh"),
        (33, "A"),
        (35, "V"),
        (38, "Ω"),
        (44, "Hz"),
        (45, "1/(Wh)"),
        (52, "K"),
        (56, "%"),
        (62, "Mol %"),
        (71, "dBµV"),
        (131, "°F"),
        (174, "Btu/d"),
    ],
)
def test_a_code_has_the_blue_books_symbol(code, symbol):
    assert unit_symbol(code) == symbol


@pytest.mark.parametrize("code", [254, 255])
def test_other_unit_and_no_unit_give_none(code):
    assert unit_symbol(code) == ""


@pytest.mark.parametrize("code", [0, 58, 59, 68, 127, 175, 253, -1, 1000])
def test_an_unknown_code_is_its_number(code):
    assert unit_symbol(code) == str(code)


def test_gurux_knows_the_same_codes():
    assert set(SYMBOLS) | NO_UNIT == {int(unit) for unit in Unit} - {0}


def test_symbols_are_plain_tags():
    for code, symbol in SYMBOLS.items():
        assert symbol == symbol.strip(), code
        assert symbol.isprintable(), code
        assert not set(symbol) & set("\\\n,="), code
        assert symbol == unicodedata.normalize("NFC", symbol), code
