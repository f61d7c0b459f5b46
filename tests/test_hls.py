"""Proofs of high-level security: known vectors, gurux-dlms as the oracle, and nothing that is nearly right."""

from __future__ import annotations

import contextlib
import hashlib
import io
from datetime import UTC, datetime
from itertools import count

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509.oid import NameOID
from gurux_dlms.enums import Authentication, Security
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.GXSecure import GXSecure
from gurux_dlms.objects.enums import SecuritySuite

from telegraf_dlms import hls
from telegraf_dlms.access import Access, Mechanism
from telegraf_dlms.errors import CipheringError

CLIENT, METER = b"TDL\x01\x02\x03\x04\x05", bytes.fromhex("4D4D4D0000BC614E")
CTOS, STOC = bytes(range(0x10, 0x20)), bytes(range(0x80, 0x90))
PASSWORD = b"Gurux-secret-16!"
BLOCK_CIPHER_KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(0xD0, 0xE0))

#: What we prove of the meter's challenge, and what the meter proves of ours.
OURS = hls.Claim(STOC, CTOS, CLIENT, METER)
THEIRS = hls.Claim(CTOS, STOC, METER, CLIENT)

PRIVATE = {curve.name: ec.derive_private_key(0x1234567, curve) for curve in (ec.SECP256R1(), ec.SECP384R1())}
OF_METER = {curve.name: ec.derive_private_key(0x7654321, curve) for curve in (ec.SECP256R1(), ec.SECP384R1())}
SECRETS = [mechanism.name.lower() for mechanism in Mechanism if mechanism >= Mechanism.HIGH]
DIGESTS = ["high", "high_md5", "high_sha1", "high_sha256"]


