"""What ``test`` writes, at log level trace, to stdout, stderr and the trace: no secret in any shape."""

from __future__ import annotations

import parts
import pytest

from stations import connection, device, group, load_profile, table, value

pytestmark = pytest.mark.process

SECRET = "Xyzzy-Plugh-4711"
KEYS = {
    "authentication_key": "C0FFEE00DEADBEEF0123456789ABCDEF",
    "block_cipher_key": "FEEDFACECAFEBABE9876543210FEDCBA",
}
OTHER_KEY = "00112233445566778899AABBCCDDEEFF"
DEDICATED = "0DDBA11C0FFEE0DDBA11C0FFEE0DDBA1"
CIPHERED = {"access_security": "high_gmac", "transport_security": "authentication_encryption"}


def shapes(secret):
    """Return how a secret could show up, whole or in pieces."""
    octets = bytes.fromhex(secret) if set(secret) <= set("0123456789ABCDEF") else secret.encode()
    pieces = [octets[start : start + 6] for start in range(len(octets) - 5)]
    texts = [secret, octets.hex(), repr(octets)[2:-1]]
    return [
        text.lower() for text in [*texts, *(piece.hex(" ") for piece in pieces), *(piece.hex() for piece in pieces)]
    ]


def words(**options):
    """Return options of the simulator."""
    return [word for name, text in options.items() for word in (f"--{name.replace('_', '-')}", text)]


def written(tmp_path, meter, *options, **settings):
    """Press the button of group g; return the exit status, and all that was written anywhere."""
    agent = table("agent", {"log_level": "trace", "state_file": str(tmp_path / "state")}).replace(
        "[[agent]]", "[agent]"
    )
    line = connection(address="127.0.0.1", port=parts.listening(meter))
    house = device(client_address=1, max_info_length=32, **settings)
    path, trace = tmp_path / "meters.conf", tmp_path / "trace"
    path.write_text("\n".join([agent, line, house, group("g", value(), load_profile())]), encoding="utf-8")
    with parts.Child((*parts.PLUGIN, "test", "group", "g", path, "--trace", trace, *options)) as child:
        status = child.ended()
        text = "\n".join((*child.out, *child.log, trace.read_text(encoding="utf-8"))).lower()
    assert "t! > " in text
    return status, text


@pytest.mark.parametrize(
    ("interface", "security", "theirs", "options", "status"),
    [
        ("wrapper", "low", SECRET, [], 0),
        ("hdlc", "low", SECRET, ["--json"], 0),
        ("hdlc", "low", "another", [], 1),
        ("hdlc", "high_md5", SECRET, ["--json"], 0),
        ("wrapper", "high", "another", [], 1),
    ],
)  # fmt: skip
def test_a_password_shows_up_nowhere(tmp_path, interface, security, theirs, options, status):  # noqa: PLR0917
    with parts.built_in_meter("--interface", interface, *words(access_security=security, password=theirs)) as meter:
        ours = {"interface_type": interface, "access_security": security, "password": SECRET}
        ended, text = written(tmp_path, meter, *options, **ours)
    assert ended == status, text
    assert "**" in text
    assert [shape for shape in shapes(SECRET) if shape in text] == []


@pytest.mark.parametrize("theirs", [KEYS, KEYS | {"block_cipher_key": OTHER_KEY}], ids=["right", "wrong"])
def test_keys_show_up_nowhere(tmp_path, theirs):
    with parts.built_in_meter("--interface", "wrapper", *words(**CIPHERED, **theirs)) as meter:
        ours = {"dedicated_key": DEDICATED, "invocation_counter": "0.0.43.1.0.255"} | CIPHERED | KEYS
        status, text = written(tmp_path, meter, "--json", interface_type="wrapper", **ours)
    assert status == (0 if theirs == KEYS else 1), text
    for secret in (*KEYS.values(), DEDICATED):
        assert [shape for shape in shapes(secret) if shape in text] == []


def test_the_shapes_are_found_where_they_are():
    octets = SECRET.encode()
    for text in (SECRET, octets.hex(" "), octets.hex(), f"xx {octets[3:10].hex(' ')} xx"):
        assert any(shape in text.lower() for shape in shapes(SECRET))
