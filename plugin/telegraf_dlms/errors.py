"""What can go wrong, and how far the damage goes.

::

    TelegrafDlmsError
    ├─ ConfigError(problems)         PROCESS  every problem of the configuration, one line each
    ├─ LinkError                     POLL     refused, closed, silent: back off, open again
    │  └─ Silence                    POLL     nothing arrived within the time-out; HDLC repeats its frame
    │     └─ Overrun                 POLL     an exchange did not end in its time; nothing is repeated
    ├─ PollCut                       POLL     we are to stop: no further exchange is begun
    ├─ ProtocolError                 POLL     what was said is not DLMS
    │  ├─ LocalProtocolError         POLL     by us: a bug
    │  └─ RemoteProtocolError        POLL     by the meter: checksum, unexpected APDU, a limit passed
    ├─ AssociationError              DEVICE   the meter refused the association
    ├─ CipheringError                DEVICE   tag, counter, title, weaker security: the plaintext is never used
    ├─ DataRefused                   FIELD    the meter's data-access-result; becomes a reading
    │  └─ ServiceRefused             FIELD    an exception-response; or the sign that the association is gone
    └─ MappingError                  FIELD    cannot be a field of line protocol: drop the field, keep the point

The scope is a class attribute, so that nobody needs an isinstance ladder to know what is lost.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Scope(IntEnum):
    """How far the damage goes: what is given up where an error is caught."""

    FIELD = 0
    POLL = 1
    DEVICE = 2
    PROCESS = 3


class TelegrafDlmsError(Exception):
    """The base of every error that this package raises on purpose."""

    scope: ClassVar[Scope] = Scope.POLL


class ConfigError(TelegrafDlmsError):
    """The configuration cannot be used; ``problems`` are complete lines for a person, without a log prefix.

    ``secret_files`` are those that it names, there or not, as they were: when one changes it may be good.
    """

    scope = Scope.PROCESS

    def __init__(self, problems: Sequence[str], *, secret_files: Mapping[Path, object] | None = None) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
        self.secret_files = dict(secret_files or {})


class LinkError(TelegrafDlmsError):
    """The link to the meter could not be opened, or was closed under us; ``number`` is the system's errno for it."""

    def __init__(self, message: str = "", *, number: int | None = None) -> None:
        super().__init__(message)
        self.number = number


class Silence(LinkError):
    """Nothing arrived within the time-out. Drivers throw it into a conversation, which may repeat itself."""


class Overrun(Silence):
    """The line was never silent, but the exchange did not end within its time."""


class PollCut(TelegrafDlmsError):
    """The process is to stop: what was read is printed, and the association is released."""


class ProtocolError(TelegrafDlmsError):
    """What was said is not what the standard says."""


class LocalProtocolError(ProtocolError):
    """We were about to say something wrong: a bug of ours, to be loud about."""


class RemoteProtocolError(ProtocolError):
    """The meter said something wrong: a bad checksum, an unexpected APDU, a length beyond its limit."""


class AssociationError(TelegrafDlmsError):
    """The meter refused the association (AARE, or a refused HLS answer).

    ``result`` and ``diagnostic`` are the numbers of the AARE (Green Book, 9.4.2), None where there was none.
    ``authentication`` says that the secret was refused: not to be tried again soon, meters lock. ``counter`` is the
    invocation counter that the meter expects, where it says so.
    """

    scope = Scope.DEVICE

    def __init__(
        self,
        message: str,
        *,
        result: int | None = None,
        diagnostic: int | None = None,
        authentication: bool = False,
        counter: int | None = None,
    ) -> None:
        super().__init__(message)
        self.result = result
        self.diagnostic = diagnostic
        self.authentication = authentication
        self.counter = counter


class CipheringError(TelegrafDlmsError):
    """A reply that is not held to the configured security; its plaintext is never looked at."""

    scope = Scope.DEVICE


#: DataAccessResult of the Green Book, 9.5 (COSEMpdu).
DATA_ACCESS_RESULTS = {
    0: "success",
    1: "hardware-fault",
    2: "temporary-failure",
    3: "read-write-denied",
    4: "object-undefined",
    9: "object-class-inconsistent",
    11: "object-unavailable",
    12: "type-unmatched",
    13: "scope-of-access-violated",
    14: "data-block-unavailable",
    15: "long-get-aborted",
    16: "no-long-get-in-progress",
    17: "long-set-aborted",
    18: "no-long-set-in-progress",
    19: "data-block-number-invalid",
    250: "other-reason",
}


class DataRefused(TelegrafDlmsError):
    """The meter gave a reason instead of a value; ``result`` is the data-access-result, None for other refusals."""

    scope = Scope.FIELD

    def __init__(self, result: int | None, reason: str | None = None) -> None:
        if reason is None:
            name = DATA_ACCESS_RESULTS.get(result or 0, "data-access-result")
            reason = f"{name} ({result})"
        super().__init__(reason)
        self.result = result


class ServiceRefused(DataRefused):
    """An exception-response: its state-error and service-error (Green Book, 9.5, ExceptionResponse).

    ``counter`` is the invocation counter that the meter expects, where it refuses ours.
    """

    def __init__(
        self, reason: str, *, state: int | None, counter: int | None = None, service: int | None = None
    ) -> None:
        super().__init__(None, reason)
        self.state = state
        self.counter = counter
        self.service = service


class MappingError(TelegrafDlmsError):
    """A value that cannot be a field of line protocol."""

    scope = Scope.FIELD
