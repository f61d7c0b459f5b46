"""The plugin's client against the built-in meter, in memory: every combination of what secures an association."""

from __future__ import annotations

import itertools

import pytest

import hostile
from hostile import Hostile
from scripted_meter import Apdus
from secured_client import (
    BOTH,
    CLIENT_KEY,
    CLIENT_TITLE,
    MECHANISMS,
    METER_TITLE,
    coming,
    demanding,
    key_of,
    public_octets,
)
from simulator_client import Clock, descriptor, drive, in_pieces
from telegraf_dlms.access import PROTECTIONS
from telegraf_dlms.apdu import entry_selection
from telegraf_dlms.ciphering import Protection
from telegraf_dlms.errors import AssociationError, CipheringError, TelegrafDlmsError
from telegraf_dlms.handshake import Identity, associate
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.simulator.hdlc_server import HdlcServer
from telegraf_dlms.simulator.ledger import Ledger
from telegraf_dlms.simulator.server import Session
from telegraf_dlms.simulator.server_address import ServerAddress
from telegraf_dlms.simulator.wrapper_server import WrapperServer
from telegraf_dlms.wrapper import WrapperFraming

NAME, LOAD = descriptor(1, "0.0.42.0.0.255"), descriptor(7, "1.0.99.1.0.255")
SUITES = pytest.mark.parametrize("suite", [0, 1, 2])
REFERENCINGS = pytest.mark.parametrize("referencing", ["logical_names", "short_names"])
DEVICE_NAME = b"TDL0000000000001"


class Counters:
    """A client's counters of one key over all its associations; ``used`` are those that it has given."""

    def __init__(self, first=1):
        self.used = []
        self._next = itertools.count(first)

    def __call__(self):
        self.used.append(next(self._next))
        return self.used[-1]


class Pair:
    """A meter with its memory, and the client with its counters."""

    def __init__(self, demands, *, first=1, client=1, **others):
        self.demands = demands
        self.access = coming(demands, **others)
        self.ledger = Ledger(demands)
        self.session = Session(1, client, access=demands, clock=Clock(), ledger=self.ledger)
        self.counters = Counters(first)
        self.identity = Identity(CLIENT_TITLE, self.counters, self.counters)

    def associate(self, answer=None):
        opening = associate(Apdus(), self.access, identity=self.identity)
        return drive(opening, answer or self.session.answer)

    def between(self, tamper, *, spared=0):
        key = self.access.dedicated_key
        return Hostile(self.session, self.demands, tamper, title=METER_TITLE, spared=spared, dedicated_key=key)


def keys_of(protection, suite):
    """Return the dedicated keys that a client may bring: none, one of its own, a fresh one where it is encrypted."""
    return [b"", key_of(suite, b"D"), "random"] if protection & Protection.ENCRYPTION else [b""]


@SUITES
@REFERENCINGS
@pytest.mark.parametrize("transport", PROTECTIONS)
@pytest.mark.parametrize("security", MECHANISMS)
def test_the_client_comes_in_reads_and_leaves(security, transport, referencing, suite):
    protection = PROTECTIONS[transport]
    for key, general in itertools.product(keys_of(protection, suite), [False, True]):
        demands = demanding(security, protection=protection, suite=suite, referencing=referencing, general=general)
        pair = Pair(demands, dedicated_key=key)
        for _ in range(2):
            association = pair.associate()
            assert drive(association.ask(NAME), pair.session.answer) == DEVICE_NAME
            rows = drive(association.ask(LOAD, selection=entry_selection(1, 90)), pair.session.answer)
            assert len(rows) == 90
            assert pair.session.answer(association.release_request())[0] == 0x63
        assert pair.counters.used == sorted(set(pair.counters.used))


@SUITES
@pytest.mark.parametrize("interface", ["hdlc", "wrapper"])
@pytest.mark.parametrize("security", MECHANISMS)
def test_the_longest_aarqs_go_through_either_framing(security, interface, suite):
    demands = demanding(security, protection=BOTH, suite=suite, general=True)
    pair = Pair(demands, dedicated_key=key_of(suite, b"D"))

    def session_of(_offset, client):
        return Session(1, client, access=demands, clock=Clock(), ledger=pair.ledger)

    if interface == "hdlc":
        server = HdlcServer(ServerAddress(), session_of, clock=lambda: 0.0)
        framing = HdlcFraming(client=b"\x03", server=b"\x03")
    else:
        server = WrapperServer(ServerAddress(), session_of)
        framing = WrapperFraming(client=1, server=1)
    receive = in_pieces(server.receive, 7)
    association = drive(associate(framing, pair.access, identity=pair.identity), receive)

    assert drive(association.ask(NAME), receive) == DEVICE_NAME


