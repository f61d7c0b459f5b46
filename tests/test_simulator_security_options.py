from argparse import ArgumentParser

import pytest
from cryptography.hazmat.primitives import serialization

from secured_client import CLIENT_KEY, METER_KEY, private_octets, public_octets
from telegraf_dlms.access import PROTECTIONS
from telegraf_dlms.simulator.access import SYSTEM_TITLE, Access
from telegraf_dlms.simulator.security_options import access_from, add_security_arguments

A, B = "A1" * 16, "B1" * 16
KEYS = ["--authentication-key", A, "--block-cipher-key", B]
KEY_OCTETS = {"authentication_key": bytes.fromhex(A), "block_cipher_key": bytes.fromhex(B)}
PRIVATE, PUBLIC = private_octets(METER_KEY).hex(), public_octets(CLIENT_KEY).hex()


def parse(*arguments):
    """Return what the arguments mean, and the problems."""
    parser = ArgumentParser()
    parser.add_argument("--short-names", action="store_true")
    add_security_arguments(parser)
    problems = []
    return access_from(parser.parse_args(arguments), problems=problems), problems


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Access()),
        (["--password", "12345678"], Access("low", b"12345678")),
        (["--password-hex", "00FF"], Access("low", b"\x00\xff")),
        (["--access-security", "none", "--password", "x"], Access("none", b"x")),
        (["--access-security", "high_md5", "--password", "x"], Access("high_md5", b"x")),
        (["--access-security", "high_gmac", *KEYS], Access("high_gmac", **KEY_OCTETS)),
        (
            ["--access-security", "high_ecdsa", "--signing-key", PRIVATE, "--client-public-key", PUBLIC],
            Access("high_ecdsa", signing_key=bytes.fromhex(PRIVATE), client_public_key=bytes.fromhex(PUBLIC)),
        ),
        (
            ["--security-suite", "2", "--transport-security", "encryption", "--block-cipher-key", B * 2],
            Access(suite=2, protection=PROTECTIONS["encryption"], block_cipher_key=bytes.fromhex(B * 2)),
        ),
        (["--system-title", "ABC00001"], Access(system_title=b"ABC00001")),
        (["--client-system-title", "54444C0000000009"], Access(client_system_title=b"TDL\0\0\0\0\x09")),
        (
            ["--general-protection", "--initial-counter", "4294967295", "--lock-after", "3"],
            Access(general=True, initial_counter=0xFFFF_FFFF, lock_after=3),
        ),
        (["--short-names"], Access(referencing="short_names")),
    ],
    ids=lambda argument: " ".join(argument) if isinstance(argument, list) else "",
)
def test_the_options_are_what_the_meter_demands(arguments, expected):
    assert parse(*arguments) == (expected, [])


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_each_transport_security_is_its_bits(protection):
    access, problems = parse("--transport-security", protection, *KEYS)

    assert (access.protection, problems) == (PROTECTIONS[protection], [])


def test_without_a_title_the_meter_has_its_own():
    access, _ = parse()

    assert access.system_title == SYSTEM_TITLE


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--access-security", "high"], '--password: is required for access_security "high"'),
        (
            ["--access-security", "high", "--password", "seventeen octets!"],
            '--password: is longer than 16 octets, which access_security "high" cannot hold',
        ),
        (["--password", "1", "--password-hex", "31"], "--password-hex: is there beside password: write one of them"),
        (["--password-hex", "3"], "--password-hex: expected an even number of hex digits"),
        (
            ["--transport-security", "encryption"],
            '--block-cipher-key: is required for transport_security "encryption"',
        ),
        (
            ["--transport-security", "authentication", "--block-cipher-key", B],
            '--authentication-key: is required for transport_security "authentication"',
        ),
        (["--block-cipher-key", "secret"], "--block-cipher-key: expected 32 hex digits, or 64 in security_suite 2"),
        (
            ["--security-suite", "2", "--block-cipher-key", B],
            "--block-cipher-key: expected 64 hex digits in security_suite 2",
        ),
        (
            ["--access-security", "high_ecdsa", "--signing-key", PRIVATE],
            '--client-public-key: is required for access_security "high_ecdsa"',
        ),
        (
            ["--access-security", "high_ecdsa", "--signing-key", "00" * 32, "--client-public-key", PUBLIC],
            "--signing-key: is no private key of P-256 or P-384",
        ),
        (
            ["--access-security", "high_ecdsa", "--signing-key", PRIVATE, "--client-public-key", "04" * 64],
            "--client-public-key: is no public key of P-256 or P-384",
        ),
        (["--system-title", "short"], '--system-title: "short" is neither 16 hex digits nor 8 ASCII characters'),
        (["--client-system-title", ""], '--client-system-title: "" is neither 16 hex digits nor 8 ASCII characters'),
        (["--initial-counter", "4294967296"], "--initial-counter: 4294967296 is outside 0..4294967295"),
        (["--lock-after", "-1"], "--lock-after: -1 is outside 0..4294967295"),
        (["--password", "${NOBODY}"], "--password: the environment variable NOBODY is not set"),
        (["--password-file", "/nowhere"], "--password-file: cannot be read: No such file or directory"),
        (["--password", "@{vault:X}"], '--password: names no secret store of ours: expected "@{systemd:NAME}"'),
    ],
    ids=lambda argument: " ".join(argument) if isinstance(argument, list) else "",
)
def test_a_problem_is_told_with_its_option(monkeypatch, arguments, problem):
    monkeypatch.delenv("NOBODY", raising=False)

    assert parse(*arguments)[1] == [problem]


def test_all_problems_are_told_at_once():
    _, problems = parse("--access-security", "high_gmac", "--system-title", "x", "--lock-after", "-1")

    assert [problem.partition(":")[0] for problem in problems] == [
        "--system-title",
        "--block-cipher-key",
        "--authentication-key",
        "--lock-after",
    ]


def test_keys_come_from_the_environment_from_files_and_from_systemd(tmp_path, monkeypatch):
    (tmp_path / "ak").write_text(f"{A}\n", encoding="ascii")
    (tmp_path / "word").write_bytes(b"12345678")
    monkeypatch.setenv("METERS_EK", B)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    arguments = ["--authentication-key-file", str(tmp_path / "ak"), "--block-cipher-key", "${METERS_EK}"]

    assert parse(*arguments, "--password", "@{systemd:word}") == (Access("low", b"12345678", **KEY_OCTETS), [])


def test_keys_of_high_ecdsa_come_as_pem_files(tmp_path):
    private = METER_KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = CLIENT_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "private.pem").write_bytes(private)
    (tmp_path / "public.pem").write_bytes(public)
    access, problems = parse(
        *("--access-security", "high_ecdsa", "--signing-key-file", str(tmp_path / "private.pem")),
        *("--client-public-key-file", str(tmp_path / "public.pem")),
    )

    assert problems == []
    assert (access.signing_key, access.client_public_key) == (private.rstrip(), public.rstrip())


def test_no_secret_is_told():
    secret = "C0FFEE"
    _, problems = parse(*("--block-cipher-key", secret, "--authentication-key", secret, "--password-hex", secret + "0"))

    assert len(problems) == 3
    assert not [problem for problem in problems if secret in problem]
