"""One association's ciphering, the server's side: what a meter lets pass, and how it answers (Green Book, 9.2.7).

A request is held to the meter's policy as strictly as a reply is to the client's configuration: at least its
protection, its suite, a counter above the last one, the client's title, the tag. An answer comes under the key, with
the protection and in the form that the request had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms import ciphering
from telegraf_dlms.ciphering import DEDICATED, GENERAL_DED, GENERAL_GLO, GLOBAL, HEADER_LENGTH, TAG_LENGTH, TITLE_LENGTH
from telegraf_dlms.errors import CipheringError
from telegraf_dlms.simulator.ledger import GLOBAL_KEY

if TYPE_CHECKING:
    from telegraf_dlms.ciphering import Envelope, Key
    from telegraf_dlms.simulator.access import Access
    from telegraf_dlms.simulator.ledger import Ledger

_SUITE: Final = 0x0F
_BROADCAST_KEY_OR_COMPRESSION: Final = 0xC0
_LENGTH_OCTETS: Final = 3
#: What ciphering adds to an APDU of up to 65535 octets at most, and what the general form does besides.
OVERHEAD: Final = 1 + _LENGTH_OCTETS + HEADER_LENGTH + TAG_LENGTH
GENERAL_OVERHEAD: Final = 1 + TITLE_LENGTH


class Opened(NamedTuple):
    """A request in clear, and how it came: its key and form, its security control, its invocation counter.

    ``before`` is the last counter that was accepted for its key before it.
    """

    plaintext: bytes
    key: str
    is_general: bool
    control: int
    counter: int
    before: int


class Ciphers:
    """The keys, titles and counters of one association.

    ``grants_general`` says whether general protection was negotiated; an InitiateRequest, before that, may come in the
    general form where the meter has it.
    """

    __slots__ = ("_access", "_client_title", "_keys", "_ledger", "_names", "_policy", "_title", "grants_general")

    def __init__(self, access: Access, ledger: Ledger, *, title: bytes, client_title: bytes) -> None:
        self._access = access
        self._policy = int(access.protection)
        self._ledger = ledger
        self._title = title
        self._client_title = client_title
        self._keys: dict[str, Key] = {"global": access.key()}
        self._names = {"global": GLOBAL_KEY}
        self.grants_general = access.general

    def take_dedicated_key(self, octets: bytes, opened: Opened) -> None:
        """Take the key of an InitiateRequest; CipheringError where it came in clear or has another suite's length."""
        if not opened.control & ciphering.Protection.ENCRYPTION:
            raise CipheringError("a dedicated key came in clear")
        if len(octets) != len(self._access.block_cipher_key):
            raise CipheringError(f"a dedicated key of {len(octets)} octets is none of the security suite")
        self._keys["dedicated"] = self._access.key(octets)
        self._names["dedicated"] = octets

    def open(self, apdu: bytes) -> Opened:
        """Return a request in clear; CipheringError where it is not held to the policy, CounterTooLow likewise."""
        envelope = ciphering.unwrap(apdu)
        if envelope is None:
            raise CipheringError("a request came in clear")
        key = self._keys.get(envelope.key)
        if key is None:
            raise CipheringError(f"a request came under the {envelope.key} key, and there is none")
        control, counter = ciphering.split_header(envelope.sealed)
        self._check_control(control)
        self._check_form(envelope)
        name = self._names[envelope.key]
        before = self._ledger.check(name, counter)
        plaintext = key.unseal(envelope.sealed, title=self._client_title)
        if plaintext[:1] not in (_CLEAR if envelope.service is None else {bytes((envelope.service,))}):
            raise CipheringError(f"a ciphered request holds {plaintext[:1].hex() or 'nothing'}")
        self._ledger.accept(name, counter)
        return Opened(plaintext, envelope.key, envelope.service is None, control, counter, before)

    def seal(self, answer: bytes, opened: Opened) -> bytes:
        """Return the answer to a request as it is to be sent."""
        key, tags = opened.key, GLOBAL if opened.key == "global" else DEDICATED
        sealed = self._keys[key].seal(
            answer, control=opened.control, title=self._title, counter=self._ledger.next_own(self._names[key])
        )
        if opened.is_general:
            return ciphering.wrap(sealed, GENERAL_GLO if key == "global" else GENERAL_DED, title=self._title)
        return ciphering.wrap(sealed, tags[answer[0]])

    def _check_control(self, control: int) -> None:
        if control & self._policy != self._policy:
            raise CipheringError(f"security control {control:02x} is weaker than the policy, {self._policy:02x}")
        if control & _SUITE != self._access.suite or control & _BROADCAST_KEY_OR_COMPRESSION:
            raise CipheringError(f"security control {control:02x} is not of suite {self._access.suite}, unicast")

    def _check_form(self, envelope: Envelope) -> None:
        if envelope.service is not None:
            return
        if not self.grants_general:
            raise CipheringError("general protection was not negotiated")
        if envelope.title != self._client_title:
            raise CipheringError(f"system title {envelope.title.hex()} is not the client's")


_CLEAR: Final = frozenset(bytes((tag,)) for tag in GLOBAL)
