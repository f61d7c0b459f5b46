"""The steps of a test in a terminal, with rich: the one that is going on moves, those behind it stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from telegraf_dlms.steps import as_text

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self, TextIO

    from telegraf_dlms.steps import Step, StepName

_HINT: Final = "hint:"
_CAUSE: Final = "cause:"


class LiveReport:
    """A report on a terminal, while its ``with`` block lasts."""

    def __init__(self, file: TextIO) -> None:
        self._console = Console(file=file, highlight=False, soft_wrap=True)
        # No thread of rich's: whoever waits for the meter calls refresh.
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._device = ""

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def begin(self, name: StepName, device: str) -> None:
        """Show what is going on, in motion."""
        words = f"{device}: {name}" if device else name
        self._live.update(Spinner("dots", text=Text(f" {words.replace('_', ' ')}", style="cyan")), refresh=True)

    def tell(self, step: Step) -> None:
        """Print the step above what is going on; behind the result nothing is."""
        if step.name == "result":
            self._live.update(Text())
        if step.device not in {"", self._device}:
            self._device = step.device
            self._console.print(Text(f"device {step.device}", style="bold"))
        first, *others = as_text(step)
        self._console.print(_coloured(first, step))
        for line in others:
            self._console.print(Text(line, style=_style(line)))

    def refresh(self) -> None:
        """Move what is going on."""
        self._live.refresh()


def _coloured(line: str, step: Step) -> Text:
    text = Text(line)
    text.stylize("bold green" if step.is_ok else "bold red", 0, line.index(" "))
    if step.name == "result":
        text.stylize("bold")
    return text


def _style(line: str) -> str:
    words = line.lstrip()
    if words.startswith(_HINT):
        return "yellow"
    return "red" if words.startswith(_CAUSE) else "dim"
