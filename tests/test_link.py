"""The driver of conversations, on a clock that jumps to the next timer and a transport that only takes notes."""

from __future__ import annotations

import asyncio

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
from telegraf_dlms.errors import LinkError, LocalProtocolError, RemoteProtocolError, Silence
from telegraf_dlms.link import MAX_IDLE_OCTETS, Link, SerialSettings, TcpSettings, open_link


class Notes(asyncio.Transport):
    """A transport that notes what is sent and when, and gives each sent message its answers: (delay, octets)."""

    def __init__(self, link, answers=()):
        super().__init__()
        self.link, self.sent, self.times, self.closed = link, [], [], False
        self.answers = list(answers)
        link.connection_made(self)

    def write(self, data):
        loop = asyncio.get_running_loop()
        self.sent.append(bytes(data))
        self.times.append(loop.time())
        for delay, octets in self.answers.pop(0) if self.answers else ():
            loop.call_later(delay, self.link.data_received, octets)

    def is_closing(self):
        return self.closed

    def abort(self):
        self.closed = True
        asyncio.get_running_loop().call_soon(self.link.connection_lost, None)


def ask(request, length, *, repeats=0):
    """Send a request, return the answer of that length; on silence say it again."""
    answer, octets = b"", request
    while len(answer) < length:
        try:
            answer += yield octets
            octets = b""
        except Silence:
            if not repeats:
                raise
            repeats -= 1
            octets = request
    return answer


@pytest.mark.parametrize(
    "answers",
    [[(1, b"answer")], [(1, b"ans"), (4, b"wer")], [(i, b"answer"[i : i + 1]) for i in range(6)]],
    ids=["whole", "in two pieces", "octet by octet"],
)
@on_a_jumping_clock
async def test_an_exchange_sends_the_request_and_returns_the_answer(answers):
    link = Link("meter")
    wire = Notes(link, [answers])
    assert await link.run(ask(b"request", 6), timeout_s=5) == b"answer"
    assert wire.sent == [b"request"]
    assert (link.bytes_sent, link.bytes_received, link.alive) == (7, 6, True)


def answer_without_asking():
    return 42
    yield b""


@on_a_jumping_clock
async def test_a_conversation_that_needs_no_octets_ends_at_once():
    link = Link("meter")
    wire = Notes(link)
    assert await link.run(answer_without_asking(), timeout_s=5) == 42
    assert wire.sent == []


@pytest.mark.parametrize(
    ("answers", "lasts", "text"),
    [([(4, b"an"), (8, b"swer")], 13, "silent for 5 s after 6 octets"), ([], 5, "no answer within 5 s")],
    ids=["after some octets", "from the start"],
)
@on_a_jumping_clock
async def test_silence_is_thrown_in_one_timeout_after_the_last_octet(answers, lasts, text):
    link = Link("192.0.2.1:4059")
    Notes(link, [answers])
    with pytest.raises(Silence) as caught:
        await link.run(ask(b"r", 7), timeout_s=5)
    assert str(caught.value) == f"192.0.2.1:4059: {text}"
    assert elapsed() == pytest.approx(lasts)
    assert link.alive


@on_a_jumping_clock
async def test_a_conversation_may_repeat_itself_on_silence():
    link = Link("meter")
    wire = Notes(link, [[], [], [(1, b"ok")]])
    assert await link.run(ask(b"r", 2, repeats=2), timeout_s=5) == b"ok"
    assert wire.sent == [b"r"] * 3
    assert wire.times == pytest.approx([1000, 1005, 1010])


@on_a_jumping_clock
async def test_a_late_answer_is_handed_to_the_next_conversation():
    link = Link("meter")
    Notes(link, [[(7, b"late")], [(1, b"now")]])
    with pytest.raises(Silence):
        await link.run(ask(b"r", 4), timeout_s=5)
    await asyncio.sleep(3)
    assert await link.run(ask(b"r", 7), timeout_s=5) == b"latenow"


@on_a_jumping_clock
async def test_discarded_input_is_not_handed_on():
    link = Link("meter")
    Notes(link, [[(1, b"now")]])
    link.data_received(b"noise")
    link.discard_input()
    assert await link.run(ask(b"r", 3), timeout_s=5) == b"now"


