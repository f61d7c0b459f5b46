import pytest

from secured_client import BOTH, CLIENT_TITLE, PASSWORD, demanding
from telegraf_dlms.access import Mechanism
from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.acse import AssociationRequest, Context, Diagnostic
from telegraf_dlms.simulator.admission import admit, authenticates
from telegraf_dlms.simulator.ledger import Ledger

CONTEXT, TITLE, MECHANISM, REQUIRED = (
    Diagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
    Diagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED,
    Diagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED,
    Diagnostic.AUTHENTICATION_REQUIRED,
)
PLAIN, SHORT, CIPHERED, SHORT_CIPHERED = Context


def asking(context=PLAIN, mechanism=Mechanism.NONE, *, title=b"", shown=b""):
    return AssociationRequest(context, mechanism, title, shown, b"")


@pytest.mark.parametrize(
    ("demands", "aarq", "client", "expected"),
    [
        pytest.param(Access(), asking(), 16, "configured", id="nothing demanded, the public client"),
        pytest.param(Access(), asking(), 1, "configured", id="nothing demanded, another client"),
        pytest.param(Access(), asking(CIPHERED), 1, CONTEXT, id="nothing demanded, ciphered"),
        pytest.param(Access(), asking(SHORT), 1, CONTEXT, id="short names"),
        pytest.param(Access(), asking(0), 1, CONTEXT, id="an unknown context"),
        pytest.param(Access(), asking(mechanism=Mechanism.LOW), 1, MECHANISM, id="a password nobody wants"),
        pytest.param(Access("low"), asking(), 1, REQUIRED, id="a password is missing"),
        pytest.param(Access("low"), asking(), 16, "public", id="low, the public client"),
        pytest.param(Access("low"), asking(mechanism=Mechanism.LOW), 16, "configured", id="low, 16 with a password"),
        pytest.param(Access("low"), asking(mechanism=Mechanism.HIGH), 1, MECHANISM, id="high instead of low"),
        pytest.param(Access("high"), asking(mechanism=Mechanism.LOW), 16, MECHANISM, id="low instead of high"),
        pytest.param(Access("high"), asking(mechanism=-1), 1, MECHANISM, id="an unknown mechanism"),
        pytest.param(Access(protection=BOTH), asking(), 16, "public", id="ciphered, the public client"),
        pytest.param(Access(protection=BOTH), asking(), 1, CONTEXT, id="ciphered, another client in clear"),
        pytest.param(Access(protection=BOTH), asking(CIPHERED), 1, TITLE, id="ciphered without a title"),
        pytest.param(
            Access(protection=BOTH), asking(CIPHERED, title=CLIENT_TITLE), 16, "configured", id="16, ciphered"
        ),
        pytest.param(Access(protection=BOTH), asking(CIPHERED, title=b"short"), 1, TITLE, id="a short title"),
        pytest.param(
            Access(protection=BOTH, client_system_title=b"OTHER\0\0\1"),
            asking(CIPHERED, title=CLIENT_TITLE),
            1,
            TITLE,
            id="the title of another client",
        ),
        pytest.param(
            Access("high_gmac"), asking(mechanism=Mechanism.HIGH_GMAC), 1, TITLE, id="GMAC in clear without a title"
        ),
        pytest.param(
            Access("high_md5"), asking(mechanism=Mechanism.HIGH_MD5), 1, "configured", id="MD5 needs no title"
        ),
        pytest.param(
            Access("none", referencing="short_names", protection=BOTH),
            asking(SHORT_CIPHERED, title=CLIENT_TITLE),
            1,
            "configured",
            id="short names, ciphered",
        ),
        pytest.param(
            Access("low", referencing="short_names"), asking(), 16, CONTEXT, id="short names, public by long names"
        ),
        pytest.param(Access("low", referencing="short_names"), asking(SHORT), 16, "public", id="short names, public"),
    ],
)
def test_who_gets_in_and_why_not(demands, aarq, client, expected):
    assert admit(aarq, demands, client=client) == expected


@pytest.mark.parametrize(
    ("demands", "shown", "expected"),
    [
        pytest.param(demanding(), b"", True, id="nothing"),
        pytest.param(demanding("low"), PASSWORD, True, id="the password"),
        pytest.param(demanding("low"), PASSWORD[:-1], False, id="the password but for its end"),
        pytest.param(demanding("low"), PASSWORD + b"9", False, id="the password and more"),
        pytest.param(demanding("low"), b"", False, id="no password"),
        pytest.param(demanding("high"), bytes(7), False, id="a challenge of 7 octets"),
        pytest.param(demanding("high"), bytes(8), True, id="a challenge of 8 octets"),
        pytest.param(demanding("high_gmac"), bytes(64), True, id="a challenge of 64 octets"),
        pytest.param(demanding("high_gmac"), bytes(65), False, id="a challenge of 65 octets"),
        pytest.param(demanding("high_ecdsa"), bytes(31), False, id="ECDSA, a challenge of 31 octets"),
        pytest.param(demanding("high_ecdsa"), bytes(32), True, id="ECDSA, a challenge of 32 octets"),
    ],
)
def test_what_a_mechanism_needs_is_looked_at(demands, shown, expected):
    assert authenticates(asking(shown=shown), demands, Ledger(demands)) is expected


def test_wrong_passwords_lock_out_the_right_one():
    demands = demanding("low", lock_after=2)
    ledger = Ledger(demands)
    shown = [PASSWORD, b"wrong", PASSWORD, b"wrong", b"wrong", PASSWORD]

    assert [authenticates(asking(shown=password), demands, ledger) for password in shown] == [
        True,
        False,
        True,
        False,
        False,
        False,
    ]


def test_a_locked_meter_begins_no_trial():
    demands = demanding("high", lock_after=1)
    ledger = Ledger(demands)
    ledger.note_secret(right=False)

    assert not authenticates(asking(shown=bytes(16)), demands, ledger)
