"""What a case is held to: whose errors leave, what a call costs, and how much the process grows."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import math
import resource
import signal
import tracemalloc
from collections import Counter
from pathlib import Path
from time import thread_time_ns
from typing import TYPE_CHECKING, Any

from points import parse

from telegraf_dlms.errors import ConfigError, LocalProtocolError, TelegrafDlmsError
from telegraf_dlms.line import fits_int64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telegraf_dlms.talk import Conversation

#: A call may take so much CPU, in nanoseconds.
MAX_CALL_NS = 50_000_000
#: So many octets the process may be larger than before, and a call may need for a moment.
MAX_GROWTH = 10 * 1024 * 1024
#: A conversation may send and be silent so many times: MAX_POLLS of HDLC, and the repeats of each.
MAX_TURNS = 5000


#: A case that takes more CPU than this, in seconds, does not end.
HANG_S = 20


class Wrong(AssertionError):
    """A case did what none may do."""


class Watch:
    """Looks at one case after the other; ``octets`` are those of the last one, as they were eaten.

    ``slowest_ns`` and ``largest`` are the CPU and, under tracemalloc, the octets that one call of it took. ``refused``
    counts the errors of ours that came out, by their classes.
    """

    def __init__(self) -> None:
        self.octets: list[bytes] = []
        self.slowest_ns = self.largest = 0
        self.refused: Counter[str] = Counter()
        self._ends = False

    def end_what_hangs(self) -> None:
        """Let a case that does not end be wrong, after HANG_S of CPU; for a process that does nothing else."""
        signal.signal(signal.SIGVTALRM, _hangs)
        self._ends = True

    def begin(self) -> None:
        """Forget the case before."""
        self.octets.clear()
        self.slowest_ns = self.largest = 0
        if self._ends:
            signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a function; its CPU, and its memory where that is traced, count, whatever comes out of it."""
        before = _traced()
        begin = thread_time_ns()
        try:
            return function(*arguments, **named)
        finally:
            self.slowest_ns = max(self.slowest_ns, thread_time_ns() - begin)
            if before is not None:
                self.largest = max(self.largest, tracemalloc.get_traced_memory()[1] - before)

    def eat(self, function: Callable[..., Any], octets: bytes, *arguments: Any, **named: Any) -> Any:
        """Return what a function makes of octets, None where it refuses them."""
        self.octets.append(octets)
        with self.refusing():
            return self.call(function, octets, *arguments, **named)

    @contextlib.contextmanager
    def refusing(self) -> Any:
        """Take an error of ours for an answer; others, and those that blame us, are wrong."""
        try:
            yield
        except (LocalProtocolError, ConfigError) as error:
            raise Wrong(f"{type(error).__name__}, as if it were our fault: {error}") from error
        except TelegrafDlmsError as error:
            self.refused[type(error).__name__] += 1

    def converse(self, conversation: Conversation[Any], answer: Callable[[bytes], Iterable[bytes | Exception]]) -> Any:
        """Run a conversation to its answer; ``answer`` gives the pieces, or what is thrown, for what is sent."""
        waiting: list[bytes | Exception] = []
        step: Callable[[Any], bytes] = conversation.send
        given: Any = None
        turns = 0
        while turns < MAX_TURNS:
            try:
                sent = self.call(step, given)
            except StopIteration as end:
                return end.value
            if sent or not waiting:
                waiting += answer(sent)
                turns += 1
            given = waiting.pop(0)
            step = conversation.send if isinstance(given, bytes) else conversation.throw
        raise Wrong(f"a conversation does not end within {MAX_TURNS} turns")

    def lines(self, lines: Iterable[str]) -> None:
        """Read printed lines, all of which must be right."""
        for line in lines:
            if "\n" in line:
                raise Wrong(f"a line with a newline: {line!r}")
            point = parse(line)
            numbers = [value for value in point.fields.values() if not isinstance(value, bool | str)]
            if not all(math.isfinite(number) for number in numbers):
                raise Wrong(f"a number that is none: {line!r}")
            integers = [number for number in numbers if isinstance(number, int)]
            if not all(map(fits_int64, [*integers, point.time])):
                raise Wrong(f"an integer beyond 64 bits: {line!r}")
            if not all(point.tags.values()) or "time" in point.fields:
                raise Wrong(f"an empty tag, or a field called time: {line!r}")


def _hangs(_signal: int, frame: Any) -> None:
    raise Wrong(f"a case does not end, it is in {frame.f_code.co_qualname} now")


def size() -> int:
    """Return how much memory the process has, without what nobody holds any more: the C library gives it back first."""
    gc.collect()
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _traced() -> int | None:
    """Return how much is allocated, and measure its peak from now on; None where nobody traces memory."""
    if not tracemalloc.is_tracing():
        return None
    tracemalloc.reset_peak()
    return tracemalloc.get_traced_memory()[0]
