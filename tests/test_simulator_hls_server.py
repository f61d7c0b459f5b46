import pytest

from secured_client import CLIENT_TITLE, HIGH, METER_TITLE, coming, demanding
from simulator_client import descriptor
from telegraf_dlms import hls
from telegraf_dlms.access import Conformance
from telegraf_dlms.action import encode_action, parse_action_response
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.errors import DataRefused, RemoteProtocolError
from telegraf_dlms.short_names import REPLY_TO_HLS
from telegraf_dlms.simulator.acse import AssociationRequest, Context
from telegraf_dlms.simulator.hls_server import Reply, Trial, is_challenge, parse_reply
from telegraf_dlms.simulator.ledger import CounterTooLow, Ledger
from telegraf_dlms.simulator.security import Opened
from telegraf_dlms.sn_apdu import Variable, encode_read

METHOD = descriptor(15, "0.0.40.0.0.255", 1)
PROOF = encode(Tag.OCTET_STRING, b"proof")
ALL = Conformance.ACTION | Conformance.PARAMETERIZED_ACCESS | Conformance.READ | Conformance.GET
CHALLENGE = bytes(range(100, 132))


def by_name(selection=b"\x01" + PROOF, *, name=REPLY_TO_HLS):
    return encode_read([Variable(name, selection)])


class Scene:
    """A trial before a meter, and the client that is tried."""

    def __init__(self, security, *, suite=0, **others):
        self.access = demanding(security, suite=suite, **others)
        self.ledger = Ledger(self.access)
        aarq = AssociationRequest(Context.LONG_NAMES, self.access.mechanism, CLIENT_TITLE, CHALLENGE, b"")
        self.trial = Trial.begin(aarq, self.access, self.ledger, title=METER_TITLE)
        self.client = coming(self.access)

    def proof(self, *, counter=1, title=CLIENT_TITLE, challenge=None):
        claim = hls.Claim(challenge or self.trial.challenge, CHALLENGE, title, METER_TITLE)
        return hls.prove(self.client, claim, next_counter=lambda: counter)

    def answer(self, proof, opened=None):
        return self.trial.answer(Reply(proof, 0xC1), opened)


def carried(counter, *, before, key="global"):
    return Opened(b"", key, False, 0x30, counter, before)


@pytest.mark.parametrize(
    ("apdu", "expected"),
    [
        pytest.param(encode_action(0x41, METHOD, PROOF), Reply(b"proof", 0x41), id="by ACTION"),
        pytest.param(by_name(), Reply(b"proof", None), id="by READ"),
        pytest.param(encode_action(0x41, descriptor(15, "0.0.40.0.0.255", 2), PROOF), None, id="another method"),
        pytest.param(encode_action(0x41, descriptor(15, "0.0.40.0.1.255", 1), PROOF), None, id="another object"),
        pytest.param(encode_action(0x41, descriptor(64, "0.0.40.0.0.255", 1), PROOF), None, id="another class"),
        pytest.param(by_name(name=0xFA60), None, id="another variable"),
        pytest.param(by_name(b"\x02" + PROOF), None, id="another selector"),
        pytest.param(by_name(b""), None, id="no parameters"),
        pytest.param(encode_read([Variable(REPLY_TO_HLS, b"\x01" + PROOF)] * 2), None, id="two at once"),
        pytest.param(b"\xc0\x01\xc1", None, id="GET"),
    ],
)
def test_a_reply_is_told_from_everything_else(apdu, expected):
    assert parse_reply(apdu, conformance=ALL) == expected


@pytest.mark.parametrize(
    ("apdu", "bit"),
    [(encode_action(0x41, METHOD, PROOF), Conformance.ACTION), (by_name(), Conformance.PARAMETERIZED_ACCESS)],
)
def test_a_reply_by_what_was_not_negotiated_is_none(apdu, bit):
    assert parse_reply(apdu, conformance=bit)
    assert parse_reply(apdu, conformance=ALL & ~bit) is None


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(encode(Tag.VISIBLE_STRING, b"proof"), id="a visible-string"),
        pytest.param(encode(Tag.UNSIGNED, 1), id="a number"),
        pytest.param(PROOF[:-1], id="cut off"),
        pytest.param(PROOF + b"\0", id="an octet more"),
    ],
)
def test_a_proof_that_is_no_octet_string_is_the_clients_fault(parameters):
    with pytest.raises(RemoteProtocolError):
        parse_reply(encode_action(0x41, METHOD, parameters), conformance=ALL)


