"""The configuration: TOML files in, checked models out, every problem named at once (design, section 1).

1. The files are read; one that is no TOML does not keep the others from being checked (config_files).
2. Each table becomes a model, the keys that are wrong noted and left out (tables).
3. The keys of a table are checked together (checks), then the tables together (references), also where another key
   of the same table is wrong.
4. Problems get their lines (problems), and ``load`` raises them all; else what was not written is filled in.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from telegraf_dlms import checks, references
from telegraf_dlms.config_files import Files, check_top, each_table, read_files
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.models import Agent, Connection, Device, Group, Value
from telegraf_dlms.notes import notes, tag_notes
from telegraf_dlms.problems import Place, Problem, Suggestions, render, shown
from telegraf_dlms.tables import Checked, Surroundings, check_table, relative_to, subject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

#: Notes that say the same of more tables than these end with how many more there are.
MAX_ALIKE = 10

#: What a group takes from the agent where it does not say it itself.
_INHERITED = ("measurement", "collection_jitter", "collection_offset", "collection_spread")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A valid configuration, its tables in the order of the files.

    ``notes`` are lines to be said once at start; ``files`` are those that were read, ``secret_files`` those that keys
    like ``password_file`` name, with how they were (``config_files.stamp_of``) before they were read.
    """

    agent: Agent
    connections: tuple[Connection, ...]
    devices: tuple[Device, ...]
    groups: tuple[Group, ...]
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    secret_files: Mapping[Path, object] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether nothing is to be read: the agent is disabled, or everything else is."""
        if not self.agent.enabled:
            return True
        connections = {connection.name for connection in self.connections if connection.enabled}
        devices = {device.name for device in self.devices if device.enabled and device.connection in connections}
        values = (value for group in self.groups if group.enabled for value in group.values if value.enabled)
        return all(devices.isdisjoint(value.devices) for value in values)


def load(paths: Sequence[Path], *, environment: Mapping[str, str] = os.environ) -> Configuration:
    """Return the configuration that the files, and the *.conf in the folders, make together.

    Raise ConfigError with every problem as "file:line: table: key: what is wrong"; secrets are in none of them.
    """
    with _no_collection():
        files = read_files(paths)
        expands = any("$" in text or "\\u" in text or "\\U" in text for text in files.texts.values())
        surroundings = Surroundings(environment, expands=expands)
        check_top(files, surroundings.suggestions)
        draft = _read_tables(files, surroundings)
        _check_together(draft, surroundings.suggestions if files.complete else None)
        problems = [*files.problems, *draft.problems()]
        if problems:
            raise ConfigError(render(problems, files.texts), secret_files=surroundings.secret_files)
        return _finish(draft, files, surroundings.secret_files)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector out: among objects that only become more it doubles the time of a large file."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(slots=True)
class _Draft:
    """The tables while they are checked; ``agents`` are one for each file that has one."""

    agents: list[Checked[Agent]] = field(default_factory=list)
    connections: list[Checked[Connection]] = field(default_factory=list)
    devices: list[Checked[Device]] = field(default_factory=list)
    groups: list[tuple[Checked[Group], list[Checked[Value]]]] = field(default_factory=list)
    agent: Agent = field(default_factory=Agent)

    def problems(self) -> Iterator[Problem]:
        tables: tuple[Sequence[Checked[Any]], ...] = (self.agents, self.connections, self.devices)
        for table in chain.from_iterable(tables):
            yield from table.problems
        for group, values in self.groups:
            yield from group.problems
            for value in values:
                yield from value.problems


def _read_tables(files: Files, surroundings: Surroundings) -> _Draft:
    draft = _Draft()
    for path, raw in files.tables:
        top, problems = Place(path), files.problems
        if "agent" in raw:
            _read_agent(raw["agent"], Place(path, ("agent",)), draft, problems, surroundings)
        for table, place in each_table(raw, "connection", top, problems, header="connection"):
            subject = subject_of("connection", table)
            connection = check_table(Connection, table, place=place, subject=subject, surroundings=surroundings)
            checks.check_connection(connection)
            draft.connections.append(connection)
        for table, place in each_table(raw, "device", top, problems, header="device"):
            subject = subject_of("device", table)
            device = check_table(Device, table, place=place, subject=subject, surroundings=surroundings)
            checks.check_device(device)
            checks.check_tags(device)
            draft.devices.append(device)
        for table, place in each_table(raw, "group", top, problems, header="group"):
            draft.groups.append(_read_group(table, place, problems, surroundings))
    return draft


def _read_agent(raw: Any, place: Place, draft: _Draft, problems: list[Problem], surroundings: Surroundings) -> None:
    """Read a file's ``[agent]``; several files may each say a part of it."""
    if not isinstance(raw, dict):
        problems.append(Problem(place, f"is {shown(raw)}: there is one, and it begins with [agent]", subject="agent"))
        return
    agent = check_table(Agent, raw, place=place, subject="agent", surroundings=surroundings)
    checks.check_tags(agent)
    for key in raw:
        first = next((earlier for earlier in draft.agents if earlier.given(key)), None)
        if first is not None:
            agent.report(key, message="is already set at", other=first.at(key))
    if agent.table.state_file is not None:
        path = relative_to(place, agent.table.state_file)
        agent.table = agent.table.model_copy(update={"state_file": path})
    draft.agents.append(agent)
    draft.agent = draft.agent.model_copy(
        update={key: getattr(agent.table, key) for key in agent.table.model_fields_set}
    )