@REFERENCINGS
@pytest.mark.parametrize(
    ("security", "transport"),
    [("high_gmac", "none"), *itertools.product(("low", "high_gmac"), [name for name in PROTECTIONS if name != "none"])],
)
def test_a_client_whose_counter_is_behind_is_told_the_right_one(security, transport, referencing):
    demands = demanding(security, protection=PROTECTIONS[transport], referencing=referencing, initial_counter=500)
    with pytest.raises(AssociationError) as refused:
        Pair(demands).associate()
    pair = Pair(demands, first=refused.value.counter)

    assert refused.value.counter == 501
    assert drive(pair.associate().ask(NAME), pair.session.answer) == DEVICE_NAME


@pytest.mark.parametrize(
    ("security", "others"),
    [
        ("low", {"password": b"wrong"}),
        *[(mechanism, {"password": b"wrong"}) for mechanism in ("high", "high_md5", "high_sha1", "high_sha256")],
        ("high_gmac", {"authentication_key": b"X" * 16}),
        ("high_gmac", {"block_cipher_key": b"X" * 16}),
        ("high_ecdsa", {"signing_key": b"\1" * 32}),
    ],
)
@REFERENCINGS
def test_a_wrong_secret_is_an_authentication_that_failed(security, others, referencing):
    with pytest.raises(AssociationError) as refused:
        Pair(demanding(security, referencing=referencing), **others).associate()

    assert refused.value.authentication


def test_a_meter_that_proves_nothing_is_not_read():
    with pytest.raises(AssociationError, match="the meter's answer to our challenge is wrong"):
        Pair(demanding("high_ecdsa"), server_public_key=public_octets(CLIENT_KEY)).associate()


#: What becomes of one reply.
TAMPERED = {
    "a replayed reply": hostile.replayed,
    "a counter that does not rise": hostile.rewound,
    "in clear": hostile.in_clear,
    "another suite": hostile.of_another_suite,
    "another title": hostile.from_another_title,
    "under another title": hostile.under_another_title,
    "another service": hostile.of_another_service,
    "cut off": hostile.cut,
    "not protected at all": hostile.weaker(0),
}


@pytest.mark.parametrize("general", [False, True])
@REFERENCINGS
@pytest.mark.parametrize("tamper", TAMPERED)
def test_no_tampered_reply_becomes_a_value(tamper, referencing, general):
    demands = demanding("high_gmac", protection=BOTH, referencing=referencing, general=general)
    pair = Pair(demands, dedicated_key=b"D" * 16)
    between = pair.between(TAMPERED[tamper], spared=100)
    association = pair.associate(between.answer)
    assert drive(association.ask(NAME), between.answer) == DEVICE_NAME
    between.spared = 0

    with pytest.raises(TelegrafDlmsError) as refused:
        drive(association.ask(NAME), between.answer)
    assert isinstance(refused.value, CipheringError) or tamper == "another service"


@pytest.mark.parametrize("control", [0x00, 0x10, 0x20])
def test_no_weaker_reply_becomes_a_value(control):
    pair = Pair(demanding(protection=BOTH))
    between = pair.between(hostile.weaker(control), spared=1)
    association = pair.associate(between.answer)

    with pytest.raises(CipheringError, match="weaker"):
        drive(association.ask(NAME), between.answer)


#: A meter's counter begins anywhere, and nothing came before.
FIRST = sorted(TAMPERED.keys() - {"a replayed reply", "a counter that does not rise"})


@pytest.mark.parametrize("tamper", FIRST)
def test_no_tampered_initiate_response_opens_an_association(tamper):
    pair = Pair(demanding("low", protection=BOTH))

    with pytest.raises(TelegrafDlmsError):
        pair.associate(pair.between(TAMPERED[tamper]).answer)


@pytest.mark.parametrize("protection", [Protection.AUTHENTICATION, BOTH], ids=["authentication", "both"])
def test_no_flipped_bit_becomes_a_value(protection):
    pair = Pair(demanding(protection=protection))
    between = pair.between(hostile.flipped(0), spared=2)
    association = pair.associate(between.answer)
    assert drive(association.ask(NAME), between.answer) == DEVICE_NAME
    for bit in range(8 * len(between.last)):
        between.tamper = hostile.flipped(bit)
        with pytest.raises(TelegrafDlmsError):
            drive(association.ask(NAME), between.answer)

    between.spared = 1
    assert drive(association.ask(NAME), between.answer) == DEVICE_NAME
