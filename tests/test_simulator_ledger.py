import pytest

from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.ledger import GLOBAL_KEY, MAX_COUNTER, MAX_DEDICATED_KEYS, CounterTooLow, Ledger


def refused(ledger, key, counter):
    with pytest.raises(CounterTooLow) as error:
        ledger.check(key, counter)
    return error.value.expected


def test_a_counter_has_to_rise():
    ledger = Ledger(Access(initial_counter=41))

    assert ledger.check(GLOBAL_KEY, 42) == 41
    ledger.accept(GLOBAL_KEY, 50)
    assert [refused(ledger, GLOBAL_KEY, counter) for counter in (0, 49, 50)] == [51, 51, 51]
    assert ledger.last == 50


def test_what_was_only_checked_is_not_used_up():
    ledger = Ledger(Access())
    ledger.check(GLOBAL_KEY, 1000)

    assert ledger.last == 0
    assert ledger.check(GLOBAL_KEY, 1) == 0


def test_accepting_a_lower_one_afterwards_lowers_nothing():
    ledger = Ledger(Access())
    ledger.accept(GLOBAL_KEY, 9)
    ledger.accept(GLOBAL_KEY, 8)

    assert ledger.last == 9


def test_each_key_has_counters_of_its_own():
    ledger = Ledger(Access(initial_counter=7))
    ledger.accept(b"K" * 16, 0)

    assert refused(ledger, b"K" * 16, 0) == 1
    assert ledger.check(b"L" * 16, 0) == -1
    assert [ledger.next_own(), ledger.next_own(), ledger.next_own(b"K" * 16)] == [1, 2, 1]


def test_the_last_counter_there_is_can_be_named():
    assert refused(Ledger(Access(initial_counter=MAX_COUNTER)), GLOBAL_KEY, MAX_COUNTER) == MAX_COUNTER


def test_the_oldest_dedicated_keys_are_forgotten_and_never_the_global_one():
    ledger = Ledger(Access(initial_counter=7))
    keys = [bytes((number,)) * 16 for number in range(MAX_DEDICATED_KEYS + 1)]
    for key in keys:
        ledger.accept(key, 5)

    assert ledger.last == 7
    assert refused(ledger, keys[1], 5) == 6
    assert ledger.check(keys[0], 0) == -1


def test_wrong_secrets_in_a_row_lock():
    ledger = Ledger(Access(lock_after=2))
    locked = []
    for right in (False, True, False, False):
        ledger.note_secret(right=right)
        locked.append(ledger.is_locked)

    assert locked == [False, False, False, True]


def test_without_the_option_nothing_locks():
    ledger = Ledger(Access())
    for _ in range(1000):
        ledger.note_secret(right=False)

    assert not ledger.is_locked
