"""The interop matrix: rows are interface x referencing x authentication x transport security, columns are meters."""

from __future__ import annotations

import itertools
import os
import pty
from typing import TYPE_CHECKING

import fetch
import matrix
import parts
import points
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

#: The result of a wrong secret, by what it is needed for first.
WRONG_KEY = {"ciphering", "rejected", "authentication", "connect", "protocol"}

VALUES = """
[[group]]
  name = "g"
  interval = "1m"
  [[group.value]]
    name = "import"
    devices = ["*"]
    obis = "1-0:1.8.0"
    class_id = 3
  [[group.value]]
    name = "profile"
    devices = ["*"]
    obis = "1-0:99.1.0"
    class_id = 7
    entries = 3
"""


class Printed:
    """What one run of the plugin printed, by device."""

    def __init__(self, lines: list[str], log: str) -> None:
        self.log = log
        self.points: dict[str, list[points.Point]] = {}
        for point in points.parse_all(lines):
            self.points.setdefault(point.tags["device"], []).append(point)

    def result(self, device: str) -> str:
        [line] = [point for point in self.points[device] if point.measurement == "dlms_device"]
        return line.fields["result"]

    def said(self, device: str) -> str:
        """Return what the log says of a device."""
        return "\n".join(
            line for line in self.log.splitlines() if line.startswith(("W!", "E!")) and f"{device}: " in line
        )

    def values(self, device: str, name: str) -> list[points.Point]:
        return [
            point for point in self.points[device] if point.measurement == "dlms" and point.tags.get("name") == name
        ]


def once(folder: Path, tables: list[str]) -> Printed:
    config = folder / "meters.conf"
    state = f'[agent]\n  state_file = "{folder / "matrix.state"}"\n'
    config.write_text("\n".join([state, *tables, VALUES]), encoding="utf-8")
    with parts.Child([*parts.PLUGIN, "--config", config, "--once"]) as plugin:
        plugin.ended()
        return Printed(plugin.out, plugin.text())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Printed, Printed]]:
    """Read every built-in meter once with the right secrets, and then once with wrong ones."""
    folder = tmp_path_factory.mktemp("matrix")
    with matrix.built_in(matrix.ROWS, folder) as places:
        rows = {False: matrix.ROWS, True: [row for row in matrix.ROWS if _may_be_wrong(row)]}
        right, wrong = (
            once(
                folder,
                [matrix.connection(row.name, places[row]) + matrix.device(row, row.name, wrong=wrong) for row in some],
            )
            for wrong, some in rows.items()
        )
        yield right, wrong


@pytest.fixture
def ours(runs: tuple[Printed, Printed]) -> Printed:
    return runs[0]


@pytest.fixture
def wrong(runs: tuple[Printed, Printed]) -> Printed:
    return runs[1]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """Read the foreign meters in every combination that they offer."""
    if reason := fetch.PYDLMS.missing():
        pytest.skip(reason)
    with matrix.foreign() as ports:
        tables = [matrix.connection("-".join(meter), port) for meter, port in ports.items()]
        tables += [
            matrix.device(
                row,
                row.name,
                on=f"{row.interface}-{row.transport}",
                client=1 + matrix.Mechanism[row.security.upper()],
            )
            for row in matrix.FOREIGN
        ]
        yield once(tmp_path_factory.mktemp("foreign"), tables)


def _may_be_wrong(row: matrix.Row) -> bool:
    """Return whether there is a secret."""
    return (row.security, row.transport) != ("none", "none")


@pytest.mark.parametrize("row", matrix.ROWS, ids=lambda row: row.name)
def test_the_built_in_meter_is_read(ours, row):
    assert ours.result(row.name) == "ok", ours.said(row.name)
    [register] = ours.values(row.name, "import")
    assert register.tags["unit"] == "Wh"
    assert register.fields["value"] > 0
    times = sorted({point.time for point in ours.values(row.name, "profile")})
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [900 * 10**9] * 2


@pytest.mark.parametrize("row", [row for row in matrix.ROWS if _may_be_wrong(row)], ids=lambda row: row.name)
def test_the_built_in_meter_is_not_read_with_a_wrong_secret(wrong, row):
    assert {point.measurement for point in wrong.points[row.name]} == {"dlms_device"}
    result = wrong.result(row.name)
    if row.transport == "none":
        assert result == "authentication", wrong.said(row.name)
    else:
        assert result in WRONG_KEY


@pytest.mark.parametrize("row", matrix.FOREIGN, ids=lambda row: row.name)
def test_a_foreign_meter_is_read(theirs, row):
    assert theirs.result(row.name) == "ok", theirs.said(row.name)
    [register] = theirs.values(row.name, "import")
    assert register.fields["value"] == 12345678
    assert [point.fields["value"] for point in theirs.values(row.name, "profile")] == [1651, 1658, 1665]


def test_no_secret_is_in_what_was_printed(ours, wrong):
    secrets = [matrix.PASSWORD, matrix.PASSWORD[::-1], matrix.BLOCK_CIPHER_KEY[16].hex()]
    secrets += [matrix.AUTHENTICATION_KEY[16].hex(), matrix.scalar_of(matrix.CLIENT_KEY).hex()]
    assert not [secret for secret in secrets if secret in ours.log + wrong.log]


def test_a_pseudo_terminal_can_be_had_here():
    ends = pty.openpty()
    assert all(os.isatty(end) for end in ends)
    for end in ends:
        os.close(end)
