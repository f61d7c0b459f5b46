"""Where something failed, and how rows of the hints' table (``hints``) look at an error. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from telegraf_dlms.errors import AssociationError, DataRefused, LinkError, ServiceRefused, TelegrafDlmsError
from telegraf_dlms.trace import Heard

if TYPE_CHECKING:
    from telegraf_dlms.steps import StepName


class LockedOut(TelegrafDlmsError):
    """The device refused its secrets a short while ago, and is not to be asked."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where something failed; ``heard`` is all that was, since the link was opened.

    ``device`` is its name as a shell takes it. ``server`` and ``line`` are texts for a person: what is sent to,
    "9600 8N1".
    """

    step: StepName
    device: str = ""
    link: str = "tcp"
    line: str = ""
    interface_type: str = "wrapper"
    server: str = ""
    client: int = 16
    access_security: str = "none"
    transport_security: str = "none"
    heard: Heard = field(default_factory=Heard)

    @property
    def strangers(self) -> str:
        """The addresses that were heard in place of the meter's."""
        shown = _wport if self.interface_type == "wrapper" else _hdlc_address
        return ", ".join(map(shown, self.heard.strangers))


def _wport(octets: bytes) -> str:
    return f"wPort {int.from_bytes(octets, 'big')}"


def _hdlc_address(octets: bytes) -> str:
    """Return the octets of an address, and what gives them in the configuration (Green Book, 8.4.2)."""
    number = 0
    for octet in octets:
        number = number << 7 | octet >> 1
    address = f"address {octets.hex(' ').upper()}"
    if len(octets) == 1:
        return f"{address} (server_address {number})"
    logical, server = divmod(number, 1 << 7 * len(octets) // 2)
    parts = f"server_address {server} with logical_server_address {logical}"
    return f"{address} ({parts}, or server_address {number})" if len(octets) == 2 else f"{address} ({parts})"


#: Whether a row fits an error, and where it happened.
Test: TypeAlias = Callable[[Exception, Circumstances], bool]


def each(*tests: Test) -> Test:
    """Fit where all of them do."""
    return lambda error, where: all(test(error, where) for test in tests)


def kind(*kinds: type[TelegrafDlmsError]) -> Test:
    """Fit an error of one of these classes."""
    return lambda error, _: isinstance(error, kinds)


def at(*steps: StepName) -> Test:
    """Fit in these steps."""
    return lambda _, where: where.step in steps


def over(*names: str) -> Test:
    """Fit where link or interface type has one of these names."""
    return lambda _, where: where.link in names or where.interface_type in names


def number(*numbers: int) -> Test:
    """Fit an errno."""
    return lambda error, _: isinstance(error, LinkError) and error.number in numbers


def says(*words: str) -> Test:
    """Fit where one of these texts is in the error's."""
    return lambda error, _: any(word in str(error) for word in words)


def diagnostic(*numbers: int) -> Test:
    """Fit an AARE's result-source-diagnostic."""
    return lambda error, _: isinstance(error, AssociationError) and error.diagnostic in numbers


def result(*numbers: int) -> Test:
    """Fit a data-access-result."""
    return lambda error, _: isinstance(error, DataRefused) and error.result in numbers


def heard_nothing(_: Exception, where: Circumstances) -> bool:
    """Fit where no octet came."""
    return where.heard.octets == 0


def heard_strangers(_: Exception, where: Circumstances) -> bool:
    """Fit where others answered, and the meter did not."""
    return bool(where.heard.strangers) and where.heard.frames == 0


def heard_garbage(_: Exception, where: Circumstances) -> bool:
    """Fit where octets came, and nothing that they could have been."""
    return where.heard.octets > 0 and where.heard.frames == 0 and not where.heard.strangers


def refused_secret(error: Exception, _: Circumstances) -> bool:
    """Fit where the meter refused a secret."""
    return isinstance(error, AssociationError) and error.authentication


def out_of_step(error: Exception, _: Circumstances) -> bool:
    """Fit where the meter names the invocation counter that it expects."""
    return isinstance(error, AssociationError | ServiceRefused) and error.counter is not None


def with_password(_: Exception, where: Circumstances) -> bool:
    """Fit where the secret is a password, and no key."""
    return where.access_security not in {"none", "high_gmac", "high_ecdsa"}


def without_security(_: Exception, where: Circumstances) -> bool:
    """Fit where no secret is shown to the meter."""
    return where.access_security == "none"


def always(_: Exception, __: Circumstances) -> bool:
    """Fit."""
    return True
