"""A meter with one profile, whose selective access behaves as a test wants it to, and how it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scripted_meter import ScriptedMeter, association, converse, octets, scaler_unit, unsigned
from telegraf_dlms import axdr
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.buffer_progress import Progress
from telegraf_dlms.conversation import Memory
from telegraf_dlms.cosem import AttributeDescriptor, CaptureObject
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.datetimes import encode as encode_date_time
from telegraf_dlms.metrics import Presentation
from telegraf_dlms.new_rows import Question, read_new_rows
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.printed import PrintedRows
from telegraf_dlms.profile import ProfileSeries
from telegraf_dlms.profile_conversation import BufferReader, BufferRequest

PROFILE = parse_obis("1.0.99.1.0.255")
CLOCK = CaptureObject(8, parse_obis("0.0.1.0.0.255"), 2, 0)
UNIX_CLOCK = CaptureObject(1, parse_obis("0.0.1.1.0.255"), 2, 0)
STATUS = CaptureObject(1, parse_obis("0.0.96.10.1.255"), 2, 0)
IMPORT = CaptureObject(3, parse_obis("1.0.1.8.0.255"), 2, 0)
EXPORT = CaptureObject(3, parse_obis("1.0.2.8.0.255"), 2, 0)
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
TYPE_UNMATCHED = 12
HOUR = 3600_000_000_000
COLUMNS = ["capture_objects", "capture_period", "sort_method"]

_NAMES = {3: "capture_objects", 4: "capture_period", 5: "sort_method", 6: "sort_object", 7: "entries_in_use"}


def quarter(number):
    """Return nanoseconds of a quarter of an hour of 2026-01-01."""
    return (int(MIDNIGHT.timestamp()) + 900 * number) * 1_000_000_000


def date_time(number):
    return encode_date_time(MIDNIGHT + timedelta(minutes=15 * number))


class ScriptedProfile(ScriptedMeter):
    """Rows of (clock, number), captured each quarter of an hour; ``numbers`` are those of their quarters.

    ``clocks`` are the cells of numbers that have another clock, None for a null. ``refuses`` are access selectors, 0
    for none; ``keeps_back`` those that are answered with no rows.
    """

    def __init__(self, numbers=range(8), *, columns=(CLOCK, STATUS), sort_method=1, period=900, **behaviour):
        super().__init__()
        self.numbers = list(numbers)
        self.columns = columns
        self.sort_method = sort_method
        self.refuses = set(behaviour.pop("refuses", ()))
        self.keeps_back = set(behaviour.pop("keeps_back", ()))
        self.clocks = behaviour.pop("clocks", {})
        self.attributes = {
            self.at(2): self._buffer,
            self.at(3): array([_capture_object(column) for column in columns]),
            self.at(4): unsigned(period),
            self.at(5): encode(Tag.ENUM, sort_method),
            self.at(7): lambda _: unsigned(len(self.numbers)),
            AttributeDescriptor(3, IMPORT.logical_name, 3): scaler_unit(-1, 30),
            AttributeDescriptor(3, EXPORT.logical_name, 3): scaler_unit(0, 30),
        }
        assert not behaviour

    @staticmethod
    def at(attribute):
        return AttributeDescriptor(7, PROFILE, attribute)

    def words(self, descriptor, selection):
        if descriptor.class_id != 7:
            return super().words(descriptor, selection)
        if descriptor.attribute != 2:
            return _NAMES[descriptor.attribute]
        if selection is None:
            return "buffer"
        parameters = axdr.decode_all(selection[1:])
        if selection[0] == 2:
            return f"entries {parameters[0]} to {parameters[1]}"
        return f"range from {datetime.fromtimestamp(_seconds(parameters[1]), tz=UTC):%H:%M}"

    def _buffer(self, selection):
        selector = 0 if selection is None else selection[0]
        if selector in self.refuses:
            return TYPE_UNMATCHED
        rows = self._in_order()
        if selector == 2:
            first, last, _, _ = axdr.decode_all(selection[1:])
            rows = rows[first - 1 : last or None]
        elif selector == 1:
            _, first, last, _ = axdr.decode_all(selection[1:])
            rows = [number for number in rows if _seconds(first) <= self._captured(number) <= _seconds(last)]
        return array([] if selector in self.keeps_back else [self._row(number) for number in rows])

    def _in_order(self):
        if self.sort_method == 1:
            return self.numbers
        return self.numbers[::-1] if self.sort_method == 2 else [*self.numbers[::2], *self.numbers[1::2]]

    def _row(self, number):
        return structure(*[self._cell(column, number) for column in self.columns])

    def _captured(self, number):
        """Return the seconds by which a range finds a row: those of its clock, as the meter writes it."""
        return _seconds(self.clocks.get(number) or date_time(number))

    def _cell(self, column, number):
        if column == CLOCK:
            clock = self.clocks.get(number, date_time(number))
            return encode(Tag.NULL_DATA) if clock is None else octets(clock)
        return unsigned(quarter(number) // 10**9 if column == UNIX_CLOCK else number)


def _capture_object(column):
    return structure(
        encode(Tag.LONG_UNSIGNED, column.class_id),
        octets(column.logical_name),
        encode(Tag.INTEGER, column.attribute),
        encode(Tag.LONG_UNSIGNED, column.data_index),
    )


def _seconds(bound):
    return bound if isinstance(bound, int) else (DeviceClock().to_utc_ns(bound) or 0) // 10**9


NOW = quarter(8)


class Reader:
    """Reads a scripted profile again and again, and takes what is new for printed; ``memory`` is of the meter."""

    def __init__(self, meter, *, entries=None, backfill=HOUR, clock=None, at_once=500, inside=None):
        self.meter = meter
        self.request = BufferRequest(PROFILE, entries, backfill)
        self.clock = clock or DeviceClock()
        self.memory, self.printed, self.progress = Memory(), PrintedRows(), Progress(rows_at_once=at_once)
        self.inside = inside or association()
        self.now_ns = NOW
        self.fresh = None

    def conversation(self):
        reader = BufferReader(self.inside, PROFILE, self.memory, clock=self.clock)
        series = ProfileSeries(
            "dlms", tags={}, logical_name=PROFILE, presentation=Presentation("utf-8", self.clock), null_cells=""
        )
        reading = yield from reader.facts(series.needed_scalers)
        layout = series.prepare(reading.captures, reading.scalers)

        def interpret(buffer):
            return layout.rows(
                buffer,
                capture_period=reading.capture_period,
                sort_method=reading.sort_method,
                poll_time_ns=self.now_ns,
            )

        question = Question(reader, reading, self.request, self.printed, self.progress, interpret, self.now_ns)
        return (yield from read_new_rows(question))

    def read(self):
        """Read once; return the new rows at their times."""
        self.fresh = converse(self.conversation(), self.meter)
        self.printed.commit(self.fresh.passed, printed_ns=0)
        placed = self.printed.place(self.fresh.rows)
        self.printed.commit(placed, printed_ns=self.now_ns)
        if not self.fresh.more:
            self.printed.settle()
        self.printed.clock_cell = self.memory.clocks.get(PROFILE)
        return placed

    def read_all(self):
        """Read until there is no more; return the new rows."""
        rows = self.read()
        while self.fresh.more:
            rows += self.read()
        return rows

    def asked(self):
        """Read once, and return what the meter was asked."""
        self.meter.take_asked()
        self.read()
        return self.meter.take_asked()

    def restart(self, *, again_from_ns=None):
        """End the process and begin another one."""
        self.printed = PrintedRows.from_text(self.printed.to_text(), again_from_ns=again_from_ns)
        self.memory, self.progress = Memory(), Progress(rows_at_once=self.progress.rows_at_once)
        if self.printed.clock_cell is not None:
            self.memory.clocks[PROFILE] = self.printed.clock_cell


def numbers(rows):
    """Return the numbers of rows of a clock and a number."""
    return [int(row.bodies[0].split(" ")[1].split("=")[1].split(",")[0]) for row in rows]
