import pytest

from secured_client import AUTHENTICATION, BOTH, CLIENT_TITLE, ENCRYPTION, GET_NAME, METER_TITLE, demanding
from telegraf_dlms.ciphering import GENERAL_DED, GENERAL_GLO, Key, Protection, unwrap, wrap
from telegraf_dlms.errors import CipheringError
from telegraf_dlms.simulator import security
from telegraf_dlms.simulator.ledger import CounterTooLow, Ledger
from telegraf_dlms.simulator.security import Ciphers

GLO_GET, DED_GET = 0xC8, 0xD0
ANSWER = bytes.fromhex("C401C1 00 1101")
DEDICATED_KEY = b"D" * 16


class Wire:
    """Both ends of an association's ciphering: the meter's, and the client's key."""

    def __init__(self, *, protection=BOTH, suite=0, general=False):
        self.access = demanding(protection=protection, suite=suite)
        self.ledger = Ledger(self.access)
        self.ciphers = Ciphers(self.access, self.ledger, title=METER_TITLE, client_title=CLIENT_TITLE)
        self.ciphers.grants_general = general
        self.control = int(protection) | suite

    def sealed(self, apdu=GET_NAME, *, control=None, counter=1, title=CLIENT_TITLE, key=None):
        key = self.access.key() if key is None else key
        return key.seal(apdu, control=self.control if control is None else control, title=title, counter=counter)

    def open(self, sealed, tag=GLO_GET, title=CLIENT_TITLE):
        return self.ciphers.open(wrap(sealed, tag, title=title))

    def with_dedicated_key(self):
        self.ciphers.take_dedicated_key(DEDICATED_KEY, self.open(self.sealed(counter=1)))
        return Key(DEDICATED_KEY, self.access.authentication_key)


@pytest.mark.parametrize("suite", [0, 1, 2])
@pytest.mark.parametrize("protection", [AUTHENTICATION, ENCRYPTION, BOTH])
def test_a_request_is_opened_and_its_answer_sealed_alike(protection, suite):
    wire = Wire(protection=protection, suite=suite)
    opened = wire.open(wire.sealed())
    answer = unwrap(wire.ciphers.seal(ANSWER, opened))

    assert opened.plaintext == GET_NAME
    assert (answer.key, answer.title, answer.service) == ("global", b"", ANSWER[0])
    assert answer.sealed[:5] == bytes((wire.control, 0, 0, 0, 1))
    assert wire.access.key().unseal(answer.sealed, title=METER_TITLE) == ANSWER


def test_more_than_the_policy_is_let_through_and_answered_with_as_much():
    wire = Wire(protection=AUTHENTICATION)
    opened = wire.open(wire.sealed(control=0x30))

    assert opened.plaintext == GET_NAME
    assert unwrap(wire.ciphers.seal(ANSWER, opened)).sealed[0] == 0x30


@pytest.mark.parametrize(
    ("protection", "control", "cause"),
    [
        pytest.param(BOTH, 0x20, "weaker", id="not authenticated"),
        pytest.param(BOTH, 0x10, "weaker", id="not encrypted"),
        pytest.param(ENCRYPTION, 0x10, "weaker", id="authenticated in place of encrypted"),
        pytest.param(AUTHENTICATION, 0x00, "weaker", id="not protected at all"),
        pytest.param(BOTH, 0x31, "suite 0", id="of another suite"),
        pytest.param(BOTH, 0x70, "suite 0", id="with a broadcast key"),
        pytest.param(BOTH, 0xB0, "suite 0", id="compressed"),
    ],
)
def test_another_protection_than_the_policy_is_refused(protection, control, cause):
    wire = Wire(protection=protection)

    with pytest.raises(CipheringError, match=cause):
        wire.open(wire.sealed(control=control))
    assert wire.ledger.last == 0


def flipped(octets, bit):
    return (int.from_bytes(octets, "big") ^ 1 << bit).to_bytes(len(octets), "big")


@pytest.mark.parametrize("protection", [AUTHENTICATION, BOTH])
def test_no_request_with_one_bit_flipped_is_let_through(protection):
    wire = Wire(protection=protection)
    request = wrap(wire.sealed(counter=5), GLO_GET)
    for bit in range(8 * len(request)):
        with pytest.raises((CipheringError, CounterTooLow)):
            wire.ciphers.open(flipped(request, bit))

    assert wire.ledger.last == 0
    assert wire.ciphers.open(request).plaintext == GET_NAME


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda wire: wire.sealed(title=b"OTHER\0\0\1"), id="title"),
        pytest.param(lambda wire: wire.sealed(key=Key(b"X" * 16, b"A" * 16)), id="block cipher key"),
        pytest.param(lambda wire: wire.sealed(key=Key(b"B" * 16, b"X" * 16)), id="authentication key"),
        pytest.param(lambda wire: wire.sealed()[:-1], id="tag cut off"),
        pytest.param(lambda wire: wire.sealed()[:4], id="header cut off"),
        pytest.param(lambda wire: wire.sealed(ANSWER), id="another service than it says"),
        pytest.param(lambda wire: wire.sealed(b""), id="nothing"),
    ],
)
def test_what_is_not_the_clients_is_refused(tamper):
    wire = Wire()

    with pytest.raises(CipheringError):
        wire.open(tamper(wire))
    assert wire.ledger.last == 0


def test_with_the_wrong_key_encryption_alone_gives_no_service():
    wire = Wire(protection=ENCRYPTION)

    with pytest.raises(CipheringError, match="holds"):
        wire.open(wire.sealed(key=Key(b"X" * 16)))


