"""A meter with keys and secrets, made of nothing but ``Key`` and ``Claim``, for the client's handshake to talk to.

It holds what it is told to what was configured, and asserts it: each title, key, tag and counter. Its own answers can
be bent: ``bends`` are functions by the tag of the request in clear, from the right answer to the one that is given.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from scripted_meter import RLRE, Apdus, converse, descriptor, octets
from sealed import AUTHENTICATION_KEY, BLOCK_CIPHER_KEY, OUR_TITLE, TITLE
from telegraf_dlms import hls
from telegraf_dlms.access import VAA_NAMES, Access, Conformance, Mechanism
from telegraf_dlms.action import encode_action_response, parse_action_request
from telegraf_dlms.apdu import encode_get_response, parse_get_request
from telegraf_dlms.association import CONFORMANCE_HEAD, CONTEXT_OID, MECHANISM_OID
from telegraf_dlms.axdr import decode_all
from telegraf_dlms.ber import element, elements, only
from telegraf_dlms.ciphering import GENERAL_DED, GENERAL_GLO, GLOBAL, Key, Protection, split_header, unwrap, wrap
from telegraf_dlms.handshake import Identity, associate
from telegraf_dlms.short_names import REPLY_TO_HLS, ShortNames
from telegraf_dlms.sn_apdu import encode_read_response, parse_read_request

AARQ, RLRQ, GET, ACTION, READ = 0x60, 0x62, 0xC0, 0xC3, 0x05
PASSWORD = b"secret-of-meter!"
#: The meter's challenge.
STOC = bytes(range(0xA0, 0xB0))
NAME = descriptor(1, "0.0.96.1.0.255")
SHORT_NAME = 0x1000
VALUE = b"0123456789abcdef"
#: The keys of "high_ecdsa" as the client has them: octets of P-256.
CLIENT_KEY, METER_KEY = (7).to_bytes(32), (9).to_bytes(32)


def public_octets(private):
    """Return X || Y."""
    numbers = hls._private_key(private).public_key().public_numbers()
    return numbers.x.to_bytes(32) + numbers.y.to_bytes(32)


def access(security="none", referencing="logical_names", *, protection=Protection.NONE, suite=0, **others):
    """Return the configuration of a device that has every key."""
    size = 2 if suite == 2 else 1
    return Access(
        security,
        PASSWORD,
        0xFFFF,
        referencing,
        protection=protection,
        suite=suite,
        **{
            "authentication_key": AUTHENTICATION_KEY * size,
            "block_cipher_key": BLOCK_CIPHER_KEY * size,
            "signing_key": CLIENT_KEY,
            "server_public_key": public_octets(METER_KEY),
        }
        | others,
    )


def initiate_response(wanted, *, conformance=None, size=0x0400):
    granted = int(wanted.proposed if conformance is None else conformance).to_bytes(3)
    return (
        bytes.fromhex("080006")
        + CONFORMANCE_HEAD
        + granted
        + size.to_bytes(2)
        + VAA_NAMES[wanted.referencing].to_bytes(2)
    )


def aare(wanted, *, initiate, title=b"", challenge=b"", result=0, diagnostic=None, context=None, mechanism=None):
    """Return an AARE; what is empty or None stands in it where an accepted association has it."""
    shown = diagnostic if diagnostic is not None else 14 if wanted.is_high else 0
    fields = element(0xA1, element(0x06, CONTEXT_OID + bytes((context or wanted.context,))))
    fields += element(0xA2, element(0x02, bytes((result,))))
    fields += element(0xA3, element(0xA1, element(0x02, bytes((shown,)))))
    if title:
        fields += element(0xA4, element(0x04, title))
    if challenge:
        fields += element(0x88, bytes.fromhex("0780"))
        fields += element(0x89, MECHANISM_OID + bytes((wanted.mechanism if mechanism is None else mechanism,)))
        fields += element(0xAA, element(0x80, challenge))
    return element(0x61, fields + (element(0xBE, element(0x04, initiate)) if initiate else b""))


class SecuredMeter:
    """``counters`` are those that the client's APDUs had, with the names of their keys; ``heard`` all its APDUs."""

    def __init__(self, wanted, *, title=TITLE, challenge=STOC, attributes=None, client_title=OUR_TITLE):
        self.access = wanted
        self.title, self.client_title = title, client_title
        self.challenge, self.client_challenge = challenge, b""
        self.attributes = {NAME: octets(VALUE)} if attributes is None else attributes
        self.keys = {"global": Key(wanted.block_cipher_key, wanted.authentication_key)}
        self.dedicated_key = b""
        self.next_counter = count(1000).__next__
        self.next_token_counter = count(5).__next__
        self.counters, self.heard, self.bends = [], [], {}
        #: What an accepting AARE is made of beside the usual.
        self.aare = {}
        #: How the InitiateResponse is sealed beside the usual.
        self.initiate = {}

    def answer(self, apdu):
        self.heard.append(apdu)
        if apdu[0] == AARQ:
            return self.bent(AARQ, self.answer_aarq(apdu))
        if apdu[0] == RLRQ:
            return self.bent(RLRQ, RLRE)
        envelope = unwrap(apdu)
        if envelope is None:
            assert not self.access.protection, "an APDU came in clear"
            return self.bent(apdu[0], self.serve(apdu))
        clear = self.opened(envelope)
        return self.bent(clear[0], self.sealed(self.serve(clear), key=envelope.key, form=apdu[0]))

    def bent(self, tag, answer):
        return self.bends[tag](answer) if tag in self.bends else answer

    def opened(self, envelope):
        control, counter = split_header(envelope.sealed)
        assert control == self.access.protection | self.access.suite
        assert envelope.title in {b"", self.client_title}
        self.counters.append((envelope.key, counter))
        clear = self.keys[envelope.key].unseal(envelope.sealed, title=self.client_title)
        assert envelope.service in {None, clear[0]}
        return clear

    def sealed(self, answer, *, key="global", form=0, control=None, title=None, counter=None):
        """Return an answer in the form that the tag ``form`` has, that of its service where it has none."""
        control = self.access.protection | self.access.suite if control is None else control
        title = self.title if title is None else title
        counter = self.next_counter() if counter is None else counter
        octets_ = self.keys[key].seal(answer, control=int(control), title=title, counter=counter)
        if form in {GENERAL_GLO, GENERAL_DED}:
            return wrap(octets_, form, title=title)
        return wrap(octets_, answer[0] + (form - FORM_OF[answer[0]] if form else GLOBAL[answer[0]] - answer[0]))

    def answer_aarq(self, apdu):
        fields = dict(elements(only(apdu, AARQ, "AARQ"), "AARQ"))
        assert fields[0xA1] == element(0x06, CONTEXT_OID + bytes((self.access.context,)))
        assert (0xA6 in fields) is self.access.needs_title
        if self.access.needs_title:
            assert only(fields[0xA6], 0x04, "title") == self.client_title
        if self.access.is_high:
            self.client_challenge = only(fields[0xAC], 0x80, "challenge")
        request = only(fields[0xBE], 0x04, "user-information")
        envelope = unwrap(request)
        assert (envelope is not None) is bool(self.access.protection)
        if envelope is not None:
            request = self.opened(envelope)
        if request[1]:
            self.dedicated_key = request[3 : 3 + request[2]]
            self.keys["dedicated"] = Key(self.dedicated_key, self.access.authentication_key)
        parts = {"title": self.title if self.access.needs_title else b""}
        if self.access.is_high:
            parts["challenge"] = self.challenge
        if "initiate" not in self.aare:
            clear = initiate_response(self.access)
            parts["initiate"] = self.sealed(clear, **self.initiate) if self.access.protection else clear
        return aare(self.access, **parts | self.aare)

    def serve(self, clear):
        if clear[0] == ACTION:
            request = parse_action_request(clear)
            assert request[1:4] == (15, bytes.fromhex("0000280000FF"), 1)
            return self.prove(decode_all(request.parameters), request.invoke)
        if clear[0] == READ:
            (variable,) = parse_read_request(clear).variables
            if variable.short_name == REPLY_TO_HLS:
                assert variable.selection[:1] == b"\1"
                return self.prove(decode_all(variable.selection[1:]), None)
            assert variable.short_name == SHORT_NAME + 8
            return encode_read_response([self.attributes[NAME]])
        request = parse_get_request(clear)
        return encode_get_response(request.invoke, self.attributes.get(request.descriptor, 4))

    @property
    def mirrored(self):
        """The secrets as the meter has them."""
        return replace(self.access, signing_key=METER_KEY, server_public_key=public_octets(CLIENT_KEY))

    def prove(self, proof, invoke):
        claim = hls.Claim(self.challenge, self.client_challenge, self.client_title, self.title)
        if not hls.is_proved(self.mirrored, claim, proof):
            return encode_read_response([3]) if invoke is None else encode_action_response(invoke, result=3)
        if self.access.mechanism is Mechanism.HIGH_GMAC:
            self.counters.append(("token", split_header(proof)[1]))
        returned = octets(self.proof())
        return encode_read_response([returned]) if invoke is None else encode_action_response(invoke, returned=returned)

    def proof(self, **others):
        """Return the meter's own proof, or one of another claim."""
        own = {
            "challenge": self.client_challenge,
            "own": self.challenge,
            "prover_title": self.title,
            "verifier_title": self.client_title,
        }
        return hls.prove(self.mirrored, hls.Claim(**own | others), next_counter=self.next_token_counter)


#: Requests and what answers them: their ciphered forms are as far apart.
FORM_OF = {0xC4: GET, 0xC7: ACTION, 0x0C: READ}


def identity(*, first=1, dedicated=100, title=OUR_TITLE):
    return Identity(title, count(first).__next__, count(dedicated).__next__)


def names():
    return ShortNames([(NAME.class_id, NAME.logical_name, SHORT_NAME)])


def opened(meter, **options):
    """Open an association with a meter, return it."""
    options = {"identity": identity(), "short_names": names()} | options
    return converse(associate(Apdus(), meter.access, **options), meter)


def read(association, meter):
    return converse(association.ask(NAME), meter)


ALL = Conformance(0xFFFFFF)
