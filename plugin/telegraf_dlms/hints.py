"""From an error to what a technician can do about it: one table, whose first row that fits says layer and hint. Pure.

Where errors are told apart by their words, tests/test_hints.py has the code that says them say them.
"""

from __future__ import annotations

import errno
from typing import Final, NamedTuple

from telegraf_dlms.circumstances import (
    Circumstances,
    LockedOut,
    Test,
    always,
    at,
    diagnostic,
    each,
    heard_garbage,
    heard_nothing,
    heard_strangers,
    kind,
    number,
    out_of_step,
    over,
    refused_secret,
    result,
    says,
    with_password,
    without_security,
)
from telegraf_dlms.errors import (
    AssociationError,
    CipheringError,
    DataRefused,
    LinkError,
    MappingError,
    ProtocolError,
    ServiceRefused,
    Silence,
)
from telegraf_dlms.steps import Failure


class Row(NamedTuple):
    """Where ``fits`` holds, and that of no row above does, ``layer`` failed and ``hint`` may help."""

    layer: str
    fits: Test
    hint: str


def diagnose(error: Exception, where: Circumstances) -> Failure:
    """Return the layer that failed, the error's own words as the cause, and a hint."""
    row = next(row for row in TABLE if row.fits(error, where))
    return Failure(row.layer, str(error), row.hint.format(where=where))


_CONNECTING: Final = at("resolve", "connect", "open")
_CALLING: Final = at("mode_e")
_OPENING: Final = at("data_link", "invocation_counter", "associate")
_ASSOCIATING: Final = at("associate", "authenticate")
_UNCLEAR: Final = kind(Silence, ProtocolError)
_NO_WAY: Final = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)

_TRACE: Final = "run it again with --trace FILE: its last lines show what was said, and no secret"
_LOCKS: Final = "not tried again for an hour, since meters lock: correct it, or telegraf-dlms unlock {where.device}"
_DISCOVER: Final = "telegraf-dlms discover {where.device} lists what there is"
_COUNTER: Final = "the OBIS code under which the public client reads the meter's counter, such as 0.0.43.1.0.255"

