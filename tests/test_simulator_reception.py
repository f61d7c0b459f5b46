import pytest

from secured_client import (
    AUTHENTICATION,
    BOTH,
    ENCRYPTION,
    GET_NAME,
    MECHANISMS,
    METER_TITLE,
    NAME_ANSWERED,
    NAME_READ,
    SecuredClient,
    aare_fields,
    demanding,
    diagnostic_of,
    information_of,
    result_of,
)
from simulator_client import descriptor
from telegraf_dlms import association, ber
from telegraf_dlms.apdu import encode_get
from telegraf_dlms.ciphering import unwrap
from telegraf_dlms.simulator import initiate, meter
from telegraf_dlms.simulator.ledger import Ledger
from telegraf_dlms.simulator.negotiated import MALFORMED, NOT_DECIPHERED, NOT_SUPPORTED, counter_error

REFERENCINGS = pytest.mark.parametrize("referencing", ["logical_names", "short_names"])
PROTECTIONS = pytest.mark.parametrize("protection", [0, AUTHENTICATION, ENCRYPTION, BOTH])
LOAD = encode_get(0xC1, descriptor(7, "1.0.99.1.0.255"))
OTHER_TITLE = b"OTHER\0\0\1"
GENERAL_PROTECTION, ACTION = 1 << 22, 1


def conformance_of(client, fields):
    """Return the conformance of the InitiateResponse in an AARE."""
    return int.from_bytes(client.unseal(information_of(fields))[7:10], "big")


@pytest.mark.parametrize("suite", [0, 1, 2])
@pytest.mark.parametrize("security", MECHANISMS)
@PROTECTIONS
@REFERENCINGS
def test_who_comes_as_demanded_is_let_in_and_reads(security, protection, suite, referencing):
    client = SecuredClient(demanding(security, protection=protection, suite=suite, referencing=referencing))

    assert client.come_in().ask_name() in {NAME_ANSWERED, NAME_READ}


@pytest.mark.parametrize("security", ["none", "low"])
def test_the_aare_says_that_it_is_all_there_is(security):
    fields = SecuredClient(demanding(security)).associate()

    assert (result_of(fields), diagnostic_of(fields)) == (0, 0)
    assert set(fields) == {0xA1, 0xA2, 0xA3, 0xBE}


@pytest.mark.parametrize("security", MECHANISMS[2:])
def test_with_high_level_security_the_aare_says_what_is_to_follow(security):
    client = SecuredClient(demanding(security))
    fields = client.associate()

    assert (result_of(fields), diagnostic_of(fields)) == (0, 14)
    assert fields[0x88] == bytes.fromhex("0780")
    assert fields[0x89] == bytes.fromhex("608574050802") + bytes((client.access.mechanism,))
    assert len(client.meter_challenge) == (32 if security == "high_ecdsa" else 16)


@pytest.mark.parametrize("security", MECHANISMS)
@PROTECTIONS
def test_the_meter_shows_its_title_where_it_is_needed(security, protection):
    client = SecuredClient(demanding(security, protection=protection))
    fields = client.associate()

    assert (0xA4 in fields) is client.access.needs_title
    if client.access.needs_title:
        assert ber.only(fields[0xA4], 0x04, "title") == METER_TITLE


@pytest.mark.parametrize("protection", [AUTHENTICATION, ENCRYPTION, BOTH])
def test_the_initiate_response_is_ciphered_as_the_request_was(protection):
    client = SecuredClient(demanding(protection=protection))
    fields = client.associate()
    envelope = unwrap(information_of(fields))

    assert (envelope.key, envelope.service, envelope.sealed[0]) == ("global", 0x08, protection)
    assert client.unseal(information_of(fields))[:1] == b"\x08"


def test_with_short_names_the_context_and_the_vaa_name_are_theirs():
    client = SecuredClient(demanding(protection=BOTH, referencing="short_names"))
    fields = client.associate()

    assert fields[0xA1][-1] == 4
    assert client.unseal(information_of(fields))[-2:] == bytes.fromhex("FA00")


