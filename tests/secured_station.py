"""Meters with keys behind real links in memory: a ``SecuredMeter`` that counts, and what the public client may read.

``said`` is what a meter heard in order, as (client, APDU's name), over HDLC with the commands of the data link. It has
room for one data link at a time, and is deaf to another client's SNRM while it has one.
"""

from __future__ import annotations

import asyncio

import pytest

from scripted_meter import OBJECT_UNDEFINED, RLRE, descriptor, unsigned
from secured_meter import AARQ, NAME, SecuredMeter, aare, access, initiate_response
from stations import Scene, Station, connection, device, group, value
from telegraf_dlms.apdu import encode_get_response, parse_get_request
from telegraf_dlms.counter_search import CounterSearch
from telegraf_dlms.establish import establish
from telegraf_dlms.hdlc import LLC_TO_CLIENT, Frame, FrameBuffer, Kind, control_of, strip_llc
from telegraf_dlms.hdlc import encode as encode_frame
from telegraf_dlms.obis import format_obis
from telegraf_dlms.short_names import OBJECT_LIST
from telegraf_dlms.sn_apdu import encode_read_response, parse_read_request
from telegraf_dlms.wrapper import WrapperBuffer
from telegraf_dlms.wrapper import encode as encode_packet

PUBLIC = 16
COUNTER = descriptor(1, "0.0.43.1.0.255")
APDUS = {0x60: "AARQ", 0x62: "RLRQ", 0xC0: "GET", 0x05: "READ", 0xC3: "ACTION"}


class CountingMeter(SecuredMeter):
    """Takes no counter that is not above the last one; ``last`` may be set to any."""

    def __init__(self, wanted, *, last=40, **options):
        super().__init__(wanted, **options)
        self.last = last
        #: How a counter is refused.
        self.refuse = lambda: bytes.fromhex("D80106") + (self.last + 1).to_bytes(4)

    def answer(self, apdu):
        self.too_low = False
        reply = super().answer(apdu)
        return self.refuse() if self.too_low else reply

    def opened(self, envelope):
        clear = super().opened(envelope)
        counter = self.counters[-1][1]
        self.too_low |= counter <= self.last
        self.last = max(self.last, counter)
        return clear


class PublicMeter:
    """What the public client is let in to: the counter, by logical and by short names."""

    def __init__(self, meter):
        self.meter = meter
        self.access = access(referencing=meter.access.referencing)
        self.aare = {}
        #: The counter's value, or a data-access-result.
        self.value = lambda: unsigned(self.meter.last)
        #: Other objects that it may read.
        self.others = {}
        self.object_list = b""
        self.asked = []

    def answer(self, apdu):
        if apdu[0] == AARQ:
            return aare(self.access, **{"initiate": initiate_response(self.access)} | self.aare)
        if apdu[0] == 0x62:
            assert apdu == bytes.fromhex("6203800100"), "the public client releases in clear"
            return RLRE
        if apdu[0] == 0x05:
            (variable,) = parse_read_request(apdu).variables
            return encode_read_response([self.object_list if variable.short_name == OBJECT_LIST else self.value()])
        request = parse_get_request(apdu)
        self.asked.append(format_obis(request.descriptor.logical_name))
        others = self.others.get(request.descriptor, OBJECT_UNDEFINED)
        return encode_get_response(request.invoke, self.value() if request.descriptor == COUNTER else others)


class SecuredStation(Station):
    def __init__(self, wanted, interface="wrapper", **options):
        super().__init__(interface)
        self.meter = CountingMeter(wanted, **options)
        self.public = PublicMeter(self.meter)
        self.said = []
        #: The client after whose release the meter closes the connection, and how long it takes to.
        self.hangs_up_after, self.hangs_up_in_s = None, 0.1
        #: Clients that get no data link over HDLC.
        self.disconnected = set()

    def forget_associations(self):
        self.server = _Wrapper(self) if self.interface == "wrapper" else _Hdlc(self)

    def hear(self, wire, octets):
        super().hear(wire, octets)
        if self.said and self.said[-1] in {(self.hangs_up_after, "RLRQ"), (self.hangs_up_after, "DISC")}:
            asyncio.get_running_loop().call_later(self.hangs_up_in_s, wire.say, None)

    def serve(self, client, apdu):
        who = "public" if client == PUBLIC else "own"
        name = APDUS.get(apdu[0], "ciphered")
        self.said.append((who, name))
        return (self.public if who == "public" else self.meter).answer(apdu)

    def take_said(self):
        said, self.said = self.said, []
        return said


class _Wrapper:
    def __init__(self, station):
        self.station = station
        self.buffer = WrapperBuffer()

    def receive(self, octets):
        self.buffer.feed(octets)
        replies = []
        while (packet := self.buffer.next()) is not None:
            source, destination, apdu = packet
            replies.append(encode_packet(destination, source, self.station.serve(source, apdu)))
        return b"".join(replies)


