"""Steps of a test as JSON and as text."""

from __future__ import annotations

import json

import pytest

from telegraf_dlms.steps import SHOWN_LINES, SHOWN_OCTETS, SHOWN_TEXT, Failure, Step, as_json, as_text, utc

FAILURE = Failure("association", "rejected-permanent (1), authentication-failure (13)", "the password is wrong")
PLACE = {"group": "energy", "name": "active_import", "obis": "1.0.1.8.0.255", "class_id": 3}
READ = {"obis": "1.0.1.8.0.255", "class_id": 3, "attribute": 2, "attribute_name": "value"}


def text(name, detail=None, **others):
    return as_text(Step(name, detail or {}, **others))


def test_a_step_is_one_json_object_that_says_first_which_and_whether_it_went_well():
    line = as_json(Step("connect", {"address": "192.0.2.10", "port": 4059}, "house"))
    assert line == '{"step": "connect", "ok": true, "device": "house", "address": "192.0.2.10", "port": 4059}'
    assert as_json(Step("open", {"port": "m³"})) == '{"step": "open", "ok": true, "port": "m³"}'


def test_a_failed_step_says_layer_cause_and_hint_at_its_end():
    shown = json.loads(as_json(Step("result", {"text": "failed"}, failure=FAILURE)))
    assert list(shown) == ["step", "ok", "text", "layer", "cause", "hint"]
    assert shown["ok"] is False
    assert shown["layer"] == "association"
    assert [shown["cause"], shown["hint"]] == [FAILURE.cause, FAILURE.hint]


@pytest.mark.parametrize(
    ("name", "detail", "words"),
    [
        ("resolve", {"name": "meter.example", "addresses": ["192.0.2.1", "2001:db8::1"], "ms": 3},
         "meter.example: 192.0.2.1 2001:db8::1, 3 ms"),
        ("resolve", {"name": "meter.example", "ms": 3}, "meter.example, 3 ms"),
        ("connect", {"address": "192.0.2.1", "port": 4059, "ms": 12}, "192.0.2.1 port 4059, 12 ms"),
        ("open", {"port": "/dev/ttyUSB0", "line": "9600 8N1"}, "/dev/ttyUSB0 9600 8N1"),
        ("mode_e", {"manufacturer": "LGZ", "type": "\\2ZMD", "baud_rate": 9600},
         "manufacturer LGZ, type \\2ZMD, baud rate 9600"),
        ("data_link", {"max_info_transmit": 128, "max_info_receive": 256, "window_transmit": 1, "window_receive": 7},
         "SNRM, UA: frames of 128 octets to the meter, 256 from it, window 1 and 7"),
        ("data_link", {}, ""),
        ("invocation_counter", {"obis": "0.0.43.1.0.255", "value": 5000}, "obis 0.0.43.1.0.255, value 5000"),
        ("associate",
         {"result": "accepted", "diagnostic": "null (0)", "conformance": ["get", "selective_access"],
          "max_pdu_size": 1024, "ms": 1},
         "AARE: accepted, null (0), conformance get selective-access, max PDU size 1024, 1 ms"),
        ("associate", {"aare_result": 1, "aare_diagnostic": 13, "ms": 4}, "4 ms"),
        ("read", READ | {"octets": "06 00 bc 61 4e", "value": 12345678},
         "1.0.1.8.0.255/2 value: 06 00 bc 61 4e = 12345678"),
        ("read", READ | {"refused": "object-undefined (4)"}, "1.0.1.8.0.255/2 value: object-undefined (4)"),
        ("read", READ | {"secret": True}, "1.0.1.8.0.255/2 value: <secret>"),
        ("value", PLACE | {"fields": "value=12345678.9", "unit": "Wh", "time": "2026-01-01T00:00:00Z"},
         "energy/active_import: value=12345678.9 Wh at 2026-01-01T00:00:00Z"),
        ("value", PLACE | {"fields": 'value_text="A"', "unit": "", "time": "2026-01-01T00:00:00Z"},
         'energy/active_import: value_text="A" at 2026-01-01T00:00:00Z'),
        ("value", PLACE | {"rows": 96, "lines": []}, "energy/active_import: 96 rows"),
        ("value", PLACE | {"instead": "<secret>"}, "energy/active_import: <secret>"),
        ("value", PLACE, "energy/active_import: nothing to print"),
        ("release", {"answered": True, "ms": 2}, "answered true, 2 ms"),
        ("note", {"text": "null cells"}, "null cells"),
        ("result", {"text": "the device answers", "devices": 1}, "the device answers"),
    ],
)  # fmt: skip
def test_a_step_in_words(name, detail, words):
    [line] = text(name, detail)
    assert line == f"{'ok':<7} {name.replace('_', ' '):<20} {words}".rstrip()


def test_a_failed_step_has_its_cause_and_its_hint_below():
    assert text("associate", {"ms": 1}, failure=FAILURE) == (
        "FAILED  associate            1 ms",
        "        cause: rejected-permanent (1), authentication-failure (13)",
        "        hint:  the password is wrong",
    )


def test_a_result_repeats_neither_for_people():
    assert text("result", {"text": "failed"}, failure=FAILURE) == ("FAILED  result               failed",)


def test_lines_that_would_be_printed_stand_below_and_many_are_cut():
    few = text("value", PLACE | {"rows": 2, "lines": ["dlms value=1 1", "dlms value=2 2"]})
    assert few[1:] == ("        dlms value=1 1", "        dlms value=2 2")
    many = text("value", PLACE | {"rows": 99, "lines": [f"dlms value={n} {n}" for n in range(SHOWN_LINES + 5)]})
    assert many[-1] == "        ... and 5 more lines; --json shows all"
    assert len(many) == 1 + SHOWN_LINES + 1


def test_long_octets_and_values_are_cut_for_people_and_whole_for_machines():
    detail = READ | {"octets": " ".join(["41"] * (SHOWN_OCTETS + 1)), "value": "A" * (SHOWN_TEXT + 1)}
    [line] = text("read", detail)
    assert f' 41 ... ({SHOWN_OCTETS + 1} octets) = "AAA' in line
    assert line.endswith("A...")
    assert json.loads(as_json(Step("read", detail)))["value"] == detail["value"]


@pytest.mark.parametrize(
    ("time_ns", "shown"),
    [
        (1_767_225_600_000_000_000, "2026-01-01T00:00:00Z"),
        (1_767_225_600_500_000_000, "2026-01-01T00:00:00.5Z"),
        (1_767_225_600_000_000_001, "2026-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_times_are_rfc_3339(time_ns, shown):
    assert utc(time_ns) == shown
