"""High-level security, the server's side: a client proves itself by reply_to_HLS_authentication (Green Book, 9.2.7.4).

The method is called by ACTION, or by short names read with parameterized access; a right answer is answered by the
meter's own proof, a wrong one by a result other than success.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms import action, axdr, hls, sn_apdu
from telegraf_dlms.access import Conformance, Mechanism
from telegraf_dlms.ciphering import HEADER_LENGTH, split_header
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.short_names import REPLY_TO_HLS
from telegraf_dlms.simulator.ledger import GLOBAL_KEY, MAX_COUNTER, CounterTooLow

if TYPE_CHECKING:
    from telegraf_dlms.simulator.access import Access
    from telegraf_dlms.simulator.acse import AssociationRequest
    from telegraf_dlms.simulator.ledger import Ledger
    from telegraf_dlms.simulator.security import Opened

_READ_WRITE_DENIED: Final = 3
_METHOD: Final = (15, parse_obis("0.0.40.0.0.255"), 1)
_SELECTOR: Final = b"\x01"


class Reply(NamedTuple):
    """A call of reply_to_HLS_authentication: the client's proof, and the invoke-id, None by short names."""

    proof: bytes
    invoke: int | None

    def encode(self, proof: bytes | None) -> bytes:
        """Return the answer: the meter's proof, or for None a refusal."""
        returned = b"" if proof is None else axdr.encode(axdr.Tag.OCTET_STRING, proof)
        if self.invoke is None:
            return sn_apdu.encode_read_response([returned or _READ_WRITE_DENIED])
        result = 0 if returned else _READ_WRITE_DENIED
        return action.encode_action_response(self.invoke, result=result, returned=returned)


def parse_reply(apdu: bytes, *, conformance: int) -> Reply | None:
    """Return the call that an APDU is, None for any other; RemoteProtocolError where it is malformed.

    One that was not negotiated, by ACTION or by parameterized access, is any other.
    """
    if apdu[:1] == _ACTION_REQUEST and conformance & Conformance.ACTION:
        request = action.parse_action_request(apdu)
        if (request.class_id, request.logical_name, request.method) == _METHOD:
            return Reply(_octet_string(request.parameters), request.invoke)
    elif apdu[:1] == _READ_REQUEST and conformance & Conformance.PARAMETERIZED_ACCESS:
        read = sn_apdu.parse_read_request(apdu)
        if isinstance(read, sn_apdu.ReadVariables) and len(read.variables) == 1:
            (variable,) = read.variables
            if variable.short_name == REPLY_TO_HLS and variable.selection[:1] == _SELECTOR:
                return Reply(_octet_string(variable.selection[1:]), None)
    return None


@dataclass(frozen=True, slots=True)
class Trial:
    """Both sides' challenges and titles, while a client has not proved itself yet."""

    access: Access
    ledger: Ledger
    client_challenge: bytes
    client_title: bytes
    challenge: bytes
    title: bytes

    @classmethod
    def begin(cls, aarq: AssociationRequest, access: Access, ledger: Ledger, *, title: bytes) -> Trial:
        """Return the trial of who sent an AARQ, with a fresh challenge of ours; ``title`` is the meter's."""
        challenge = secrets.token_bytes(hls.challenge_length(access.mirrored))
        return cls(access, ledger, aarq.authentication, aarq.title, challenge, title)

    def answer(self, reply: Reply, opened: Opened | None) -> bytes | None:
        """Return the meter's proof, None where the client's is wrong; ``opened`` is the ciphered APDU that it came in.

        CounterTooLow where a GMAC repeats an invocation counter of the global key.
        """
        mirrored = self.access.mirrored
        counter = None
        if mirrored.mechanism is Mechanism.HIGH_GMAC and len(reply.proof) >= HEADER_LENGTH:
            _, counter = split_header(reply.proof)
            self._check_counter(counter, opened)
        claim = hls.Claim(self.challenge, self.client_challenge, self.client_title, self.title)
        is_right = hls.is_proved(mirrored, claim, reply.proof) and not self.ledger.is_locked
        self.ledger.note_secret(right=is_right)
        if not is_right:
            return None
        if counter is not None:
            self.ledger.accept(GLOBAL_KEY, counter)
        claim = hls.Claim(self.client_challenge, self.challenge, self.title, self.client_title)
        return hls.prove(mirrored, claim, next_counter=self.ledger.next_own)

    def _check_counter(self, counter: int, opened: Opened | None) -> None:
        """Check a GMAC's counter: the APDU around it has used one too, another one, which may be above it."""
        if opened is None or opened.key != "global":
            self.ledger.check(GLOBAL_KEY, counter)
        elif counter <= opened.before or counter == opened.counter:
            raise CounterTooLow(min(self.ledger.last + 1, MAX_COUNTER))


def is_challenge(access: Access, octets: bytes) -> bool:
    """Tell whether a client's challenge has a length that the standard allows (Green Book, 9.2.2.2.2.4)."""
    is_long = access.mechanism is Mechanism.HIGH_ECDSA
    return (hls.ECDSA_CHALLENGE_LENGTH if is_long else hls.LEAST_CHALLENGE) <= len(octets) <= hls.MAX_CHALLENGE


def _octet_string(octets: bytes) -> bytes:
    value = axdr.decode_all(octets)
    if octets[:1] != _OCTET_STRING or not isinstance(value, bytes):
        raise RemoteProtocolError(f"a proof is no octet-string: {octets[:1].hex() or 'nothing'}")
    return value


_ACTION_REQUEST, _READ_REQUEST = bytes((action.ACTION_REQUEST,)), bytes((sn_apdu.READ_REQUEST,))
_OCTET_STRING = bytes((axdr.Tag.OCTET_STRING,))
