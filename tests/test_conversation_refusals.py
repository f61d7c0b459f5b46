"""Exception-responses: what they say of an association that was kept, or is ciphered, and what they must not shift."""

from __future__ import annotations

import pytest

from scripted_meter import association, descriptor
from talking import drive
from telegraf_dlms.conversation import Memory
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


SERVICE_UNKNOWN = b"\xd8\x02\x02"


def test_a_kept_association_is_given_up_at_any_exception_that_a_new_one_did_not_answer_with():
    with pytest.raises(LinkError, match="given up the association: exception-response: service-unknown"):
        drive(association(is_doubtful=True).ask(ENERGY), SERVICE_UNKNOWN)
    memory = Memory()
    with pytest.raises(DataRefused):
        drive(association(excepted=memory.excepted).ask(ENERGY), SERVICE_UNKNOWN)
    kept = association(is_doubtful=True, excepted=memory.excepted)
    with pytest.raises(DataRefused):
        drive(kept.ask(ENERGY), SERVICE_UNKNOWN)
    assert not kept.is_doubtful
    memory.forget()
    assert not memory.excepted


def test_an_exception_to_a_list_says_nothing_of_one_to_an_attribute():
    memory = Memory()
    with pytest.raises(DataRefused):
        drive(association(excepted=memory.excepted).ask_list([ENERGY, ENERGY]), SERVICE_UNKNOWN)
    with pytest.raises(LinkError):
        drive(association(is_doubtful=True, excepted=memory.excepted).ask(ENERGY), SERVICE_UNKNOWN)
