"""An event loop that never waits: where nothing is ready its clock jumps to the next timer. Not for threads."""

from __future__ import annotations

import asyncio
import functools
import selectors


class JumpingSelector(selectors.DefaultSelector):
    """Waits by moving the loop's clock: no test sleeps."""

    began = now = 1000.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


def elapsed():
    return asyncio.get_running_loop().time() - JumpingSelector.began


def on_a_jumping_clock(test):
    """Run an asynchronous test on a loop that never waits."""

    @functools.wraps(test)
    def run(*args, **settings):
        selector = JumpingSelector()
        loop = asyncio.SelectorEventLoop(selector)
        loop.time = lambda: selector.now
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(test(*args, **settings))

    return run
