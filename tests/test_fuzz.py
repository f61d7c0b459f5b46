"""Hostile octets into everything that eats them, and that the fuzzers notice what they are there for (``fuzz``)."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path
from random import Random

import pytest

from fuzz import runner
from fuzz import watch as watching
from fuzz.mutation import in_pieces, mutated
from fuzz.runner import Target, done, one_case, run
from fuzz.targets import TARGETS
from fuzz.trees import ber_mutated, tree_mutated
from fuzz.watch import MAX_GROWTH, MAX_TURNS, Watch
from telegraf_dlms import ber
from telegraf_dlms.axdr import decode_all
from telegraf_dlms.errors import LocalProtocolError, RemoteProtocolError, Silence

pytestmark = pytest.mark.fuzz

#: Mutated frames for each share of a target: some ten seconds of CPU in all. ``make fuzz`` does two million.
FRAMES = 75
#: Cases whose memory is traced, which takes five times as long.
TRACED = 6

VALUE = bytes.fromhex("0203 0906 0100010800ff 06 00000007 02020f00161e")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_hostile_octets_break_nothing_and_cost_little(target):
    report = run([target], frames=round(FRAMES * target.share) + 1, seed=1, watch=Watch(), warm_up=20)
    assert report.frames > FRAMES * target.share


@pytest.fixture
def traced_memory():
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced_memory")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_hostile_octets_take_little_room(target):
    watch = Watch()
    for number in range(TRACED):
        done(target, 2, number, watch)
        assert watch.largest < MAX_GROWTH, f"in case {number}"


@pytest.mark.usefixtures("traced_memory")
def test_a_call_that_takes_much_room_for_a_moment_is_noticed():
    watch = Watch()
    done(Target("it", eating(lambda _octets: len(bytearray(2 * MAX_GROWTH)))), 1, 1, watch)
    assert watch.largest > MAX_GROWTH


@pytest.mark.parametrize(
    ("name", "cases", "outcomes"),
    [
        ("visits over a bad line", 150, {"RemoteProtocolError", "CipheringError", "Silence", "LinkError"}),
        ("visits with bad APDUs", 150, {"RemoteProtocolError", "AssociationError", "CipheringError"}),
        ("visits to a bad meter", 150, {"RemoteProtocolError", "AssociationError", "CipheringError"}),
        ("ciphered replies", 50, {"CipheringError"}),
        ("lists", 100, {"RemoteProtocolError", "DataRefused"}),
        ("AARE", 100, {"RemoteProtocolError", "AssociationError"}),
        ("polls", 40, {"PARTIAL", "PROTOCOL", "CIPHERING", "TIMEOUT"}),
    ],
)
def test_mutations_get_where_they_are_to_go(name, cases, outcomes):
    watch = Watch()
    target = next(target for target in TARGETS if target.name == name)
    for number in range(cases):
        one_case(target, 3, number, watch)
    assert outcomes <= set(watch.refused)


# The mutations.


def test_a_mutation_is_the_same_for_the_same_source():
    assert len({mutated(VALUE, Random(7), [b"abc"]) for _ in range(5)}) == 1
    assert len({mutated(VALUE, Random(seed), [b"abc"]) for seed in range(200)}) > 150


def test_a_value_that_is_mutated_as_a_tree_is_one_still():
    values = [tree_mutated(VALUE, Random(seed)) for seed in range(200)]
    assert len(set(values)) > 100
    for octets in values:
        decode_all(octets)


def test_ber_that_is_mutated_has_lengths_that_fit():
    aare = bytes.fromhex("6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000521404000007")
    mutations = [ber_mutated(aare, Random(seed)) for seed in range(200)]
    good = []
    for octets in mutations:
        try:
            good.append(ber.elements(ber.only(octets, 0x61, "AARE"), "AARE"))
        except RemoteProtocolError:
            continue
    assert len(good) > 120


@pytest.mark.parametrize("octets", [b"", b"a", b"ab" * 100])
def test_pieces_are_the_whole(octets):
    assert all(b"".join(in_pieces(octets, Random(seed))) == octets for seed in range(50))


# What is noticed.


def failing(case, *, seed=5, number=6):
    """Return what is told about a case that is wrong."""
    with pytest.raises(AssertionError) as failure:
        one_case(Target("some thing", case), seed, number, Watch())
    return str(failure.value)


def eating(function):
    """Return a case that has a function eat two octets."""

    def case(_source, watch):
        watch.eat(function, b"\x13\x7e")
        return 1

    return case


def test_an_exception_of_pythons_own_is_told_with_its_octets_and_how_it_is_done_again():
    told = failing(eating(lambda octets: octets[2]))
    assert "some thing: IndexError: index out of range" in told
    assert "make fuzz FUZZ_REPLAY=some_thing:5:6" in told
    assert "13 7e" in told


def test_an_error_that_blames_us_is_told():
    def blame(_octets):
        raise LocalProtocolError("we said it")

    assert "as if it were our fault: we said it" in failing(eating(blame))


def test_an_error_that_blames_the_meter_is_an_answer():
    def refuse(_octets):
        raise RemoteProtocolError("it said it")

    watch = Watch()
    assert one_case(Target("it", eating(refuse)), 1, 1, watch) == 1
    assert watch.refused == {"RemoteProtocolError": 1}


def test_a_call_that_takes_long_each_time_is_told(monkeypatch):
    clock = iter(range(0, 10**12, 51_000_000))
    monkeypatch.setattr(watching, "thread_time_ns", lambda: next(clock))
    assert "a call took 51.0 ms of CPU" in failing(eating(len))


def test_a_call_that_took_long_once_is_not_told(monkeypatch):
    times = [0, 60_000_000, *range(60_000_001, 60_000_100)]
    monkeypatch.setattr(watching, "thread_time_ns", lambda: times.pop(0))
    assert one_case(Target("it", eating(len)), 1, 1, Watch()) == 1


def test_a_conversation_that_does_not_end_is_told():
    def forever():
        while True:
            yield b"?"

    def case(_source, watch):
        watch.converse(forever(), lambda _sent: [b"!"])

    assert f"does not end within {MAX_TURNS} turns" in failing(case)


def test_what_is_read_in_many_pieces_is_no_conversation_without_an_end():
    def long():
        for _ in range(3 * MAX_TURNS):
            yield b""

    assert Watch().converse(long(), lambda _sent: [b"."] * 3 * MAX_TURNS) is None


def test_what_is_thrown_into_a_conversation_gets_there():
    def hearing():
        try:
            yield b"?"
        except Silence:
            return "silence"

    assert Watch().converse(hearing(), lambda _sent: [Silence("nothing came")]) == "silence"


@pytest.mark.parametrize(
    "line",
    [
        "m value=nan 0",
        "m value=1e999 0",
        "m value=1\n2 0",
        "m value=9223372036854775808i 0",
        "m value=1 9223372036854775808",
        "m time=1 0",
        "m,t= value=1 0",
        "m 0",
    ],
)
def test_a_line_that_telegraf_would_not_take_is_told(line):
    def case(_source, watch):
        watch.lines([line])

    assert failing(case)


def test_a_process_that_grows_is_told():
    kept = []

    def case(source, _watch):
        kept.append(source.randbytes(1 << 20))
        return 1

    with pytest.raises(AssertionError, match="it: the process grew by"):
        run([Target("it", case)], frames=200, seed=1, watch=Watch(), warm_up=1)


def test_a_call_of_a_run_that_takes_much_room_for_a_moment_is_told(monkeypatch):
    monkeypatch.setattr(runner, "SAMPLED", 3)
    wasteful = Target("it", eating(lambda _octets: len(bytearray(2 * MAX_GROWTH))))
    with pytest.raises(AssertionError, match="it: a call of case 1:2 takes more than 10 MB for a moment"):
        run([wasteful], frames=9, seed=1, watch=Watch(), warm_up=1)
    report = run([Target("it", eating(len))], frames=9, seed=1, watch=Watch(), warm_up=1)
    assert report.tallies["it"].cases == 9


@pytest.mark.parametrize("name", ["visits over a bad line", "visits to a bad meter", "values", "polls"])
def test_a_case_is_the_same_alone_and_among_others(name):
    target = next(target for target in TARGETS if target.name == name)
    watch = Watch()
    alone = {}
    for number in range(17, 25):
        done(target, 1, number, watch)
        alone[number] = list(watch.octets)
    for number in range(25):
        done(target, 1, number, watch)
        assert watch.octets == alone.get(number, watch.octets)
    assert any(alone.values())


# The command.


def fuzz(*arguments):
    """Run what ``make fuzz`` does."""
    command = [sys.executable, "-m", "fuzz", *arguments]
    return subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False, timeout=60)


def test_one_case_is_done_again_with_its_octets():
    done = fuzz("--replay", "get_responses:1:3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("right: 1 frames, slowest call 0.")


def test_some_targets_are_done_and_counted():
    done = fuzz("--count", "300", "--seed", "9", "--target", "frames", "--target", "AARE")
    assert (done.returncode, done.stderr) == (0, "")
    *targets, total = done.stdout.splitlines()
    assert [line.split()[0] for line in targets] == ["frames", "AARE"]
    assert int(total.split()[0]) >= 300
