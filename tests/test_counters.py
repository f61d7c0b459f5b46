"""Numbers that are used once: blocks, the meter's own counter, another process's, and the one resync."""

from __future__ import annotations

import pytest

from telegraf_dlms.counters import FIRST_BLOCK, MAX_BLOCK, MAX_RESYNC, Counters, key_id_of
from telegraf_dlms.errors import CipheringError

KEY = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
TITLE = b"TDL\x01\x02\x03\x04\x05"
KEY_ID = key_id_of(KEY, system_title=TITLE)


class Blocks:
    """Reservations without a disk: remembers each that was asked for."""

    def __init__(self, first=1):
        self.next = first
        self.asked = []

    def reserve(self, key_id, count, *, at_least=None):
        self.asked.append((key_id, count, at_least))
        start = max(self.next, at_least or 1)
        self.next = start + count
        return range(start, self.next)

    def reserved_to(self, key_id):
        return self.next


@pytest.fixture
def blocks():
    return Blocks()


@pytest.fixture
def counters(blocks):
    return Counters(blocks, KEY_ID)


def take(counters, count):
    return [counters.next_counter() for _ in range(count)]


def test_numbers_follow_each_other_from_one_over_the_ends_of_blocks(counters):
    assert take(counters, 2 * FIRST_BLOCK + 5) == list(range(1, 2 * FIRST_BLOCK + 6))


def test_nothing_is_reserved_before_the_first_number_is_wanted(blocks, counters):
    assert counters.empty
    counters.begin()
    assert blocks.asked == []


def test_a_block_is_asked_for_once_and_each_is_twice_the_one_before_up_to_a_limit(blocks, counters):
    take(counters, 3 * MAX_BLOCK)
    sizes = [count for _, count, _ in blocks.asked]
    assert sizes[:4] == [100, 200, 400, 800]
    assert sizes[-1] == MAX_BLOCK == max(sizes)


@pytest.mark.parametrize(("taken", "low"), [(0, False), (1, False), (50, False), (51, True), (99, True), (100, True)])
def test_a_block_is_low_when_less_than_half_of_it_is_left_and_not_before_there_was_one(counters, taken, low):
    take(counters, taken)
    assert counters.is_low is low


def test_a_further_block_is_gone_on_with_behind_what_is_in_hand(counters):
    take(counters, 60)
    counters.give(range(101, 301))
    assert take(counters, 240) == list(range(61, 301))


def test_what_is_in_hand_is_left_where_another_process_took_the_numbers_behind_it(counters):
    take(counters, 60)
    counters.give(range(500, 700))
    assert take(counters, 2) == [500, 501]


def test_the_meters_own_counter_is_gone_on_from(counters):
    counters.raise_to(951)
    assert take(counters, 2) == [951, 952]


def test_a_raise_within_the_block_needs_no_other_block(blocks, counters):
    take(counters, 1)
    counters.raise_to(50)
    assert take(counters, 2) == [50, 51]
    assert len(blocks.asked) == 1


@pytest.mark.parametrize("number", [1, 10, 20], ids=str)
def test_nothing_lowers_a_counter(counters, number):
    take(counters, 20)
    counters.raise_to(number)
    assert take(counters, 1) == [21]


def test_a_lower_raise_does_not_take_back_a_higher_one(counters):
    counters.raise_to(5000)
    counters.raise_to(7)
    assert take(counters, 1) == [5000]


def test_an_association_after_another_process_took_numbers_begins_beyond_them(blocks, counters):
    take(counters, 3)
    theirs = blocks.reserve(KEY_ID, 10)
    counters.begin()
    assert take(counters, 1) == [theirs.stop]


def test_an_association_goes_on_in_its_block_where_nobody_else_took_numbers(blocks, counters):
    take(counters, 3)
    counters.begin()
    assert take(counters, 1) == [4]
    assert len(blocks.asked) == 1


def test_within_an_association_the_block_in_hand_is_used_whatever_others_take(blocks, counters):
    take(counters, 3)
    blocks.reserve(KEY_ID, 10)
    assert take(counters, 1) == [4]


@pytest.mark.parametrize("ahead", [0, 1, 1000, MAX_RESYNC], ids=str)
def test_a_refusal_that_names_a_higher_counter_is_followed_as_far_as_2_to_the_20(counters, ahead):
    take(counters, 5)
    counters.resync(6 + ahead, refused=5)
    assert take(counters, 1) == [6 + ahead]


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        pytest.param(5, "expects invocation counter 5, and 5 is used already", id="used"),
        pytest.param(0, "expects invocation counter 0, and 5 is used already", id="zero"),
        pytest.param(6 + MAX_RESYNC + 1, f"counter {6 + MAX_RESYNC + 1}, too far from 6", id="too far"),
        pytest.param(0xFFFFFFFF, "too far from 6", id="the last"),
    ],
)
def test_any_other_counter_that_a_refusal_names_changes_nothing(counters, expected, words):
    take(counters, 5)
    with pytest.raises(CipheringError, match=words):
        counters.resync(expected, refused=5)
    assert take(counters, 1) == [6]


def test_where_others_have_taken_numbers_of_the_key_meanwhile_those_that_follow_are_high_enough(counters):
    take(counters, 20)
    counters.resync(9, refused=3)
    assert take(counters, 1) == [21]


@pytest.mark.parametrize(
    ("key", "title"),
    [
        pytest.param(KEY[::-1], TITLE, id="another key"),
        pytest.param(KEY, TITLE[::-1], id="another title"),
        pytest.param(KEY + KEY, TITLE, id="a longer key"),
        pytest.param(TITLE[-1:] + KEY, TITLE[:-1], id="the same octets, cut elsewhere"),
    ],
)
def test_another_key_or_title_counts_apart(key, title):
    assert key_id_of(key, system_title=title) != KEY_ID


def test_the_name_of_a_key_is_no_part_of_it():
    assert len(KEY_ID) == 32
    assert KEY not in KEY_ID


def test_a_key_is_new_until_anybody_has_used_a_number_of_it(blocks, counters):
    blocks.reserved_to = lambda _key_id: None
    assert counters.is_new()
    blocks.reserved_to = lambda _key_id: 100
    counters.raise_to(500)
    counters.prepare()
    assert counters.is_new(), "only the meter has told its own, and we have numbers in hand"
    take(counters, 1)
    assert not counters.is_new()
    assert not Counters(blocks, KEY_ID).is_new(), "another process has"