def _read_group(
    raw: dict[str, Any], place: Place, problems: list[Problem], surroundings: Surroundings
) -> tuple[Checked[Group], list[Checked[Value]]]:
    own = {key: value for key, value in raw.items() if key != "value"}
    subject = subject_of("group", raw)
    group = check_table(Group, own, place=place, subject=subject, surroundings=surroundings)
    checks.check_tags(group)
    values = []
    for table, value_place in each_table(raw, "value", place, problems, header="group.value"):
        value_subject = subject_of("value", table, owner=subject)
        value = check_table(Value, table, place=value_place, subject=value_subject, surroundings=surroundings)
        checks.check_value(value)
        checks.check_tags(value)
        values.append(value)
    return group, values


def _check_together(draft: _Draft, suggestions: Suggestions | None) -> None:
    connections = references.by_name(draft.connections)
    references.check_ports(draft.connections)
    devices = references.by_name(draft.devices)
    for device in draft.devices:
        references.connect(device, connections, suggestions=suggestions)
    references.by_name(group for group, _ in draft.groups)
    names = references.DeviceNames(devices, suggestions=suggestions)
    defaults = {key: getattr(draft.agent, key) for key in _INHERITED}
    for group, values in draft.groups:
        references.inherit(group, defaults)
        for value in values:
            names.resolve(value)
        references.check_value_names(values)


def _finish(draft: _Draft, files: Files, secret_files: Mapping[Path, object]) -> Configuration:
    groups = tuple(
        group.table.model_copy(update={"values": tuple(value.table for value in values)})
        for group, values in draft.groups
    )
    return Configuration(
        agent=draft.agent,
        connections=tuple(connection.table for connection in draft.connections),
        devices=tuple(device.table for device in draft.devices),
        groups=groups,
        notes=tuple(render(_alike_once(list(_notes(draft))), files.texts)),
        files=tuple(files.texts),
        secret_files=secret_files,
    )


def _notes(draft: _Draft) -> Iterator[Problem]:
    disabled = {connection.table.name for connection in draft.connections if not connection.table.enabled}
    for device in draft.devices:
        if device.table.enabled and device.table.connection in disabled:
            note = f"the connection {shown(device.table.connection)} is disabled: the device is not read"
            yield Problem(device.place, note, subject=device.subject)
    enabled = [
        value for group, values in draft.groups if group.table.enabled for value in values if value.table.enabled
    ]
    for value in enabled:
        yield from (Problem(value.place, note, subject=value.subject) for note in notes(value.table))
    if tags := [value for value in enabled if value.table.is_tag]:
        configured = {device.table.name: {*draft.agent.tags, *device.table.tags} for device in draft.devices}
        yield from tag_notes(tags, configured=configured)


def _alike_once(told: Iterable[Problem]) -> list[Problem]:
    """Keep the first notes of each kind, the last kept one saying how many more there are."""
    total = Counter(note.message for note in told)
    seen: Counter[str] = Counter()
    kept = []
    for note in told:
        seen[note.message] += 1
        if seen[note.message] == MAX_ALIKE and total[note.message] > MAX_ALIKE:
            more = f"{note.message} (and {total[note.message] - MAX_ALIKE} more)"
            kept.append(Problem(note.place, more, subject=note.subject))
        elif seen[note.message] <= MAX_ALIKE:
            kept.append(note)
    return kept
