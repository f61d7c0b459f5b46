"""Targets that are conversations: whole visits to the built-in meter, and what a line does to them on the way."""

from __future__ import annotations

from functools import cache, partial
from random import Random
from typing import TYPE_CHECKING, Any
from zlib import crc32

from fuzz.corpus import talks
from fuzz.mutation import in_pieces, mutated
from fuzz.runner import Target
from fuzz.scenes import (
    APDUS,
    HDLC,
    SCENES,
    SLOW_HDLC,
    WRAPPER,
    Answer,
    Scene,
    Visit,
    Wire,
    clean,
    determined,
    sessions,
    visit,
)
from fuzz.watch import Wrong
from fuzz.wires import altered_in_clear, apdu_altered, on_the_line
from telegraf_dlms import hls
from telegraf_dlms.ciphering import Ciphering, Key
from telegraf_dlms.errors import DataRefused, LinkError, Overrun, RemoteProtocolError, Silence
from telegraf_dlms.opening import acknowledge, call
from telegraf_dlms.simulator.mode_e import ModeE
from telegraf_dlms.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fuzz.watch import Watch

#: Of how many messages one is altered, in a visit; early ones end it, so mostly few are.
_RATES = (0.05, 0.05, 0.1, 0.3)
#: How many visits there are, by what they read; each is disturbed in many ways.
PLANS = 100
#: The meter's own invocation counter, and what else moves when messages are lost: no two visits need agree on it.
_MOVING = {bytes.fromhex("00002b0100ff"), bytes.fromhex("00002b0101ff"), bytes.fromhex("00002b0000ff")}
#: APDUs that may come in clear in any association: AARE, RLRE, confirmed-service-error, exception-response.
_REFUSALS = b"\x61\x63\x0e\xd8"


class Line:
    """Between client and meter: alters some of the messages, and counts them; ``keys`` are those of ciphered ones."""

    def __init__(self, scene: Scene, wire: Wire, source: Random, watch: Watch, level: str) -> None:
        self.frames = 0
        self.keys: dict[str, bytes] = {}
        self.shown: list[str] = []
        self._scene, self._wire, self._source, self._watch, self._level = scene, wire, source, watch, level
        self._rate = source.choice(_RATES)
        self._sessions = sessions(scene)
        self.connect()

    def connect(self) -> None:
        """Begin a connection; the meter knows what it knew."""
        self._receive = self._wire.server(lambda client: partial(self._answered, self._sessions(client)))
        self._trace = None if self._wire == APDUS else Trace(self.shown.append)

    def answer(self, octets: bytes) -> Iterable[bytes | Exception]:
        """Return what the client reads after it sent octets, in pieces; silence, or worse, where nothing comes."""
        source, wire = self._source, self._wire.name
        if octets and self._trace is not None:
            self._watch.call(self._trace.sent, octets)
        if octets and self._level == "line":
            octets = self._altered(octets, lambda message: on_the_line(message, source, wire))
        reply = b""
        if octets:
            try:
                reply = self._receive(octets)
            except RemoteProtocolError:
                return [LinkError("the meter has hung up")]
        if reply and self._level == "line":
            reply = self._altered(reply, lambda message: on_the_line(message, source, wire))
        if not reply:
            return [source.choice((Silence, Silence, Silence, Overrun, LinkError))("nothing came")]
        # An APDU is never read in pieces: there is nothing that would put it together.
        if self._trace is None:
            return [reply]
        pieces = in_pieces(reply, source)
        for piece in pieces:
            self._watch.call(self._trace.received, piece)
        return pieces

    def check_trace(self) -> None:
        """Fail where a trace shows a password, or a key that no real meter would know of."""
        shown = "".join(line[2:].replace(" ", "") for line in self.shown)
        secrets = [self._scene.client.password, *self.keys.values()]
        if any(secret and secret.hex() in shown for secret in secrets):
            raise Wrong(f"{self._scene.name}: a trace shows a secret")

    def _answered(self, answer: Answer, request: bytes) -> bytes:
        """Return the meter's answer to an APDU, where APDUs are altered."""
        if self._level == "line":
            return answer(request)
        if self._level == "APDU":
            request = self._altered(request, lambda apdu: apdu_altered(apdu, self._source))
            return self._altered(answer(request), lambda apdu: apdu_altered(apdu, self._source))
        return self._altered(answer(request), self._in_clear)

    def _in_clear(self, apdu: bytes) -> bytes:
        scene = self._scene
        return altered_in_clear(
            apdu,
            self._source,
            keys=self.keys,
            authentication_key=scene.client.authentication_key,
            title=scene.server.title_of(1),
        )

    def _altered(self, message: bytes, alter: Callable[[bytes], bytes]) -> bytes:
        if self._source.random() >= self._rate:
            return message
        self.frames += 1
        altered = alter(message)
        self._watch.octets.append(altered)
        return altered


def _visits(level: str, wires: tuple[Wire, ...], scenes: list[Scene]) -> Callable[[Random, Watch], int]:
    def case(source: Random, watch: Watch) -> int:
        scene, wire, plan = source.choice(scenes), source.choice(wires), source.randrange(PLANS)
        line, into = Line(scene, wire, source, watch, level), Visit()
        line.keys = into.keys
        with determined(Random(plan + 1)), watch.refusing():
            watch.converse(visit(wire.framing(), scene, Random(plan), into), line.answer)
        watch.lines(watch.call(lambda: list(into.lines())))
        line.check_trace()
        if scene.is_authenticated and level != "clear":
            _compare(into, scene, plan)
        return max(1, line.frames)

    return case


