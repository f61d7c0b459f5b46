"""The table of classes against gurux-dlms, class by class and version by version; each difference has its reason."""

from __future__ import annotations

import importlib

import pytest
from gurux_dlms.enums import DataType

from telegraf_dlms.classes import CLASSES, FieldType
from telegraf_dlms.cosem import attributes_of, versions_of
from test_classes import ROUTER

#: gurux-dlms's class of each class_id.
GURUX = {
    1: "Data",
    3: "Register",
    4: "ExtendedRegister",
    5: "DemandRegister",
    6: "RegisterActivation",
    7: "ProfileGeneric",
    8: "Clock",
    9: "ScriptTable",
    10: "Schedule",
    11: "SpecialDaysTable",
    15: "AssociationLogicalName",
    17: "SapAssignment",
    18: "ImageTransfer",
    19: "IECLocalPortSetup",
    20: "ActivityCalendar",
    21: "RegisterMonitor",
    22: "ActionSchedule",
    23: "HdlcSetup",
    24: "IecTwistedPairSetup",
    25: "MBusSlavePortSetup",
    26: "UtilityTables",
    27: "ModemConfiguration",
    28: "AutoAnswer",
    29: "AutoConnect",
    40: "PushSetup",
    41: "TcpUdpSetup",
    42: "Ip4Setup",
    43: "MacAddressSetup",
    44: "PppSetup",
    45: "GprsSetup",
    47: "GSMDiagnostic",
    48: "Ip6Setup",
    64: "SecuritySetup",
    70: "DisconnectControl",
    71: "Limiter",
    72: "MBusClient",
    74: "MBusMasterPortSetup",
}
#: Classes of the table that gurux-dlms has no object for, or, of 12, only versions that it counts otherwise.
WITHOUT_ORACLE = {12, 62, 63, 68}
#: Every version that any class of gurux-dlms asks for, and one beyond.
VERSIONS = range(5)

#: What a type of gurux-dlms is in the table; every other one is an integer. NONE is its word for a CHOICE.
TYPES = {
    DataType.NONE: FieldType.CHOICE,
    DataType.OCTET_STRING: FieldType.TEXT,
    DataType.STRING: FieldType.TEXT,
    DataType.DATETIME: FieldType.DATE_TIME,
    DataType.BITSTRING: FieldType.BITS,
    DataType.BOOLEAN: FieldType.BOOLEAN,
    DataType.STRUCTURE: FieldType.JSON,
    DataType.ARRAY: FieldType.JSON,
}

DATE_TIME = "the octet-string of the Blue Book is a date-time"
SCALER = "scales, and is never a field"
STATUS = "status is a CHOICE in the Extended register, so in every class"
REPETITION_DELAY = "a number until version 1 of Push setup, a structure from 2 on: the CHOICE rule holds for the name"
BUFFER = "an array in Profile generic, an octet-string in Utility tables: the CHOICE rule holds for the name"
CHOICE = "the Blue Book's type is a CHOICE of an octet-string and a structure"
ADDRESS = "an address in its usual form"
ALWAYS_ARRAY = "what it compares is any type, the attribute is an array of it"
OLD_TWISTED_PAIR = "gurux-dlms calls it version 0, and has the attributes of version 1"

