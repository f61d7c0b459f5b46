"""High-level security: how client and meter prove to each other that they know a secret (Green Book, 9.2.7.4).

Each side sends a challenge, StoC and CtoS, and proves itself by what only the secret makes of the other's:

==============  ===============================================================================
high            AES-128 of the challenge, the password padded with zeros being the key
high_md5        MD5 (challenge || secret)
high_sha1       SHA-1 (challenge || secret)
high_gmac       SC || IC || GMAC (SC || AK || challenge)
high_sha256     SHA-256 (secret || prover's title || verifier's title || challenge || own challenge)
high_ecdsa      ECDSA (prover's title || verifier's title || challenge || own challenge)
==============  ===============================================================================

A proof is a ``Claim`` seen from either side, so that one piece of code serves client and built-in meter. "high" is left
to manufacturers by the standard; this is how nearly all of them have it. The password is the secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509 import load_pem_x509_certificate

from telegraf_dlms.access import Mechanism
from telegraf_dlms.ciphering import HEADER_LENGTH, TAG_LENGTH, Key, Protection, split_header
from telegraf_dlms.errors import CipheringError

if TYPE_CHECKING:
    from telegraf_dlms.access import Access

#: Challenges have 8 to 64 octets, 32 to 64 for ECDSA (Green Book, 9.2.2.2.2.4); some meters take 16 and nothing else.
CHALLENGE_LENGTH: Final = 16
ECDSA_CHALLENGE_LENGTH: Final = 32
LEAST_CHALLENGE: Final = 8
MAX_CHALLENGE: Final = 64

_AES_BLOCK: Final = 16
_CURVES: Final[dict[int, ec.EllipticCurve]] = {32: ec.SECP256R1(), 48: ec.SECP384R1()}
_UNCOMPRESSED_POINT: Final = b"\x04"


@dataclass(frozen=True, slots=True)
class Claim:
    """What is proved: the answer to ``challenge``, by someone who sent the challenge ``own``; titles are octets."""

    challenge: bytes
    own: bytes
    prover_title: bytes
    verifier_title: bytes

    @property
    def with_titles(self) -> bytes:
        """The challenge with everything around it that is bound to it."""
        return self.prover_title + self.verifier_title + self.challenge + self.own


def challenge_length(access: Access) -> int:
    """Return how many octets our challenge has."""
    return ECDSA_CHALLENGE_LENGTH if access.mechanism is Mechanism.HIGH_ECDSA else CHALLENGE_LENGTH


def is_reflected(ours: bytes, theirs: bytes) -> bool:
    """Tell whether our answer to the challenge ``theirs`` would hold the answer to ``ours``.

    It need not be the same challenge: in the AES of "high" each block is answered by itself.
    """
    return not _blocks(ours).isdisjoint(_blocks(theirs))


def prove(access: Access, claim: Claim, *, next_counter: Callable[[], int]) -> bytes:
    """Return the answer to the other side's challenge; CipheringError where a key is of no use.

    ``next_counter`` gives the invocation counter that a GMAC takes.
    """
    mechanism = access.mechanism
    if mechanism is Mechanism.HIGH_GMAC:
        key, control = _gmac(access)
        return _gmac_token(key, claim, control=control, counter=next_counter())
    if mechanism is Mechanism.HIGH_ECDSA:
        return _sign(access.signing_key, claim)
    return _DIGESTS[mechanism](access.password, claim)


def is_proved(access: Access, claim: Claim, answer: bytes) -> bool:
    """Tell whether an answer is right, all of it, in constant time; CipheringError where a key is of no use."""
    mechanism = access.mechanism
    if mechanism is Mechanism.HIGH_GMAC:
        return _is_gmac(access, claim, answer)
    if mechanism is Mechanism.HIGH_ECDSA:
        return _is_signed(access.server_public_key, claim, answer)
    return hmac.compare_digest(_DIGESTS[mechanism](access.password, claim), answer)


def _padded(challenge: bytes) -> bytes:
    return challenge + bytes(-len(challenge) % _AES_BLOCK)


def _blocks(challenge: bytes) -> set[bytes]:
    padded = _padded(challenge)
    return {padded[start : start + _AES_BLOCK] for start in range(0, len(padded), _AES_BLOCK)}


def _aes(secret: bytes, claim: Claim) -> bytes:
    # What the mechanism is: each block by itself, and no secret in them.
    mode = modes.ECB()  # noqa: S305
    encryptor = Cipher(algorithms.AES(secret.ljust(_AES_BLOCK, b"\0")), mode).encryptor()
    return encryptor.update(_padded(claim.challenge)) + encryptor.finalize()


def _md5(secret: bytes, claim: Claim) -> bytes:
    return hashlib.md5(claim.challenge + secret, usedforsecurity=False).digest()


def _sha1(secret: bytes, claim: Claim) -> bytes:
    return hashlib.sha1(claim.challenge + secret, usedforsecurity=False).digest()


def _sha256(secret: bytes, claim: Claim) -> bytes:
    return hashlib.sha256(secret + claim.with_titles).digest()


_Digest: TypeAlias = Callable[[bytes, Claim], bytes]
_DIGESTS: Final[dict[Mechanism, _Digest]] = {
    Mechanism.HIGH: _aes,
    Mechanism.HIGH_MD5: _md5,
    Mechanism.HIGH_SHA1: _sha1,
    Mechanism.HIGH_SHA256: _sha256,
}


def _gmac(access: Access) -> tuple[Key, int]:
    return Key(access.block_cipher_key, access.authentication_key), Protection.AUTHENTICATION | access.suite


def _gmac_token(key: Key, claim: Claim, *, control: int, counter: int) -> bytes:
    tag = key.tag(claim.challenge, control=control, title=claim.prover_title, counter=counter)
    return bytes((control,)) + counter.to_bytes(4, "big") + tag


def _is_gmac(access: Access, claim: Claim, answer: bytes) -> bool:
    if len(answer) != HEADER_LENGTH + TAG_LENGTH:
        return False
    key, control = _gmac(access)
    _, counter = split_header(answer)
    return hmac.compare_digest(_gmac_token(key, claim, control=control, counter=counter), answer)


def _sign(signing_key: bytes, claim: Claim) -> bytes:
    """Return r || s."""
    key = _private_key(signing_key)
    size = (key.key_size + 7) // 8
    numbers = decode_dss_signature(key.sign(claim.with_titles, _hash_of(size)))
    return b"".join(number.to_bytes(size, "big") for number in numbers)


def _is_signed(public_key: bytes, claim: Claim, signature: bytes) -> bool:
    key = _public_key(public_key)
    size = (key.key_size + 7) // 8
    if len(signature) != 2 * size:
        return False
    r, s = (int.from_bytes(part, "big") for part in (signature[:size], signature[size:]))
    try:
        key.verify(encode_dss_signature(r, s), claim.with_titles, _hash_of(size))
    except InvalidSignature:
        return False
    return True


def _hash_of(size: int) -> ec.ECDSA:
    return ec.ECDSA(hashes.SHA256() if size == 32 else hashes.SHA384())


def check_signing_key(octets: bytes) -> None:
    """Raise CipheringError where ``octets`` are no private key that can sign; its text has nothing of them."""
    _private_key(octets)


def check_server_public_key(octets: bytes) -> None:
    """Raise CipheringError where ``octets`` are no public key of a meter; its text has nothing of them."""
    _public_key(octets)


def _private_key(octets: bytes) -> ec.EllipticCurvePrivateKey:
    """Take the number as octets, or a PEM private key."""
    key: object = None
    with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
        if len(octets) in _CURVES:
            key = ec.derive_private_key(int.from_bytes(octets, "big"), _CURVES[len(octets)])
        else:
            key = serialization.load_pem_private_key(octets, password=None)
    if isinstance(key, ec.EllipticCurvePrivateKey) and _is_ours(key.curve):
        return key
    raise CipheringError("signing_key is no private key of P-256 or P-384")


def _public_key(octets: bytes) -> ec.EllipticCurvePublicKey:
    """Take X || Y, a point as X9.62 has it, a PEM public key, or a PEM certificate."""
    key: object = None
    with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
        if len(octets) // 2 in _CURVES:
            point = octets if len(octets) % 2 else _UNCOMPRESSED_POINT + octets
            key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[len(octets) // 2], point)
        elif len(octets) - 1 in _CURVES:
            key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[len(octets) - 1], octets)
        elif b"CERTIFICATE" in octets:
            key = load_pem_x509_certificate(octets).public_key()
        else:
            key = serialization.load_pem_public_key(octets)
    if isinstance(key, ec.EllipticCurvePublicKey) and _is_ours(key.curve):
        return key
    raise CipheringError("server_public_key is no public key of P-256 or P-384")


def _is_ours(curve: ec.EllipticCurve) -> bool:
    """Tell whether a key is of one of our curves, not of another one of the same size."""
    return isinstance(curve, ec.SECP256R1 | ec.SECP384R1)
