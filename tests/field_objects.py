"""The object lists of real meters, whatever form they have: class, version, logical name, and static attributes."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any, NamedTuple

from talking import FIELD
from telegraf_dlms.axdr import decode_all
from telegraf_dlms.obis import format_obis, parse_obis

FOLDER = FIELD / "objects"
#: What stands for "any channel" in a profile of many meters.
_ANY = re.compile(r"\.x\.")
_LISTED = re.compile(r"^ +(\d+\.\d+\.\d+\.\d+\.\d+\.\d+) (\d+) v(\d+) \w+$", re.MULTILINE)
_READ = re.compile(r"^ +(\d+) +(\d+\.\d+\.\d+\.\d+\.\d+\.\d+) v (\d+) sn 0x0$", re.MULTILINE)
#: gurux's names of classes, as far as the list of its simulator has them.
_GURUX = {"GXDLMSData": 1, "GXDLMSClock": 8, "GXDLMSAssociationLogicalName": 15}


class Listed(NamedTuple):
    """An object of a meter; no ``version`` where the list has none, ``attributes`` as A-XDR octets or a type's tag."""

    class_id: int
    version: int | None
    logical_name: bytes
    name: str
    attributes: dict[int, Any]


def objects_of(name: str) -> list[Listed]:
    """Return the objects that a file lists."""
    text = (FOLDER / name).read_text("cp1251" if name.endswith(".typ") else "utf-8-sig")
    if name.endswith(".typ"):
        return _spodes(ET.fromstring(text.partition("?>")[2]))  # noqa: S314  # a file of ours
    if name.endswith(".xml"):
        root = ET.fromstring(text.partition("?>")[2])  # noqa: S314
        return [
            Listed(_GURUX[item.tag], int(item.findtext("Version") or 0), parse_obis(item.findtext("LN")), "", {})
            for item in root
        ]
    if name.endswith(".txt"):
        pairs = [(name, class_id, version) for class_id, name, version in _READ.findall(text)] or _LISTED.findall(text)
        return [
            Listed(int(class_id), int(version), parse_obis(logical_name), "", {})
            for logical_name, class_id, version in pairs
        ]
    if name.startswith("kamstrup"):
        return [
            Listed(item["class"], item["version"], parse_obis(item["ln"]), "", item["attr_access"])
            for item in json.loads(text)
        ]
    return [
        Listed(item["class-id"], item["version"], channel_one(item["obis"]), item["tag"], item["attributes"])
        for item in json.loads(text)["objects"]
    ]


def channel_one(code: str) -> bytes:
    """Return a logical name, on channel 1 where it stands for all of them."""
    return parse_obis(_ANY.sub(".1.", code))


def object_list(objects: list[Listed]) -> list[tuple[int, int, bytes, Any]]:
    """Return the object_list that was read from the meter: class, version, logical name and access rights."""
    association = next(item for item in objects if item.class_id == 15 and isinstance(item.attributes.get(2), bytes))
    return decode_all(association.attributes[2])


def _spodes(root: ET.Element) -> list[Listed]:
    """Return the objects of a SPODES meter's type; the newer form has no class_id beside its object_list."""
    items = [item for item in root if item.tag in {"obj", "object"}]
    attributes = [_attributes(item) for item in items]
    classes = {}
    if root.find("obj") is not None:
        classes = {format_obis(name): class_id for class_id, _, name, _ in decode_all(attributes[0][2])}
    return [
        Listed(
            class_id=int(item.findtext("class_id") or classes[item.attrib["ln"]]),
            version=_number(item.findtext("version") or item.findtext("ver")),
            logical_name=parse_obis(item.attrib["ln"]),
            name=item.attrib.get("name", ""),
            attributes=values,
        )
        for item, values in zip(items, attributes, strict=True)
    ]


def _attributes(item: ET.Element) -> dict[int, bytes | int]:
    """Return what is known of attributes: their octets, or in one or two decimal digits the tag of their type."""
    found: dict[int, bytes | int] = {}
    for child in item:
        text = (child.text or "").strip()
        if child.tag in {"attr", "attribute"} and text:
            number = int(child.attrib.get("i") or child.attrib["index"])
            found[number] = int(text) if len(text) <= 2 else bytes.fromhex(text)
    return found


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
