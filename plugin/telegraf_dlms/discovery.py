"""What was found on a meter as a TOML that a person keeps: groups of values, and in comments what they are.

Pure: findings in, text out. What can be read is a ``[[group.value]]``; what cannot is one that is commented out, behind
the others of its kind, with the reason. A kind of which nothing can be read is commented out as a whole.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

import tomlkit
from tomlkit.items import Comment, Trivia

from telegraf_dlms.cosem import PROFILE_GENERIC, attribute_of, class_name
from telegraf_dlms.durations import SECOND, format_duration
from telegraf_dlms.obis import format_obis
from telegraf_dlms.obis_names import Kind, meaning_of, names_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tomlkit.items import Array, Table

    from telegraf_dlms.cosem import CaptureObject
    from telegraf_dlms.survey import Finding, Profile

#: How often a kind is read: often enough for what it is, and no burden for a meter at 9600 baud.
INTERVALS: Final = {
    Kind.ENERGY: "15m",
    Kind.VOLUME: "15m",
    Kind.INSTANTANEOUS: "1m",
    Kind.DEMAND: "15m",
    Kind.POWER_QUALITY: "15m",
    Kind.BILLING: "1d",
    Kind.PROFILES: "1h",
    Kind.CLOCK_AND_IDENTITY: "1h",
    Kind.EVENTS: "15m",
    Kind.SETTINGS: "1d",
    Kind.MANUFACTURER_SPECIFIC: "1h",
    Kind.OTHER: "1h",
}
#: Rows of a profile to look at: a day's, which survives a broken line, but no more than 96, the quarter hours of a day.
#: Where rows come by events, or once a day or less, a few: those are read again and again.
MOST_ENTRIES: Final = 96
FEW_ENTRIES: Final = 10
#: A longer present value is cut: it is there to be recognised.
MAX_FIELDS: Final = 100
#: Columns of a comment; one that takes more lines than these is cut.
WIDTH: Final = 120
MAX_LINES: Final = 6

_SORT_METHODS: Final = {
    1: "fifo",
    2: "lifo",
    3: "largest first",
    4: "smallest first",
    5: "nearest to zero first",
    6: "farthest from zero first",
}


def write(device: str, findings: Sequence[Finding], *, taken: Collection[str], heading: Sequence[str]) -> str:
    """Return the TOML; ``taken`` are names of groups that it must not have, ``heading`` the lines on top of it."""
    return _Writer(device, findings, taken).write(heading)


def entries_of(profile: Profile) -> int:
    """Return how many of a profile's newest rows a poll is to look at."""
    rows = 86_400 // profile.capture_period if profile.capture_period else 0
    rows = min(max(rows, FEW_ENTRIES), MOST_ENTRIES)
    return min(rows, profile.profile_entries) if profile.profile_entries else rows


