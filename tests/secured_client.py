"""A client of secured meters whose every octet a test can make wrong; it believes whatever it is answered.

It shares the keys, and nothing of the plugin's own client but the octets of an AARQ: what it seals, with which
counter, under which title and in which form is said at each request.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from simulator_client import Clock, descriptor
from telegraf_dlms import access as client_access
from telegraf_dlms import association, ber, ciphering, hls
from telegraf_dlms.action import encode_action
from telegraf_dlms.apdu import encode_get
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.ciphering import DEDICATED, GENERAL_DED, GENERAL_GLO, GLOBAL, Key, Protection
from telegraf_dlms.short_names import REPLY_TO_HLS
from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.server import Session
from telegraf_dlms.sn_apdu import Variable, encode_read

CLIENT_TITLE = b"CLI\0\0\0\0\7"
METER_TITLE = b"TDL\0\0\0\0\1"
PASSWORD = b"12345678"
AUTHENTICATION = Protection.AUTHENTICATION
ENCRYPTION = Protection.ENCRYPTION
BOTH = AUTHENTICATION | ENCRYPTION
MECHANISMS = ("none", "low", "high", "high_md5", "high_sha1", "high_gmac", "high_sha256", "high_ecdsa")
HIGH = MECHANISMS[2:]

METER_KEY, CLIENT_KEY = (ec.derive_private_key(number, ec.SECP256R1()) for number in (0x1234, 0x5678))

NAME = descriptor(1, "0.0.42.0.0.255")
GET_NAME = encode_get(0xC1, NAME)
NAME_ANSWERED = bytes.fromhex("C401C1 00 0910") + b"TDL0000000000001"
#: The same by short names: attribute 2 of FD00h.
READ_NAME = encode_read([Variable(0xFD08)])
NAME_READ = bytes.fromhex("0C01 00 0910") + b"TDL0000000000001"


def private_octets(key):
    return key.private_numbers().private_value.to_bytes(32, "big")


def public_octets(key):
    encoding, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    return key.public_key().public_bytes(encoding, form)[1:]


def key_of(suite, octet):
    return octet * (32 if suite == 2 else 16)


def demanding(security="none", *, protection=Protection.NONE, suite=0, **others):
    """Return what a meter demands, with all the secrets that it may need."""
    return Access(
        security,
        PASSWORD,
        protection=protection,
        suite=suite,
        authentication_key=key_of(suite, b"A"),
        block_cipher_key=key_of(suite, b"B"),
        signing_key=private_octets(METER_KEY),
        client_public_key=public_octets(CLIENT_KEY),
        **others,
    )


def coming(demands, **others):
    """Return how the plugin's client comes to a meter that demands that."""
    wanted = {
        "max_pdu_size": 65535,
        "referencing": demands.referencing,
        "protection": demands.protection,
        "suite": demands.suite,
        "authentication_key": demands.authentication_key,
        "block_cipher_key": demands.block_cipher_key,
        "signing_key": private_octets(CLIENT_KEY),
        "server_public_key": public_octets(METER_KEY),
        "general": demands.general,
        "security": demands.security,
        "password": demands.password,
    }
    return client_access.Access(**(wanted | others))


