"""What a meter answers to the APDUs of one client: associations and what is read in them; no framing, no sockets.

Refusals are the standard's: an AARE with its diagnostic, a data-access-result for one attribute, an exception-response
for everything that the association's service does not know, that is not protected as it must be, or that comes without
an association (Green Book, 9.3 to 9.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegraf_dlms.errors import CipheringError, RemoteProtocolError
from telegraf_dlms.simulator import acse, meter
from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.ledger import CounterTooLow, Ledger
from telegraf_dlms.simulator.negotiated import MALFORMED, NO_ASSOCIATION, NOT_DECIPHERED, TOO_LONG, counter_error
from telegraf_dlms.simulator.reception import Visitor, receive

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.simulator.association import Association

__all__ = ["Access", "Session"]


class Session:
    """One client address at one meter over one link: at most one association at a time.

    ``number`` is the meter's, from 1; ``ledger`` its memory, which all of its sessions share.
    """

    __slots__ = ("_association", "_visitor")

    def __init__(
        self, number: int, client: int, *, access: Access, clock: Callable[[], float], ledger: Ledger | None = None
    ) -> None:
        self._visitor = Visitor(number, client, access, ledger or Ledger(access), clock)
        self._association: Association | None = None

    def answer(self, request: bytes) -> bytes:
        """Return the answer to one APDU; there always is one."""
        try:
            return self._answer(request)
        except CounterTooLow as error:
            return counter_error(error.expected)
        except CipheringError:
            return NOT_DECIPHERED
        except RemoteProtocolError:
            return MALFORMED

    def _answer(self, request: bytes) -> bytes:
        tag = request[0] if request else None
        if tag == acse.AARQ:
            self._association = None
            aare, self._association = receive(acse.parse_aarq(request), self._visitor)
            return aare
        if tag == acse.RLRQ:
            return self._release(request)
        if self._association is None:
            return NO_ASSOCIATION
        if len(request) > meter.MAX_PDU_SIZE:
            return TOO_LONG
        answer = self._association.answer(request)
        if self._association.is_over:
            self._association = None
        return answer

    def _release(self, request: bytes) -> bytes:
        information = acse.parse_rlrq(request)
        answered = b"" if self._association is None else self._association.release(information)
        self._association = None
        return acse.encode_rlre(answered)
