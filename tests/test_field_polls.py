"""The recorded polls of real meters, gone through as their client: what we send is what was sent, octet for octet."""

from __future__ import annotations

import pytest
from points import parse

from field import CLOCK, FIELD, cases, each, frames_of, needs_field
from talking import CUTS, octet_by_octet
from telegraf_dlms.aare import parse_aare, parse_initiate_response
from telegraf_dlms.access import Access, Conformance
from telegraf_dlms.association import aarq, initiate_request
from telegraf_dlms.cosem import AttributeDescriptor, ScalerUnit
from telegraf_dlms.errors import Silence
from telegraf_dlms.get import get
from telegraf_dlms.hdlc import (
    LLC_TO_CLIENT,
    LLC_TO_SERVER,
    Frame,
    Kind,
    Parameters,
    control_of,
    decode_parameters,
    encode,
    encode_parameters,
)
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.metrics import Presentation, Series
from telegraf_dlms.obis import parse_obis

RISESUN, GOSEM = cases("risesun_poll"), cases("gosem_circutor_poll")
ENERGY = AttributeDescriptor(3, parse_obis("1.1.96.80.0.255"), 2)
SCALER_UNIT = AttributeDescriptor(3, parse_obis("1.1.1.8.0.255"), 3)
FIRMWARE = AttributeDescriptor(1, parse_obis("1.0.0.2.0.255"), 2)


class Recording:
    """A meter that answers each recorded request with what was recorded behind it, and nothing else."""

    def __init__(self, case, *, cut=octet_by_octet):
        octets = [bytes.fromhex(frame["hex"]) for frame in case["frames"]]
        self.requests = octets[::2]
        self.answers = dict(zip(octets[::2], octets[1::2], strict=True))
        self.cut = cut
        self.sent = []
        (snrm,) = frames_of(self.requests[0])
        (ua,) = frames_of(octets[1])
        self.client, self.server = snrm.source, snrm.destination
        self.snrm = snrm
        self.offers = ua

    def talk(self, conversation):
        """Run a conversation to its answer; Silence where the recording has nothing."""
        waiting = []
        try:
            octets = next(conversation)
            while True:
                if octets:
                    self.sent.append(octets)
                    waiting = self.cut(self.answers[octets]) if octets in self.answers else []
                octets = conversation.send(waiting.pop(0)) if waiting else conversation.throw(Silence("nothing"))
        except StopIteration as end:
            return end.value

    def apdu(self, number):
        """Return the APDU of the recorded request with this number."""
        (frame,) = frames_of(self.requests[number])
        return frame.information[3:]


def frame_of(octets):
    (frame,) = frames_of(octets)
    return frame


#: A GET that might have been in the exchange that the recording leaves out, and an answer to it.
LEFT_OUT, ITS_ANSWER = bytes.fromhex("c0 01 02 0003 010101 0800ff 02 00"), bytes.fromhex("c4 01 02 01 04")


def left_out(client, server):
    """Return both as frames: N(S) 2, since 1 is recorded before and 3 behind it."""
    request = Frame(server, client, control_of(Kind.I, send=2, receive=2), LLC_TO_SERVER + LEFT_OUT)
    answer = Frame(client, server, control_of(Kind.I, send=2, receive=3), LLC_TO_CLIENT + ITS_ANSWER)
    return encode(request), encode(answer)


@pytest.mark.parametrize("cut", CUTS)
@each(RISESUN)
def test_a_poll_with_a_four_octet_address_from_snrm_to_the_reading(case, cut):
    meter = Recording(case, cut=cut)
    missing, its_answer = left_out(meter.client, meter.server)
    meter.answers[missing] = its_answer
    link = HdlcFraming(client=meter.client, server=meter.server, max_info_length=255)
    meter.talk(link.open())
    assert meter.talk(link.exchange(meter.apdu(1)))[0] == 0x61
    link.established()
    scaler_unit = meter.talk(get(link, SCALER_UNIT, invoke_ids=iter([0x01])))
    assert meter.talk(link.exchange(LEFT_OUT)) == ITS_ANSWER
    value = meter.talk(get(link, ENERGY, invoke_ids=iter([0x03])))
    assert [list(scaler_unit), value] == [case["expected"]["1.1.1.8.0.255:3"], case["expected"]["1.1.96.80.0.255:2"]]
    assert meter.sent == [*meter.requests[:3], missing, meter.requests[3]]
    assert (link.dropped, link.repeats, link.exchanges) == (0, 0, 4)
    series = Series(
        "dlms", tags={}, class_id=3, logical_name=ENERGY.logical_name, presentation=Presentation("utf-8", CLOCK)
    )
    line, problems = series.line([(2, value)], scaler_unit=ScalerUnit.of(scaler_unit), time_ns=0)
    point = parse(line)
    assert (point.fields["value"] / 1000, point.tags["unit"], problems) == (case["expected"]["kWh"], "Wh", ())