class _Hdlc:
    """One data link, without segments: let the configuration allow long frames."""

    def __init__(self, station):
        self.station = station
        self.connected = None
        self.send = 0

    def receive(self, octets):
        buffer = FrameBuffer()
        buffer.feed(octets)
        frame = buffer.next()
        client = frame.source[0] >> 1
        if frame.kind is Kind.I:
            assert client == self.connected
            apdu = self.station.serve(client, strip_llc(frame.information))
            control = control_of(Kind.I, send=self.send, receive=self.send + 1 & 7)
            self.send = self.send + 1 & 7
            return self.frame(frame, control, LLC_TO_CLIENT + apdu)
        self.station.said.append(("public" if client == PUBLIC else "own", frame.kind.name))
        if client in self.station.disconnected:
            return self.frame(frame, control_of(Kind.DM))
        if frame.kind is Kind.SNRM:
            if self.connected not in {None, client}:
                return b""
            self.connected, self.send = client, 0
            return self.frame(frame, control_of(Kind.UA), frame.information)
        known = self.connected == client
        self.connected = None if known else self.connected
        return self.frame(frame, control_of(Kind.UA if known else Kind.DM))

    def frame(self, request, control, information=b""):
        return encode_frame(Frame(request.source, request.destination, control, information))


def secured(wanted, interface="wrapper", *, serial=False, station=None, values=(), **settings):
    """Return a scene with one device that has the access's secrets, and its station."""
    keys = {
        "access_security": wanted.security,
        "password": wanted.password.decode(),
        "transport_security": _TRANSPORT[int(wanted.protection)],
        "security_suite": wanted.suite,
        "authentication_key": wanted.authentication_key.hex(),
        "block_cipher_key": wanted.block_cipher_key.hex(),
        "logical_name_referencing": wanted.referencing == "logical_names",
        "invocation_counter": format_obis(COUNTER.logical_name),
        "client_address": 1,
        "max_info_length": 1024,
    }
    if wanted.dedicated_key:
        keys["dedicated_key"] = wanted.dedicated_key if wanted.dedicated_key == "random" else wanted.dedicated_key.hex()
    if wanted.security == "high_ecdsa":
        keys |= {"signing_key": wanted.signing_key.hex(), "server_public_key": wanted.server_public_key.hex()}
    keys = {key: setting for key, setting in (keys | settings).items() if setting is not None}
    name = value("serial", "house", format_obis(NAME.logical_name), 1)
    scene = Scene(
        connection(**({"type": "serial"} if serial else {})),
        device(interface_type=interface, **keys),
        group("g", name, *values),
        line=station or SecuredStation(wanted, "wrapper" if interface == "wrapper" else "hdlc"),
    )
    scene.station.meter.client_title = bytes.fromhex(keys.get("system_title", scene.world.state.title.hex()))
    return scene


_TRANSPORT = {0: "none", 0x10: "authentication", 0x20: "encryption", 0x30: "authentication_encryption"}


class Opening:
    """Opens the association of a scene's one meter; ``steps`` are those that were told."""

    def __init__(self, scene):
        self.scene = scene
        self.bus = scene.buses[0] if scene.buses else scene.bus()
        self.meter = self.bus.meters[0]
        self.steps = []

    async def dial(self):
        return await self.bus.link(timeout_s=5.0)

    async def make(self):
        return await establish(self.meter, self.dial, self.scene.world, tell=self.steps.append)


def opening_of(wanted, *options, **settings):
    return Opening(secured(wanted, *options, **settings))


class Over(CounterSearch):
    """Has it that nothing is found, so that what becomes of the state's counters shows."""

    def let_in(self):
        pass


def without_counter(wanted, *options, **settings):
    """Return the opening of a device without invocation_counter, and nobody looks for one."""
    opening = opening_of(wanted, *options, invocation_counter=None, **settings)
    opening.meter.counter_search = Over(is_over=True)
    return opening


def meter_of(opening):
    return opening.scene.station.meter


def used(opening, key="global"):
    """Return the counters that a key's APDUs had."""
    return [number for name, number in meter_of(opening).counters if name == key]


def ask(opening):
    return opening.bus.live_link.run(opening.meter.association.ask(NAME), timeout_s=5)


async def again(opening):
    """Open once more, in a new connection."""
    opening.meter.drop_framing()
    opening.bus.distrust()
    return await opening.make()


async def refused(opening, error):
    with pytest.raises(error) as caught:
        await opening.make()
    assert type(caught.value) is error
    assert (opening.meter.framing, opening.meter.association) == (None, None)
    return str(caught.value)
