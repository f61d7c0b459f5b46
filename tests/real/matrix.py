"""Every combination of interface, referencing, authentication and transport security, and the meters that offer it.

The built-in meters run in a thread of the tests' own process, one for each combination, the foreign ones as processes
that serve many. One run of the plugin reads them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import parts
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from telegraf_dlms.access import Mechanism
from telegraf_dlms.ciphering import Protection
from telegraf_dlms.simulator import Access, Options, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "ABCDEFGH"
AUTHENTICATION_KEY = {16: bytes(range(0xD0, 0xE0)), 32: bytes(range(0xC0, 0xE0))}
BLOCK_CIPHER_KEY = {16: bytes(range(16)), 32: bytes(range(32))}
CLIENT_KEY, SERVER_KEY = ec.derive_private_key(0x1234, ec.SECP256R1()), ec.derive_private_key(0x5678, ec.SECP256R1())

PROTECTIONS = {
    "none": Protection.NONE,
    "authentication": Protection.AUTHENTICATION,
    "encryption": Protection.ENCRYPTION,
    "authentication_encryption": Protection.AUTHENTICATION | Protection.ENCRYPTION,
}
AE = "authentication_encryption"


@dataclass(frozen=True)
class Row:
    """One combination.

    ``interface``: wrapper and hdlc are over TCP; hdlc_pty and hdlc_mode_e on pseudo-terminals, for what only serial
    lines have.
    """

    interface: str
    short_names: bool
    security: str
    transport: str
    suite: int = 0
    general: bool = False
    dedicated: bool = False

    @property
    def name(self) -> str:
        """A name for the device and the test."""
        parts_ = [self.interface, "sn" if self.short_names else "ln", self.security, self.transport]
        parts_ += [f"suite{self.suite}"] * bool(self.suite) + ["general"] * self.general + ["ded"] * self.dedicated
        return "-".join(parts_)

    @property
    def key_length(self) -> int:
        """How many octets the suite's keys have."""
        return 32 if self.suite == 2 else 16


def _rows() -> list[Row]:
    securities = [mechanism.name.lower() for mechanism in Mechanism]
    whole = itertools.product(("wrapper", "hdlc"), (False, True), securities, PROTECTIONS)
    serial = itertools.product(("hdlc_pty", "hdlc_mode_e"), (False, True), ("none", "low", "high_gmac"), ("none", AE))
    rows = [Row(*each) for each in (*whole, *serial)]
    for short_names, transport, suite in itertools.product((False, True), PROTECTIONS, (1, 2)):
        rows.append(Row("wrapper", short_names, "high_gmac", transport, suite=suite))
    for short_names, security, suite in itertools.product((False, True), ("low", "high_gmac"), (0, 1, 2)):
        rows.append(Row("wrapper", short_names, security, AE, suite=suite, general=True))
        rows.append(Row("hdlc", short_names, security, AE, suite=suite, dedicated=True))
        rows.append(Row("wrapper", short_names, security, "encryption", suite=suite, general=True, dedicated=True))
    return rows


ROWS = _rows()
#: What the foreign meter offers: authentication without signatures, all its clients ciphered with suite 0, or none.
FOREIGN = [
    row
    for row in ROWS
    if row.interface in {"wrapper", "hdlc"}
    and row.suite == 0
    and row.security != "high_ecdsa"
    and row.transport in {"none", AE}
    # A GMAC needs a key, and with a key all its clients are ciphered.
    and (row.security, row.transport) != ("high_gmac", "none")
    # Its short names know neither ciphering nor a reply to a challenge.
    and (not row.short_names or (row.transport == "none" and row.security in {"none", "low"}))
]


def hex_of(key: ec.EllipticCurvePublicKey) -> str:
    """Return a point as X9.62 has it."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex()


def scalar_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key's number."""
    return key.private_numbers().private_value.to_bytes(32)