class SecuredClient:
    """``last`` is the last reply as it came; ``counter`` the next one of its global key, ``dedicated`` likewise."""

    def __init__(self, demands, *, client=1, title=CLIENT_TITLE, counter=1, ledger=None, **others):
        self.access = coming(demands, **others)
        self.session = Session(1, client, access=demands, clock=Clock(), ledger=ledger)
        self.title = title
        self.meter_title = METER_TITLE
        self.counter, self.dedicated = counter, 0
        self.keys = {"global": Key(self.access.block_cipher_key, self.access.authentication_key)}
        if isinstance(self.access.dedicated_key, bytes) and self.access.dedicated_key:
            self.keys["dedicated"] = Key(self.access.dedicated_key, self.access.authentication_key)
        self.challenge = bytes(range(hls.challenge_length(self.access))) if self.access.is_high else b""
        self.meter_challenge = b""
        self.last = b""

    def next(self, key="global"):
        name = "counter" if key == "global" else "dedicated"
        number = getattr(self, name)
        setattr(self, name, number + 1)
        return number

    def seal(self, apdu, *, key="global", control=None, counter=None, title=None, general=False, header_title=None):
        """Return an APDU ciphered, in every respect that is not said otherwise as it has to be."""
        if control is None:
            control = self.access.protection | self.access.suite
        title = self.title if title is None else title
        sealed = self.keys[key].seal(
            apdu, control=control, title=title, counter=self.next(key) if counter is None else counter
        )
        if general:
            tag = GENERAL_GLO if key == "global" else GENERAL_DED
            return ciphering.wrap(sealed, tag, title=title if header_title is None else header_title)
        return ciphering.wrap(sealed, (GLOBAL if key == "global" else DEDICATED)[apdu[0]])

    def unseal(self, reply):
        """Return a reply in clear, whatever it says about itself; as it is where it is not ciphered."""
        envelope = ciphering.unwrap(reply)
        return reply if envelope is None else self.keys[envelope.key].unseal(envelope.sealed, title=self.meter_title)

    def say(self, octets):
        self.last = self.session.answer(octets)
        return self.last

    def ask(self, apdu, **how):
        """Return the answer to an APDU in clear; it is sent ciphered where the association is."""
        return self.unseal(self.say(self.seal(apdu, **how) if self.access.protection else apdu))

    def ask_name(self, **how):
        """Return the answer to a request for the logical device name, NAME_ANSWERED or NAME_READ where it is right."""
        return self.ask(READ_NAME if self.access.referencing == "short_names" else GET_NAME, **how)

    def initiate(self, **how):
        """Return the InitiateRequest as it is to be sent."""
        key = self.access.dedicated_key if "dedicated" in self.keys else b""
        request = association.initiate_request(self.access, dedicated_key=key)
        return self.seal(request, **how) if self.access.protection else request

    def aarq(self, *, initiate=None, title=None, challenge=None):
        return association.aarq(
            self.access,
            initiate=self.initiate() if initiate is None else initiate,
            title=self.title if title is None else title,
            challenge=self.challenge if challenge is None else challenge,
        )

    def associate(self, **how):
        """Send an AARQ, return the AARE's fields by their tags."""
        fields = aare_fields(self.say(self.aarq(**how)))
        self.meter_challenge = ber.only(fields[0xAA], 0x80, "challenge") if 0xAA in fields else b""
        return fields

    def proof(self, *, counter=None):
        claim = hls.Claim(self.meter_challenge, self.challenge, self.title, self.meter_title)
        return hls.prove(self.access, claim, next_counter=self.next if counter is None else lambda: counter)

    def reply_to_hls(self, proof):
        """Return the APDU in clear that brings a proof."""
        parameters = encode(Tag.OCTET_STRING, proof)
        if self.access.referencing == "short_names":
            return encode_read([Variable(REPLY_TO_HLS, b"\x01" + parameters)])
        return encode_action(0xC1, descriptor(15, "0.0.40.0.0.255", 1), parameters)

    def authenticate(self, proof=None, **how):
        """Prove ourselves, return the answer in clear."""
        return self.ask(self.reply_to_hls(self.proof() if proof is None else proof), **how)

    def come_in(self):
        """Open the association whole, and return this client."""
        assert result_of(self.associate()) == 0
        if self.access.is_high:
            answer = self.authenticate()
            claim = hls.Claim(self.challenge, self.meter_challenge, self.meter_title, self.title)
            assert hls.is_proved(self.access, claim, proof_of(answer))
        return self


def aare_fields(aare):
    return dict(ber.elements(ber.only(aare, 0x61, "AARE"), "AARE"))


def result_of(fields):
    return fields[0xA2][-1]


def diagnostic_of(fields):
    return fields[0xA3][-1]


def information_of(fields):
    return ber.only(fields[0xBE], 0x04, "user-information") if 0xBE in fields else b""


def proof_of(answer):
    """Return the proof in an answer to reply_to_HLS_authentication, by ACTION or READ."""
    assert answer[:2] in {b"\xc7\x01", b"\x0c\x01"}
    octets = answer[6:] if answer[0] == 0xC7 else answer[3:]
    assert octets[:1] == b"\x09"
    assert len(octets) == octets[1] + 2
    return octets[2:]
