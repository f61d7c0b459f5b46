"""Opens TCP connections to meters."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import re
import socket
from functools import partial
from typing import TYPE_CHECKING, Final

from telegraf_dlms.errors import LinkError
from telegraf_dlms.link import Link

if TYPE_CHECKING:
    from telegraf_dlms.link import TcpSettings

#: An address that does not answer holds up the next one of the same name by this (RFC 8305, section 5).
NEXT_ADDRESS_DELAY_S: Final = 0.25
#: Seconds, seconds, times: a half-open connection is found after 4 minutes, and the probes keep a mobile operator's
#: NAT from forgetting an idle one (5 minutes at the earliest), for 60 KB a day.
KEEPALIVE: Final = {"TCP_KEEPIDLE": 120, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 4}


async def open_tcp(settings: TcpSettings, *, timeout_s: float) -> TcpLink:
    """Connect to a meter, of a name's addresses to the first one that answers (RFC 8305); LinkError says why not."""
    address, port = settings.address, settings.port
    peer = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            # asyncio sets TCP_NODELAY itself.
            transport, link = await asyncio.get_running_loop().create_connection(
                partial(TcpLink, peer), address, port, happy_eyeballs_delay=_next_address_delay(address)
            )
    except TimeoutError:
        raise LinkError(f"{peer}: no connection within {timeout_s:g} s") from None
    except socket.gaierror as error:
        raise LinkError(f"{peer}: cannot resolve the address: {error.strerror}") from None
    except UnicodeError:
        raise LinkError(f"{peer}: cannot resolve the address: not a host name") from None
    except OSError as error:
        raise LinkError(f"{peer}: {tcp_reason(error)}", number=number_of(error)) from None
    _keep_alive(transport.get_extra_info("socket"))
    return link


class TcpLink(Link):
    """A link over a TCP connection."""

    __slots__ = ()

    def _reason(self, error: Exception) -> str:
        return tcp_reason(error)


#: Plain words for what a link meets; the system's own words stand for the rest.
_REASONS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset by the meter",
    errno.EPIPE: "closed by the meter",
    errno.ETIMEDOUT: "connection timed out",
    errno.EHOSTUNREACH: "no route to the meter",
    errno.ENETUNREACH: "network unreachable",
    errno.EMFILE: "too many open files: raise the limit of open files (ulimit -n, LimitNOFILE)",
    errno.ENFILE: "too many open files in the whole system",
}


def tcp_reason(error: BaseException) -> str:
    """Return in plain words why a connection failed."""
    number = number_of(error)
    if number is None:
        return str(error) or type(error).__name__
    return _REASONS.get(number) or os.strerror(number).lower()


def number_of(error: BaseException) -> int | None:
    """Return the errno of a failure; None where it has none."""
    number: int | None = getattr(error, "errno", None)
    if number is None:
        # asyncio joins the failures of several addresses into one text.
        numbers = re.findall(r"\[Errno (\d+)\]", str(error))
        number = int(numbers[-1]) if numbers else None
    return number


def _next_address_delay(address: str) -> float | None:
    """Return None for a literal, which needs neither a resolver nor a race."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return NEXT_ADDRESS_DELAY_S
    return None


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, setting in KEEPALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), setting)
