"""A target that is the program's own poll: a configured device, polled again and again over a line that alters things.

What a poll learns stays with the meter: its caches, what its lists can do, which rows were printed, its counters, that
its association may be half open. So each case is a few polls of one meter, an hour or a day apart.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fuzz.runner import Target
from fuzz.scenes import HDLC, NOON_NS, SCENES, WRAPPER, Wire, determined
from fuzz.talks import Line
from fuzz.watch import Wrong
from scripted_meter import SaidLog
from stations import connection, device, group, plan_of, value
from telegraf_dlms.errors import LocalProtocolError
from telegraf_dlms.log import Changes
from telegraf_dlms.meter import Meter
from telegraf_dlms.poll import poll, release
from telegraf_dlms.world import World

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping
    from random import Random

    from fuzz.scenes import Scene
    from fuzz.watch import Watch
    from telegraf_dlms.plan import MeterPlan

_SCENES = [scene for scene in SCENES if scene.client.security != "high_ecdsa"]
_STEPS_NS = (60_000_000_000, 3600_000_000_000, 90_000_000_000_000)

VALUES = (
    value("energy", obis="1.0.1.8.0.255"),
    value("maximum", obis="1.0.1.6.0.255", class_id=4, timestamp="meter"),
    value("demand", obis="1.0.1.4.0.255", class_id=5),
    value("clock", obis="0.0.1.0.0.255", class_id=8, attributes=["time", 3, 5, 9]),
    value("serial", obis="0.0.96.1.0.255", class_id=1, is_tag=True),
    value("association", obis="0.0.40.0.0.255", class_id=15),
    value("security", obis="0.0.43.0.0.255", class_id=64),
    value("outages", obis="0.0.96.7.21.255", class_id=1, scaler=-1, unit="outages"),
    value("unknown", obis="0.0.41.0.0.255", class_id=9000),
    value("compact", obis="0.0.66.0.1.255", class_id=62),
    value("events", obis="0.0.99.98.0.255", class_id=7),
    value("load", obis="1.0.99.1.0.255", class_id=7, entries=3),
)


@cache
def _plan(scene: Scene, wire: Wire) -> MeterPlan:
    """Return the compiled configuration of a device that comes as the scene's client does."""
    access = scene.client
    settings: dict[str, Any] = {
        "interface_type": "wrapper" if wire == WRAPPER else "hdlc",
        "client_address": 1,
        "access_security": access.security,
        "logical_name_referencing": access.referencing == "logical_names",
        "max_pdu_size": access.max_pdu_size,
        "workarounds": {"no_lists": False},
        "retries": 1,
    }
    if access.password:
        settings["password"] = access.password.decode()
    if access.protection:
        settings |= {
            "transport_security": str(access.protection.name).lower().replace("|", "_"),
            "security_suite": access.suite,
            "general_protection": access.general,
            "invocation_counter": "0.0.43.1.0.255",
        }
    if access.protection or access.security == "high_gmac":
        settings |= {
            "authentication_key": access.authentication_key.hex(),
            "block_cipher_key": access.block_cipher_key.hex(),
        }
    return plan_of(connection(), device(**settings), group("g", *VALUES)).meters[0]


class _Log(SaidLog):
    """A log that keeps all, down to debug."""

    def is_enabled(self, _level: str) -> bool:
        """Return that it is."""
        return True


class _Lines:
    """An output that reads what is printed, and keeps nothing."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.count = 0

    async def write(self, lines: Iterable[str]) -> None:
        """Take lines."""
        for line in lines:
            self.count += 1
            self._watch.lines([line])


class _Link:
    """A link that drives conversations over a line in memory."""

    trace = None
    bytes_sent = bytes_received = 0

    def __init__(self, line: Line, watch: Watch) -> None:
        self._line, self._watch = line, watch
        self.alive = True

    async def run(self, conversation: Any, **_settings: Any) -> Any:
        """Drive a conversation to its answer."""
        try:
            return self._watch.converse(conversation, self._line.answer)
        except LocalProtocolError as error:
            raise Wrong(f"as if it were our fault: {error}") from error
        finally:
            conversation.close()

    async def open_line(self, _opening: str, *, timeout_s: float) -> Mapping[str, str | int]:
        """Say that there is no line to be set."""
        del timeout_s
        return {}

    def close(self) -> None:
        """Hang up."""
        self.alive = False

    def discard_input(self) -> None:
        """Do nothing: what is not read is lost with its message."""


class _Carrier:
    """A bus with one link, opened again where it is not trusted any more."""

    bytes_sent = bytes_received = 0
    is_stopping = False

    def __init__(self, line: Line, watch: Watch, *, is_persistent: bool) -> None:
        self._line, self._watch = line, watch
        self.is_persistent = is_persistent
        self.live_link: _Link | None = None

    async def link(self, *, timeout_s: float) -> _Link:
        """Return the open link."""
        del timeout_s
        if self.live_link is None or not self.live_link.alive:
            self._line.connect()
            self.live_link = _Link(self._line, self._watch)
        return self.live_link

    def distrust(self) -> None:
        """Hang up."""
        self.live_link = None


def _finished(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise Wrong("a poll waits for something")


def _polls(source: Random, watch: Watch) -> int:
    scene, wire = source.choice(_SCENES), source.choice((HDLC, WRAPPER))
    line = Line(scene, wire, source, watch, source.choice(("line", "APDU", "clear")))
    line.keys = {"global": scene.client.block_cipher_key}
    output, log, now_ns = _Lines(watch), _Log(), NOON_NS
    carrier = _Carrier(line, watch, is_persistent=source.random() < 0.7)
    plan = _plan(scene, wire)
    with determined(source):
        world = World(output, log, Changes(log), lambda: now_ns, lambda: now_ns, None)
        meter = Meter(plan, world.changes, state=world.state)
        for _ in range(source.randint(1, 4)):
            before = output.count
            result = _finished(poll(meter, ["g"], carrier, world))
            watch.refused[result.name] += 1
            if output.count == before:
                raise Wrong("a poll was due and printed nothing, not even how it went")
            now_ns += source.choice(_STEPS_NS)
        _finished(release(meter, carrier))
    if any("Traceback" in said for said in log.all):
        raise Wrong("an exception of Python's own was logged")
    line.check_trace()
    return max(1, line.frames)


TARGETS = [Target("polls", _polls, share=5)]