@pytest.mark.parametrize("apdu", [GET_NAME, b"", b"\xd8\x01\x01", bytes.fromhex("DD00")])
def test_what_is_not_ciphered_is_refused(apdu):
    with pytest.raises(CipheringError, match="in clear"):
        Wire().ciphers.open(apdu)


def test_no_counter_is_let_through_twice_or_backwards():
    wire = Wire()
    wire.open(wire.sealed(counter=9))
    for counter in (0, 8, 9):
        with pytest.raises(CounterTooLow) as refused:
            wire.open(wire.sealed(counter=counter))
        assert refused.value.expected == 10

    opened = wire.open(wire.sealed(counter=10))
    assert (opened.counter, opened.before) == (10, 9)


def test_the_meters_own_counter_rises_with_each_answer():
    wire = Wire()
    counters = [unwrap(wire.ciphers.seal(ANSWER, wire.open(wire.sealed(counter=n)))).sealed[1:5] for n in (5, 6, 7)]

    assert [int.from_bytes(counter, "big") for counter in counters] == [1, 2, 3]


def test_the_dedicated_key_has_counters_of_its_own_and_answers_its_requests():
    wire = Wire()
    key = wire.with_dedicated_key()
    opened = wire.open(wire.sealed(key=key, counter=0), DED_GET)
    answer = unwrap(wire.ciphers.seal(ANSWER, opened))

    assert (answer.key, answer.service) == ("dedicated", ANSWER[0])
    assert key.unseal(answer.sealed, title=METER_TITLE) == ANSWER
    assert wire.ledger.last == 1
    assert unwrap(wire.ciphers.seal(ANSWER, wire.open(wire.sealed(counter=2)))).key == "global"


def test_a_dedicated_key_that_comes_again_must_not_repeat_its_counters():
    wire = Wire()
    wire.open(wire.sealed(key=wire.with_dedicated_key(), counter=4), DED_GET)
    wire.ciphers = Ciphers(wire.access, wire.ledger, title=METER_TITLE, client_title=CLIENT_TITLE)
    wire.ciphers.take_dedicated_key(DEDICATED_KEY, wire.open(wire.sealed(counter=2)))

    with pytest.raises(CounterTooLow) as refused:
        wire.open(wire.sealed(key=Key(DEDICATED_KEY, b"A" * 16), counter=4), DED_GET)
    assert refused.value.expected == 5


def test_without_a_dedicated_key_nothing_comes_under_it():
    wire = Wire()

    with pytest.raises(CipheringError, match="there is none"):
        wire.open(wire.sealed(), DED_GET)


@pytest.mark.parametrize("size", [15, 17, 32])
def test_a_dedicated_key_has_the_length_of_its_suite(size):
    wire = Wire()

    with pytest.raises(CipheringError, match=f"{size} octets"):
        wire.ciphers.take_dedicated_key(bytes(size), wire.open(wire.sealed()))


def test_a_dedicated_key_does_not_come_in_clear():
    wire = Wire(protection=AUTHENTICATION)

    with pytest.raises(CipheringError, match="in clear"):
        wire.ciphers.take_dedicated_key(DEDICATED_KEY, wire.open(wire.sealed()))
    assert wire.open(wire.sealed(control=0x30, counter=2)).control == 0x30


@pytest.mark.parametrize("tag", [GENERAL_GLO, GENERAL_DED])
def test_the_general_form_is_answered_in_the_general_form(tag):
    wire = Wire(general=True)
    key = wire.with_dedicated_key() if tag == GENERAL_DED else wire.access.key()
    opened = wire.open(wire.sealed(key=key, counter=2), tag)
    reply = wire.ciphers.seal(ANSWER, opened)
    answer = unwrap(reply)

    assert opened.plaintext == GET_NAME
    assert reply[0] == tag
    assert (answer.title, answer.service) == (METER_TITLE, None)
    assert key.unseal(answer.sealed, title=METER_TITLE) == ANSWER


def test_the_general_form_has_to_be_negotiated():
    wire = Wire()

    with pytest.raises(CipheringError, match="not negotiated"):
        wire.open(wire.sealed(), GENERAL_GLO)


@pytest.mark.parametrize("title", [b"OTHER\0\0\1", b"", METER_TITLE])
def test_the_general_form_names_the_client(title):
    wire = Wire(general=True)

    with pytest.raises(CipheringError, match="not the client's"):
        wire.open(wire.sealed(), GENERAL_GLO, title)


def test_the_general_form_holds_a_service():
    wire = Wire(general=True)

    with pytest.raises(CipheringError, match="holds 60"):
        wire.open(wire.sealed(b"\x60\x00"), GENERAL_GLO)


@pytest.mark.parametrize("protection", [AUTHENTICATION, ENCRYPTION, BOTH])
@pytest.mark.parametrize("general", [False, True])
def test_ciphering_adds_no_more_than_is_left_room_for(protection, general):
    wire = Wire(protection=protection, general=general)
    opened = wire.open(wire.sealed(), GENERAL_GLO if general else GLO_GET)
    room = security.OVERHEAD + (security.GENERAL_OVERHEAD if general else 0)
    added = [len(wire.ciphers.seal(b"\xc4" + bytes(size), opened)) - size - 1 for size in (100, 1000, 60000)]

    assert max(added) == room - (0 if protection & Protection.AUTHENTICATION else 12)
