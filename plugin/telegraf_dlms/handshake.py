"""How an association is opened: AARQ and AARE, and with high-level security the proofs of both sides.

1. The AARQ says who we are, how we are authenticated, and carries the InitiateRequest, ciphered where the association
   is. The AARE brings the meter's title, which its ciphered APDUs are bound to, so its InitiateResponse is verified
   before what it negotiates is believed.
2. With HLS we prove ourselves by the method reply_to_HLS_authentication, and the meter's answer proves the meter: one
   without a right answer is not read. Both travel under the global key; a dedicated one is used from then on.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from telegraf_dlms import axdr, hls
from telegraf_dlms.aare import Aare, parse_aare, parse_initiate_response
from telegraf_dlms.action import encode_action, parse_action_response
from telegraf_dlms.apdu import CONFIRMED_SERVICE_ERROR, DECIPHERING_ERROR, EXCEPTION_RESPONSE
from telegraf_dlms.association import aarq, initiate_request, rlrq
from telegraf_dlms.ciphered_framing import CipheredFraming
from telegraf_dlms.ciphering import Ciphering, Key
from telegraf_dlms.conversation import Association
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import AssociationError, CipheringError, DataRefused, ServiceRefused
from telegraf_dlms.get import InvokeIds, raise_refusal
from telegraf_dlms.lists import Lists
from telegraf_dlms.pitfalls import Pitfalls
from telegraf_dlms.read import read_octets
from telegraf_dlms.short_names import REPLY_TO_HLS, ShortNames

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.access import Access, Negotiated
    from telegraf_dlms.talk import Conversation, Framing

#: reply_to_HLS_authentication of the current Association LN (Blue Book, 4.4.4.3.1).
_REPLY_TO_HLS: Final = AttributeDescriptor(15, bytes.fromhex("0000280000FF"), 1)
#: By short names the method is read with parameterized access, selector 1 (Blue Book, 4.4.3).
_BY_PARAMETER: Final = b"\x01"


def _no_counter() -> NoReturn:
    raise CipheringError("no invocation counter was provided for")


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom we come: our system title, and what gives the next invocation counter of each key."""

    title: bytes = b""
    next_counter: Callable[[], int] = _no_counter
    next_dedicated: Callable[[], int] = _no_counter


