from telegraf_dlms.simulator.acse import Conformance
from telegraf_dlms.simulator.buffers import Moment
from telegraf_dlms.simulator.negotiated import Block, Negotiated, Transfer


def test_only_what_was_negotiated_is_granted():
    negotiated = Negotiated(Conformance.READ | Conformance.GET, 1024, lambda: Moment(0, 1))

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
