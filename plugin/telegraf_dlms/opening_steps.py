"""Where an opening stands, for who has to say why it failed: ``establish`` tells of a step when it is over."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from telegraf_dlms.access import PROTECTIONS
from telegraf_dlms.check import line_text, server_text
from telegraf_dlms.circumstances import Circumstances
from telegraf_dlms.link import SerialSettings

if TYPE_CHECKING:
    from telegraf_dlms.plan import MeterPlan
    from telegraf_dlms.steps import StepName
    from telegraf_dlms.trace import Heard


def circumstances_of(plan: MeterPlan, step: StepName, *, heard: Heard) -> Circumstances:
    """Return where something failed on the way to a device: in which step, and how the device is addressed."""
    link, access = plan.link, plan.access
    return Circumstances(
        step,
        device=shlex.quote(plan.name),
        link="serial" if isinstance(link, SerialSettings) else "tcp",
        line=line_text(link) if isinstance(link, SerialSettings) else "",
        interface_type=plan.interface_type,
        server=server_text(plan),
        client=plan.client_address,
        access_security=access.security,
        transport_security=next(name for name, bits in PROTECTIONS.items() if bits == access.protection),
        heard=heard,
    )


class OpeningSteps:
    """Which step of an opening comes next."""

    def __init__(self, plan: MeterPlan) -> None:
        opening: list[StepName] = []
        if plan.interface_type == "hdlc_mode_e":
            opening.append("mode_e")
        if plan.interface_type != "wrapper":
            opening.append("data_link")
        self._names: list[StepName] = []
        if plan.access.needs_counter and plan.invocation_counter is not None:
            self._names += [*opening, "invocation_counter"]
        self._names += [*opening, "associate"]
        if plan.access.is_high:
            self._names.append("authenticate")
        self._at = 0

    @property
    def next(self) -> StepName:
        """The step that comes next."""
        return self._names[self._at] if self._at < len(self._names) else "read"

    def took(self, name: StepName) -> None:
        """Go on behind a step; one that is behind us already is taken again, where the meter made us begin anew."""
        rest = self._names[self._at :]
        if name in rest:
            self._at += rest.index(name) + 1
        elif name in self._names:
            self._at = len(self._names) - self._names[::-1].index(name)
