"""Secrets do not print themselves, and come from where the configuration says."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import re

import pytest

from telegraf_dlms.secret import MAX_SECRET_FILE, Secret, is_store_reference, read_secret_file, read_store

HIDDEN = "correct horse"


@pytest.mark.parametrize(
    "printed",
    [
        repr,
        str,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!r}",
        lambda secret: f"{secret:>20}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031  the old way is one of the ways
        lambda secret: str([secret, {"password": secret}]),
        lambda secret: str(vars(type(secret))),
        lambda secret: logging.LogRecord("x", 10, "f", 1, "password %s", (secret,), None).getMessage(),
        lambda secret: str(ValueError(secret)),
    ],
)
def test_a_secret_does_not_print_itself(printed):
    assert HIDDEN not in printed(Secret(HIDDEN))


def test_a_secret_gives_its_octets_when_asked():
    assert Secret("grün").reveal() == b"gr\xc3\xbcn"
    assert Secret(b"\x00\xff").reveal() == b"\x00\xff"
    assert Secret(os.fsdecode(b"gr\xfcn")).reveal() == b"gr\xfcn"


def test_secrets_compare_by_what_they_hide():
    assert Secret("a") == Secret(b"a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_secret_survives_copying_and_pickling():
    assert pickle.loads(pickle.dumps(Secret(HIDDEN))) == Secret(HIDDEN)  # noqa: S301  our own octets
    assert copy.deepcopy(Secret(HIDDEN)) == Secret(HIDDEN)


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"abc\n", b"abc"),
        (b"abc\r\n", b"abc"),
        (b"abc\n\n", b"abc\n"),
        (b" abc ", b" abc "),
        (b"\xff\x00", b"\xff\x00"),
    ],
)
def test_a_file_is_the_secret_but_for_one_newline(tmp_path, content, secret):
    (tmp_path / "password").write_bytes(content)
    assert read_secret_file(tmp_path / "password").reveal() == secret


def test_a_file_that_cannot_be_a_secret_is_refused(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        read_secret_file(tmp_path / "missing")
    with pytest.raises(ValueError, match="Is a directory"):
        read_secret_file(tmp_path)
    with pytest.raises(ValueError, match="zero octet"):
        read_secret_file(tmp_path / "a\0b")
    (tmp_path / "long").write_bytes(b"x" * (MAX_SECRET_FILE + 1))
    with pytest.raises(ValueError, match="longer than"):
        read_secret_file(tmp_path / "long")


@pytest.mark.parametrize(
    ("text", "reference"),
    [("@{systemd:x}", True), ("@{vault:x}", True), ("@{x}", False), ("a@{systemd:x}", False), ("@systemd:x", False)],
)
def test_only_a_whole_text_is_a_reference_to_a_store(text, reference):
    assert is_store_reference(text) is reference


def test_a_systemd_credential_is_found_by_its_name_or_telegrafs(tmp_path):
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    (tmp_path / "telegraf.meter").write_text("second\n")
    assert read_store("@{systemd:meter}", environment=environment) == Secret("second")
    (tmp_path / "meter").write_text("first\n")
    assert read_store("@{systemd:meter}", environment=environment) == Secret("first")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@{vault:meter}", 'expected "@{systemd:NAME}"'),
        ("@{systemd:}", "names no systemd credential"),
        ("@{systemd:../meter}", "names no systemd credential"),
        ("@{systemd:..}", "names no systemd credential"),
        ("@{systemd:other}", "has no credential of this name"),
    ],
)
def test_a_credential_that_cannot_be_read_is_refused(tmp_path, text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        read_store(text, environment={"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_without_systemd_there_are_no_credentials():
    with pytest.raises(ValueError, match="CREDENTIALS_DIRECTORY is not set"):
        read_store("@{systemd:meter}", environment={})
