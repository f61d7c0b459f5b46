"""The objects that tell how a meter is secured: Security setup (class 64) and the invocation counter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms.axdr import Tag, array, encode
from telegraf_dlms.ciphering import Protection
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator.objects import InterfaceObject, data, unsigned

if TYPE_CHECKING:
    from telegraf_dlms.simulator import objects
    from telegraf_dlms.simulator.buffers import Moment

SECURITY_SETUP: Final = parse_obis("0.0.43.0.0.255")
INVOCATION_COUNTER: Final = parse_obis("0.0.43.1.0.255")

#: Bits of a security_policy: requests and responses authenticated, and encrypted (Blue Book, 4.4.7, version 1).
_POLICY: Final = {Protection.AUTHENTICATION: 0x24, Protection.ENCRYPTION: 0x48}


def security_objects() -> list[InterfaceObject]:
    """Return the Security setup and the Data object with the client's last invocation counter."""
    return [
        _security_setup(),
        data("0.0.43.1.0.255", lambda moment: unsigned(moment.counter)),
    ]


def _security_setup() -> InterfaceObject:
    attributes: objects.Attributes = {
        2: lambda m: encode(Tag.ENUM, _policy(m)),
        3: lambda m: encode(Tag.ENUM, m.security.suite),
        4: lambda m: encode(Tag.OCTET_STRING, m.security.client_title),
        5: lambda m: encode(Tag.OCTET_STRING, m.security.server_title),
        6: array([]),
    }
    return InterfaceObject(64, 1, SECURITY_SETUP, attributes)


def _policy(moment: Moment) -> int:
    return sum(bits for protection, bits in _POLICY.items() if moment.security.protection & protection)
