"""Reads traces again (``telegraf_dlms.trace``), and plays the meter's part of them: what was masked is zeros."""

from __future__ import annotations

from typing import NamedTuple

from telegraf_dlms.errors import Silence
from telegraf_dlms.hdlc import FLAG, fcs16
from telegraf_dlms.link import Link


class Stretch(NamedTuple):
    """Octets of one direction, None for those that are masked."""

    sign: str
    octets: list[int | None]

    def fits(self, octets):
        return len(octets) == len(self.octets) and all(
            octet in {None, sent} for octet, sent in zip(self.octets, octets, strict=True)
        )

    @property
    def filled(self):
        """Return octets in place of the masked ones, with checksums that hold."""
        octets = bytearray(octet or 0 for octet in self.octets)
        start = 0
        while start + 2 < len(octets):
            end = start + 1 + ((octets[start + 1] & 7) << 8 | octets[start + 2])
            if octets[start] == FLAG and octets[start + 1] & 0xF0 == 0xA0 and end < len(octets):
                if self.octets[end - 1] is None:
                    octets[end - 2 : end] = fcs16(bytes(octets[start + 1 : end - 2]))
                start = end
            else:
                start += 1
        return bytes(octets)


def read_trace(text):
    """Return the stretches of a trace: lines that follow each other in one direction are one."""
    stretches = []
    for line in text.splitlines():
        sign, _, digits = line.partition(" ")
        if sign == "#":
            continue
        assert sign in {"<", ">"}, line
        octets = [None if pair == "**" else int(pair, 16) for pair in digits.split(" ")]
        if stretches and stretches[-1].sign == sign == "<":
            stretches[-1].octets.extend(octets)
        else:
            stretches.append(Stretch(sign, octets))
    return stretches


class Replay:
    """A meter that says what it said in a trace, and is silent where it was silent."""

    def __init__(self, text):
        self.left = read_trace(text)

    def talk(self, conversation):
        """Drive a conversation to its answer; it has to send what was sent then."""
        try:
            octets = next(conversation)
            while True:
                if octets:
                    self.hear(bytes(octets))
                if self.left and self.left[0].sign == "<":
                    octets = conversation.send(self.left.pop(0).filled)
                else:
                    octets = conversation.throw(Silence("nothing came in the trace"))
        except StopIteration as end:
            return end.value

    def hear(self, octets):
        assert self.left, f"the trace has ended, and this is sent: {octets.hex(' ')}"
        expected = self.left.pop(0)
        assert expected.sign == ">", f"the meter speaks, and this is sent: {octets.hex(' ')}"
        shown = " ".join("**" if octet is None else f"{octet:02x}" for octet in expected.octets)
        assert expected.fits(octets), f"{octets.hex(' ')} is sent, the trace has {shown}"


class ReplayLink(Link):
    """A link to such a meter."""

    def __init__(self, peer, replay):
        super().__init__(peer)
        self.replay = replay

    async def run(self, conversation, **_settings):
        left = len(self.replay.left)
        try:
            return self.replay.talk(conversation)
        finally:
            self.bytes_received += left - len(self.replay.left)
