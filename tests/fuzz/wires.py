"""What is done to octets on their way: lost, doubled, cut off, altered, joined by others; checksums mended, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from field import frames_of
from fuzz.mutation import mutated
from fuzz.trees import ber_mutated, tree_mutated
from telegraf_dlms import wrapper
from telegraf_dlms.axdr import encode_length, read_length
from telegraf_dlms.ciphering import Key, split_header, unwrap, wrap
from telegraf_dlms.errors import TelegrafDlmsError
from telegraf_dlms.hdlc import MAX_INFORMATION, Frame, Kind, control_of, encode

if TYPE_CHECKING:
    from random import Random

_KINDS = [kind for kind in Kind if kind is not Kind.UNKNOWN]
_ADDRESSES = [b"\x03", b"\x05", b"\x02\x23", b"\x00\x02\x24\x61"]


def on_the_line(octets: bytes, source: Random, wire: str) -> bytes:
    """Return a message as it may arrive, in place of the one that was sent."""
    way = source.randrange(12)
    if way == 0:
        return b""
    if way == 1:
        return octets + octets
    if way == 2:
        return octets[: source.randrange(len(octets) + 1)]
    if way == 3:
        return _uncalled_for(source, wire) + octets
    if way == 4:
        return octets + _uncalled_for(source, wire)
    if way < 7 or wire == "APDU":
        return mutated(octets, source)
    return _frames(octets, source) if "HDLC" in wire else _packets(octets, source)


def _uncalled_for(source: Random, wire: str) -> bytes:
    """Return a message that nobody asked for."""
    apdu = source.choice((b"\x0f\x00\x00\x00\x01\x00\x00", b"\xd8\x01\x01", b"\xc4\x01\xc1\x01\x04", b"\xdb\x00\x00"))
    if wire == "APDU":
        return apdu
    if "HDLC" not in wire:
        return wrapper.encode(source.choice((1, 2)), source.choice((1, 17)), apdu)
    kind = source.choice(_KINDS)
    control = control_of(kind, send=source.randrange(8), receive=source.randrange(8))
    information = source.choice((b"", b"\xe6\xe7\x00" + apdu, source.randbytes(source.randrange(20))))
    return encode(Frame(b"\x03", source.choice((b"\x03", b"\x05")), control, information, source.random() < 0.2))


def _frames(octets: bytes, source: Random) -> bytes:
    """Return frames of which one has something in it changed, with good checksums."""
    frames = frames_of(octets)
    if not frames:
        return mutated(octets, source)
    at = source.randrange(len(frames))
    destination, sender, control, information, segmented = (
        getattr(frames[at], name) for name in ("destination", "source", "control", "information", "segmented")
    )
    way = source.randrange(10)
    if way == 0:
        control = source.randrange(256)
    elif way == 1:
        control ^= 1 << source.randrange(8)
    elif way == 2:
        segmented = not segmented
    elif way == 3:
        destination, sender = source.choice(((sender, destination), (source.choice(_ADDRESSES), sender)))
    elif way == 4:
        information = b""
    else:
        information = mutated(information, source)[:MAX_INFORMATION]
    frames[at] = Frame(destination, sender, control, information, segmented)
    if way == 9:
        source.shuffle(frames)
    return b"".join(map(encode, frames))


def _packets(octets: bytes, source: Random) -> bytes:
    """Return an APDU that is altered, in a header that fits; or one between other wPorts."""
    ports = source.choice(((1, 1), (1, 1), (1, 1), (1, 16), (2, 1), (0xFFFF, 0)))
    return wrapper.encode(*ports, mutated(octets[8:], source)[: wrapper.MAX_APDU])


def apdu_altered(apdu: bytes, source: Random) -> bytes:
    """Return an APDU that is as good as a meter's, or a client's, but in one place; ciphered ones as octets."""
    if apdu[:1] in b"\x60\x61\x62\x63" and source.random() < 0.8:
        return ber_mutated(apdu, source)
    if apdu[:2] == b"\xc4\x01" and apdu[3:4] == b"\x00" and source.random() < 0.8:
        return apdu[:4] + tree_mutated(apdu[4:], source)
    if apdu[:3] == b"\x0c\x01\x00" and source.random() < 0.8:
        return apdu[:3] + tree_mutated(apdu[3:], source)
    if apdu[:2] == b"\xc4\x02" and apdu[8:9] == b"\x00" and source.random() < 0.8:
        _, start = read_length(apdu, 9)
        raw = mutated(apdu[start:], source)
        return apdu[:9] + encode_length(len(raw)) + raw
    return mutated(apdu, source)


def altered_in_clear(
    apdu: bytes, source: Random, *, keys: dict[str, bytes], authentication_key: bytes, title: bytes
) -> bytes:
    """Return a ciphered APDU whose plaintext is altered, ciphered again as it was; others are altered as they are.

    So a meter would send it that means harm and has the keys, or that has a broken program.
    """
    try:
        envelope = unwrap(apdu)
    except TelegrafDlmsError:
        envelope = None
    if envelope is None or not keys.get(envelope.key):
        return apdu_altered(apdu, source)
    key = Key(keys[envelope.key], authentication_key)
    control, counter = split_header(envelope.sealed)
    plaintext = apdu_altered(key.unseal(envelope.sealed, title=title), source)
    if source.random() < 0.1:
        counter = source.choice((0, counter - 1, counter, counter + 1, 0xFFFF_FFFF))
    if source.random() < 0.05:
        control ^= 1 << source.randrange(8)
    sealed = key.seal(plaintext, control=control, title=title, counter=counter & 0xFFFF_FFFF)
    return wrap(sealed, apdu[0], title=envelope.title)
