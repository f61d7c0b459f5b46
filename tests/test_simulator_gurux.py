"""gurux-dlms's client as an oracle: a client that others wrote finds the built-in meter right.

It can do no more than what is here: its short names have neither ciphering nor high-level security, its one-octet
lengths do not hold an AARQ beyond 127 octets, and its ECDSA takes no signature for right, not even its own (the last
test). So the meter's own signature is verified by OpenSSL alone.
"""

from __future__ import annotations

import contextlib
import io

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from gurux_dlms import GXReplyData
from gurux_dlms.ecdsa import GXPrivateKey, GXPublicKey
from gurux_dlms.ecdsa.GXEcdsa import GXEcdsa
from gurux_dlms.enums import Authentication, Conformance, InterfaceType, Security
from gurux_dlms.objects import GXDLMSAssociationLogicalName, GXDLMSData, GXDLMSProfileGeneric
from gurux_dlms.objects.enums.SecuritySuite import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient

from secured_client import (
    CLIENT_KEY,
    CLIENT_TITLE,
    MECHANISMS,
    METER_KEY,
    METER_TITLE,
    demanding,
    key_of,
    private_octets,
    public_octets,
)
from simulator_client import Clock
from telegraf_dlms.access import PROTECTIONS
from telegraf_dlms.ciphering import Protection, unwrap
from telegraf_dlms.simulator.server import Session

RLRE = 0x63
SUITES = pytest.mark.parametrize("suite", [0, 1, 2])


@pytest.fixture(autouse=True)
def quiet():
    """Keep from the terminal what gurux-dlms prints: every ciphered frame, and a private key."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


class Gurux:
    """gurux-dlms's client, and the session that it talks to."""

    def __init__(self, demands, *, dedicated_key=b"", general=False):
        self.session = Session(1, 1, access=demands, clock=Clock())
        self.last = b""
        authentication = Authentication[demands.security.upper()]
        password = demands.password if demands.security != "none" else None
        self.client = client = GXDLMSSecureClient(True, 1, 1, authentication, password, InterfaceType.PDU)
        client.useProtectedRelease = bool(demands.protection)
        cipher = client.ciphering
        cipher.systemTitle = bytearray(CLIENT_TITLE)
        cipher.security = Security(int(demands.protection))
        cipher.securitySuite = SecuritySuite(demands.suite)
        cipher.authenticationKey = bytearray(demands.authentication_key)
        cipher.blockCipherKey = bytearray(demands.block_cipher_key)
        cipher.dedicatedKey = bytearray(dedicated_key) or None
        if general:
            client.proposedConformance |= Conformance.GENERAL_PROTECTION
        if demands.security == "high_ecdsa":
            meters, ours = bytearray(public_octets(METER_KEY)), bytearray(private_octets(CLIENT_KEY))
            cipher.signingKeyPair = (GXPublicKey.fromRawBytes(meters), GXPrivateKey.fromRawBytes(ours))
            client.settings.useCustomChallenge = True
            client.ctoSChallenge = bytearray(range(32))

    def ask(self, requests):
        reply = GXReplyData()
        for request in requests if isinstance(requests, list) else [requests]:
            self._take(request, reply)
        while reply.isMoreData():
            self._take(self.client.receiverReady(reply), reply)
        return reply

    def associate(self):
        self.client.parseAareResponse(self.ask(self.client.aarqRequest()).data)

    def come_in(self):
        self.associate()
        if self.client.isAuthenticationRequired:
            reply = self.ask(self.client.getApplicationAssociationRequest())
            self.client.parseApplicationAssociationResponse(reply.data)

    def read_everything(self):
        """Read one value, one in blocks, and the list of objects; then leave."""
        client = self.client
        assert self.ask(client.read(GXDLMSData("0.0.42.0.0.255"), 2)).value == b"TDL0000000000001"
        assert len(self.ask(client.readRowsByEntry(GXDLMSProfileGeneric("1.0.99.1.0.255"), 1, 60)).value) == 60
        assert self.ask(client.read(GXDLMSAssociationLogicalName(), 6)).value[-1] == client.authentication
        assert self.ask(client.releaseRequest()) is not None
        assert self.last[0] == RLRE

    def _take(self, request, reply):
        self.last = self.session.answer(bytes(request))
        self.client.getData(self.last, reply)


