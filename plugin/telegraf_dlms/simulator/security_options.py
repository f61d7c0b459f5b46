"""The security of the built-in meter on a command line: a device's keys, with what belongs to the other side renamed.

They are read as a ``[[device]]`` is, so that ``${NAME}``, ``@{systemd:NAME}`` and files keep secrets off the command
line, and the problems are those of the configuration.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from telegraf_dlms.access import PROTECTIONS, AccessSecurity, TransportSecurity
from telegraf_dlms.checks import check_device
from telegraf_dlms.device_model import Device
from telegraf_dlms.problems import Place
from telegraf_dlms.simulator.access import SYSTEM_TITLE, Access
from telegraf_dlms.simulator.ledger import MAX_COUNTER
from telegraf_dlms.tables import Surroundings, check_table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from telegraf_dlms.secret import Secret
    from telegraf_dlms.tables import Checked

#: The secrets, and what they are for; each has an option that ends in -file besides.
_SECRETS: Final = {
    "password": "what clients show, or the secret of HLS",
    "password_hex": "the same in hex digits",
    "authentication_key": "32 hex digits, 64 in suite 2",
    "block_cipher_key": "the global unicast encryption key: 32 hex digits, 64 in suite 2",
    "signing_key": "the meter's private key of high_ecdsa: hex digits, or a PEM file",
    "client_public_key": "the client's public key of high_ecdsa: hex digits, or a PEM file",
}
#: A device's keys that name the other side, which for a meter is the client.
_OF_THE_DEVICE: Final = {
    "client_public_key": "server_public_key",
    "client_public_key_file": "server_public_key_file",
    "client_system_title": "server_system_title",
}
_OF_THE_METER: Final = {theirs: ours for ours, theirs in _OF_THE_DEVICE.items()}
#: What a device has to have, and a meter has not.
_UNUSED: Final = {"name": "meter", "connection": "line"}


def add_security_arguments(parser: ArgumentParser) -> None:
    """Add the options; they have the names of a device's keys, and mean the same."""
    group = parser.add_argument_group(
        "security", 'keys may be "${NAME}" of the environment, "@{systemd:NAME}", or in a file by --<key>-file'
    )
    modes = get_args(AccessSecurity)
    group.add_argument("--access-security", choices=modes, help="default: low with a password, else none")
    for key, meaning in _SECRETS.items():
        group.add_argument(_option(key), metavar="SECRET", help=meaning)
        group.add_argument(_option(f"{key}_file"), metavar="FILE")
    group.add_argument("--transport-security", choices=get_args(TransportSecurity), help="default: none")
    group.add_argument("--security-suite", type=int, choices=(0, 1, 2), help="default: 0")
    group.add_argument("--system-title", metavar="TITLE", help=f"the first meter's; default: {SYSTEM_TITLE.hex()}")
    group.add_argument("--client-system-title", metavar="TITLE", help="accept this client only; default: any")
    group.add_argument("--general-protection", action="store_true", help="grant general-glo and general-ded-ciphering")
    group.add_argument(
        "--initial-counter",
        type=int,
        default=0,
        metavar="N",
        help="the last counter that clients have used; default: 0",
    )
    group.add_argument(
        "--lock-after", type=int, default=0, metavar="N", help="refuse everyone after N wrong secrets; default: never"
    )


def access_from(namespace: Namespace, *, problems: list[str]) -> Access:
    """Return what the options mean; what is wrong with them goes to ``problems``, and what is returned is of no use."""
    checked = _check(_written(namespace))
    problems += [_told(problem.key, problem.message) for problem in checked.problems]
    for name, most in (("initial_counter", MAX_COUNTER), ("lock_after", MAX_COUNTER)):
        if not 0 <= getattr(namespace, name) <= most:
            problems.append(f"{_option(name)}: {getattr(namespace, name)} is outside 0..{most}")
    device = checked.table
    return Access(
        security=device.access_security,
        password=_octets(device.secret),
        referencing="short_names" if namespace.short_names else "logical_names",
        protection=PROTECTIONS[device.transport_security],
        suite=device.security_suite,
        authentication_key=_octets(device.authentication_key),
        block_cipher_key=_octets(device.block_cipher_key),
        signing_key=_octets(device.signing_key),
        client_public_key=_octets(device.server_public_key),
        system_title=device.system_title or SYSTEM_TITLE,
        client_system_title=device.server_system_title,
        general=namespace.general_protection,
        initial_counter=namespace.initial_counter,
        lock_after=namespace.lock_after,
    )


def _written(namespace: Namespace) -> dict[str, Any]:
    """Return what was written as a device's table; a password alone means low security."""
    names = [name for key in _SECRETS for name in (key, f"{key}_file")]
    names += ["access_security", "transport_security", "security_suite", "system_title", "client_system_title"]
    written = {_OF_THE_DEVICE.get(name, name): getattr(namespace, name) for name in names}
    table = {key: value for key, value in written.items() if value is not None}
    if any(key.startswith("password") for key in table):
        table.setdefault("access_security", "low")
    return table


def _check(written: dict[str, Any]) -> Checked[Device]:
    checked = check_table(Device, {**_UNUSED, **written}, place=Place(Path()), subject="", surroundings=Surroundings())
    check_device(checked)
    return checked


def _told(key: tuple[str | int, ...], message: str) -> str:
    name = str(key[0]) if key else ""
    return f"{_option(_OF_THE_METER.get(name, name))}: {message}"


def _option(key: str) -> str:
    return "--" + key.replace("_", "-")


def _octets(secret: Secret | None) -> bytes:
    return b"" if secret is None else secret.reveal()
