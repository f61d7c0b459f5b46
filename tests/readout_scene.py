"""One device with a scripted meter, and a world that remembers: where readouts are tested."""

from __future__ import annotations

from scripted_meter import SaidLog, ScriptedLink, ScriptedMeter, association, descriptor, octets, scaler_unit, unsigned
from scripted_profile import quarter
from stations import Lines, connection, device, group, plan_of, value
from telegraf_dlms.log import Changes
from telegraf_dlms.meter import Meter
from telegraf_dlms.readout import Readout
from telegraf_dlms.world import World

TIME = 1_767_225_600_000_000_000
ENERGY, ENERGY_UNIT = descriptor(3, "1.0.1.8.0.255"), descriptor(3, "1.0.1.8.0.255", 3)
SERIAL = descriptor(1, "0.0.96.1.0.255")
MAXIMUM, MAXIMUM_UNIT, MAXIMUM_TIME = (descriptor(4, "1.0.1.6.0.255", number) for number in (2, 3, 5))
ENERGY_HEAD = "dlms,class_id=3,device=house,group=g,name=energy,obis=1.0.1.8.0.255"
ENERGY_LINE = f"{ENERGY_HEAD},unit=Wh value=1234.5 {TIME}"
SERIAL_LINE = f'dlms,class_id=1,device=house,group=g,name=serial,obis=0.0.96.1.0.255 value_text="A1" {TIME}'

NOT_UNSCALED = "its scaler_unit could not be read, so it is refused and not printed unscaled"


def energy(**settings):
    return value("energy", obis="1-0:1.8.0", **settings)


def all_rows(**settings):
    return value("load", obis="1-0:99.1.0", class_id=7, **settings)


class Scene:
    """One device with the values of group g, a scripted meter, and a world that remembers."""

    def __init__(self, *values, meter=None, **settings):
        self.log, self.lines = SaidLog(), Lines()
        self.mono_ns = 0
        self.world = World(self.lines, self.log, Changes(self.log), lambda: quarter(8), lambda: self.mono_ns, None)
        tables = connection(), device(**settings), group("g", *values)
        self.house = Meter(plan_of(*tables).meters[0], self.world.changes, state=self.world.state)
        self.meter = meter or ScriptedMeter()
        registers = {
            ENERGY: unsigned(12345),
            ENERGY_UNIT: scaler_unit(-1, 30),
            SERIAL: octets(b"A1"),
            MAXIMUM: unsigned(4000),
            MAXIMUM_UNIT: scaler_unit(0, 27),
        }
        self.meter.attributes = registers | self.meter.attributes
        self.link = ScriptedLink(self.meter)
        self.associate()

    def associate(self):
        self.house.drop_framing()
        self.house.association = association(is_identified=True)

    def readout(self):
        return Readout(self.house, ["g"], self.world, time_ns=TIME)

    async def poll(self):
        """Read all; return the lines, and how many values were read and refused."""
        readout = self.readout()
        await readout.read_rest(self.link)
        return self.take_lines(), (readout.read, readout.refused)

    def take_lines(self):
        lines, self.lines.all = self.lines.all, []
        return lines


def told(count, *, gap_s=0):
    """Return the ``dlms_profile`` line of a profile from which so many rows were printed."""
    fields = f"rows={count}i,gap_seconds={gap_s}i,backlog_seconds=0i,capture_period=900i"
    return f"dlms_profile,device=house,group=g,name=load,obis=1.0.99.1.0.255 {fields} {TIME}"


def rows(lines):
    """Return what is short to read of a profile's lines: obis, fields, quarter of an hour.

    Each profile's are followed by its ``dlms_profile`` line, which tells how many rows there were.
    """
    short = []
    for line in lines:
        if line.startswith("dlms_profile,"):
            continue
        tags, fields, time = line.split(" ")
        obis = dict(tag.split("=") for tag in tags.split(",")[1:])["obis"]
        short.append((obis, fields, (int(time) - quarter(0)) / (900 * 10**9)))
    return short


def status_rows(*numbers):
    return [("0.0.96.10.1.255", f"value={number}", number) for number in numbers]
