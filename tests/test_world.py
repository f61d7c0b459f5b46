"""What a bus is given of the world outside."""

from __future__ import annotations

import inspect
import time

from telegraf_dlms import output, world
from telegraf_dlms.link import open_link
from telegraf_dlms.state import State
from telegraf_dlms.world import World

KEY = bytes(range(16))


def test_a_world_has_the_real_clocks_and_the_real_links_where_a_test_does_not_give_others():
    real = World(None, None, None)
    assert (real.wall_ns, real.mono_ns, real.open_link) == (time.time_ns, time.monotonic_ns, open_link)


def test_a_world_that_is_given_no_state_has_an_empty_one_of_its_own():
    one, another = World(None, None, None).state, World(None, None, None).state
    assert one.counters(KEY).next_counter() == another.counters(KEY).next_counter() == 1
    assert one.title != another.title


def parameters(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


def test_the_real_output_and_the_real_links_are_what_a_world_wants():
    for wanted, real in ((world.Output.write, output.Output.write), (world.OpenLink.__call__, open_link)):
        assert parameters(wanted) == parameters(real)


def test_the_real_state_is_what_a_world_wants():
    wanted = {name: each for name, each in vars(world.KeptState).items() if inspect.isfunction(each) and name[0] != "_"}
    assert {name: parameters(each) for name, each in wanted.items()} == {
        name: parameters(getattr(State, name)) for name in wanted
    }
