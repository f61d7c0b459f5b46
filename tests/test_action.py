"""The ACTION service: the octets that gurux-dlms writes too, and which answers are answers."""

from __future__ import annotations

import contextlib
import io

import pytest
from gurux_dlms.enums import Authentication, DataType, InterfaceType
from gurux_dlms.objects import GXDLMSAssociationLogicalName
from gurux_dlms.secure import GXDLMSSecureClient

from telegraf_dlms.action import (
    ActionRequest,
    encode_action,
    encode_action_response,
    parse_action_request,
    parse_action_response,
)
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import DataRefused, RemoteProtocolError

REPLY_TO_HLS = AttributeDescriptor(15, bytes.fromhex("0000280000FF"), 1)
PROOF = encode(Tag.OCTET_STRING, bytes(range(16)))


def test_the_request_is_guruxs():
    client = GXDLMSSecureClient(True, 16, 1, Authentication.HIGH, b"1", InterfaceType.PDU)
    association = GXDLMSAssociationLogicalName()
    with contextlib.redirect_stdout(io.StringIO()):
        (theirs,) = client.method(association, 1, bytes(range(16)), DataType.OCTET_STRING)
    theirs = bytes(theirs)
    assert encode_action(theirs[2], REPLY_TO_HLS, PROOF).hex(" ") == theirs.hex(" ")


def test_a_request_is_read_as_it_was_written():
    request = ActionRequest(0xC1, 15, REPLY_TO_HLS.logical_name, 1, PROOF)
    assert parse_action_request(encode_action(0xC1, REPLY_TO_HLS, PROOF)) == request


def test_a_request_without_parameters_has_none():
    octets = bytes.fromhex("C301C1 000F 0000280000FF 01 00")
    assert parse_action_request(octets) == ActionRequest(0xC1, 15, REPLY_TO_HLS.logical_name, 1, b"")


@pytest.mark.parametrize("octets", ["", "C3", "C301C1", "C301C1000F0000280000FF", "C301C1000F0000280000FF01"])
def test_a_request_that_is_cut_off_says_so(octets):
    with pytest.raises(RemoteProtocolError, match="the request is cut off"):
        parse_action_request(bytes.fromhex(octets))


@pytest.mark.parametrize("octets", ["C302C1000F0000280000FF0100", "C001C1000F0000280000FF0100"])
def test_another_request_is_none(octets):
    with pytest.raises(RemoteProtocolError, match="no action-request-normal"):
        parse_action_request(bytes.fromhex(octets))


def test_what_a_method_returned_is_read():
    answer = encode_action_response(0xC1, returned=PROOF)
    assert answer == bytes.fromhex("C701C1 00 0100") + PROOF
    assert parse_action_response(answer, invoke=0xC1) == PROOF


@pytest.mark.parametrize("octets", ["C701C10000", "C701C100"])
def test_a_method_may_return_nothing(octets):
    assert parse_action_response(bytes.fromhex(octets), invoke=0xC1) == b""


def test_the_priority_of_an_answer_may_be_another():
    assert parse_action_response(encode_action_response(0x01, returned=PROOF), invoke=0xC1) == PROOF


@pytest.mark.parametrize(
    ("octets", "result", "words"),
    [
        ("C701C10300", 3, "action-result read-write-denied (3)"),
        ("C701C1FA00", 250, "action-result other-reason (250)"),
        ("C701C14D00", 77, "action-result unknown (77)"),
        ("C701C100010103", 3, "read-write-denied (3)"),
    ],
)
def test_a_refused_method_says_why(octets, result, words):
    with pytest.raises(DataRefused) as caught:
        parse_action_response(bytes.fromhex(octets), invoke=0xC1)
    assert (caught.value.result, str(caught.value)) == (result, words)


@pytest.mark.parametrize("octets", ["C701C20000", "C701C20300", "C701C200 0100 0900"])
def test_an_answer_to_another_request_is_none_whatever_it_says(octets):
    with pytest.raises(RemoteProtocolError, match="invoke-id 2 was answered, 1 was asked"):
        parse_action_response(bytes.fromhex(octets), invoke=0xC1)


@pytest.mark.parametrize("octets", ["", "C7", "C701", "C701C1", "C702C10000", "C401C10000", "D80101"])
def test_what_is_no_answer_to_a_method_says_so(octets):
    with pytest.raises(RemoteProtocolError, match="no answer to an action-request"):
        parse_action_response(bytes.fromhex(octets), invoke=0xC1)
