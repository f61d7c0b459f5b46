"""How the steps of a test come on, and are shown: as JSON lines, or as plain ones. ``report_live`` is for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from telegraf_dlms.steps import Step, as_json, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telegraf_dlms.steps import Failure, Plain, StepName


class Report(Protocol):
    """What is told of each step: that it begins, and what came of it."""

    def begin(self, name: StepName, device: str) -> None:
        """Show what is going on; ``device`` is empty where it is about none."""

    def tell(self, step: Step) -> None:
        """Show what came of it."""

    def refresh(self) -> None:
        """Show that time goes by."""


class JsonReport:
    """One JSON object a line; ``write`` takes each line without its end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def begin(self, name: StepName, device: str) -> None:
        """Show nothing: machines want what came of it."""

    def tell(self, step: Step) -> None:
        """Write the step."""
        self._write(as_json(step))

    def refresh(self) -> None:
        """Show nothing."""


class PlainReport:
    """Lines for a pipe or a file; a device's steps stand below its name."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._device = ""

    def begin(self, name: StepName, device: str) -> None:
        """Show nothing: what is written stays."""

    def tell(self, step: Step) -> None:
        """Write the step, below its device's name where it is another one's than the last."""
        if step.device not in {"", self._device}:
            self._device = step.device
            self._write(f"device {step.device}")
        for line in as_text(step):
            self._write(line)

    def refresh(self) -> None:
        """Show nothing."""


class Stage:
    """Where the steps of one device, or of a connection, come on one after the other, with the time that each took.

    ``remark`` takes what a trace is to say of them.
    """

    def __init__(
        self, report: Report, *, device: str = "", mono_ns: Callable[[], int], remark: Callable[[str], None]
    ) -> None:
        self._report = report
        self._device = device
        self._mono_ns = mono_ns
        self._remark = remark
        self._began_ns = mono_ns()
        self.current: StepName = "result"

    def begin(self, name: StepName) -> None:
        """Begin a step."""
        if name != self.current:
            self._remark(name.replace("_", " "))
        self.current = name
        self._began_ns = self._mono_ns()
        self._report.begin(name, self._device)

    def tell(self, detail: Mapping[str, Plain], *, failure: Failure | None = None) -> None:
        """Tell what came of the step that was begun."""
        duration = {} if self.current in _TIMELESS else {"ms": (self._mono_ns() - self._began_ns) // 1_000_000}
        if failure is not None:
            self._remark(f"failed: {failure.cause}")
        self._report.tell(Step(self.current, {**detail, **duration}, self._device, failure))

    def note(self, text: str) -> None:
        """Tell something worth knowing, in the middle of a step."""
        self._report.tell(Step("note", {"text": text}, self._device))


_TIMELESS: Final = frozenset({"read", "value", "result", "lock_out", "note"})