def _compare(visited: Visit, scene: Scene, plan: int) -> None:
    """Fail where a visit brought what the meter did not say."""
    truth = _truth(scene, plan)
    for asked, value in visited.values.items():
        if isinstance(value, DataRefused) or _name_of(asked) in _MOVING:
            continue
        if asked in truth and crc32(repr(value).encode()) != truth[asked]:
            raise Wrong(f"{scene.name}: {asked} was read as {value!r}, which the meter did not say")


@cache
def _truth(scene: Scene, plan: int) -> dict[object, int]:
    """Return what a visit brings that nobody disturbs, in four octets for each value."""
    visited = clean(scene, APDUS, Random(plan))
    return {asked: crc32(repr(value).encode()) for asked, value in visited.values.items()}


def _name_of(asked: Any) -> bytes:
    """Return the logical name of an attribute, alone, with its number, or in a list."""
    if isinstance(asked[0], int):
        return asked[1]
    return _name_of(asked[1] if asked[0] == "list" else asked[0])


def _ciphered_replies(source: Random, watch: Watch) -> int:
    """Unprotect replies that were altered, repeated, or are another association's: none of them is a value."""
    scene = source.choice([scene for scene in SCENES if scene.is_authenticated and not scene.client.dedicated_key])
    good = [answer for answer in talks()[scene.name].answers if answer[:1] not in _REFUSALS]
    others = [answer for talk in talks().values() for answer in talk.answers]
    ciphering = _ciphering(scene)
    reply = source.choice(good)
    altered = mutated(reply, source, others)
    plaintext = watch.eat(ciphering.unprotect, altered)
    if plaintext is not None and altered != reply and altered not in good and plaintext[:1] not in _REFUSALS:
        raise Wrong(f"{scene.name}: an altered reply became {plaintext.hex(' ')}")
    if source.random() < 0.2 and (first := watch.eat(ciphering.unprotect, reply)) is not None:
        assert first
        if watch.eat(ciphering.unprotect, reply) is not None:
            raise Wrong("a reply was believed twice")
    return 1


def _ciphering(scene: Scene) -> Ciphering:
    access = scene.client
    made = Ciphering(
        {"global": Key(access.block_cipher_key, access.authentication_key)},
        protection=access.protection,
        suite=access.suite,
        title=b"TDLfuzz\x01",
        next_counters={"global": lambda: 1},
        general=access.general,
    )
    made.server_title = scene.server.title_of(1)
    return made


def _proofs(source: Random, watch: Watch) -> int:
    """Look at answers to our challenge that are altered: only the right one proves anything."""
    scene = source.choice([scene for scene in SCENES if scene.client.is_high])
    challenges = [source.randbytes(source.choice((8, 16, 32, 64))) for _ in range(2)]
    titles = b"TDLfuzz\x01", scene.server.title_of(1)
    ours = hls.Claim(challenges[1], challenges[0], titles[0], titles[1])
    theirs = hls.Claim(challenges[0], challenges[1], titles[1], titles[0])
    # What the meter would say is what its own side of the secrets makes of our challenge.
    proof = hls.prove(scene.server.mirrored, theirs, next_counter=lambda: 7)
    assert watch.call(hls.is_proved, scene.client, theirs, proof)
    altered = mutated(proof, source, [hls.prove(scene.client, ours, next_counter=lambda: 7)])
    watch.octets.append(altered)
    with watch.refusing():
        if watch.call(hls.is_proved, scene.client, theirs, altered) and altered != proof:
            raise Wrong(f"{scene.name}: an altered answer proves the meter")
    return 1


def _openings(source: Random, watch: Watch) -> int:
    """Call a meter in mode E over a line that alters what both say."""
    meter = ModeE(lambda: None, baud_rate=lambda: 300, clock=lambda: 0.0)
    frames = 0

    def answer(octets: bytes) -> list[bytes | Exception]:
        nonlocal frames
        heard = mutated(octets, source) if source.random() < 0.3 else octets
        said = watch.call(meter.receive, heard) if heard else b""
        if source.random() < 0.7:
            said = source.choice((mutated(said, source), octets + said, said + said, source.randbytes(300)))
        frames += 1
        watch.octets.append(said)
        return [*in_pieces(said, source), Silence("nothing came")]

    with watch.refusing():
        identification = watch.converse(call(), answer)
        watch.converse(acknowledge(identification, max_baud_rate=source.choice((300, 9600, 115200))), answer)
    return max(1, frames)


_FRAMED = (HDLC, SLOW_HDLC, WRAPPER)
_CIPHERED = [scene for scene in SCENES if scene.client.protection]

TARGETS = [
    Target("visits over a bad line", _visits("line", _FRAMED, SCENES), share=20),
    Target("visits with bad APDUs", _visits("APDU", (APDUS, *_FRAMED), SCENES), share=20),
    Target("visits to a bad meter", _visits("clear", (APDUS, WRAPPER), [*SCENES, *_CIPHERED]), share=20),
    Target("ciphered replies", _ciphered_replies, share=10),
    Target("proofs", _proofs, share=2),
    Target("openings", _openings, share=3),
]
