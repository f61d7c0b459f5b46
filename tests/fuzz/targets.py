"""All that is fuzzed."""

from __future__ import annotations

from fuzz import octets, polls, talks

TARGETS = [*octets.TARGETS, *talks.TARGETS, *polls.TARGETS]