#: (class_id, attribute) → our type, the type that gurux-dlms's one would be, and why they differ.
DIFFERENCES = {
    (3, 3): (FieldType.NO_FIELD, FieldType.JSON, SCALER),
    (4, 3): (FieldType.NO_FIELD, FieldType.JSON, SCALER),
    (4, 4): (FieldType.STATUS, FieldType.CHOICE, STATUS),
    (4, 5): (FieldType.DATE_TIME, FieldType.TEXT, DATE_TIME),
    (5, 4): (FieldType.NO_FIELD, FieldType.JSON, SCALER),
    (5, 5): (FieldType.STATUS, FieldType.CHOICE, STATUS),
    (5, 6): (FieldType.DATE_TIME, FieldType.TEXT, DATE_TIME),
    (5, 7): (FieldType.DATE_TIME, FieldType.TEXT, DATE_TIME),
    (7, 2): (FieldType.CHOICE, FieldType.JSON, BUFFER),
    (8, 2): (FieldType.DATE_TIME, FieldType.TEXT, DATE_TIME),
    (8, 4): (FieldType.STATUS, FieldType.INTEGER, STATUS),
    (8, 5): (FieldType.DATE_TIME, FieldType.TEXT, DATE_TIME),
    (8, 6): (FieldType.DATE_TIME, FieldType.TEXT, DATE_TIME),
    (15, 4): (FieldType.CHOICE, FieldType.JSON, CHOICE),
    (15, 6): (FieldType.CHOICE, FieldType.JSON, CHOICE),
    (20, 10): (FieldType.DATE_TIME, FieldType.TEXT, DATE_TIME),
    (21, 2): (FieldType.JSON, FieldType.CHOICE, ALWAYS_ARRAY),
    (26, 4): (FieldType.CHOICE, FieldType.TEXT, BUFFER),
    (28, 4): (FieldType.STATUS, FieldType.INTEGER, STATUS),
    (29, 4): (FieldType.CHOICE, FieldType.INTEGER, REPETITION_DELAY),
    (40, 7): (FieldType.CHOICE, FieldType.INTEGER, REPETITION_DELAY),
    (42, 3): (FieldType.IP_ADDRESS, FieldType.INTEGER, ADDRESS),
    (42, 4): (FieldType.IP_ADDRESSES, FieldType.JSON, ADDRESS),
    (42, 6): (FieldType.IP_ADDRESS, FieldType.INTEGER, ADDRESS),
    (42, 7): (FieldType.IP_ADDRESS, FieldType.INTEGER, ADDRESS),
    (42, 9): (FieldType.IP_ADDRESS, FieldType.INTEGER, ADDRESS),
    (42, 10): (FieldType.IP_ADDRESS, FieldType.INTEGER, ADDRESS),
    (44, 5): (FieldType.JSON, FieldType.CHOICE, "a structure for each kind of authentication, one JSON text for all"),
    (47, 3): (FieldType.STATUS, FieldType.INTEGER, STATUS),
    (48, 4): (FieldType.IP_ADDRESSES, FieldType.JSON, ADDRESS),
    (48, 5): (FieldType.IP_ADDRESSES, FieldType.JSON, ADDRESS),
    (48, 6): (FieldType.IP_ADDRESSES, FieldType.JSON, ADDRESS),
    (48, 7): (FieldType.IP_ADDRESS, FieldType.TEXT, ADDRESS),
    (48, 8): (FieldType.IP_ADDRESS, FieldType.TEXT, ADDRESS),
    (72, 11): (FieldType.STATUS, FieldType.INTEGER, STATUS),
}
#: The same for one version alone.
DIFFERENCES_OF_A_VERSION = {
    (24, 0, 2): (FieldType.TEXT, FieldType.INTEGER, OLD_TWISTED_PAIR),
    (24, 0, 3): (FieldType.JSON, FieldType.INTEGER, OLD_TWISTED_PAIR),
    (24, 0, 5): (FieldType.INTEGER, FieldType.JSON, OLD_TWISTED_PAIR),
    **{(40, version, 7): (FieldType.CHOICE, FieldType.JSON, REPETITION_DELAY) for version in VERSIONS[2:]},
}


def gurux_object(class_id, version=None):
    """Return gurux-dlms's object of a version, without one in the version that it makes by itself."""
    name = f"GXDLMS{GURUX[class_id]}"
    theirs = getattr(importlib.import_module(f"gurux_dlms.objects.{name}"), name)()
    if version is not None:
        theirs.version = version
    return theirs


def test_every_class_of_the_table_is_held_against_gurux_where_it_has_one():
    assert GURUX.keys() | WITHOUT_ORACLE == CLASSES.keys()
    assert set(ROUTER) - GURUX.keys() == {62, 68}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("class_id", GURUX)
def test_every_version_has_as_many_attributes(class_id, version):
    assert len(attributes_of(class_id, version)) == gurux_object(class_id, version).getAttributeCount()


@pytest.mark.parametrize("class_id", GURUX)
def test_no_version_is_newer_than_those_that_were_compared(class_id):
    assert versions_of(class_id)[-1] in VERSIONS
    assert gurux_object(class_id).version in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("class_id", GURUX)
def test_every_attribute_has_the_type_of_gurux_or_a_reason(class_id, version):
    theirs = gurux_object(class_id, version)
    for attribute in attributes_of(class_id, version)[1:]:
        mine = TYPES.get(theirs.getDataType(attribute.number), FieldType.INTEGER)
        expected = DIFFERENCES_OF_A_VERSION.get((class_id, version, attribute.number)) or DIFFERENCES.get(
            (class_id, attribute.number), (mine, mine, "")
        )
        assert (attribute.type, mine) == expected[:2], attribute


@pytest.mark.parametrize("place", [*DIFFERENCES, *DIFFERENCES_OF_A_VERSION])
def test_no_reason_is_left_over(place):
    ours, theirs, reason = (DIFFERENCES | DIFFERENCES_OF_A_VERSION)[place]
    assert ours is not theirs
    assert reason
