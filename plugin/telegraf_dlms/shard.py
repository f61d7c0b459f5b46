"""``--shard 3/8``: which connections one process of several takes, so that more machines are more of the same.

It is rendezvous hashing (Thaler and Ravishankar, 1998): each shard draws a number from a connection's name, and the
highest has it. Nobody has to know of the others but how many there are, and where a ninth joins eight it takes a ninth
of the connections, some of each; all others stay where they were.

Whole connections are dealt out, for a bus has one owner. A shard's number, without how many there are, names its state:
with a ninth shard the first eight go on with what they know.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from telegraf_dlms.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

#: Each connection is hashed once for each shard: ten thousand take a second or two at this many.
MAX_SHARDS: Final = 100

_FORM: Final = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """The shard ``number``, from 1, of ``count``."""

    number: int
    count: int

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.number}/{self.count}"

    def takes(self, connection: str) -> bool:
        """Return whether the connection of this name is in this shard: in one of all."""
        return self.number == self._owner(connection)

    def require(self, what: str, connection: str) -> None:
        """Raise ConfigError where ``what`` is wanted and its connection is in another shard."""
        owner = self._owner(connection)
        if owner != self.number:
            raise ConfigError([f"--shard: {what} is in shard {owner}/{self.count}, not in {self}"])

    def _owner(self, connection: str) -> int:
        return max(range(1, self.count + 1), key=lambda number: _draw(number, connection))

    @property
    def suffix(self) -> str:
        """What is behind the name of its state: nothing for all connections."""
        return "" if self.count == 1 else f"-{self.number}"

    def state_path(self, path: Path) -> Path:
        """Return where this shard's state is, by the ``state_file`` of the configuration."""
        return path.with_name(f"{path.stem}{self.suffix}{path.suffix}")


#: All connections.
WHOLE: Final = Shard(1, 1)


def parse_shard(text: str) -> Shard:
    """Return what ``--shard`` says; ConfigError where it is no shard."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConfigError([f'--shard: "{text}" is not like 3/8, the third of eight'])
    shard = Shard(int(match[1]), int(match[2]))
    if not 1 <= shard.count <= MAX_SHARDS:
        raise ConfigError([f"--shard: {shard.count} shards are outside 1..{MAX_SHARDS}"])
    if not 1 <= shard.number <= shard.count:
        raise ConfigError([f"--shard: {shard.number} is outside 1..{shard.count}"])
    return shard


def _draw(number: int, connection: str) -> bytes:
    return hashlib.blake2b(f"{number}/{connection}".encode(), digest_size=8).digest()
