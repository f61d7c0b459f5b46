"""All that is fuzzed."""

from __future__ import annotations

from fuzz import octets, talks

TARGETS = [*octets.TARGETS, *talks.TARGETS]