@pytest.mark.parametrize(
    ("invoke", "accepted", "refused"),
    [
        (0x42, "C7 01 42 00 01 00 0905 70726F6F66", "C7 01 42 03 00"),
        (None, "0C 01 00 0905 70726F6F66", "0C 01 01 03"),
    ],
)
def test_an_answer_is_the_meters_proof_or_a_refusal(invoke, accepted, refused):
    reply = Reply(b"", invoke)

    assert reply.encode(b"proof") == bytes.fromhex(accepted)
    assert reply.encode(None) == bytes.fromhex(refused)


def test_our_own_client_understands_both():
    assert parse_action_response(Reply(b"", 0x42).encode(b"proof"), invoke=0x42) == PROOF
    with pytest.raises(DataRefused, match="read-write-denied"):
        parse_action_response(Reply(b"", 0x42).encode(None), invoke=0x42)


@pytest.mark.parametrize("suite", [0, 1, 2])
@pytest.mark.parametrize("security", HIGH)
def test_a_right_proof_is_answered_with_the_meters_own(security, suite):
    scene = Scene(security, suite=suite)
    answer = scene.answer(scene.proof())
    claim = hls.Claim(CHALLENGE, scene.trial.challenge, METER_TITLE, CLIENT_TITLE)

    assert hls.is_proved(scene.client, claim, answer)


@pytest.mark.parametrize("security", HIGH)
@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda proof: proof[:-1], id="cut off"),
        pytest.param(lambda proof: proof + b"\0", id="longer"),
        pytest.param(lambda proof: proof[:-1] + bytes((proof[-1] ^ 1,)), id="its last bit flipped"),
        pytest.param(lambda proof: proof[:5], id="its first five octets"),
        pytest.param(lambda _: b"", id="none"),
    ],
)
def test_a_wrong_proof_is_not_answered(security, tamper):
    scene = Scene(security)

    assert scene.answer(tamper(scene.proof())) is None
    assert scene.ledger.last == 0


@pytest.mark.parametrize("security", HIGH)
def test_the_clients_own_challenge_proves_nothing(security):
    scene = Scene(security)

    assert scene.answer(scene.proof(challenge=CHALLENGE)) is None


@pytest.mark.parametrize("security", ["high_gmac", "high_sha256", "high_ecdsa"])
def test_a_proof_is_bound_to_the_clients_title(security):
    scene = Scene(security)

    assert scene.answer(scene.proof(title=b"OTHER\0\0\1")) is None


def test_each_trial_has_a_challenge_of_its_own():
    challenges = {Scene("high_gmac").trial.challenge for _ in range(50)}

    assert len(challenges) == 50
    assert {len(challenge) for challenge in challenges} == {16}
    assert len(Scene("high_ecdsa").trial.challenge) == 32


def test_a_gmac_uses_up_its_counter():
    scene = Scene("high_gmac", initial_counter=10)

    assert scene.answer(scene.proof(counter=11))
    assert scene.ledger.last == 11
    with pytest.raises(CounterTooLow) as refused:
        scene.answer(scene.proof(counter=11))
    assert refused.value.expected == 12


@pytest.mark.parametrize(
    ("counter", "opened", "is_right"),
    [
        pytest.param(6, carried(7, before=5), True, id="before that of its APDU"),
        pytest.param(9, carried(7, before=5), True, id="after that of its APDU"),
        pytest.param(7, carried(7, before=5), False, id="that of its APDU"),
        pytest.param(5, carried(7, before=5), False, id="the last one before"),
        pytest.param(7, carried(7, before=-1, key="dedicated"), False, id="used up, its APDU is under another key"),
        pytest.param(8, carried(0, before=-1, key="dedicated"), True, id="its APDU is under another key"),
    ],
)
def test_a_gmacs_counter_is_another_one_than_that_of_its_apdu(counter, opened, is_right):
    scene = Scene("high_gmac", initial_counter=7)
    if is_right:
        assert scene.answer(scene.proof(counter=counter), opened)
        assert scene.ledger.last == max(counter, 7)
    else:
        with pytest.raises(CounterTooLow) as refused:
            scene.answer(scene.proof(counter=counter), opened)
        assert refused.value.expected == 8


def test_other_proofs_use_no_counter():
    scene = Scene("high_sha256", initial_counter=10)
    scene.answer(scene.proof())

    assert scene.ledger.last == 10


def test_wrong_proofs_lock_out_the_right_one():
    scene = Scene("high_md5", lock_after=2)
    answers = [scene.answer(proof) for proof in (b"wrong", scene.proof(), b"wrong", b"wrong", scene.proof())]

    assert [answer is not None for answer in answers] == [False, True, False, False, False]


def test_a_challenge_has_a_length_of_the_standards():
    assert [is_challenge(demanding("high"), bytes(size)) for size in (0, 7, 8, 64, 65)] == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert not is_challenge(demanding("high_ecdsa"), bytes(31))
