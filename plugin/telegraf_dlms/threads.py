"""Threads for what has no other way to be waited for: a resolver of names, and drivers of serial ports.

Neither can be stopped. A name server that does not answer holds a thread for 5 to 30 s, and asyncio's own threads are
few, so that the others would wait for one, and are waited for when the loop ends: longer than Telegraf has patience.
So there are many, and nobody waits for those who hang; ``early.leave`` ends the process all the same.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

#: A thread is made where all others are busy. A meter whose name server is silent holds up to four: a lookup takes 30 s
#: at the most, and is begun again after each time-out and its back-off. So 60 of them still leave room for the others.
MAX_THREADS: Final = 256

_T = TypeVar("_T")


class Threads(ThreadPoolExecutor):
    """Threads that are not waited for."""

    def __init__(self, threads: int = MAX_THREADS) -> None:
        super().__init__(threads, thread_name_prefix="waiting")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Begin nothing further, and come back at once, whatever is asked for."""
        super().shutdown(wait=False, cancel_futures=True)


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Do as ``asyncio.run`` does, with ``Threads``."""
    return asyncio.run(_with_threads(work))


async def _with_threads(work: Coroutine[Any, Any, _T]) -> _T:
    asyncio.get_running_loop().set_default_executor(Threads())
    return await work
