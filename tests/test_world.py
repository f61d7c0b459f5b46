"""What a bus is given of the world outside."""

from __future__ import annotations

import inspect
import time

from telegraf_dlms import output, world
from telegraf_dlms.link import open_link
from telegraf_dlms.world import World


def test_a_world_has_the_real_clocks_and_the_real_links_where_a_test_does_not_give_others():
    real = World(None, None, None)
    assert (real.wall_ns, real.mono_ns, real.open_link) == (time.time_ns, time.monotonic_ns, open_link)


def test_the_real_output_and_the_real_links_are_what_a_world_wants():
    for wanted, real in ((world.Output.write, output.Output.write), (world.OpenLink.__call__, open_link)):
        names, given = (list(inspect.signature(function).parameters) for function in (wanted, real))
        assert [name for name in names if name != "self"] == [name for name in given if name != "self"]
