"""How an association is asked for: what the configuration of a device says, and what came of it.

Conformance, application contexts and mechanisms are the Green Book's, 9.4.2.2 and 9.4.6.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from telegraf_dlms.ciphering import Protection

if TYPE_CHECKING:
    from collections.abc import Mapping

AccessSecurity: TypeAlias = Literal[
    "none", "low", "high", "high_md5", "high_sha1", "high_gmac", "high_sha256", "high_ecdsa"
]
TransportSecurity: TypeAlias = Literal["none", "authentication", "encryption", "authentication_encryption"]
Referencing: TypeAlias = Literal["logical_names", "short_names"]


class Mechanism(IntEnum):
    """Authentication mechanism names, by their last arc (Green Book, 9.4.2.2.3)."""

    NONE = 0
    LOW = 1
    HIGH = 2
    HIGH_MD5 = 3
    HIGH_SHA1 = 4
    HIGH_GMAC = 5
    HIGH_SHA256 = 6
    HIGH_ECDSA = 7


class Conformance(IntFlag):
    """The bits of the conformance block that we look at, bit 0 of the standard highest (Green Book, 9.4.6.1)."""

    GENERAL_PROTECTION = 1 << (23 - 1)
    READ = 1 << (23 - 3)
    PRIORITY_MGMT_SUPPORTED = 1 << (23 - 9)
    BLOCK_TRANSFER_WITH_GET_OR_READ = 1 << (23 - 11)
    MULTIPLE_REFERENCES = 1 << (23 - 14)
    PARAMETERIZED_ACCESS = 1 << (23 - 18)
    GET = 1 << (23 - 19)
    SELECTIVE_ACCESS = 1 << (23 - 21)
    ACTION = 1 << (23 - 23)


#: What we ask for: what we can do, and nothing that writes.
PROPOSED: Final = (
    Conformance.GET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.PRIORITY_MGMT_SUPPORTED
)
PROPOSED_SHORT_NAMES: Final = (
    Conformance.READ
    | Conformance.PARAMETERIZED_ACCESS
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.MULTIPLE_REFERENCES
)

#: The transport security of the configuration as bits of the security control octet.
PROTECTIONS: Final[Mapping[TransportSecurity, Protection]] = {
    "none": Protection.NONE,
    "authentication": Protection.AUTHENTICATION,
    "encryption": Protection.ENCRYPTION,
    "authentication_encryption": Protection.AUTHENTICATION | Protection.ENCRYPTION,
}

#: With short names the VAA name is the base name of the Association SN (Green Book, 9.4.5).
VAA_NAMES: Final[dict[Referencing, int]] = {"logical_names": 0x0007, "short_names": 0xFA00}


@dataclass(frozen=True, slots=True)
class Access:
    """How a device's association is asked for; secrets are octets, and never shown.

    ``protection`` and ``suite`` hold for every ciphered APDU. ``dedicated_key``: empty for none, "random" for a fresh
    one each time. ``system_title`` is ours where one is configured, ``server_system_title`` the meter's likewise.
    ``signing_key`` and ``server_public_key`` are raw octets or PEM. ``general``: general-glo-ciphering and
    general-ded-ciphering in place of the ciphered form of each service.
    """

    security: AccessSecurity
    password: bytes = field(repr=False)
    max_pdu_size: int
    referencing: Referencing = "logical_names"
    protection: Protection = Protection.NONE
    suite: int = 0
    authentication_key: bytes = field(default=b"", repr=False)
    block_cipher_key: bytes = field(default=b"", repr=False)
    dedicated_key: bytes | Literal["random"] = field(default=b"", repr=False)
    signing_key: bytes = field(default=b"", repr=False)
    server_public_key: bytes = field(default=b"", repr=False)
    system_title: bytes | None = None
    server_system_title: bytes | None = None
    general: bool = False

    @property
    def mechanism(self) -> Mechanism:
        """The authentication mechanism's number."""
        return Mechanism[self.security.upper()]

    @property
    def is_high(self) -> bool:
        """Whether both sides answer a challenge (HLS)."""
        return self.mechanism > Mechanism.LOW

    @property
    def needs_counter(self) -> bool:
        """Whether invocation counters of the block cipher key are used up."""
        return bool(self.protection) or self.mechanism is Mechanism.HIGH_GMAC

    @property
    def needs_title(self) -> bool:
        """Whether both sides have to show their system titles."""
        return self.needs_counter or self.mechanism > Mechanism.HIGH_GMAC

    @property
    def context(self) -> int:
        """The last arc of the application context name (Green Book, 9.4.2.2.2)."""
        return (1 if self.referencing == "logical_names" else 2) + (2 if self.protection else 0)

    @property
    def proposed(self) -> Conformance:
        """The conformance block that is asked for."""
        wanted = PROPOSED if self.referencing == "logical_names" else PROPOSED_SHORT_NAMES
        if self.is_high and self.referencing == "logical_names":
            wanted |= Conformance.ACTION  # reply_to_HLS_authentication is a method
        return wanted | Conformance.GENERAL_PROTECTION if self.general else wanted


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the AARE settled; ``max_pdu_size`` (octets, 0 = no limit) is what the meter can receive."""

    conformance: Conformance
    max_pdu_size: int

    @property
    def is_selective(self) -> bool:
        """Whether a part of an attribute can be asked for: selective access, or parameterized access by short names."""
        return bool(self.conformance & (Conformance.SELECTIVE_ACCESS | Conformance.PARAMETERIZED_ACCESS))
