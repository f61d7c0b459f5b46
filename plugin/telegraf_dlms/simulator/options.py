"""What ``telegraf-dlms simulate`` can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from telegraf_dlms.durations import SECOND, parse_duration
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.security_options import access_from, add_security_arguments
from telegraf_dlms.simulator.server_address import ServerAddress

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

Interface: TypeAlias = Literal["hdlc", "wrapper", "hdlc_mode_e"]

#: The port of DLMS/COSEM at IANA.
PORT: Final = 4059
#: The addresses that many meters share.
LOOPBACK: Final = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Options:
    """Where the built-in meters listen, how many they are and what they ask for; ``delay_s`` is before each answer.

    With ``pty`` there is one line for all meters, at server addresses from ``server_address.server`` on, and
    ``address`` and ``port`` mean nothing; without it, each meter has a loopback address from ``address`` on.
    """

    interface: Interface = "hdlc"
    address: str = "127.0.0.1"
    port: int = PORT
    pty: Path | None = None
    meters: int = 1
    delay_s: float = 0.0
    server_address: ServerAddress = field(default_factory=ServerAddress)
    access: Access = field(default_factory=Access)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``simulate``; their defaults are those of ``Options``."""
    parser.add_argument("--interface", choices=get_args(Interface), default="hdlc", help="default: hdlc")
    parser.add_argument("--address", default="127.0.0.1", help="listen on this address; default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=PORT, help=f"TCP port, 0 for a free one; default: {PORT}")
    parser.add_argument("--pty", type=Path, metavar="LINK", help="a pseudo-terminal, with LINK to it, instead of TCP")
    parser.add_argument(
        "--meters",
        type=int,
        default=1,
        metavar="N",
        help="N meters, at addresses from --address on; with --pty at server addresses from --server-address on",
    )
    parser.add_argument("--delay", default="0s", metavar="DURATION", help='wait before each answer, such as "200ms"')
    parser.add_argument("--server-address", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--logical-server-address", type=int, metavar="N", help="answer to this one only; default: to 0 and 1"
    )
    parser.add_argument("--short-names", action="store_true", help="short name referencing in place of logical names")
    add_security_arguments(parser)


def options_from(namespace: Namespace) -> Options:
    """Return what the arguments mean; ConfigError with every problem at once."""
    problems: list[str] = []
    options = Options(
        interface=namespace.interface,
        address=namespace.address,
        port=namespace.port,
        pty=namespace.pty,
        meters=namespace.meters,
        delay_s=_delay(namespace.delay, problems),
        server_address=ServerAddress(
            server=namespace.server_address,
            logical=(0, 1) if namespace.logical_server_address is None else (namespace.logical_server_address,),
            count=namespace.meters if namespace.pty else 1,
        ),
        access=access_from(namespace, problems=problems),
    )
    problems += _problems(options)
    if problems:
        raise ConfigError(problems)
    return options


def _problems(options: Options) -> list[str]:
    problems = []
    last = options.server_address.server + options.server_address.count - 1
    if not 0 <= options.port <= 0xFFFF:
        problems.append(f"--port: {options.port} is outside 0..65535")
    if options.meters < 1:
        problems.append(f"--meters: {options.meters} is less than 1")
    elif options.meters > 1 and not options.pty and not _is_loopback(options.address, options.meters):
        problems.append(f"--meters: {options.meters} of them need loopback addresses, {options.address} is none")
    if options.interface == "hdlc_mode_e" and not options.pty:
        problems.append("--interface hdlc_mode_e needs --pty")
    elif options.interface == "hdlc_mode_e" and options.meters > 1:
        problems.append(f"--meters: {options.meters} of them would all answer the one call of hdlc_mode_e")
    if not 0 <= options.server_address.server <= last <= 0x3FFF:
        problems.append(f"--server-address: {options.server_address.server} to {last} is outside 0..16383")
    if not all(0 <= logical <= 0x3FFF for logical in options.server_address.logical):
        problems.append(f"--logical-server-address: {options.server_address.logical[0]} is outside 0..16383")
    return problems


def _is_loopback(address: str, meters: int) -> bool:
    try:
        return {IPv4Address(address) in LOOPBACK, IPv4Address(address) + meters - 1 in LOOPBACK} == {True}
    except AddressValueError:
        return False


def _delay(text: str, problems: list[str]) -> float:
    try:
        return parse_duration(text) / SECOND
    except ValueError as error:
        problems.append(f'--delay: "{text}" {error}')
        return 0.0