def raw(key):
    return key.private_numbers().private_value.to_bytes(key.key_size // 8)


def point(key, form=serialization.PublicFormat.UncompressedPoint):
    return key.public_key().public_bytes(serialization.Encoding.X962, form)


def access(security, *, curve="secp256r1", suite=0, **others):
    return Access(
        security,
        PASSWORD,
        0xFFFF,
        suite=suite,
        block_cipher_key=BLOCK_CIPHER_KEY * (2 if suite == 2 else 1),
        authentication_key=AUTHENTICATION_KEY * (2 if suite == 2 else 1),
        **{"signing_key": raw(PRIVATE[curve]), "server_public_key": point(OF_METER[curve])[1:]} | others,
    )


def of_meter(security, *, curve="secp256r1", **others):
    """Return the same secrets as the meter has them."""
    keys = {"signing_key": raw(OF_METER[curve]), "server_public_key": point(PRIVATE[curve])[1:]}
    return access(security, curve=curve, **keys | others)


def counter_of(*numbers):
    return iter(numbers).__next__


def never():
    raise AssertionError("this proof takes no counter")


# What a proof is


def test_the_green_books_gmac():
    """Green Book, 9.2.7.4, the example of HLS authentication mechanism 5: both ways."""
    wanted = access("high_gmac")
    client = bytes.fromhex("4D4D4D0000000001")
    ctos, stoc = bytes.fromhex("4B35366956616759"), bytes.fromhex("503677524A323146")
    ours = hls.Claim(stoc, ctos, client, METER)
    answer = bytes.fromhex("10 00000001 1A52FE7DD3E72748973C1E28")
    assert hls.prove(wanted, ours, next_counter=counter_of(1)) == answer
    theirs = hls.Claim(ctos, stoc, METER, client)
    assert hls.is_proved(wanted, theirs, bytes.fromhex("10 01234567 FE1466AFB3DBCD4F9389E2B7"))


def test_high_is_aes_of_the_challenge_with_the_password_padded_by_zeros():
    """FIPS-197, appendix C.1, whose key is full; a shorter one is padded."""
    challenge = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    claim = hls.Claim(challenge, CTOS, CLIENT, METER)
    full = Access("high", BLOCK_CIPHER_KEY, 0xFFFF)
    assert hls.prove(full, claim, next_counter=never).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    short = [Access("high", password, 0xFFFF) for password in (b"1234", b"1234" + bytes(12))]
    assert len({hls.prove(each, claim, next_counter=never) for each in short}) == 1


@pytest.mark.parametrize("size", [8, 15, 17, 32, 64])
def test_high_pads_a_challenge_to_whole_blocks(size):
    challenge = bytes(range(1, size + 1))
    encryptor = Cipher(algorithms.AES(PASSWORD), modes.ECB()).encryptor()  # noqa: S305  it is what the mechanism is
    padded = challenge.ljust(-(-size // 16) * 16, b"\0")
    answer = hls.prove(access("high"), hls.Claim(challenge, CTOS, CLIENT, METER), next_counter=never)
    assert answer == encryptor.update(padded)


@pytest.mark.parametrize(
    ("security", "algorithm", "said"),
    [
        ("high_md5", "md5", STOC + PASSWORD),
        ("high_sha1", "sha1", STOC + PASSWORD),
        ("high_sha256", "sha256", PASSWORD + CLIENT + METER + STOC + CTOS),
    ],
)
def test_a_digest_is_of_what_the_green_book_says(security, algorithm, said):
    assert hls.prove(access(security), OURS, next_counter=never) == hashlib.new(algorithm, said).digest()


def guruxs_proof(security, claim, *, suite=0, number=0):
    settings = GXDLMSSettings(False, None)
    settings.authentication = Authentication(int(Mechanism[security.upper()]))
    settings.cipher = GXCiphering(claim.prover_title)
    keys = access(security, suite=suite)
    settings.cipher.blockCipherKey, settings.cipher.authenticationKey = keys.block_cipher_key, keys.authentication_key
    settings.cipher.security, settings.cipher.securitySuite = Security.AUTHENTICATION, SecuritySuite(suite)
    secret = {"high_gmac": claim.prover_title, "high_sha256": PASSWORD + claim.with_titles}.get(security, PASSWORD)
    with contextlib.redirect_stdout(io.StringIO()):
        return bytes(GXSecure.secure(settings, settings.cipher, number, claim.challenge, secret))


@pytest.mark.parametrize("claim", [OURS, THEIRS], ids=["ours", "the meter's"])
@pytest.mark.parametrize("security", [*DIGESTS, "high_gmac"])
def test_gurux_dlms_proves_the_same(security, claim):
    ours = hls.prove(access(security), claim, next_counter=counter_of(0x01020304))
    assert ours.hex() == guruxs_proof(security, claim, number=0x01020304).hex()


@pytest.mark.parametrize("suite", [1, 2])
def test_a_gmac_says_its_suite(suite):
    ours = hls.prove(access("high_gmac", suite=suite), OURS, next_counter=counter_of(7))
    assert ours[:5] == bytes((0x10 | suite, 0, 0, 0, 7))
    assert ours.hex() == guruxs_proof("high_gmac", OURS, suite=suite, number=7).hex()


@pytest.mark.parametrize("curve", PRIVATE)
def test_an_ecdsa_proof_is_r_and_s_over_titles_and_challenges(curve):
    signature = hls.prove(access("high_ecdsa", curve=curve), OURS, next_counter=never)
    size = 32 if curve == "secp256r1" else 48
    assert len(signature) == 2 * size
    r, s = (int.from_bytes(half) for half in (signature[:size], signature[size:]))
    digest = hashes.SHA256() if curve == "secp256r1" else hashes.SHA384()
    key = PRIVATE[curve].public_key()
    key.verify(utils.encode_dss_signature(r, s), CLIENT + METER + STOC + CTOS, ec.ECDSA(digest))


# What is no proof


def proof_of_meter(security, claim=THEIRS):
    return hls.prove(of_meter(security), claim, next_counter=counter_of(9))


@pytest.mark.parametrize("security", SECRETS)
def test_a_right_proof_is_right(security):
    assert hls.is_proved(access(security), THEIRS, proof_of_meter(security))


@pytest.mark.parametrize("curve", PRIVATE)
def test_both_curves_prove_and_are_proved(curve):
    answer = hls.prove(of_meter("high_ecdsa", curve=curve), THEIRS, next_counter=never)
    assert hls.is_proved(access("high_ecdsa", curve=curve), THEIRS, answer)


@pytest.mark.parametrize("security", SECRETS)
def test_a_proof_is_compared_whole(security):
    right = proof_of_meter(security)
    half = len(right) // 2
    longer = [right + b"\0", right + right, b"\0" + right, right[:half] + b"\0" + right[half:]]
    nearly = [right[:length] for length in range(len(right))] + longer
    assert not [each for each in nearly if hls.is_proved(access(security), THEIRS, each)]


@pytest.mark.parametrize("security", SECRETS)
def test_no_bit_of_a_proof_may_be_another(security):
    right = proof_of_meter(security)
    for bit in range(len(right) * 8):
        wrong = bytearray(right)
        wrong[bit // 8] ^= 1 << bit % 8
        assert not hls.is_proved(access(security), THEIRS, bytes(wrong))


@pytest.mark.parametrize("security", SECRETS)
def test_our_own_proof_sent_back_proves_nothing(security):
    ours = hls.prove(access(security), OURS, next_counter=counter_of(1))
    assert not hls.is_proved(access(security), THEIRS, ours)


@pytest.mark.parametrize("security", SECRETS)
def test_a_proof_of_another_challenge_proves_nothing(security):
    earlier = hls.Claim(bytes(16), STOC, METER, CLIENT)
    assert not hls.is_proved(access(security), THEIRS, proof_of_meter(security, earlier))


@pytest.mark.parametrize("security", ["high_gmac", "high_sha256", "high_ecdsa"])
def test_a_proof_under_another_title_proves_nothing(security):
    other = hls.Claim(CTOS, STOC, METER[:-1] + b"\0", CLIENT)
    assert not hls.is_proved(access(security), THEIRS, proof_of_meter(security, other))


@pytest.mark.parametrize("control", [0x00, 0x11, 0x20, 0x30, 0x50, 0x90])
def test_a_gmac_with_another_security_control_proves_nothing(control):
    right = proof_of_meter("high_gmac")
    assert not hls.is_proved(access("high_gmac"), THEIRS, bytes((control,)) + right[1:])


@pytest.mark.parametrize("curve", PRIVATE)
@pytest.mark.parametrize("half", [0, 1])
def test_a_signature_of_zeros_or_beyond_the_order_proves_nothing(curve, half):
    wanted = access("high_ecdsa", curve=curve)
    size = 32 if curve == "secp256r1" else 48
    for octets in (bytes(2 * size), b"\xff" * 2 * size, bytes(size) + b"\1" * size):
        shown = octets if half else octets[size:] + octets[:size]
        assert not hls.is_proved(wanted, THEIRS, shown)


def test_each_gmac_takes_one_counter_and_no_other_proof_does():
    numbers = count(5)
    for security in SECRETS:
        hls.prove(access(security), OURS, next_counter=numbers.__next__)
    assert next(numbers) == 6


@pytest.mark.parametrize("security", SECRETS)
def test_a_challenge_is_as_long_as_meters_take_it(security):
    assert hls.challenge_length(access(security)) == (32 if security == "high_ecdsa" else 16)


# A challenge that is ours


def test_our_own_challenge_is_a_reflection():
    assert hls.is_reflected(CTOS, CTOS)
    assert not hls.is_reflected(CTOS, STOC)


@pytest.mark.parametrize("theirs", [STOC + CTOS, CTOS + STOC, CTOS + b"1234", STOC + CTOS + STOC])
def test_a_challenge_that_holds_ours_as_a_block_is_a_reflection(theirs):
    """The proof of "high" answers each block by itself: whoever sends this one reads the answer to ours in ours."""
    assert hls.is_reflected(CTOS, theirs)
    answer = hls.prove(access("high"), hls.Claim(theirs, CTOS, CLIENT, METER), next_counter=never)
    assert proof_of_meter("high") in {answer[start : start + 16] for start in range(0, len(answer), 16)}


def test_ours_without_its_zeros_at_the_end_is_a_reflection():
    ours = CTOS[:13] + bytes(3)
    assert hls.is_reflected(ours, ours[:13])


# Keys


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pem_of_sec1(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, METER.hex())])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    return builder.sign(PRIVATE["secp256r1"], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("curve", PRIVATE)
@pytest.mark.parametrize("form", [raw, pem, pem_of_sec1])
def test_a_signing_key_is_octets_or_pem(form, curve):
    wanted = access("high_ecdsa", curve=curve, signing_key=form(PRIVATE[curve]))
    answer = hls.prove(wanted, OURS, next_counter=never)
    assert hls.is_proved(of_meter("high_ecdsa", curve=curve), OURS, answer)
    hls.check_signing_key(wanted.signing_key)


def without_its_head(key):
    return point(key)[1:]


def compressed(key):
    return point(key, serialization.PublicFormat.CompressedPoint)


@pytest.mark.parametrize("curve", PRIVATE)
@pytest.mark.parametrize("form", [without_its_head, point, compressed, public_pem, certificate])
def test_a_public_key_is_octets_a_point_pem_or_a_certificate(form, curve):
    wanted = access("high_ecdsa", curve=curve, server_public_key=form(OF_METER[curve]))
    answer = hls.prove(of_meter("high_ecdsa", curve=curve), THEIRS, next_counter=never)
    assert hls.is_proved(wanted, THEIRS, answer)
    hls.check_server_public_key(wanted.server_public_key)


RSA, EDWARDS = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.from_private_bytes(b"ed" * 16)
#: 256 bits as well, and no P-256.
KOBLITZ, LARGE = ec.derive_private_key(77, ec.SECP256K1()), ec.derive_private_key(77, ec.SECP521R1())
ENCRYPTED = PRIVATE["secp256r1"].private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"passphrase"),
)
BROKEN = b"-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END EC PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x11" * 31,
        b"\x11" * 33,
        bytes(32),
        b"\xff" * 32,
        bytes(48),
        b"\xff" * 48,
        BROKEN,
        ENCRYPTED,
        pem(RSA),
        pem(EDWARDS),
        pem(KOBLITZ),
        pem(LARGE),
        public_pem(PRIVATE["secp256r1"]),
        certificate(PRIVATE["secp256r1"]),
    ],
)
def test_a_signing_key_that_is_none_says_so_and_nothing_of_itself(octets):
    for attempt in (
        lambda: hls.check_signing_key(octets),
        lambda: hls.prove(access("high_ecdsa", signing_key=octets), OURS, next_counter=never),
    ):
        with pytest.raises(CipheringError) as caught:
            attempt()
        assert str(caught.value) == "signing_key is no private key of P-256 or P-384"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        bytes(64),
        b"\x11" * 64,
        b"\x05" + b"\x11" * 64,
        b"\x02" + b"\xff" * 32,
        b"\x11" * 63,
        b"\xff" * 96,
        BROKEN.replace(b"EC PRIVATE KEY", b"CERTIFICATE"),
        public_pem(RSA),
        public_pem(EDWARDS),
        public_pem(KOBLITZ),
        certificate(RSA),
        pem(PRIVATE["secp256r1"]),
    ],
)
def test_a_public_key_that_is_none_says_so_and_nothing_of_itself(octets):
    for attempt in (
        lambda: hls.check_server_public_key(octets),
        lambda: hls.is_proved(access("high_ecdsa", server_public_key=octets), THEIRS, bytes(64)),
    ):
        with pytest.raises(CipheringError) as caught:
            attempt()
        assert str(caught.value) == "server_public_key is no public key of P-256 or P-384"
