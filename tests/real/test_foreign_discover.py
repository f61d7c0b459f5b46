"""``discover`` on a meter that others wrote: all that it lists is found, and read."""

from __future__ import annotations

import tomllib

import parts
import points
import pytest

pytestmark = pytest.mark.real

CONFIGURATION = """
[[connection]]
  name = "foreign"
  address = "127.0.0.1"
  port = {port}
[[device]]
  name = "meter"
  connection = "foreign"
  interface_type = "{interface}"
  logical_name_referencing = {logical_names}
"""


@pytest.mark.parametrize("logical_names", ["true", "false"])
def test_all_that_a_foreign_meter_lists_is_found_and_read(foreign_meter, tmp_path, logical_names):
    interface, port = foreign_meter
    base, discovered = tmp_path / "meters.conf", tmp_path / "discovered.conf"
    base.write_text(CONFIGURATION.format(port=port, interface=interface, logical_names=logical_names), encoding="utf-8")
    with parts.Child([*parts.PLUGIN, "discover", "meter", "--config", base]) as command:
        assert command.ended() == 0, command.text()
        discovered.write_text("\n".join(command.out), encoding="utf-8")
        assert command.log[-1] == "I! meter: 11 of 12 objects can be read"
    text = discovered.read_text(encoding="utf-8")
    named = {value["name"]: value for group in tomllib.loads(text)["group"] for value in group["value"]}
    assert len(named) == 11
    assert named["active_energy_import"]["obis"] == "1.0.1.8.0.255"
    assert named["load_profile_1"]["entries"] == 96
    assert "value=12345678, unit Wh" in text
    # Its compact_buffer does not begin with its template_id, so a poll refuses it.
    assert '  #   ## not read: the compact_buffer is of template 0ch, not 01h\n  #   name = "compact_data_1"\n' in text
    with parts.Child([*parts.PLUGIN, "--config", base, "--config", discovered, "--once"]) as plugin:
        assert plugin.ended() == 0, plugin.text()
        printed = points.parse_all(plugin.out)
    assert {point.tags["name"] for point in printed if point.measurement == "dlms"} == set(named)
