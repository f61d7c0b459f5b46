"""The names of the interface classes."""

from __future__ import annotations

import re

import pytest

from telegraf_dlms.class_names import CLASS_NAMES

#: The classes that the router reads, by its own words.
ROUTER = """
1 Data, 3 Register, 4 Extended register, 5 Demand register, 6 Register activation, 7 Profile generic, 8 Clock,
9 Script table, 11 Special days table, 15 Association LN, 17 SAP assignment, 18 Image transfer, 19 IEC local port setup,
20 Activity calendar, 21 Register monitor, 22 Single action schedule, 23 IEC HDLC setup, 24 IEC twisted pair setup,
26 Utility tables, 27 Modem configuration, 28 Auto answer, 29 Auto connect, 40 Push setup, 41 TCP-UDP setup, 42 IPv4
setup, 43 MAC address setup, 45 GPRS modem setup, 47 GSM diagnostic, 48 IPv6 setup, 62 Compact data, 64 Security setup,
68 Arbitrator, 70 Disconnect control, 71 Limiter
"""


@pytest.mark.parametrize("entry", [" ".join(entry.split()) for entry in ROUTER.split(",")])
def test_every_class_of_the_router_has_its_name_in_snake_case(entry):
    number, name = entry.split(" ", 1)
    assert CLASS_NAMES[int(number)] == re.sub(r"\W", "_", name).lower()


def test_names_are_snake_case_and_occur_once():
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in CLASS_NAMES.values())
    assert len(set(CLASS_NAMES.values())) == len(CLASS_NAMES)


def test_the_table_is_in_the_order_of_its_numbers():
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES)