def device(row: Row, name: str, *, on: str = "", client: int = 1, wrong: bool = False) -> str:
    """Write the device of a row; ``wrong``: with another secret than the meter's."""
    length = row.key_length
    keys = {
        "name": name,
        "connection": on or name,
        "interface_type": "hdlc" if row.interface == "hdlc_pty" else row.interface,
        "client_address": client,
        "access_security": row.security,
        "transport_security": row.transport,
        "security_suite": row.suite,
        "logical_name_referencing": not row.short_names,
        "timeout": "2s",
    }
    if row.security not in {"none", "high_gmac", "high_ecdsa"}:
        keys["password"] = PASSWORD[::-1] if wrong else PASSWORD
    if row.security == "high_ecdsa":
        keys["signing_key"] = scalar_of(SERVER_KEY if wrong else CLIENT_KEY).hex()
        keys["server_public_key"] = hex_of(SERVER_KEY.public_key())
    if row.transport != "none" or row.security == "high_gmac":
        block_cipher_key = BLOCK_CIPHER_KEY[length]
        keys["block_cipher_key"] = (block_cipher_key[::-1] if wrong else block_cipher_key).hex()
        keys["authentication_key"] = AUTHENTICATION_KEY[length].hex()
    if row.general:
        keys["general_protection"] = True
    if row.dedicated:
        keys["dedicated_key"] = "random"
    return "[[device]]\n" + "".join(f"  {key} = {_toml(value)}\n" for key, value in keys.items())


def connection(name: str, where: str | int) -> str:
    """Write the connection to a port of this machine, or to a serial device."""
    if isinstance(where, int):
        return f'[[connection]]\n  name = "{name}"\n  address = "127.0.0.1"\n  port = {where}\n'
    return f'[[connection]]\n  name = "{name}"\n  type = "serial"\n  device = "{where}"\n'


def _toml(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def access(row: Row) -> Access:
    """Return what the built-in meter of a row demands."""
    length = row.key_length
    return Access(
        row.security,
        PASSWORD.encode(),
        "short_names" if row.short_names else "logical_names",
        PROTECTIONS[row.transport],
        suite=row.suite,
        authentication_key=AUTHENTICATION_KEY[length],
        block_cipher_key=BLOCK_CIPHER_KEY[length],
        signing_key=scalar_of(SERVER_KEY),
        client_public_key=bytes.fromhex(hex_of(CLIENT_KEY.public_key())),
        general=row.general,
        initial_counter=100,
    )


@contextlib.contextmanager
def built_in(rows: list[Row], folder: Path) -> Iterator[dict[Row, str | int]]:
    """Run a built-in meter for each row; give where each is."""
    places: dict[Row, str | int] = {}
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for number, row in enumerate(rows):
                options = Options(interface="hdlc" if row.interface == "hdlc_pty" else row.interface, port=0)
                if row.interface in {"hdlc_pty", "hdlc_mode_e"}:
                    options = replace(options, pty=folder / f"tty{number}")
                endpoint = await stack.enter_async_context(serving(replace(options, access=access(row))))
                places[row] = str(options.pty) if endpoint.port is None else endpoint.port
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(parts.PATIENCE), "the built-in meters did not start"
        yield places
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def foreign_clients() -> list[str]:
    """Return the options by which the foreign meter takes one client for each mechanism, at 1 + its number."""
    secret = {Mechanism.NONE: "", Mechanism.HIGH_GMAC: ""}
    taken = [mechanism for mechanism in Mechanism if mechanism is not Mechanism.HIGH_ECDSA]
    options = [f"{1 + each}:{int(each)}" + (f":{PASSWORD}" if each not in secret else "") for each in taken]
    return [part for option in options for part in ("--client", option)]


@contextlib.contextmanager
def foreign() -> Iterator[dict[tuple[str, str], int]]:
    """Run the foreign meters; give their ports by interface and transport security."""
    keys = ["--key", BLOCK_CIPHER_KEY[16].hex(), "--auth-key", AUTHENTICATION_KEY[16].hex()]
    with contextlib.ExitStack() as stack:
        meters = {
            (interface, transport): stack.enter_context(
                parts.foreign_meter(
                    *(["--hdlc"] if interface == "hdlc" else []),
                    *(keys if transport == AE else []),
                    *foreign_clients(),
                )
            )
            for interface, transport in itertools.product(("wrapper", "hdlc"), ("none", AE))
        }
        yield {key: parts.listening(meter) for key, meter in meters.items()}
