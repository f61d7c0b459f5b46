"""A target that is ``discover``: what a meter that lies lists and says becomes a TOML that loads, and nothing else."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from fuzz.runner import Target
from fuzz.scenes import APDUS, CURRENT_ASSOCIATION, PRESENTATION, SCENES, TITLE, WRAPPER, determined
from fuzz.talks import Line
from fuzz.watch import Wrong
from stations import connection, device, plan_of
from telegraf_dlms.conversation import Memory
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.discovery import write
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.handshake import Identity, associate
from telegraf_dlms.object_list import parse_base_names, parse_logical_names
from telegraf_dlms.survey import Finding, survey

if TYPE_CHECKING:
    from random import Random

    from fuzz.watch import Watch
    from telegraf_dlms.access import Access
    from telegraf_dlms.talk import Conversation, Framing

_SCENES = [scene for scene in SCENES if not scene.client.protection and not scene.client.is_high]
#: Objects that are looked at in one case: a meter has hundreds, which are alike.
_OBJECTS = 5


def _discover(framing: Framing, access: Access, source: Random, into: list[Finding]) -> Conversation[None]:
    """Read the object list, and find out what some of the objects give."""
    association = yield from associate(framing, access, identity=Identity(TITLE))
    memory = Memory()
    if access.referencing == "logical_names":
        objects = parse_logical_names((yield from association.ask(AttributeDescriptor(15, CURRENT_ASSOCIATION, 2))))
    else:
        objects = parse_base_names((yield from association.ask(AttributeDescriptor(12, CURRENT_ASSOCIATION, 2))))
    for listed in source.sample(objects.objects, min(_OBJECTS, len(objects.objects))):
        finding = yield from survey(association, listed, memory, presentation=PRESENTATION)
        into.append(finding)


def _discoveries(source: Random, watch: Watch) -> int:
    scene, wire = source.choice(_SCENES), source.choice((APDUS, WRAPPER))
    line, findings = Line(scene, wire, source, watch, "APDU"), list[Finding]()
    with determined(source), watch.refusing():
        watch.converse(_discover(wire.framing(), scene.client, source, findings), line.answer)
    # tomlkit takes its time, and nothing waits for it: ``discover`` is a command.
    text = write("house", findings, taken=(), heading=["found on a meter that lies"])
    watch.octets.append(text.encode())
    read = tomllib.loads(text)
    tables = [table for group in read.get("group", ()) for table in group.get("value", ())]
    listed = [finding for finding in findings if finding.attributes]
    if len(tables) != len(listed):
        raise Wrong(f"{len(listed)} objects can be read, {len(tables)} are in the TOML")
    if tables:
        try:
            plan_of(connection(), device(logical_name_referencing=scene.client.referencing == "logical_names"), text)
        except ConfigError as error:
            raise Wrong(f"what discover wrote does not load: {error}") from error
    return max(1, line.frames)


TARGETS = [Target("discoveries", _discoveries, share=0.5)]
