"""The first invocation counters of all meters are reserved at once, before the first of them is asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from jumping_clock import on_a_jumping_clock
from stations import Scene, connection, device, group, in_s, plan_of, value
from telegraf_dlms.collector import Collector
from telegraf_dlms.counters import FIRST_BLOCK
from telegraf_dlms.state import open_state

LINES = "".join(connection(name) for name in "abcd")
GROUP = group("g", value(of="*"))
TITLE = "5444540000000001"


def key(number):
    return bytes([number]) * 16


def ciphered(name, number, **settings):
    keys = {"authentication_key": "00" * 16, "block_cipher_key": key(number).hex()}
    return device(name, name, transport_security="encryption", **keys, **settings)


@pytest.fixture
def state(tmp_path):
    opened = open_state(tmp_path / "meters.state", say=lambda _level, _text: None)
    yield opened
    opened.close()


@pytest.fixture
def commits(state):
    statements = []
    state._connection.set_trace_callback(statements.append)
    return lambda: statements.count("COMMIT")


def begin(state, *tables):
    meters = Scene(*tables, **dict.fromkeys("abcd"))
    collector = Collector(meters.plan, replace(meters.world, state=state))
    collector.start(ticking=False)
    return collector


@on_a_jumping_clock
async def test_all_keys_get_their_first_numbers_in_one_commit(state, commits):
    collector = begin(state, LINES, *(ciphered(name, number) for number, name in enumerate("abcd")), GROUP)
    assert commits() == 1
    assert [state.counters(key(number)).end for number in range(4)] == [FIRST_BLOCK + 1] * 4
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_a_meter_that_tells_its_own_counter_and_one_in_clear_need_no_numbers_yet(state, commits):
    asked = ciphered("b", 2, invocation_counter="0.0.43.1.0.255")
    collector = begin(state, LINES, ciphered("a", 1), asked, device("c", "c"), GROUP)
    assert commits() == 1
    assert [state.counters(key(number)).empty for number in (1, 2)] == [False, True]
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_where_no_meter_has_a_key_nothing_is_written(state, commits):
    collector = begin(state, LINES, device("a", "a"), device("b", "b"), GROUP)
    assert commits() == 0
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_a_key_counts_under_the_devices_own_title(state):
    collector = begin(state, LINES, ciphered("a", 1, system_title=TITLE), GROUP)
    assert not state.counters(key(1), system_title=bytes.fromhex(TITLE)).empty
    assert state.counters(key(1)).empty
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_a_new_plan_fills_the_keys_of_new_connections(state, commits):
    collector = begin(state, LINES, ciphered("a", 1), ciphered("b", 2), GROUP)
    await asyncio.sleep(0)
    await collector.replace(plan_of(LINES, *(ciphered(name, number) for number, name in enumerate("abcd", 1)), GROUP))
    assert commits() == 2
    assert not any(state.counters(key(number)).empty for number in (1, 2, 3, 4))
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_a_key_whose_first_numbers_are_only_reserved_is_new_all_the_same(state):
    old = state.counters(key(2))
    old.next_counter()
    collector = begin(state, LINES, ciphered("a", 1), ciphered("b", 2), GROUP)
    assert [state.counters(key(number)).is_new() for number in (1, 2)] == [True, False]
    await collector.stop(deadline=in_s(4))