@SUITES
@pytest.mark.parametrize("transport", PROTECTIONS)
@pytest.mark.parametrize("security", [name for name in MECHANISMS if name != "high_ecdsa"])
def test_gurux_dlms_comes_in_and_reads(security, transport, suite):
    client = Gurux(demanding(security, protection=PROTECTIONS[transport], suite=suite))
    client.come_in()

    client.read_everything()


@SUITES
@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("transport", ["encryption", "authentication_encryption"])
@pytest.mark.parametrize("security", ["none", "high_gmac"])
def test_gurux_dlms_reads_with_a_dedicated_key(security, transport, general, suite):
    demands = demanding(security, protection=PROTECTIONS[transport], suite=suite, general=general)
    client = Gurux(demands, dedicated_key=key_of(suite, b"D"), general=general)
    client.come_in()

    assert client.ask(client.client.read(GXDLMSData("0.0.42.0.0.255"), 2)).value == b"TDL0000000000001"
    envelope = unwrap(client.last)
    assert (envelope.key, envelope.title) == ("dedicated", METER_TITLE if general else b"")
    client.read_everything()


@SUITES
@pytest.mark.parametrize("transport", ["authentication", "encryption", "authentication_encryption"])
def test_gurux_dlms_reads_in_the_general_form(transport, suite):
    demands = demanding("low", protection=PROTECTIONS[transport], suite=suite, general=True)
    client = Gurux(demands, general=True)
    client.come_in()

    assert client.ask(client.client.read(GXDLMSData("0.0.42.0.0.255"), 2)).value == b"TDL0000000000001"
    assert (unwrap(client.last).key, unwrap(client.last).title) == ("global", METER_TITLE)
    client.read_everything()


@SUITES
@pytest.mark.parametrize("transport", PROTECTIONS)
def test_a_signature_of_gurux_dlms_is_right_and_the_meters_is_so_to_openssl(transport, suite):
    demands = demanding("high_ecdsa", protection=PROTECTIONS[transport], suite=suite)
    client = Gurux(demands)
    client.associate()
    reply = client.ask(client.client.getApplicationAssociationRequest())
    settings = client.client.settings
    proof, signed = bytes(reply.data.array())[-64:], METER_TITLE + CLIENT_TITLE
    signed += bytes(settings.ctoSChallenge) + bytes(settings.stoCChallenge)
    r, s = int.from_bytes(proof[:32], "big"), int.from_bytes(proof[32:], "big")

    METER_KEY.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    if not demands.protection & Protection.ENCRYPTION:
        assert proof in client.last


@pytest.mark.parametrize(
    ("demands", "believed", "end"),
    [
        pytest.param(demanding("high_md5"), demanding("high_sha1"), "A305A10302010B", id="another mechanism"),
        pytest.param(
            demanding(protection=0x30), demanding(protection=0x30, suite=1), "04040E010006", id="another suite"
        ),
        pytest.param(demanding(protection=0x30), demanding(protection=0x10), "04040E010006", id="less protection"),
    ],
)
def test_gurux_dlms_is_refused_where_it_comes_otherwise(demands, believed, end):
    client = Gurux(believed)
    client.session = Session(1, 1, access=demands, clock=Clock())
    with contextlib.suppress(Exception):  # its exceptions share no base
        client.come_in()

    assert client.last[0] == 0x61
    assert client.last.hex().upper().endswith(end)


def test_gurux_dlms_takes_no_signature_for_right_not_even_its_own():
    private = GXPrivateKey.fromRawBytes(bytearray(private_octets(METER_KEY)))
    public = GXPublicKey.fromRawBytes(bytearray(public_octets(METER_KEY)))
    taken = []
    for number in range(5):
        with contextlib.suppress(ValueError):
            taken.append(GXEcdsa(public).verify(GXEcdsa(private).sign(bytes((number,)) * 80), bytes((number,)) * 80))

    assert True not in taken
