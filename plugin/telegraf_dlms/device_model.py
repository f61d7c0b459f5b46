"""The ``[[device]]`` table: a DLMS server, how it is addressed, and what secures it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from telegraf_dlms.access import AccessSecurity, TransportSecurity  # noqa: TC001  pydantic reads them
from telegraf_dlms.config_types import (
    AsymmetricKey,
    DedicatedKey,
    Duration,
    Encoding,
    Name,
    NoBoolean,
    Obis,
    PositiveDuration,
    SecretHex,
    SecretText,
    SymmetricKey,
    SystemTitle,
    Table,
    Tags,
    Text,
    TimeZone,
)
from telegraf_dlms.durations import SECOND

if TYPE_CHECKING:
    from telegraf_dlms.secret import Secret

InterfaceType = Literal["hdlc", "wrapper", "hdlc_mode_e"]
Deviation = Literal["standard", "without_dst", "inverted", "ignore"]

#: The keys whose values are secrets: each also has a key ``<key>_file``.
SECRET_KEYS = (
    "password",
    "password_hex",
    "authentication_key",
    "block_cipher_key",
    "dedicated_key",
    "signing_key",
    "server_public_key",
)

#: 64 bits hold the serial number of any meter, 20 digits.
MAX_SERIAL_NUMBER = 0xFFFF_FFFF_FFFF_FFFF


class Workarounds(Table):
    """What some meters need; all off. Durations are nanoseconds."""

    pause_after_connect: Duration = 0
    pause_between_requests: Duration = 0
    ignore_echo: bool = False
    no_lists: bool = False
    null_cells: Literal["", "previous"] = ""


class Device(Table):
    """A DLMS server. Durations are nanoseconds; keys are octets; what its connection gives is filled in by config."""

    name: Name
    enabled: bool = True
    connection: Text

    interface_type: InterfaceType = "hdlc"
    client_address: int = 16
    server_address: int = 1
    server_address_type: Literal["default", "serial_number"] = "default"
    serial_number: Annotated[int, Field(ge=0, le=MAX_SERIAL_NUMBER)] = 1
    serial_number_formula: Text | None = None
    logical_server_address: Annotated[int, Field(ge=0, le=16383)] = 0
    address_size: Annotated[Literal[1, 2, 4], NoBoolean] | None = None

    access_security: AccessSecurity = "none"
    password: SecretText | None = None
    password_hex: SecretHex | None = None
    transport_security: TransportSecurity = "none"
    security_suite: Annotated[Literal[0, 1, 2], NoBoolean] = 0
    authentication_key: SymmetricKey | None = None
    block_cipher_key: SymmetricKey | None = None
    dedicated_key: DedicatedKey | None = None
    signing_key: AsymmetricKey | None = None
    server_public_key: AsymmetricKey | None = None
    system_title: SystemTitle | None = None
    server_system_title: SystemTitle | None = None
    general_protection: bool = False
    invocation_counter: Obis | None = None

    logical_name_referencing: bool = True
    encoding: Encoding = "utf-8"
    time_zone: TimeZone = "UTC"
    deviation: Deviation = "standard"
    timeout: PositiveDuration = 5 * SECOND
    retries: Annotated[int, Field(ge=0, le=255)] = 2
    max_pdu_size: Annotated[int, Field(ge=12, le=65535)] = 65535
    max_info_length: Annotated[int, Field(ge=32, le=2030)] = 128
    window_size: Annotated[int, Field(ge=1, le=7)] = 1
    tags: Tags = Field(default_factory=dict)
    workarounds: Workarounds = Workarounds()

    @property
    def secret(self) -> Secret | None:
        """The password, however it was written."""
        return self.password if self.password is not None else self.password_hex
