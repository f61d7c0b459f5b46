"""Secrets: a type that cannot print itself, and the places that secrets come from."""

from __future__ import annotations

import hmac
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Longer files are no passwords, keys or PEM files.
MAX_SECRET_FILE = 64 * 1024

_STORE = re.compile(r"@\{([^:{}]*):([^{}]*)\}")


class Secret:
    """Octets that logs, traces, ``repr`` and errors show as ``<secret>``; only ``reveal`` gives them."""

    __slots__ = ("_octets",)

    def __init__(self, secret: str | bytes) -> None:
        # Octets of the environment that are not UTF-8 come as surrogates (PEP 383).
        self._octets = secret.encode(errors="surrogateescape") if isinstance(secret, str) else bytes(secret)

    def reveal(self) -> bytes:
        """Return the octets; a text's are UTF-8."""
        return self._octets

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return format("<secret>", format_spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._octets, other._octets)

    def __hash__(self) -> int:
        return hash((Secret, self._octets))

    def __reduce__(self) -> tuple[type[Secret], tuple[bytes]]:
        return Secret, (self._octets,)


def read_secret_file(path: Path) -> Secret:
    """Return the content of a file, one trailing newline dropped; ValueError says why it could not be read."""
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_SECRET_FILE + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or type(error).__name__}") from None
    except ValueError:
        raise ValueError("cannot be read: a name with a zero octet") from None
    if len(octets) > MAX_SECRET_FILE:
        raise ValueError(f"cannot be read: longer than {MAX_SECRET_FILE} octets")
    return Secret(octets.removesuffix(b"\n").removesuffix(b"\r"))


def is_store_reference(text: str) -> bool:
    """Return whether the text has the form of Telegraf's secret stores, ``@{store:name}``."""
    return _STORE.fullmatch(text) is not None


def read_store(text: str, *, environment: Mapping[str, str] = os.environ) -> Secret:
    """Return what ``@{systemd:NAME}`` stands for: the systemd credential NAME, or telegraf.NAME (systemd.exec(5)).

    Raise ValueError with a text that names no secret.
    """
    match = _STORE.fullmatch(text)
    store, name = match.groups() if match else ("", "")
    if store != "systemd":
        raise ValueError('names no secret store of ours: expected "@{systemd:NAME}"')
    if not name or "/" in name or "\0" in name or name in {".", ".."}:
        raise ValueError("names no systemd credential: it is a file's name without a folder")
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise ValueError("cannot be read: systemd gave no credentials, CREDENTIALS_DIRECTORY is not set")
    for candidate in (name, f"telegraf.{name}"):
        if (path := Path(folder, candidate)).exists():
            return read_secret_file(path)
    raise ValueError("cannot be read: systemd has no credential of this name")
