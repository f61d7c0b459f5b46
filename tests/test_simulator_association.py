import pytest

from secured_client import (
    AUTHENTICATION,
    BOTH,
    ENCRYPTION,
    GET_NAME,
    HIGH,
    NAME_ANSWERED,
    NAME_READ,
    READ_NAME,
    SecuredClient,
    demanding,
    information_of,
    proof_of,
    result_of,
)
from simulator_client import descriptor
from telegraf_dlms import association, ber
from telegraf_dlms.apdu import encode_get
from telegraf_dlms.ciphering import unwrap
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.simulator.association import Association
from telegraf_dlms.simulator.buffers import Moment
from telegraf_dlms.simulator.negotiated import (
    MALFORMED,
    NO_ASSOCIATION,
    NOT_DECIPHERED,
    NOT_SUPPORTED,
    Negotiated,
    counter_error,
)

REFERENCINGS = pytest.mark.parametrize("referencing", ["logical_names", "short_names"])
REFUSALS = {bytes.fromhex("C701C1 03 00"), bytes.fromhex("0C01 01 03")}
SHORT_SEALED = bytes.fromhex("C804 30000000")


class Echo:
    """A service that gives back what it was asked."""

    def answer(self, request):
        if request == b"bad":
            raise RemoteProtocolError("bad")
        return request


def in_clear():
    return Association(Negotiated(0, 1024, lambda: Moment(0, 1), {}), Echo(), b"\x08")


def released(answer):
    return information_of(dict(ber.elements(ber.only(answer, 0x63, "RLRE"), "RLRE")))


def test_in_clear_the_service_answers_as_it_is():
    assert in_clear().answer(GET_NAME) == GET_NAME
    with pytest.raises(RemoteProtocolError):
        in_clear().answer(b"bad")


def test_in_clear_a_release_answers_nothing():
    assert in_clear().release(b"whatever") == b""


@pytest.mark.parametrize("protection", [0, BOTH])
@pytest.mark.parametrize("security", HIGH)
@REFERENCINGS
def test_before_the_proof_nothing_is_read(security, protection, referencing):
    client = SecuredClient(demanding(security, protection=protection, referencing=referencing))
    client.associate()

    assert [client.ask(GET_NAME), client.ask(READ_NAME)] == [NO_ASSOCIATION, NO_ASSOCIATION]
    proof_of(client.authenticate())
    assert client.ask_name() in {NAME_ANSWERED, NAME_READ}


@pytest.mark.parametrize("protection", [0, BOTH])
@REFERENCINGS
def test_a_wrong_proof_is_refused_and_ends_the_association(protection, referencing):
    client = SecuredClient(demanding("high_sha256", protection=protection, referencing=referencing))
    client.associate()

    assert client.authenticate(b"wrong") in REFUSALS
    assert client.authenticate() == NO_ASSOCIATION
    assert client.ask_name() == NO_ASSOCIATION


def test_a_second_proof_is_no_service_of_an_open_association():
    client = SecuredClient(demanding("high_md5")).come_in()

    assert client.authenticate() == NOT_SUPPORTED


def test_a_malformed_proof_leaves_the_client_its_trial():
    client = SecuredClient(demanding("high_md5"))
    client.associate()

    assert client.say(client.reply_to_hls(b"")[:-1]) == MALFORMED
    proof_of(client.authenticate())


def test_an_exception_response_comes_in_clear():
    client = SecuredClient(demanding(protection=BOTH)).come_in()
    client.ask(READ_NAME)

    assert client.last == NOT_SUPPORTED
    assert client.ask_name() == NAME_ANSWERED


def test_a_refused_attribute_comes_ciphered():
    client = SecuredClient(demanding(protection=BOTH)).come_in()

    assert client.ask(encode_get(0xC1, descriptor(3, "1.0.99.99.0.255"))) == bytes.fromhex("C401C1 01 04")
    assert client.last[0] == 0xCC


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        pytest.param(GET_NAME, NOT_DECIPHERED, id="in clear"),
        pytest.param(SHORT_SEALED, NOT_DECIPHERED, id="cut off"),
        pytest.param(b"", NOT_DECIPHERED, id="nothing"),
    ],
)
def test_what_is_not_held_to_the_policy_is_refused_and_leaves_the_association(octets, answer):
    client = SecuredClient(demanding(protection=BOTH)).come_in()

    assert client.say(octets) == answer
    assert client.ask_name() == NAME_ANSWERED


def test_a_replayed_request_is_refused_with_the_counter_that_would_do():
    client = SecuredClient(demanding(protection=BOTH)).come_in()
    request = client.seal(GET_NAME)

    assert client.unseal(client.say(request)) == NAME_ANSWERED
    assert client.say(request) == counter_error(client.counter)
    assert client.ask_name() == NAME_ANSWERED


@pytest.mark.parametrize("protection", [AUTHENTICATION, ENCRYPTION, BOTH])
@REFERENCINGS
def test_a_ciphered_release_is_answered_by_a_ciphered_initiate_response(protection, referencing):
    client = SecuredClient(demanding("low", protection=protection, referencing=referencing))
    opened = client.unseal(information_of(client.associate()))
    answer = released(client.say(association.rlrq(client.initiate())))

    assert unwrap(answer).service == 0x08
    assert client.unseal(answer) == opened
    assert client.ask_name() == NO_ASSOCIATION


def test_a_release_in_clear_is_a_release():
    client = SecuredClient(demanding("high_gmac", protection=BOTH)).come_in()

    assert client.say(association.rlrq()) == bytes.fromhex("6303800100")
    assert client.ask_name() == NO_ASSOCIATION


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        pytest.param({"title": b"OTHER\0\0\1"}, NOT_DECIPHERED, id="from another title"),
        pytest.param({"control": 0x20}, NOT_DECIPHERED, id="weaker"),
        pytest.param({"counter": 1}, counter_error(2), id="replayed"),
    ],
)
def test_a_release_that_is_not_the_clients_releases_nothing(how, answer):
    client = SecuredClient(demanding(protection=BOTH)).come_in()

    assert client.say(association.rlrq(client.initiate(**how))) == answer
    assert client.ask_name() == NAME_ANSWERED


def test_a_release_with_something_else_inside_releases_nothing():
    client = SecuredClient(demanding(protection=BOTH)).come_in()

    assert client.say(association.rlrq(client.seal(GET_NAME))) == MALFORMED
    assert client.ask_name() == NAME_ANSWERED


def test_before_the_proof_a_client_may_leave():
    client = SecuredClient(demanding("high_gmac", protection=BOTH))
    assert result_of(client.associate()) == 0

    assert released(client.say(association.rlrq(client.initiate())))
    assert client.authenticate() == NO_ASSOCIATION
