"""How an association is released, and that a release that fails is no error."""

from __future__ import annotations

import pytest

from hdlc_frames import DISC, DM, UA, answer, opened, request
from scripted_meter import RLRE, Apdus
from talking import drive
from telegraf_dlms.association import rlrq
from telegraf_dlms.conversation import release
from telegraf_dlms.errors import LinkError, RemoteProtocolError, Silence
from telegraf_dlms.wrapper import WrapperFraming

RLRQ = rlrq()


def test_a_release_over_the_wrapper_is_an_rlrq():
    link = WrapperFraming(client=16, server=1)
    _, sent = drive(release(link, request=RLRQ), b"\x00\x01\x00\x01\x00\x10\x00\x05" + RLRE)
    assert sent == [b"\x00\x01\x00\x10\x00\x01\x00\x05" + RLRQ]


def test_a_release_over_hdlc_is_a_disc():
    link = opened()
    assert drive(release(link, request=b""), UA)[1] == [DISC]
    assert not link.unclean


def test_a_release_with_a_request_takes_down_the_data_link_as_well():
    link = opened()
    assert drive(release(link, request=RLRQ), answer(0, 1, RLRE), DM)[1] == [request(0, 0, RLRQ), DISC]


@pytest.mark.parametrize(
    "error", [Silence("no answer"), LinkError("closed"), RemoteProtocolError("WRAPPER: version 7")], ids=repr
)
def test_a_release_that_fails_is_no_error(error):
    link = Apdus()
    assert drive(release(link, request=RLRQ), error) == (None, [RLRQ])
    assert not link.closed