@on_a_jumping_clock
async def test_too_much_that_nobody_asked_for_closes_the_link():
    link = Link("meter")
    wire = Notes(link)
    link.data_received(bytes(MAX_IDLE_OCTETS))
    assert link.alive
    link.data_received(b"\0")
    assert not link.alive
    assert wire.closed
    with pytest.raises(LinkError, match=r"^meter: more than 65536 octets came unasked$"):
        await link.run(ask(b"r", 1), timeout_s=5)


@pytest.mark.parametrize(("settings", "lasts"), [({}, 50), ({"budget_s": 12}, 12)], ids=["ten timeouts", "given"])
@on_a_jumping_clock
async def test_an_exchange_that_never_falls_silent_ends_with_its_budget(settings, lasts):
    link = Link("meter")
    wire = Notes(link, [[(i, b".") for i in range(200)]])
    with pytest.raises(Silence, match=f"^meter: the exchange did not end within {lasts} s$"):
        await link.run(ask(b"r", 1000, repeats=2), timeout_s=5, **settings)
    assert elapsed() == pytest.approx(lasts)
    assert wire.sent == [b"r"], "a repetition after the budget is not sent"
    assert link.alive


@on_a_jumping_clock
async def test_each_exchange_that_is_counted_has_a_budget_of_its_own():
    class Counter:
        exchanges = 0

    counter = Counter()

    def blocks():
        for number in range(30):
            counter.exchanges += 1
            assert (yield bytes([number])) == b"block"
        return "done"

    link = Link("meter")
    Notes(link, [[(4, b"block")]] * 30)
    assert await link.run(blocks(), timeout_s=5, progress=counter) == "done"
    assert elapsed() == pytest.approx(120)

    counter.exchanges = 0
    Notes(link, [[(4, b"block")]] * 30)
    with pytest.raises(Silence):
        await link.run(blocks(), timeout_s=5)


@on_a_jumping_clock
async def test_a_conversation_that_will_not_give_up_is_dropped():
    def stubborn():
        while True:
            try:
                yield b"again"
            except Silence:
                continue

    link = Link("meter")
    wire = Notes(link)
    with pytest.raises(Silence, match=r"did not end within 50 s"):
        await link.run(stubborn(), timeout_s=5)
    assert len(wire.sent) == 10


@on_a_jumping_clock
async def test_on_a_slow_line_the_clock_starts_when_our_octets_have_left():
    link = Link("port", octet_s=10 / 300)
    Notes(link)
    with pytest.raises(Silence):
        await link.run(ask(bytes(300), 1), timeout_s=2)
    assert elapsed() == pytest.approx(12)


@on_a_jumping_clock
async def test_a_pause_keeps_the_line_quiet_after_the_last_octet():
    link = Link("meter")
    wire = Notes(link, [[(1, b"1")], [(1, b"2")]])
    assert await link.run(ask(b"r", 1), timeout_s=5, pause_s=0.5) == b"1"
    assert await link.run(ask(b"r", 1), timeout_s=5, pause_s=0.5) == b"2"
    assert wire.times == pytest.approx([1000, 1001.5])


@on_a_jumping_clock
async def test_what_arrives_in_a_pause_comes_after_the_request():
    link = Link("meter")
    wire = Notes(link, [[(1, b"2")]])
    link.data_received(b"0")
    asyncio.get_running_loop().call_later(0.2, link.data_received, b"1")
    assert await link.run(ask(b"r", 3), timeout_s=5, pause_s=0.5) == b"012"
    assert wire.times == pytest.approx([1000.5])


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (lambda link: link.eof_received(), "meter: closed by the meter"),
        (lambda link: link.connection_lost(None), "meter: closed by the meter"),
        (lambda link: link.connection_lost(OSError("torn")), "meter: torn"),
        (lambda link: link.close(), "meter: closed"),
    ],
    ids=["end of file", "lost", "error", "closed by us"],
)
@on_a_jumping_clock
async def test_a_link_that_ends_tells_the_running_conversation_and_each_later_one(end, text):
    link = Link("meter")
    wire = Notes(link)
    asyncio.get_running_loop().call_later(1, end, link)
    for _ in range(2):
        with pytest.raises(LinkError) as caught:
            await link.run(ask(b"r", 1, repeats=2), timeout_s=5)
        assert str(caught.value) == text
        assert not isinstance(caught.value, Silence)
    assert not link.alive
    assert wire.sent == [b"r"]
    link.close()
    await link.wait_closed()


