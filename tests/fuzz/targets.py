"""All that is fuzzed; what needs much room for a moment is last, since a process keeps some of it."""

from __future__ import annotations

from fuzz import findings, octets, polls, talks

TARGETS = [*octets.TARGETS, *talks.TARGETS, *polls.TARGETS, *findings.TARGETS, *octets.LARGE]