TABLE: Final = (
    Row(
        "lock_out",
        kind(LockedOut),
        "set the right password or key, which ends it; or, if it was right: telegraf-dlms unlock {where.device}",
    ),
    # The connection.
    Row(
        "connection",
        at("resolve"),
        "check the spelling of address, and whether this machine resolves any name; an IP address needs no resolver",
    ),
    Row(
        "connection",
        each(_CONNECTING, number(errno.ECONNREFUSED)),
        "the host is there, and nobody listens on this port: check port (4059 is usual); the meter or its gateway may "
        "be restarting, or another client holds the only connection it allows",
    ),
    Row(
        "connection",
        each(_CONNECTING, number(*_NO_WAY)),
        "there is no way to this address from here: check address, the cable, routes, and the VPN or mobile connection "
        "that leads there",
    ),
    Row(
        "connection",
        number(errno.EMFILE, errno.ENFILE),
        "raise the limit of open files: ulimit -n, or LimitNOFILE= in a systemd unit",
    ),
    Row(
        "connection",
        each(_CONNECTING, over("serial"), number(errno.ENOENT, errno.ENODEV, errno.ENXIO)),
        "is the adapter plugged in? ls /dev/serial/by-id shows which there are, by names that stay the same",
    ),
    Row(
        "connection",
        each(_CONNECTING, over("serial"), number(errno.EACCES, errno.EPERM)),
        "the user needs the port's group, often dialout: sudo usermod --append --groups dialout USER, and a new login",
    ),
    Row(
        "connection",
        each(_CONNECTING, over("serial"), number(errno.EBUSY, errno.EWOULDBLOCK)),
        "another program has the port, perhaps Telegraf with telegraf-dlms: stop it meanwhile; fuser names it",
    ),
    Row(
        "connection",
        each(_CONNECTING, over("serial")),
        "this port or its adapter cannot be used so: check device and the line's settings ({where.line})",
    ),
    Row(
        "connection",
        _CONNECTING,
        "nobody answers at this address: check address, the meter's power, its modem or gateway, the VPN and firewalls "
        "on the way; or another client holds the only connection",
    ),
    # Mode E.
    Row(
        "mode_e",
        each(_CALLING, kind(Silence), heard_nothing),
        "is the optical head in its place, the right way round, and this the port? A meter that was left in the middle "
        'of HDLC hears no call for up to two minutes; one that does not do mode E has interface_type "hdlc"',
    ),
    Row(
        "mode_e",
        each(_CALLING, says("does mode A or B", "sends its readout")),
        "the meter does not do HDLC on this interface: use another one of its interfaces",
    ),
    Row(
        "mode_e",
        _CALLING,
        "the call is at 300 baud 7E1, and what came back is no answer: light on the optical head, another device, or a "
        "head that repeats what it hears",
    ),
    # Nothing, others, or garbage in place of the first answer.
    Row(
        "data_link",
        each(_OPENING, _UNCLEAR, heard_strangers),
        "somebody else answers: {where.strangers}; {where.server} was asked: set server_address and "
        "logical_server_address to what answers",
    ),
    Row(
        "data_link",
        each(at("data_link"), kind(Silence), heard_nothing, over("hdlc_mode_e")),
        "the meter was called, and does not answer in HDLC: try a lower baud_rate, or workarounds.pause_after_connect; "
        "check server_address ({where.server} was asked)",
    ),
    Row(
        "data_link",
        each(_OPENING, _UNCLEAR, heard_garbage, over("serial")),
        "octets came, and no checksum among them holds: parity or baud_rate is wrong ({where.line}), several talk at "
        "once, or the line lacks its termination",
    ),
    Row(
        "wrapper",
        each(_OPENING, _UNCLEAR, heard_garbage, over("wrapper")),
        'what came is no WRAPPER: try interface_type "hdlc"; or another service listens on this port',
    ),
    Row(
        "data_link",
        each(_OPENING, _UNCLEAR, heard_garbage),
        'octets came, and no HDLC frame whose checksum holds: try interface_type "wrapper"; of a gateway check the '
        "baud rate and parity of its serial side",
    ),
    Row(
        "data_link",
        each(_OPENING, kind(Silence), heard_nothing, over("serial")),
        "no octet came back: check server_address and logical_server_address ({where.server} was asked), baud_rate and "
        "parity ({where.line}), the cable (A and B swapped?), and client_address ({where.client}): some meters are "
        'silent to clients they do not know; an optical head may want interface_type "hdlc_mode_e"',
    ),
    Row(
        "association",
        each(_OPENING, kind(Silence), heard_nothing, over("wrapper")),
        "the connection is open, and no octet came back: check server_address ({where.server} was asked) and "
        'client_address ({where.client}), or try interface_type "hdlc"; another client may hold the only association',
    ),
    Row(
        "data_link",
        each(_OPENING, kind(Silence), heard_nothing),
        "the connection is open, and no octet came back: check server_address and logical_server_address "
        "({where.server} was asked), client_address ({where.client}), the baud rate and parity of a gateway's serial "
        'side, or try interface_type "wrapper"',
    ),
    Row(
        "data_link",
        says("(DM)"),
        "the meter refuses the data link: check client_address ({where.client}); or it has not given up another client",
    ),
    Row(
        "data_link",
        says("(FRMR"),
        "the meter takes no such frame: try max_info_length = 128 and window_size = 1, which every meter does",
    ),
    Row(
        "association",
        each(at("invocation_counter"), _UNCLEAR),
        "the public client (16), which reads invocation_counter, is not answered: without that key the state counts",
    ),
    # The association.
    Row(
        "association",
        out_of_step,
        f"the meter expects another invocation counter: set invocation_counter to {_COUNTER}",
    ),
    Row(
        "association",
        each(says("refused our answer to its challenge", "answer to our challenge"), with_password),
        f"the password is wrong, or the meter does another access_security; {_LOCKS}",
    ),
    Row(
        "association",
        says("refused our answer to its challenge", "answer to our challenge"),
        "a key is wrong, or it is another meter: check block_cipher_key, authentication_key, signing_key, "
        f"server_public_key and system_title; {_LOCKS}",
    ),
    Row(
        "association",
        each(diagnostic(13), with_password),
        f"the password is wrong, or that of another client_address than {{where.client}}; {_LOCKS}",
    ),
    Row(
        "association",
        each(diagnostic(13, 14, 12), without_security),
        "the meter wants to be shown a secret: set access_security and password for client_address {where.client}",
    ),
    Row(
        "association",
        diagnostic(13),
        f"a key is wrong: check block_cipher_key, authentication_key and system_title; {_LOCKS}",
    ),
    Row(
        "association",
        diagnostic(11, 12, 14),
        'another access security is wanted: "{where.access_security}" does not go with client_address {where.client}',
    ),
    Row(
        "association",
        diagnostic(2),
        "the application context is another one: check logical_name_referencing and transport_security "
        '("{where.transport_security}"): some clients have to cipher, others may not',
    ),
    Row(
        "association",
        diagnostic(3, 4, 5, 6),
        "the meter does not know who asks: check system_title and client_address ({where.client})",
    ),
    Row(
        "association",
        diagnostic(7, 8, 9, 10),
        "there is no such application at {where.server}: check server_address and logical_server_address",
    ),
    Row(
        "association",
        each(refused_secret, with_password),
        f"many meters refuse a wrong password so: check password and client_address ({{where.client}}); {_LOCKS}",
    ),
    Row("association", says("own challenge", "challenge has"), "is it the meter? If so, try another access_security"),
    Row(
        "association",
        says("rejected-transient"),
        "the meter is busy, perhaps with another client: try again in a minute",
    ),
    Row(
        "association",
        says("does not grant GET"),
        "this client reads nothing by logical names: try logical_name_referencing = false, or another client_address",
    ),
    Row(
        "association",
        says("application-context-name is", "vaa-name"),
        "the meter answers in another way than it was asked: check logical_name_referencing and transport_security",
    ),
    Row(
        "association",
        each(_ASSOCIATING, says("deciphering-error")),
        "the meter cannot decipher what it is sent: check block_cipher_key, authentication_key, security_suite and "
        "system_title; some say so of a counter that is too low: set invocation_counter",
    ),
    Row(
        "association",
        kind(AssociationError),
        "no reason that tells: check client_address ({where.client}), access_security, transport_security and "
        "logical_name_referencing",
    ),
    Row(
        "association",
        each(_ASSOCIATING, kind(Silence)),
        "the meter is there, and does not answer this: check client_address ({where.client}), access_security and "
        "transport_security; some meters are silent where they refuse",
    ),
    Row("association", each(_ASSOCIATING, kind(ProtocolError)), f"this is no AARE as the standard has it: {_TRACE}"),
    # What is ciphered.
    Row(
        "ciphering",
        says("authentication tag is wrong"),
        "block_cipher_key or authentication_key is not the meter's, or server_system_title is that of another meter",
    ),
    Row(
        "ciphering",
        says("came in clear", "weaker than"),
        'the meter protects its answers less than transport_security "{where.transport_security}" asks for: raise the '
        "security policy of the meter, or lower transport_security to it",
    ),
    Row("ciphering", says("of security suite"), "set security_suite to the meter's, with keys of its length"),
    Row(
        "ciphering",
        says("set server_system_title"),
        "the meter does not show its system title: set server_system_title, which may be on its nameplate",
    ),
    Row(
        "ciphering",
        each(kind(CipheringError), says("system title")),
        "this is another meter, or two have one title: check server_system_title and system_title",
    ),
    Row(
        "ciphering",
        says("came after"),
        "a counter came twice: by a gateway that caches, by an attacker, or of a meter that does not count",
    ),
    Row(
        "ciphering",
        says("needs a new key"),
        "give the meter another block_cipher_key: every invocation counter of this one is used up",
    ),
    Row(
        "ciphering",
        each(kind(CipheringError), says("invocation counter")),
        f"set invocation_counter to {_COUNTER}, and see that the file of the state can be written",
    ),
    Row(
        "ciphering",
        kind(CipheringError),
        "check transport_security, security_suite, general_protection and the keys",
    ),
    # What is read.
    Row(
        "application",
        each(kind(DataRefused), says("scaler_unit")),
        "without its scaler_unit a number is not printed: set scaler and unit of the value",
    ),
    Row("application", result(4), f"the meter has no such object: check obis; {_DISCOVER}"),
    Row("application", result(9), f"the object is of another class: check class_id; {_DISCOVER}"),
    Row(
        "application",
        result(3, 13),
        "client_address {where.client} may not read this: it takes another client, and its access_security",
    ),
    Row("application", result(1, 2, 11), "the meter cannot tell it at the moment: try again later"),
    Row(
        "application",
        each(kind(ServiceRefused), says("pdu-too-long")),
        "the answer does not fit into the meter's PDU: lower max_pdu_size, or entries of a profile",
    ),
    Row(
        "application",
        each(kind(ServiceRefused), says("deciphering-error")),
        "the meter cannot decipher what it is sent: check dedicated_key, block_cipher_key and authentication_key",
    ),
    Row(
        "application",
        kind(ServiceRefused),
        "the service is refused as a whole: check class_id and attributes of the value, and what this client may do",
    ),
    Row(
        "application",
        each(kind(DataRefused), says("the meter's object list")),
        "its list is refused or broken: try another client_address than {where.client}, or set obis, class_id and "
        "short_name of values as the meter's manual has them",
    ),
    Row("application", kind(DataRefused), f"check obis, class_id and attributes of the value; {_DISCOVER}"),
    Row(
        "application",
        kind(MappingError),
        "what came is not what the class says: check class_id and version of the value, or choose other attributes",
    ),
    # A link that was good so far.
    Row(
        "data_link",
        kind(Silence),
        "the meter answered before, and is silent now: a longer timeout, workarounds.pause_between_requests or a "
        f"smaller max_pdu_size may help; {_TRACE}",
    ),
    Row(
        "connection",
        kind(LinkError),
        "the other side hung up: another client may hold the only connection, or {where.interface_type} is not spoken "
        "here",
    ),
    Row("application", always, _TRACE),
)
