"""The error tree: each class says how far its damage goes, and what it was given."""

from __future__ import annotations

import pytest

from telegraf_dlms import errors
from telegraf_dlms.errors import (
    DATA_ACCESS_RESULTS,
    AssociationError,
    CipheringError,
    ConfigError,
    DataRefused,
    LinkError,
    LocalProtocolError,
    MappingError,
    Overrun,
    PollCut,
    ProtocolError,
    RemoteProtocolError,
    Scope,
    ServiceRefused,
    Silence,
    TelegrafDlmsError,
)

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_the_one_base_and_stands_in_the_tree_that_is_drawn(error):
    assert issubclass(error, TelegrafDlmsError)
    assert f" {error.__name__}" in f" {errors.__doc__}"


@pytest.mark.parametrize(
    ("error", "scope"),
    [
        (ConfigError, Scope.PROCESS),
        (LinkError, Scope.POLL),
        (Silence, Scope.POLL),
        (Overrun, Scope.POLL),
        (PollCut, Scope.POLL),
        (ProtocolError, Scope.POLL),
        (LocalProtocolError, Scope.POLL),
        (RemoteProtocolError, Scope.POLL),
        (AssociationError, Scope.DEVICE),
        (CipheringError, Scope.DEVICE),
        (DataRefused, Scope.FIELD),
        (ServiceRefused, Scope.FIELD),
        (MappingError, Scope.FIELD),
    ],
)
def test_the_scope_says_what_is_given_up(error, scope):
    assert error.scope is scope


def test_scopes_grow():
    assert Scope.FIELD < Scope.POLL < Scope.DEVICE < Scope.PROCESS


def test_a_config_error_keeps_its_problems_apart():
    error = ConfigError(["a.conf:1: one", "a.conf:2: two"])
    assert error.problems == ("a.conf:1: one", "a.conf:2: two")
    assert str(error) == "a.conf:1: one\na.conf:2: two"


@pytest.mark.parametrize(("result", "words"), sorted(DATA_ACCESS_RESULTS.items())[1:])
def test_a_refusal_has_the_standards_word_and_number(result, words):
    assert str(DataRefused(result)) == f"{words} ({result})"


def test_a_refusal_that_the_standard_does_not_know_keeps_its_number():
    assert str(DataRefused(99)) == "data-access-result (99)"


def test_a_refusal_may_have_a_reason_of_its_own():
    assert str(DataRefused(None, "the capture_objects are no array")) == "the capture_objects are no array"


def test_a_refused_service_keeps_the_state_error():
    refusal = ServiceRefused("exception-response: service-not-allowed (1), other (3)", state=1)
    assert (refusal.state, refusal.result) == (1, None)


def test_a_refused_association_tells_whether_it_was_the_secret():
    error = AssociationError("refused", result=1, diagnostic=13, authentication=True)
    assert (error.result, error.diagnostic, error.authentication) == (1, 13, True)
    assert AssociationError("refused").authentication is False
