"""``unlock DEVICE``: have a device asked again whose password was refused less than an hour ago."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from telegraf_dlms.config import load
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.problems import Suggestions, shown
from telegraf_dlms.service import state_path
from telegraf_dlms.shard import WHOLE
from telegraf_dlms.state import open_state
from telegraf_dlms.state_file import StateUnusable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from telegraf_dlms.log import Log
    from telegraf_dlms.shard import Shard

#: Exit statuses: it is not locked any more; the state cannot be written.
DONE: Final = 0
NOT_DONE: Final = 1


def unlock(device: str, paths: Sequence[Path], *, log: Log, shard: Shard = WHOLE) -> int:
    """End the lock-out of a device, also for a ``run`` that is running; return an exit status.

    ``shard`` is the one of that ``run``.

    Raises ConfigError where the configuration is bad, has no such device, or it is in another shard.
    """
    configuration = load(paths)
    connections = {each.name: each.connection for each in configuration.devices}
    if device not in connections:
        raise ConfigError([Suggestions().missing("device", device, connections)])
    shard.require(f"device {shown(device)}", connections[device])
    path = state_path(configuration, paths, shard=shard)
    if not os.path.exists(path):  # noqa: PTH110  Path.exists raises where a folder is closed to us
        log.info(f"{device}: was not locked: {path} is not there")
        return DONE
    state = open_state(path, say=log.say)
    try:
        was_locked = state.unlock(device)
    except StateUnusable as error:
        log.error(f"{device}: cannot be unlocked: {error}")
        return NOT_DONE
    finally:
        state.close()
    if state.path is None:
        log.error(f"{device}: cannot be unlocked: {path} cannot be written")
        return NOT_DONE
    log.info(f"{device}: {'is asked again' if was_locked else 'was not locked'}")
    return DONE
