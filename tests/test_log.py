"""One line a record, whatever happens."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import warnings

import pytest

from telegraf_dlms import log
from telegraf_dlms.log import Changes, LineHandler, Log, line_of
from telegraf_dlms.secret import Secret


class Stderr:
    """A pipe in the place of stderr."""

    def __init__(self) -> None:
        self.reader, self.descriptor = os.pipe()
        os.set_blocking(self.reader, False)

    def read(self) -> str:
        try:
            return os.read(self.reader, 1 << 20).decode()
        except BlockingIOError:
            return ""

    def read_all(self) -> str:
        parts = []
        while part := self.read():
            parts.append(part)
        return "".join(parts)

    def lines(self) -> list[str]:
        return self.read_all().splitlines()


@pytest.fixture
def stderr():
    pipe = Stderr()
    yield pipe
    for descriptor in (pipe.reader, pipe.descriptor):
        if descriptor >= 0:
            os.close(descriptor)


@pytest.fixture
def logged(stderr, monkeypatch):
    """Set the log up at debug on a pipe, and put everything back at the end."""
    root, ours = logging.getLogger(), logging.getLogger("telegraf_dlms")
    levels, handlers = (root.level, ours.level), root.handlers[:]
    for place, name in [(sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")]:
        monkeypatch.setattr(place, name, getattr(place, name))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    yield log.setup("debug", descriptor=stderr.descriptor)
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def test_each_level_has_its_prefix(logged, stderr):
    logged.set_level("trace")
    for level in ("error", "warn", "info", "debug", "trace"):
        getattr(logged, level)(f"feeder-1: {level}")
        logged.say(level, "said")
    assert stderr.lines() == [
        line
        for letter, level in zip("EWIDT", ("error", "warn", "info", "debug", "trace"), strict=True)
        for line in (f"{letter}! feeder-1: {level}", f"{letter}! said")
    ]


@pytest.mark.parametrize(
    ("level", "letters"), [("error", "E"), ("warn", "EW"), ("info", "EWI"), ("debug", "EWID"), ("trace", "EWIDT")]
)
def test_what_is_below_the_level_is_not_printed(logged, stderr, level, letters):
    logged.set_level(level)
    for each in log.NUMBERS:
        logged.say(each, "x")
        assert logged.is_enabled(each) is (each[0].upper() in letters)
    assert "".join(line[0] for line in stderr.lines()) == letters


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", b"I! plain\n"),
        ("m³ °C", "I! m³ °C\n".encode()),
        ("two\nlines\r\n", b"I! two\\nlines\\r\\n\n"),
        ("a\tb\x00\x1b[31m\x7f\x9b", b"I! a\\tb\\x00\\x1b[31m\\x7f\\x9b\n"),
        ("\u2028 \udcff", b"I! \\u2028 \\udcff\n"),
        ("100 % of {it} %s", b"I! 100 % of {it} %s\n"),
    ],
    ids=["plain", "UTF-8", "newlines", "controls", "separators and surrogates", "no formatting"],
)
def test_a_text_is_one_line(text, line):
    assert line_of(20, text) == line


@pytest.mark.parametrize("character", ["x", "°", "€", "\U00010437"])
@pytest.mark.parametrize("shift", range(4))
def test_a_long_line_is_cut_on_a_character(character, shift):
    line = line_of(20, "." * shift + character * 4000)
    assert 3990 < len(line) <= 4000
    assert line.decode().rstrip("\n").removeprefix("I! ").removesuffix("…").strip(character) == "." * shift


def test_a_line_of_4000_octets_is_left_whole():
    assert line_of(20, "x" * 3996) == b"I! " + b"x" * 3996 + b"\n"


def test_a_secret_cannot_be_printed(logged, stderr):
    secret = Secret("open sesame")
    text = f"password {secret} {secret!r}"
    logged.info(text)
    logging.getLogger("library").error("%s %r", secret, {"password": secret})
    assert "sesame" not in (printed := stderr.read_all())
    assert printed.count("<secret>") == 4


def boom(text: str) -> None:
    raise ValueError(text)


def test_an_exception_is_a_line_with_its_place_and_its_traceback_at_debug(logged, stderr):
    try:
        boom("two\nlines")
    except ValueError as error:
        logged.caught("feeder-1: stopped", error)
    first, second = stderr.lines()
    assert first.startswith("E! feeder-1: stopped: ValueError: two | lines (test_log.py:")
    assert first.endswith(" in boom)")
    assert second.startswith("D! feeder-1: stopped: Traceback (most recent call last): | File ")
    assert second.endswith("| ValueError: two | lines")


def test_a_traceback_stays_away_unless_debug_is_on(logged, stderr):
    logged.set_level("info")
    logged.caught("feeder-1: stopped", ValueError("x"))
    assert stderr.lines() == ["E! feeder-1: stopped: ValueError: x (nowhere)"]


def test_a_task_whose_exception_nobody_asked_for_is_one_line(logged, stderr):
    async def poll() -> None:
        boom("lost")

    async def main() -> None:
        task = asyncio.create_task(poll())
        await asyncio.wait([task])

    logged.set_level("info")
    asyncio.run(main())
    gc.collect()
    (line,) = stderr.lines()
    assert line.startswith("E! asyncio: Task exception was never retrieved | future: <Task finished")
    assert "ValueError: lost (test_log.py:" in line


def test_a_callback_that_fails_is_one_line_with_debug_off(logged, stderr):
    async def main() -> None:
        asyncio.get_running_loop().call_soon(boom, "in a callback")
        await asyncio.sleep(0)

    logged.set_level("info")
    asyncio.run(main())
    (line,) = stderr.lines()
    assert line.startswith("E! asyncio: Exception in callback")
    assert "ValueError: in a callback (test_log.py:" in line


def test_an_unraisable_exception_is_logged(logged, stderr):
    class Careless:
        def __del__(self) -> None:
            boom("in a finalizer")

    logged.set_level("info")
    careless = Careless()
    del careless
    gc.collect()
    (line,) = stderr.lines()
    assert line.startswith("E! ")
    assert "ValueError: in a finalizer (test_log.py:" in line


def test_an_uncaught_exception_of_a_thread_is_logged(logged, stderr):
    logged.set_level("info")
    thread = threading.Thread(target=boom, args=("in a thread",))
    thread.start()
    thread.join()
    (line,) = stderr.lines()
    assert line.startswith("E! uncaught exception: ValueError: in a thread (test_log.py:")


def test_an_uncaught_exception_is_logged_but_not_an_interrupt(logged, stderr):
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    sys.excepthook(RuntimeError, RuntimeError("dead"), None)
    assert stderr.lines()[0] == "E! uncaught exception: RuntimeError: dead (nowhere)"


def test_a_warning_is_logged_with_its_place(logged, stderr):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = log._warned  # catch_warnings has put its own there
        warnings.warn("old\nhabit", DeprecationWarning, stacklevel=1)
    (line,) = stderr.lines()
    assert line.startswith("W! DeprecationWarning: old | habit (test_log.py:")


def test_a_library_is_named_and_silent_below_warnings(logged, stderr):
    library = logging.getLogger("some.library")
    library.info("chatter")
    library.warning("trouble %d", 7)
    assert stderr.lines() == ["W! some.library: trouble 7"]


def test_a_record_whose_arguments_do_not_fit_is_printed_all_the_same(stderr):
    record = logging.LogRecord("library", 30, "library.py", 1, "bad %d", ("argument",), None)
    LineHandler(stderr.descriptor).emit(record)
    (line,) = stderr.lines()
    assert line.startswith("W! library: bad %d (%d format: ")


def test_a_full_pipe_does_not_stop_us_and_is_told_when_there_is_room(logged, stderr, monkeypatch):
    monkeypatch.setattr(log, "PATIENCE_MS", 1)
    for _ in range(100):
        logged.info("x" * 3000)
    printed = stderr.read_all()
    logged.info("next")
    told, after = stderr.lines()
    dropped = 100 - printed.count("\n")
    assert dropped > 0
    assert printed.endswith("x\n")
    assert told == f"W! {dropped} lines of this log were dropped: nobody read it"
    assert after == "I! next"


def test_a_reader_that_is_gone_is_no_error(logged, stderr):
    os.close(stderr.reader)
    stderr.reader = -1
    logged.error("first")
    logged.error("second")


def test_a_descriptor_that_is_not_open_is_no_error(logged, stderr):
    os.close(stderr.descriptor)
    stderr.descriptor = -1
    logged.error("nobody")


def test_setting_up_again_replaces_the_handler(logged, stderr):
    log.setup("info", descriptor=stderr.descriptor).info("once")
    assert stderr.lines() == ["I! once"]


class Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((record.levelname, record.getMessage()))


@pytest.fixture
def changes():
    logger = logging.Logger("changes")  # noqa: LOG001 - one of its own, that nobody else sees
    recorder = Recorder()
    logger.addHandler(recorder)
    return Changes(Log(logger)), recorder.said


def test_what_changed_is_said_once_then_at_debug_then_that_it_is_over(changes):
    changes, said = changes
    changes.say("feeder-1", "warn", "down")
    changes.say("feeder-1", "warn", "still down")
    changes.over("feeder-1", "back")
    changes.say("feeder-1", "warn", "down again")
    assert said == [("WARNING", "down"), ("DEBUG", "still down"), ("INFO", "back"), ("WARNING", "down again")]


def test_what_becomes_graver_is_said_again(changes):
    changes, said = changes
    changes.say("feeder-1", "warn", "silent")
    changes.say("feeder-1", "error", "locked")
    changes.say("feeder-1", "warn", "silent")
    assert [level for level, _ in said] == ["WARNING", "ERROR", "DEBUG"]


def test_what_a_person_did_something_about_is_said_once_more_or_that_it_is_over(changes):
    changes, said = changes
    for name in ("feeder-1", "feeder-2"):
        changes.say(name, "error", f"{name} refuses")
        changes.renew(name)
    changes.say("feeder-1", "warn", "feeder-1 is silent")
    changes.say("feeder-1", "warn", "feeder-1 is silent")
    changes.over("feeder-2", "feeder-2 is back")
    changes.renew("feeder-2")
    changes.over("feeder-2", "feeder-2 is back")
    assert [level for level, _ in said] == ["ERROR", "ERROR", "WARNING", "DEBUG", "INFO"]


def test_what_was_never_said_is_not_over(changes):
    changes, said = changes
    changes.over("feeder-1", "back")
    changes.say("feeder-2", "warn", "down")
    changes.forget("feeder-2")
    changes.over("feeder-2", "back")
    assert said == [("WARNING", "down")]