class Handshake:
    """One association on its way over an open data link: ``request``, then ``authenticate`` where it is HLS.

    ``framing`` is what its APDUs go through; ``random`` gives as many octets as it is asked for.
    """

    def __init__(
        self,
        framing: Framing,
        access: Access,
        identity: Identity,
        *,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._access = access
        self._identity = identity
        self._plain = framing
        self._challenge = random(hls.challenge_length(access)) if access.is_high else b""
        self._dedicated_key = b""
        self._ciphering = self._new_ciphering(random) if access.protection else None
        self.framing = framing if self._ciphering is None else CipheredFraming(framing, self._ciphering)
        self.server_title = access.server_system_title or b""
        self._server_challenge = b""

    def request(self) -> Conversation[tuple[Aare, Negotiated]]:
        """Send the AARQ, return what came back; AssociationError, CipheringError or RemoteProtocolError."""
        access = self._access
        initiate = self._initiate(self._dedicated_key)
        question = aarq(access, initiate=initiate, title=self._identity.title, challenge=self._challenge)
        aare = parse_aare((yield from self._plain.exchange(question)), access)
        self._learn_title(aare)
        if access.is_high:
            self._learn_challenge(aare)
        octets = aare.initiate if self._ciphering is None else self._ciphering.unprotect(aare.initiate)
        return aare, parse_initiate_response(octets, access)

    def authenticate(self, invoke_ids: InvokeIds) -> Conversation[None]:
        """Prove ourselves and have the meter prove itself; AssociationError where one of them does not succeed."""
        access, ours, theirs = self._access, self._challenge, self._server_challenge
        claim = hls.Claim(theirs, ours, self._identity.title, self.server_title)
        proof = hls.prove(access, claim, next_counter=self._identity.next_counter)
        try:
            answer = yield from self._show(proof, invoke_ids)
        except DataRefused as refusal:
            if access.protection and _is_undeciphered(refusal):
                raise CipheringError(f"the meter cannot decipher our answer to its challenge: {refusal}") from refusal
            counter = refusal.counter if isinstance(refusal, ServiceRefused) else None
            raise AssociationError(
                f"the meter refused our answer to its challenge: {refusal}",
                authentication=counter is None,
                counter=counter,
            ) from refusal
        claim = hls.Claim(ours, theirs, self.server_title, self._identity.title)
        if not isinstance(answer, bytes) or not hls.is_proved(access, claim, answer):
            raise AssociationError("the meter's answer to our challenge is wrong", authentication=True)

    def _show(self, proof: bytes, invoke_ids: InvokeIds) -> Conversation[axdr.Value]:
        """Send our proof, under the dedicated key where the meter cannot decipher it under the global one.

        Some meters take the AARQ for the moment at which a dedicated key comes into force.
        """
        by_name = self._access.referencing == "logical_names"
        try:
            return (yield from (self._act(proof, invoke_ids) if by_name else self._read(proof)))
        except ServiceRefused as refusal:
            if not self._dedicated_key or self._ciphering is None or not _is_undeciphered(refusal):
                raise
        self._ciphering.use_dedicated_key()
        return (yield from (self._act(proof, invoke_ids) if by_name else self._read(proof)))

    def rlrq(self) -> bytes:
        """Return the RLRQ of this association; a ciphered one proves that it is ours (Green Book, 9.3.4)."""
        return rlrq(self._initiate(b"") if self._ciphering is not None else b"")

    def room_in(self, max_pdu_size: int) -> int:
        """Return the longest request in clear whose ciphered form has no more octets than that; 0: no limit."""
        return max_pdu_size if self._ciphering is None or not max_pdu_size else self._ciphering.room_in(max_pdu_size)

    def _initiate(self, dedicated_key: bytes) -> bytes:
        request = initiate_request(self._access, dedicated_key=dedicated_key)
        return request if self._ciphering is None else self._ciphering.protect_initiate(request)

    def _new_ciphering(self, random: Callable[[int], bytes]) -> Ciphering:
        access, identity = self._access, self._identity
        keys = {"global": Key(access.block_cipher_key, access.authentication_key)}
        dedicated = access.dedicated_key
        if dedicated:
            self._dedicated_key = random(len(access.block_cipher_key)) if isinstance(dedicated, str) else dedicated
            keys["dedicated"] = Key(self._dedicated_key, access.authentication_key)
        return Ciphering(
            keys,
            protection=access.protection,
            suite=access.suite,
            title=identity.title,
            next_counters={"global": identity.next_counter, "dedicated": identity.next_dedicated},
            general=access.general,
        )

    def _learn_title(self, aare: Aare) -> None:
        configured = self._access.server_system_title
        if configured and aare.title and aare.title != configured:
            raise CipheringError(
                f"the meter's system title is {aare.title.hex()}, server_system_title is {configured.hex()}"
            )
        self.server_title = aare.title or self.server_title
        if self.server_title and self.server_title == self._identity.title:
            raise CipheringError("the meter shows our own system title: what we sent could be sent back to us")
        if self._access.needs_title and not self.server_title:
            raise CipheringError("the AARE has no system title of the meter: set server_system_title")
        if self._ciphering is not None:
            self._ciphering.server_title = self.server_title

    def _learn_challenge(self, aare: Aare) -> None:
        size = len(aare.challenge)
        if not hls.LEAST_CHALLENGE <= size <= hls.MAX_CHALLENGE:
            raise AssociationError(f"the meter's challenge has {size} octets, not 8 to 64")
        if hls.is_reflected(self._challenge, aare.challenge):
            raise AssociationError("the meter gave our own challenge back: it need not know a secret to answer it")
        self._server_challenge = aare.challenge

    def _act(self, proof: bytes, invoke_ids: InvokeIds) -> Conversation[axdr.Value]:
        invoke = next(invoke_ids)
        parameters = axdr.encode(axdr.Tag.OCTET_STRING, proof)
        answer = yield from self.framing.exchange(encode_action(invoke, _REPLY_TO_HLS, parameters))
        if answer[:1] in _REFUSALS:
            raise_refusal(answer)
        octets = parse_action_response(answer, invoke=invoke)
        return axdr.decode_all(octets) if octets else None

    def _read(self, proof: bytes) -> Conversation[axdr.Value]:
        selection = _BY_PARAMETER + axdr.encode(axdr.Tag.OCTET_STRING, proof)
        octets = yield from read_octets(self.framing, REPLY_TO_HLS, selection=selection)
        return axdr.decode_all(octets) if octets else None


def _is_undeciphered(refusal: DataRefused) -> bool:
    return isinstance(refusal, ServiceRefused) and refusal.service == DECIPHERING_ERROR


_REFUSALS: Final = frozenset({bytes((EXCEPTION_RESPONSE,)), bytes((CONFIRMED_SERVICE_ERROR,))})


def associate(
    framing: Framing,
    access: Access,
    *,
    identity: Identity | None = None,
    invoke_ids: InvokeIds | None = None,
    short_names: ShortNames | None = None,
) -> Conversation[Association]:
    """Open the data link and the association; raises what its steps do.

    ``invoke_ids`` go on from the association before: an answer that was held back since then must not fit.
    """
    yield from framing.open()
    handshake = Handshake(framing, access, identity or Identity())
    _, negotiated = yield from handshake.request()
    invoke_ids = invoke_ids or InvokeIds()
    if access.is_high:
        yield from handshake.authenticate(invoke_ids)
    return established(handshake, negotiated, access, invoke_ids=invoke_ids, short_names=short_names)


def established(
    handshake: Handshake,
    negotiated: Negotiated,
    access: Access,
    *,
    invoke_ids: InvokeIds,
    short_names: ShortNames | None = None,
    lists: Lists | None = None,
    excepted: set[AttributeDescriptor | None] | None = None,
    pitfalls: Pitfalls | None = None,
) -> Association:
    """Return the association that a handshake has opened; ``excepted`` is the Memory's."""
    handshake.framing.established()
    names = None
    if access.referencing == "short_names":
        names = ShortNames() if short_names is None else short_names
    if names is not None:
        names.begin()
    return Association(
        handshake.framing,
        negotiated,
        invoke_ids,
        short_names=names,
        release_request=handshake.rlrq,
        lists=Lists() if lists is None else lists,
        is_ciphered=bool(access.protection),
        request_size=handshake.room_in(negotiated.max_pdu_size),
        excepted=set() if excepted is None else excepted,
        pitfalls=Pitfalls() if pitfalls is None else pitfalls,
    )
