"""An association that a meter has accepted: what it lets through, under which protection, once HLS is complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from telegraf_dlms.apdu import EXCEPTION_RESPONSE
from telegraf_dlms.simulator.hls_server import parse_reply
from telegraf_dlms.simulator.initiate import parse_initiate_request
from telegraf_dlms.simulator.negotiated import NO_ASSOCIATION

if TYPE_CHECKING:
    from telegraf_dlms.simulator.hls_server import Trial
    from telegraf_dlms.simulator.negotiated import Negotiated
    from telegraf_dlms.simulator.security import Ciphers, Opened


class Service(Protocol):
    """What is answered within an association."""

    def answer(self, request: bytes) -> bytes:
        """Return the answer to one APDU in clear; RemoteProtocolError where it is malformed."""


@dataclass(slots=True)
class Association:
    """One client's association; ``response`` is its InitiateResponse in clear.

    ``ciphers`` is None where it is in clear, ``trial`` where nothing is to be proved, or nothing any more. A client
    whose proof is wrong loses the association with the refusal: it ``is_over``.
    """

    negotiated: Negotiated
    service: Service
    response: bytes
    ciphers: Ciphers | None = None
    trial: Trial | None = None
    is_over: bool = False

    def answer(self, request: bytes) -> bytes:
        """Return the answer to one APDU, both as they travel.

        CipheringError and CounterTooLow where the request is not held to the policy, RemoteProtocolError where it is
        malformed.
        """
        if self.ciphers is None:
            return self._answer(request, None)
        opened = self.ciphers.open(request)
        answer = self._answer(opened.plaintext, opened)
        # There is no ciphered form of an exception-response.
        return answer if answer[0] == EXCEPTION_RESPONSE else self.ciphers.seal(answer, opened)

    def release(self, information: bytes) -> bytes:
        """Return the user information of the RLRE to that of an RLRQ; raises as ``answer``, and is not released then.

        An RLRQ need not have any; a ciphered one proves that it is the client's.
        """
        if self.ciphers is None or not information:
            return b""
        opened = self.ciphers.open(information)
        parse_initiate_request(opened.plaintext)
        return self.ciphers.seal(self.response, opened)

    def _answer(self, request: bytes, opened: Opened | None) -> bytes:
        if self.trial is None:
            return self.service.answer(request)
        reply = parse_reply(request, conformance=self.negotiated.conformance)
        if reply is None:
            return NO_ASSOCIATION
        proof = self.trial.answer(reply, opened)
        self.trial = None
        self.is_over = proof is None
        return reply.encode(proof)
