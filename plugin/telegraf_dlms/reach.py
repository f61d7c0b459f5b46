"""Whether a connection can be opened, and by which of its addresses; nothing is sent to a meter."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, TypeAlias

from telegraf_dlms.check import line_text
from telegraf_dlms.circumstances import Circumstances
from telegraf_dlms.errors import LinkError
from telegraf_dlms.hints import diagnose
from telegraf_dlms.link import SerialSettings, TcpSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telegraf_dlms.report import Stage
    from telegraf_dlms.steps import Failure, Plain
    from telegraf_dlms.world import OpenLink

#: Gives the addresses of a name, at most one for each of its kinds and hosts; raises OSError.
Resolve: TypeAlias = "Callable[[str, int], Awaitable[list[str]]]"


async def resolve(name: str, port: int) -> list[str]:
    """Ask the system's resolver; socket.gaierror where it does not know the name."""
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def addresses_of(settings: TcpSettings, *, timeout_s: float, resolver: Resolve = resolve) -> list[str]:
    """Return all addresses of a connection; LinkError where there are none."""
    try:
        async with asyncio.timeout(timeout_s):
            return await resolver(settings.address, settings.port)
    except TimeoutError:
        raise LinkError(f"{settings.address}: not resolved within {timeout_s:g} s") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        raise LinkError(f"{settings.address}: cannot resolve the address: {reason}") from None


async def reach(
    settings: TcpSettings | SerialSettings,
    stage: Stage,
    *,
    open_link: OpenLink,
    timeout_s: float,
    resolver: Resolve = resolve,
) -> tuple[int, int, Failure | None]:
    """Open a connection at each of its addresses, or a port, tell of it, and close it again.

    Return how many could be opened, how many were tried, and the first failure.
    """
    if isinstance(settings, SerialSettings):
        stage.begin("open")
        failure = await _open(settings, stage, open_link, timeout_s)
        return int(failure is None), 1, failure
    stage.begin("resolve")
    try:
        addresses = await addresses_of(settings, timeout_s=timeout_s, resolver=resolver)
    except LinkError as error:
        failure = diagnose(error, Circumstances(stage.current))
        stage.tell({"name": settings.address}, failure=failure)
        return 0, 0, failure
    stage.tell({"name": settings.address, "addresses": addresses})
    failures = []
    for address in addresses:
        stage.begin("connect")
        failures.append(await _open(TcpSettings(address, settings.port), stage, open_link, timeout_s))
    return failures.count(None), len(failures), next((failure for failure in failures if failure is not None), None)


async def _open(
    settings: TcpSettings | SerialSettings, stage: Stage, open_link: OpenLink, timeout_s: float
) -> Failure | None:
    detail = place_of(settings)
    try:
        link = await open_link(settings, timeout_s=timeout_s)
    except LinkError as error:
        failure = diagnose(error, where_of(settings, stage))
        stage.tell(detail, failure=failure)
        return failure
    stage.tell(detail)
    link.close()
    await link.wait_closed()
    return None


def place_of(settings: TcpSettings | SerialSettings) -> dict[str, Plain]:
    """Return what is opened, as a step tells it."""
    if isinstance(settings, SerialSettings):
        return {"port": settings.device, "line": line_text(settings)}
    return {"address": settings.address, "port": settings.port}


def where_of(settings: TcpSettings | SerialSettings, stage: Stage) -> Circumstances:
    """Return the circumstances of a link that does not open."""
    if isinstance(settings, SerialSettings):
        return Circumstances(stage.current, link="serial", line=line_text(settings), interface_type="")
    return Circumstances(stage.current, interface_type="")