@on_a_jumping_clock
async def test_a_link_that_ended_while_idle_is_known_to_be_dead():
    link = Link("meter")
    wire = Notes(link)
    link.eof_received()
    assert not link.alive
    with pytest.raises(LinkError, match=r"^meter: closed by the meter$"):
        await link.run(ask(b"r", 1), timeout_s=5)
    assert wire.sent == []


@on_a_jumping_clock
async def test_a_conversation_may_make_its_peace_with_a_dead_link():
    def goodbye():
        try:
            yield b"bye"
        except LinkError:
            return "gone anyway"

    link = Link("meter")
    Notes(link)
    asyncio.get_running_loop().call_later(1, link.eof_received)
    assert await link.run(goodbye(), timeout_s=5) == "gone anyway"


@on_a_jumping_clock
async def test_what_a_conversation_raises_comes_out_and_leaves_the_link_open():
    def picky():
        yield b"r"
        raise RemoteProtocolError("not that")

    link = Link("meter")
    Notes(link, [[(1, b"?")], [(1, b"ok")]])
    with pytest.raises(RemoteProtocolError, match=r"not that"):
        await link.run(picky(), timeout_s=5)
    assert await link.run(ask(b"r", 2), timeout_s=5) == b"ok"


@on_a_jumping_clock
async def test_a_cancelled_exchange_closes_the_link_and_the_conversation():
    ended = []

    def noting():
        try:
            yield b"r"
        except GeneratorExit:
            ended.append("closed")
            raise

    link = Link("meter")
    wire = Notes(link)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await link.run(noting(), timeout_s=5)
    assert ended == ["closed"]
    assert wire.closed
    with pytest.raises(LinkError, match=r"^meter: given up in the middle of an exchange$"):
        await link.run(ask(b"r", 1), timeout_s=5)


@on_a_jumping_clock
async def test_octets_that_arrive_between_cancelling_and_its_task_go_nowhere():
    link = Link("meter")
    Notes(link)
    task = asyncio.ensure_future(link.run(ask(b"r", 1), timeout_s=5))
    await asyncio.sleep(1)
    task.cancel()
    link.data_received(b"answer")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not link.alive


@on_a_jumping_clock
async def test_a_task_cancelled_when_the_exchange_is_just_over_leaves_the_link_open():
    def failing():
        yield b"r"
        raise RemoteProtocolError("nobody hears this")

    link = Link("meter")
    Notes(link)
    for conversation in (ask(b"r", 6), failing()):
        task = asyncio.ensure_future(link.run(conversation, timeout_s=5))
        await asyncio.sleep(1)
        link.data_received(b"answer")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert link.alive


@on_a_jumping_clock
async def test_two_conversations_at_once_are_a_bug_of_ours():
    link = Link("meter")
    Notes(link, [[(1, b"1")]])
    first = asyncio.ensure_future(link.run(ask(b"r", 1), timeout_s=5))
    await asyncio.sleep(0)
    with pytest.raises(LocalProtocolError):
        await link.run(ask(b"r", 1), timeout_s=5)
    assert await first == b"1"


@on_a_jumping_clock
async def test_many_exchanges_in_a_row_keep_one_timer():
    link = Link("meter")
    Notes(link, [[(0, b"a")]] * 100)
    for _ in range(100):
        await link.run(ask(b"r", 1), timeout_s=5)
    assert len(asyncio.get_running_loop()._scheduled) <= 2


@on_a_jumping_clock
async def test_a_shorter_timeout_than_the_last_one_holds():
    link = Link("meter")
    Notes(link, [[(0, b"a")]])
    await link.run(ask(b"r", 1), timeout_s=60)
    with pytest.raises(Silence):
        await link.run(ask(b"r", 1), timeout_s=1)
    assert elapsed() == pytest.approx(1)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (TcpSettings("127.0.0.1", 0), "^127.0.0.1:0: "),
        (SerialSettings("/dev/no-such-port"), "^/dev/no-such-port: no such device$"),
    ],
    ids=["tcp", "serial"],
)
def test_either_kind_of_settings_opens_its_kind_of_link(settings, text):
    with pytest.raises(LinkError, match=text):
        asyncio.run(open_link(settings, timeout_s=5))
