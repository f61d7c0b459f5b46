"""Refusals in clear within a ciphered association: what they may answer, and what they must not shift."""

from __future__ import annotations

import pytest

from scripted_meter import association, descriptor
from talking import drive
from telegraf_dlms.errors import DataRefused, LinkError
from telegraf_dlms.short_names import ShortNames

ENERGY = descriptor(3, "1.0.1.8.0.255")


@pytest.mark.parametrize(
    ("names", "is_ciphered", "error"),
    [
        pytest.param("short", True, LinkError, id="short names, ciphered"),
        pytest.param("short", False, DataRefused, id="short names, in clear"),
        pytest.param("long", True, DataRefused, id="logical names, ciphered"),
    ],
)
def test_a_refusal_in_clear_ends_a_ciphered_association_whose_answers_have_no_invoke_id(names, is_ciphered, error):
    configured = ShortNames([(ENERGY.class_id, ENERGY.logical_name, 0x1000)])
    asked = association(short_names=configured if names == "short" else None, is_ciphered=is_ciphered)
    with pytest.raises(error, match="service-not-supported"):
        drive(asked.ask(ENERGY), b"\xd8\x02\x02")
