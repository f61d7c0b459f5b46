"""What a request to read now waits for."""

from __future__ import annotations

from telegraf_dlms.gathering import Gathering
from telegraf_dlms.metrics import PollResult


def test_it_is_done_with_the_last_visit_that_was_expected_and_knows_how_each_went():
    gathering = Gathering()
    gathering.expect()
    gathering.expect()
    gathering.report(PollResult.TIMEOUT)
    assert not gathering.done.is_set()
    gathering.report(PollResult.OK)
    assert gathering.done.is_set()
    assert gathering.results == [PollResult.TIMEOUT, PollResult.OK]


def test_without_a_visit_nothing_is_ever_done():
    gathering = Gathering()
    assert (gathering.expected, gathering.done.is_set()) == (0, False)
