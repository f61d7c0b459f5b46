from telegraf_dlms.access import Conformance
from telegraf_dlms.apdu import Refusal, parse_get_response
from telegraf_dlms.simulator.buffers import Moment
from telegraf_dlms.simulator.negotiated import Block, Negotiated, Transfer, counter_error


def test_only_what_was_negotiated_is_granted():
    negotiated = Negotiated(Conformance.READ | Conformance.GET, 1024, lambda: Moment(0, 1), {})

    assert negotiated.grants(Conformance.READ)
    assert not negotiated.grants(Conformance.SELECTIVE_ACCESS)


def test_an_answer_goes_piece_by_piece():
    transfer = Transfer(b"abcde")

    assert [transfer.next(2) for _ in range(3)] == [
        Block(b"ab", 1, last=False),
        Block(b"cd", 2, last=False),
        Block(b"e", 3, last=True),
    ]


def test_a_piece_that_fits_exactly_is_the_last():
    assert Transfer(b"ab").next(2) == Block(b"ab", 1, last=True)


def test_a_counter_error_carries_the_counter_that_would_do():
    assert counter_error(0x01020304) == bytes.fromhex("D8 01 06 01020304")
    assert parse_get_response(counter_error(7)) == Refusal(
        "exception-response: service-not-allowed (1), invocation-counter-error (6)", 1, 7
    )