@pytest.mark.parametrize(
    ("demands", "others", "how", "diagnostic"),
    [
        pytest.param(demanding("low"), {"password": b"wrong"}, {}, 13, id="wrong password"),
        pytest.param(demanding("low", protection=BOTH), {"password": b"wrong"}, {}, 13, id="wrong password, ciphered"),
        pytest.param(demanding("high"), {}, {"challenge": bytes(7)}, 13, id="a challenge too short"),
        pytest.param(demanding("high_ecdsa"), {}, {"challenge": bytes(16)}, 13, id="a challenge too short for ECDSA"),
        pytest.param(demanding("high_gmac"), {}, {"title": b"1234567"}, 3, id="a title too short"),
        pytest.param(
            demanding("high_gmac", client_system_title=OTHER_TITLE), {}, {}, 3, id="the title of another client"
        ),
        pytest.param(demanding(protection=BOTH), {"protection": 0}, {}, 2, id="in clear"),
        pytest.param(demanding(), {"protection": BOTH}, {}, 2, id="ciphered where nothing is"),
    ],
)
def test_who_comes_otherwise_is_told_why_not(demands, others, how, diagnostic):
    client = SecuredClient(demands, **others)
    fields = client.associate(**how)

    assert (result_of(fields), diagnostic_of(fields)) == (1, diagnostic)
    assert client.ask_name()[:1] == b"\xd8"


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"control": 0x10}, id="not encrypted"),
        pytest.param({"control": 0x20}, id="not authenticated"),
        pytest.param({"control": 0x31}, id="of another suite"),
        pytest.param({"title": OTHER_TITLE}, id="under another title than the AARQ's"),
    ],
)
def test_an_initiate_request_that_is_not_held_to_the_policy_opens_nothing(how):
    demands = demanding("low", protection=BOTH, lock_after=1)
    client = SecuredClient(demands, ledger=(ledger := Ledger(demands)))
    fields = client.associate(initiate=client.initiate(**how))

    assert (result_of(fields), diagnostic_of(fields)) == (1, 1)
    assert information_of(fields) == initiate.DECIPHERING_ERROR
    assert ledger.last == 0
    assert not ledger.is_locked


def test_an_initiate_request_in_clear_opens_no_ciphered_association():
    client = SecuredClient(demanding(protection=BOTH))
    fields = client.associate(initiate=association.initiate_request(client.access))

    assert information_of(fields) == initiate.DECIPHERING_ERROR


def test_a_flipped_bit_of_the_ciphered_initiate_request_opens_nothing():
    client = SecuredClient(demanding(protection=BOTH))
    right = client.initiate(counter=1)
    for bit in range(8 * len(right)):
        wrong = (int.from_bytes(right, "big") ^ 1 << bit).to_bytes(len(right), "big")
        answer = client.say(client.aarq(initiate=wrong))
        assert answer[0] == 0xD8 or result_of(aare_fields(answer)) == 1

    assert result_of(client.associate(initiate=right)) == 0


@pytest.mark.parametrize("counter", [0, 40, 41])
def test_a_used_up_counter_of_the_initiate_request_is_told_with_the_one_that_would_do(counter):
    client = SecuredClient(demanding("low", protection=BOTH, initial_counter=41), counter=counter)

    assert client.say(client.aarq()) == counter_error(42)
    client.counter = 42
    assert client.come_in().ask_name() == NAME_ANSWERED


def test_what_is_no_initiate_request_is_malformed():
    assert SecuredClient(demanding()).say(SecuredClient(demanding()).aarq(initiate=b"\x05\x00")) == MALFORMED
    client = SecuredClient(demanding(protection=BOTH))
    assert client.say(client.aarq(initiate=client.seal(GET_NAME))) == MALFORMED


def test_dlms_version_5_is_too_low():
    client = SecuredClient(demanding())
    fields = client.associate(initiate=association.initiate_request(client.access).replace(b"\x06\x5f", b"\x05\x5f"))

    assert (result_of(fields), diagnostic_of(fields)) == (1, 1)
    assert information_of(fields) == initiate.VERSION_TOO_LOW


@pytest.mark.parametrize("suite", [0, 2])
@REFERENCINGS
def test_a_dedicated_key_is_taken_from_the_initiate_request(suite, referencing):
    key = b"D" * (32 if suite == 2 else 16)
    demands = demanding("high_gmac", protection=BOTH, suite=suite, referencing=referencing)
    client = SecuredClient(demands, dedicated_key=key).come_in()

    assert client.ask_name(key="dedicated") in {NAME_ANSWERED, NAME_READ}
    assert unwrap(client.last).key == "dedicated"
    assert client.ask_name(key="global") in {NAME_ANSWERED, NAME_READ}
    assert unwrap(client.last).key == "global"


@pytest.mark.parametrize(
    ("protection", "key"),
    [pytest.param(BOTH, b"D" * 15, id="too short"), pytest.param(AUTHENTICATION, b"D" * 16, id="in clear")],
)
def test_a_dedicated_key_that_is_none_opens_nothing(protection, key):
    client = SecuredClient(demanding(protection=protection))
    request = association.initiate_request(client.access, dedicated_key=key)
    fields = client.associate(initiate=client.seal(request))

    assert (result_of(fields), information_of(fields)) == (1, initiate.DECIPHERING_ERROR)


