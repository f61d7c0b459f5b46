"""Threads that hang: nobody waits for them, and they hold up nobody."""

from __future__ import annotations

import asyncio
import threading

import pytest

from telegraf_dlms import threads


@pytest.fixture
def released():
    """Give an event for threads to hang at; it is set in the end."""
    event = threading.Event()
    yield event
    event.set()


def in_a_thread(work, *arguments):
    return asyncio.get_running_loop().run_in_executor(None, work, *arguments)


def test_what_is_done_comes_back_as_from_asyncio():
    async def add(a, b):
        return await in_a_thread(int.__add__, a, b)

    assert threads.run(add(1, 2)) == 3


def test_an_exception_comes_through():
    async def fail():
        await in_a_thread(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        threads.run(fail())


def test_a_thread_that_hangs_is_not_waited_for(released):
    hung = threading.Event()

    def hang():
        hung.set()
        released.wait()

    async def give_up():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await in_a_thread(hang)

    threads.run(give_up())
    assert hung.is_set()
    assert not released.is_set()


def test_many_that_hang_hold_up_nobody(released):
    async def meet():
        hanging = [in_a_thread(released.wait) for _ in range(100)]
        assert await in_a_thread(int, "7") == 7
        assert not any(each.done() for each in hanging)

    threads.run(meet())


def test_what_has_not_begun_when_the_loop_ends_never_does(released):
    begun = []

    async def ask():
        asyncio.get_running_loop().set_default_executor(pool)
        in_a_thread(released.wait)
        in_a_thread(begun.append, "too late")

    pool = threads.Threads(1)
    asyncio.run(ask())
    released.set()
    for thread in pool._threads:
        thread.join(10)
    assert begun == []