class _Writer:
    def __init__(self, device: str, findings: Sequence[Finding], taken: Collection[str]) -> None:
        self._device = device
        self._taken = set(taken)
        objects = [(finding.listed.class_id, finding.listed.logical_name) for finding in findings]
        self._names = dict(zip(objects, names_of(objects), strict=True))
        self._kinds: dict[Kind, list[Finding]] = {kind: [] for kind in Kind}
        for finding in sorted(findings, key=lambda finding: (finding.listed.logical_name, finding.listed.class_id)):
            meaning = meaning_of(finding.listed.class_id, finding.listed.logical_name)
            self._kinds[meaning.kind].append(finding)

    def write(self, heading: Sequence[str]) -> str:
        document = tomlkit.document()
        for line in heading:
            document.add(_note(line))
        document.add(tomlkit.nl())
        groups = tomlkit.aot()
        unreadable: list[str] = []
        for kind, findings in self._kinds.items():
            if any(finding.attributes for finding in findings):
                groups.append(self._group(kind, findings))
            elif findings:
                unreadable += ["", *self._commented_group(kind, findings)]
        if groups:
            document.add("group", groups)
        for line in unreadable:
            document.add(_comment(line) if line else tomlkit.nl())
        return document.as_string().rstrip("\n") + "\n"

    def _group(self, kind: Kind, findings: Sequence[Finding]) -> Table:
        group = tomlkit.table()
        group.add("name", _escaped(self._group_name(kind)))
        group.add("interval", INTERVALS[kind])
        group.indent(2)
        group.trivia.indent = ""
        values = tomlkit.aot()
        for finding in findings:
            if finding.attributes:
                values.append(self._value(finding))
        last: Table = values[-1]
        for finding in findings:
            if not finding.attributes:
                last.add(tomlkit.nl())
                for line in self._commented_value(finding):
                    comment = _comment(line)
                    last.add(comment)
                    comment.trivia.indent = "  "
        group.add(tomlkit.nl())
        group.add("value", values)
        return group

    def _commented_group(self, kind: Kind, findings: Iterable[Finding]) -> Iterator[str]:
        group = tomlkit.table()
        group.add("name", _escaped(self._group_name(kind)))
        group.add("interval", INTERVALS[kind])
        yield "# [[group]]"
        yield from (f"#   {line}" for line in group.as_string().splitlines())
        for finding in findings:
            yield "#"
            yield from self._commented_value(finding)

    def _value(self, finding: Finding) -> Table:
        listed = finding.listed
        value = tomlkit.table()
        for line in self._words(finding):
            value.add(_note(line))
        value.add("name", self._names[listed.class_id, listed.logical_name])
        value.add("device", _escaped(self._device))
        value.add("obis", format_obis(listed.logical_name))
        value.add("class_id", class_name(listed.class_id) or listed.class_id)
        if finding.version is not None:
            value.add("version", finding.version)
        if finding.profile is not None and listed.class_id == PROFILE_GENERIC:
            value.add("entries", entries_of(finding.profile))
        elif finding.attributes and not finding.is_default:
            value.add("attributes", _list([_attribute(finding, number) for number in finding.attributes]))
        value.indent(4)
        value.trivia.indent = "  "
        return value

    def _commented_value(self, finding: Finding) -> Iterator[str]:
        yield "# [[group.value]]"
        yield from (f"#   {line.strip()}" for line in self._value(finding).as_string().splitlines())

    def _words(self, finding: Finding) -> Iterator[str]:
        """Yield what a value is, what it says now, and what of it cannot be read."""
        listed = finding.listed
        words = meaning_of(listed.class_id, listed.logical_name).words
        if finding.profile is not None:
            yield from self._profile(words, finding, finding.profile)
        elif finding.attributes:
            unit = f", unit {finding.unit}" if finding.unit else ""
            yield f"{words}: {_cut(finding.fields, MAX_FIELDS) or 'no value'}{unit}"
        else:
            yield words
        yield from self._refusals(finding)

    def _profile(self, words: str, finding: Finding, profile: Profile) -> Iterator[str]:
        if finding.listed.class_id == PROFILE_GENERIC:
            yield f"{words}: {_profile_words(profile)}"
        else:
            yield words
        if profile.captures:
            yield from _wrapped(f"captures {', '.join(map(self._capture_name, profile.captures))}")
        if finding.attributes and not profile.is_tried:
            yield "its rows were not looked at: none can be read alone, and there may be many"

    def _refusals(self, finding: Finding) -> Iterator[str]:
        reasons: dict[str, list[str]] = {}
        for number, reason in finding.refusals:
            reasons.setdefault(reason, []).append(_attribute(finding, number))
        is_alone = finding.profile is not None or (len(finding.refusals) == 1 and not finding.attributes)
        for reason, names in reasons.items():
            yield from _wrapped(f"not read: {reason}" if is_alone else f"not read: {', '.join(names)}: {reason}")

    def _capture_name(self, capture: CaptureObject) -> str:
        class_id, logical_name, attribute, index = capture
        name = self._names.get((class_id, logical_name)) or format_obis(logical_name)
        if attribute != 2:
            name += f"/{attribute_of(class_id, attribute).name if attribute else 'all'}"
        return f"{name}[{index}]" if index else name

    def _group_name(self, kind: Kind) -> str:
        """Return a name that neither the configuration nor another discovered device has."""
        name = wanted = f"{self._device}_{kind}"
        number = 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        return name


def _attribute(finding: Finding, number: int) -> str:
    return attribute_of(finding.listed.class_id, number, finding.version).name


def _list(names: Sequence[str]) -> Array:
    """Return names as an array, over several lines where one is too short for them."""
    array = tomlkit.array()
    array.extend(names)
    return array.multiline(multiline=len(array.as_string()) > WIDTH - len("    attributes = "))


def _profile_words(profile: Profile) -> str:
    words = []
    if profile.entries_in_use is not None:
        of = "" if profile.profile_entries is None else f" of {profile.profile_entries}"
        words.append(f"{profile.entries_in_use}{of} entries in use")
    if profile.capture_period is not None:
        period = profile.capture_period
        words.append(f"one every {format_duration(period * SECOND)}" if period else "not captured by time")
    if profile.sort_method is not None:
        words.append(_SORT_METHODS.get(profile.sort_method, f"sort method {profile.sort_method}"))
    return ", ".join(words) or "nothing is known of its entries"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH - len("    ## "),
        subsequent_indent="  ",
        max_lines=MAX_LINES,
        placeholder=" …",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _escaped(text: str) -> str:
    """Return a text as the configuration reads it: ``${`` is a reference there."""
    return text.replace("${", "$${")


def _note(text: str) -> Comment:
    return _comment(f"## {text}" if text else "##")


def _comment(line: str) -> Comment:
    """Return a comment that is one line, whatever a meter sent."""
    shown = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in line)
    return Comment(Trivia(comment_ws="", comment=shown))