def test_each_association_has_the_dedicated_key_that_it_was_opened_with_or_none():
    client = SecuredClient(demanding(protection=BOTH), dedicated_key=b"D" * 16).come_in()
    key = client.keys.pop("dedicated")
    client.come_in()
    client.keys["dedicated"] = key

    assert client.say(client.seal(GET_NAME, key="dedicated")) == NOT_DECIPHERED


@pytest.mark.parametrize(
    ("grants", "proposes", "expected"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_general_protection_is_granted_where_both_want_it(grants, proposes, expected):
    client = SecuredClient(demanding("low", protection=BOTH, general=grants), general=proposes)
    granted = conformance_of(client, client.associate()) & GENERAL_PROTECTION

    assert bool(granted) is expected
    assert (client.ask_name(general=True) == NAME_ANSWERED) is expected
    assert client.ask_name() == NAME_ANSWERED


def test_an_initiate_request_in_the_general_form_is_answered_so_where_the_meter_has_it():
    envelopes = []
    for general in (True, False):
        client = SecuredClient(demanding(protection=BOTH, general=general))
        envelopes.append(unwrap(information_of(client.associate(initiate=client.initiate(general=True)))))

    assert (envelopes[0].title, envelopes[0].service) == (METER_TITLE, None)
    assert envelopes[1] is None


def test_without_ciphering_there_is_no_general_protection():
    client = SecuredClient(demanding("high", general=True))

    assert not conformance_of(client, client.associate()) & GENERAL_PROTECTION


@pytest.mark.parametrize("key", ["global", "dedicated"])
@REFERENCINGS
def test_a_general_request_has_a_general_answer(key, referencing):
    demands = demanding("high_sha1", protection=BOTH, referencing=referencing, general=True)
    client = SecuredClient(demands, dedicated_key=b"D" * 16).come_in()
    answered = client.ask_name(key=key, general=True)
    envelope = unwrap(client.last)

    assert answered in {NAME_ANSWERED, NAME_READ}
    assert (envelope.key, envelope.title, envelope.service) == (key, METER_TITLE, None)


def test_a_proof_in_the_general_form_is_a_proof():
    client = SecuredClient(demanding("high_gmac", protection=BOTH, general=True))
    client.associate()

    assert client.authenticate(general=True)[:4] == bytes.fromhex("C701C100")


def test_the_general_form_under_another_title_is_refused():
    client = SecuredClient(demanding(protection=BOTH, general=True)).come_in()

    assert client.say(client.seal(GET_NAME, general=True, header_title=OTHER_TITLE)) == NOT_DECIPHERED
    assert client.say(client.seal(GET_NAME, general=True, title=OTHER_TITLE)) == NOT_DECIPHERED


def test_action_is_granted_for_the_proof_alone():
    granted = []
    for client in (SecuredClient(demanding("high")), SecuredClient(demanding("low"))):
        proposed = association.initiate_request(client.access)
        everything = proposed[:-5] + bytes.fromhex("FFFFFF") + proposed[-2:]
        granted.append(bool(conformance_of(client, client.associate(initiate=everything)) & ACTION))

    assert granted == [True, False]


@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("size", [100, 512, 65535])
def test_ciphered_answers_fit_the_clients_max_pdu_size(size, general):
    demands = demanding(protection=BOTH, general=general)
    client = SecuredClient(demands, max_pdu_size=size).come_in()
    client.ask(LOAD, general=general)

    most = min(size, meter.MAX_PDU_SIZE)
    assert most - 5 <= len(client.last) <= most


def test_the_public_client_comes_in_without_anything():
    demands = demanding("high_gmac", protection=BOTH)
    public = SecuredClient(demands, client=16, protection=0, security="none")
    fields = public.associate()

    assert (result_of(fields), fields[0xA1][-1]) == (0, 1)
    assert 0xA4 not in fields
    assert public.ask_name() == NAME_ANSWERED


def test_client_16_with_everything_that_is_demanded_is_let_in():
    client = SecuredClient(demanding("high_gmac", protection=BOTH), client=16).come_in()

    assert client.ask(LOAD)[:2] == bytes.fromhex("C402")


def test_the_public_client_is_not_ciphered():
    public = SecuredClient(demanding("low", protection=BOTH), client=16, protection=0, security="none")
    public.associate()

    assert public.say(public.seal(GET_NAME, control=0x30)) == NOT_SUPPORTED