@pytest.mark.parametrize(
    ("case", "password", "max_pdu_size", "granted"),
    [
        pytest.param(*RISESUN[:1], b"12345678", 0x0800, (0x00081D, 0xBD), id="risesun"),
        pytest.param(*GOSEM[:1], b"00000001", 0x0200, (0x001014, 0xF0), id="gosem"),
    ]
    if FIELD.is_dir()
    else [pytest.param(None, None, None, None, marks=needs_field)],
)
def test_the_recorded_associations_are_those_that_we_would_ask_for(case, password, max_pdu_size, granted):
    meter = Recording(case)
    access = Access("low", password, max_pdu_size)
    recorded = meter.apdu(1)
    ours = aarq(access, initiate=initiate_request(access, dedicated_key=b""), title=b"", challenge=b"")
    assert ours[:-5] == recorded[:-5], "all but the conformance and the size of a PDU"
    conformance, size = int.from_bytes(recorded[-5:-2], "big"), int.from_bytes(recorded[-2:], "big")
    assert Conformance.GET in Conformance(conformance)
    assert size <= max_pdu_size
    answer = frame_of(meter.answers[meter.requests[1]]).information[3:]
    aare = parse_aare(answer, access)
    assert (aare.title, aare.challenge, aare.diagnostic) == (b"", b"", "null (0)")
    negotiated = parse_initiate_response(aare.initiate, access)
    # What the meter grants beyond what we ask for is left out.
    assert negotiated.conformance == Conformance(granted[0]) & access.proposed
    assert negotiated.max_pdu_size == granted[1]
    assert Conformance.GET in negotiated.conformance


@needs_field
def test_a_poll_s_meter_offers_less_than_was_asked_for():
    (case,) = RISESUN
    meter = Recording(case)
    assert decode_parameters(meter.snrm.information) == Parameters(255, 255, 1, 1)
    assert decode_parameters(meter.offers.information) == Parameters(192, 192, 1, 1)
    # A request that is longer than the meter takes is cut at what it offered.
    link = HdlcFraming(client=meter.client, server=meter.server, max_info_length=255)
    meter.talk(link.open())
    with pytest.raises(Silence):
        meter.talk(link.exchange(bytes(400)))
    assert len(frame_of(meter.sent[-1]).information) == 192


@pytest.mark.parametrize("cut", CUTS)
@each([case for case in GOSEM if "expected" in case])
def test_a_poll_whose_ua_states_lengths_of_one_octet(case, cut):
    # This client's SNRM has no parameters; ours always states them.
    meter = Recording(case, cut=cut)
    stated = encode(Frame(meter.server, meter.client, 0x93, encode_parameters(Parameters())))
    meter.answers[stated] = meter.answers[meter.requests[0]]
    assert decode_parameters(meter.offers.information) == Parameters(248, 240, 1, 1)
    link = HdlcFraming(client=meter.client, server=meter.server)
    meter.talk(link.open())
    assert meter.talk(link.exchange(meter.apdu(1)))[0] == 0x61
    assert meter.talk(get(link, FIRMWARE, invoke_ids=iter([0xC1]))).decode() == case["expected"]["1.0.0.2.0.255:2"]
    assert meter.sent == [stated, *meter.requests[1:]]


@each([case for case in GOSEM if "expected" not in case])
def test_a_ua_without_parameters_means_128_octets_and_a_window_of_1(case):
    meter = Recording(case)
    assert meter.offers.kind is Kind.UA
    assert decode_parameters(meter.offers.information) == Parameters(128, 128, 1, 1)
    link = HdlcFraming(client=meter.client, server=meter.server, max_info_length=1024)
    conversation = link.open()
    snrm = frame_of(next(conversation))
    assert (snrm.source, snrm.destination, snrm.kind) == (meter.snrm.source, meter.snrm.destination, Kind.SNRM)
    with pytest.raises(StopIteration):
        conversation.send(meter.answers[meter.requests[0]])
    with pytest.raises(Silence):
        meter.talk(link.exchange(bytes(400)))
    assert len(frame_of(meter.sent[-1]).information) == 128
