"""What the built-in meter demands of its clients, and the secrets that it shares with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from telegraf_dlms import access
from telegraf_dlms.ciphering import Key, Protection
from telegraf_dlms.simulator.acse import Context

if TYPE_CHECKING:
    from telegraf_dlms.access import AccessSecurity, Mechanism, Referencing

#: The client that real meters let in without security, to see what they are and how far their counters are.
PUBLIC_CLIENT: Final = 16
#: The first meter's system title: a manufacturer's three letters, and a number in five octets (Green Book, 4.3.4).
SYSTEM_TITLE: Final = b"TDL" + (1).to_bytes(5, "big")
_NUMBER_OCTETS: Final = 5


@dataclass(frozen=True, slots=True)
class Access:
    """How every client but the public one has to come, and the meter's side of it.

    ``protection`` is the least that each APDU has; none is no ciphering at all. ``system_title`` is the first meter's,
    ``client_system_title`` the only client's, None for any. ``initial_counter`` is the last invocation counter that a
    client used with the block cipher key before the meter was switched on. ``general``: general-glo- and
    general-ded-ciphering may be used. After ``lock_after`` wrong secrets in a row nobody gets in any more; 0 is never.
    """

    security: AccessSecurity = "none"
    password: bytes = field(default=b"", repr=False)
    referencing: Referencing = "logical_names"
    protection: Protection = Protection.NONE
    suite: int = 0
    authentication_key: bytes = field(default=b"", repr=False)
    block_cipher_key: bytes = field(default=b"", repr=False)
    signing_key: bytes = field(default=b"", repr=False)
    client_public_key: bytes = field(default=b"", repr=False)
    system_title: bytes = SYSTEM_TITLE
    client_system_title: bytes | None = None
    general: bool = False
    initial_counter: int = 0
    lock_after: int = 0
    #: The same as ``hls`` takes it: seen from the meter, the other side's public key is the client's.
    mirrored: access.Access = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        mirrored = access.Access(
            self.security,
            self.password,
            0,
            self.referencing,
            protection=self.protection,
            suite=self.suite,
            authentication_key=self.authentication_key,
            block_cipher_key=self.block_cipher_key,
            signing_key=self.signing_key,
            server_public_key=self.client_public_key,
            general=self.general,
        )
        object.__setattr__(self, "mirrored", mirrored)

    @property
    def is_open(self) -> bool:
        """Whether nothing is demanded, so that there is no public client to tell from others."""
        return self.security == "none" and not self.protection

    @property
    def context(self) -> Context:
        """The application context that a client has to come in."""
        return Context(self.mirrored.context)

    @property
    def public_context(self) -> Context:
        """The application context of the public client."""
        return Context.SHORT_NAMES if self.referencing == "short_names" else Context.LONG_NAMES

    @property
    def mechanism(self) -> Mechanism:
        """The authentication mechanism that a client has to come with."""
        return self.mirrored.mechanism

    def key(self, octets: bytes = b"") -> Key:
        """Return the global unicast key, or the dedicated one of ``octets``."""
        return Key(octets or self.block_cipher_key, self.authentication_key)

    def title_of(self, meter: int) -> bytes:
        """Return the system title of a meter, counted from 1: each has the number after the one before."""
        number = int.from_bytes(self.system_title[-_NUMBER_OCTETS:], "big") + meter - 1
        return self.system_title[:-_NUMBER_OCTETS] + (number % (1 << 8 * _NUMBER_OCTETS)).to_bytes(
            _NUMBER_OCTETS, "big"
        )
