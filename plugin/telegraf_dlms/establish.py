"""How a device's association is opened over a link, step by step; a poll, ``test`` and ``discover`` all open it so.

Where a key is used the invocation counter comes first: the meter's own is read by the public client, in an association
that is released before ours begins. Where no object is configured it is looked for, once and as long as no number is
known (``counter_search``). A refusal that names another counter is followed once (``counters``); after one that does
not the meter's own is looked for too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

from telegraf_dlms.access import Access
from telegraf_dlms.conversation import release
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.counter_search import MAX_FOUND, counter_of, find_counter
from telegraf_dlms.errors import (
    AssociationError,
    CipheringError,
    DataRefused,
    LinkError,
    ProtocolError,
    RemoteProtocolError,
    Silence,
)
from telegraf_dlms.handshake import Handshake, Identity, established
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.link import TcpSettings
from telegraf_dlms.obis import format_obis

if TYPE_CHECKING:
    from telegraf_dlms.conversation import Association
    from telegraf_dlms.counter_search import Found
    from telegraf_dlms.counters import Counters
    from telegraf_dlms.link import Link
    from telegraf_dlms.meter import Meter
    from telegraf_dlms.talk import Conversation, Framing
    from telegraf_dlms.world import World

T = TypeVar("T")

#: A release waits no longer (design, section 4): a meter gives up its association by itself.
RELEASE_TIMEOUT_S: Final = 0.5
#: After a call in mode E that nobody heard: DISC does its work unanswered too, and a dead meter costs one time-out.
UNHEARD_DISC_S: Final = 0.1
#: Data (class 1), value.
_COUNTER: Final = (1, 2)

#: Returns the open link, opened now where it is not.
Dial: TypeAlias = Callable[[], Awaitable["Link"]]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an opening that went well, and what came of it in plain values."""

    name: Literal["mode_e", "data_link", "invocation_counter", "associate", "authenticate"]
    detail: Mapping[str, object] = field(default_factory=dict)


Tell: TypeAlias = Callable[[Step], None]


def _nobody(_step: Step) -> None:
    pass


async def establish(meter: Meter, dial: Dial, world: World, *, tell: Tell = _nobody) -> Link:
    """Open the meter's association and return the link that it is on; ``meter.association`` has it then.

    ``tell`` is told each step once it went well. Raises TelegrafDlmsError, and nothing is open then.
    """
    opening = _Opening(meter, dial, world, tell)
    try:
        return await opening.make()
    except BaseException:
        meter.drop_framing()
        raise


class _Opening:
    """One opening of one meter."""

    def __init__(self, meter: Meter, dial: Dial, world: World, tell: Tell) -> None:
        self._meter = meter
        self._dial = dial
        self._world = world
        self._tell = tell
        self._access = access = meter.plan.access
        self._counters = self._own_counters(access.block_cipher_key) if access.needs_counter else None
        self._last_counter = 0
        #: The last one that the proof which was refused had; an RLRQ has come after it.
        self._refused_counter: int | None = None
        # A fresh dedicated key has no numbers of its own: it takes those of the other key.
        dedicated = access.dedicated_key if access.protection else b""
        self._dedicated = self._own_counters(dedicated) if isinstance(dedicated, bytes) and dedicated else None

    async def make(self) -> Link:
        counters = self._counters
        if counters is None:
            return await self._associate()
        counters.begin()
        if self._dedicated is not None:
            self._begin_dedicated(self._dedicated)
        search = self._meter.counter_search
        if self._meter.plan.invocation_counter is not None:
            search.is_over = True
            await self._ask_counter(counters, self._meter.plan.invocation_counter)
        elif not search.is_over and not search.is_unanswered and counters.is_new():
            await self._search(counters)
        try:
            link = await self._associate()
        except AssociationError as error:
            if error.counter is not None:
                self._follow(counters, error.counter)
            elif not await self._was_too_low(counters, error):
                raise
            link = await self._associate()
        self._meter.follows_counter = False
        search.let_in()
        return link

    async def _was_too_low(self, counters: Counters, refusal: AssociationError) -> bool:
        """Return whether the counter that was refused may be the reason: the meter's own is not below it.

        One that is the last that it was sent may have taken that: a secret that was refused is not shown twice.
        """
        if not self._may_search or not self._last_counter:
            return False
        sent = self._last_counter
        found = await self._search(counters)
        return found is not None and found.number >= sent + refusal.authentication

    async def _search(self, counters: Counters) -> Found | None:
        """Look for the meter's own counter and let none follow that is not above it; what goes wrong is no error."""
        search = self._meter.counter_search
        client, known = self._meter.plan.client_address, search.objects
        try:
            found = await self._publicly(
                lambda association: find_counter(association, client_address=client, known=known)
            )
        except (LinkError, RemoteProtocolError) as error:
            search.is_unanswered = True
            if isinstance(error, RemoteProtocolError) and isinstance(self._meter.plan.link, TcpSettings):
                (await self._dial()).close()  # nobody knows what is still on its way
            self._tell(Step("invocation_counter", {"found": f"nothing: {error}"}))
            return None
        except (AssociationError, DataRefused) as error:
            search.is_over, search.objects = True, ()
            self._tell(Step("invocation_counter", {"found": f"nothing: {error}"}))
            return None
        search.is_over, search.objects = True, (found.logical_name,)
        shown = format_obis(found.logical_name)
        self._tell(Step("invocation_counter", {"obis": shown, "value": found.number}))
        if found.number >= MAX_FOUND:
            text = f"{shown} seems to be its invocation counter, and is {found.number}: if so, set invocation_counter"
            self._meter.troubles.once("invocation_counter", text)
            return None
        counters.raise_to(found.number + 1)
        return found

    @property
    def _may_search(self) -> bool:
        """Whether the meter's own counter is still to be looked for, after a refusal."""
        return self._counters is not None and not self._meter.counter_search.is_over

    def _begin_dedicated(self, counters: Counters) -> None:
        counters.begin()
        try:
            # The meter's own counter says nothing of this key: only the state knows which numbers were used.
            counters.prepare()
        except CipheringError as error:
            raise CipheringError(f'dedicated_key, which may be "random": {error}') from error

    def _follow(self, counters: Counters, expected: int) -> None:
        """Go on from the counter that the meter expects, once until it lets us in: a hostile one must not burn them."""
        if self._meter.follows_counter:
            raise CipheringError(
                f"the meter expects invocation counter {expected}, after the one that it expected before"
            )
        refused = self._last_counter if self._refused_counter is None else self._refused_counter
        counters.resync(expected, refused=refused)
        self._meter.follows_counter = True

    async def _associate(self) -> Link:
        return await self._on_a_live_link(self._associate_on)

    async def _on_a_live_link(self, begin: Callable[[Link], Awaitable[T]]) -> T:
        """Begin an association; once more where the link was in use before, and is closed before it is answered.

        Many meters close the connection when the association on it is released, and some while the next is asked for.
        Others close a new one on which a DISC comes first.
        """
        link = await self._dial()
        heard = link.bytes_received
        try:
            return await begin(link)
        except LinkError:
            if link.alive or link.bytes_received > heard or not (heard or self._owes_disc):
                raise
        self._meter.drop_framing()
        return await begin(await self._dial())

    @property
    def _owes_disc(self) -> bool:
        framing = self._meter.framing
        return isinstance(framing, HdlcFraming) and framing.owes_disc

    async def _associate_on(self, link: Link) -> Link:
        meter, access = self._meter, self._access
        framing = meter.new_framing()
        await self._data_link(link, framing)
        handshake = Handshake(framing, access, self._identity())
        aare, negotiated = await self._run(link, handshake.request(), framing)
        titles = {"server_system_title": handshake.server_title.hex()} if handshake.server_title else {}
        granted = [str(flag.name).lower() for flag in type(negotiated.conformance) if flag in negotiated.conformance]
        settled = {"conformance": granted, "max_pdu_size": negotiated.max_pdu_size}
        self._tell(Step("associate", {"result": "accepted", "diagnostic": aare.diagnostic, **settled, **titles}))
        if access.is_high:
            await self._authenticate(link, handshake, framing)
        meter.association = established(
            handshake,
            negotiated,
            access,
            invoke_ids=meter.invoke_ids,
            short_names=meter.short_names,
            lists=meter.lists,
            excepted=meter.memory.excepted,
            pitfalls=meter.pitfalls,
        )
        return link

    async def _authenticate(self, link: Link, handshake: Handshake, framing: Framing) -> None:
        try:
            await self._run(link, handshake.authenticate(self._meter.invoke_ids), framing)
        except AssociationError as error:
            if (
                error.counter is not None or self._may_search
            ):  # what follows shall not find the meter in the middle of this one
                self._refused_counter = self._last_counter
                await self._release(link, framing, handshake.rlrq())
            raise
        self._tell(Step("authenticate", {"mechanism": self._access.security}))

    async def _data_link(self, link: Link, framing: Framing) -> None:
        """Open the line and the data link."""
        plan = self._meter.plan
        if plan.interface_type == "hdlc_mode_e":
            # A meter that was left in the middle hears no call; the line is still as it was left, and DISC ends it.
            await link.run(framing.close(), timeout_s=RELEASE_TIMEOUT_S, budget_s=RELEASE_TIMEOUT_S)
            try:
                said = await link.open_line("mode_e", timeout_s=self._timeout_s)
            except Silence:
                await self._disconnect_unheard(link, framing)
                raise
            self._tell(Step("mode_e", said))
            if isinstance(framing, HdlcFraming):
                framing.called_anew()
        else:
            await link.open_line("plain", timeout_s=self._timeout_s)
        if plan.pause_after_connect_ns:
            await asyncio.sleep(plan.pause_after_connect_ns / 1e9)
        link.discard_input()
        await self._run(link, framing.open(), framing)
        if isinstance(framing, HdlcFraming) and framing.negotiated is not None:
            self._tell(Step("data_link", asdict(framing.negotiated)))

    async def _disconnect_unheard(self, link: Link, framing: Framing) -> None:
        """Say DISC at the configured speed to a meter that hears no call, for the next one.

        So are meters that another process, or a speed that is forgotten, left in the middle of HDLC.
        """
        if not isinstance(framing, HdlcFraming) or not link.alive:
            return
        owed, framing.unclean = framing.unclean, True
        with contextlib.suppress(LinkError, ProtocolError):
            await link.open_line("plain", timeout_s=self._timeout_s)
            await link.run(framing.close(), timeout_s=UNHEARD_DISC_S, budget_s=UNHEARD_DISC_S)
        framing.unclean = framing.unclean and owed

    async def _ask_counter(self, counters: Counters, logical_name: bytes) -> None:
        """Let no counter follow that is not above the meter's own; where it does not tell, the state's go on."""
        shown = format_obis(logical_name)
        descriptor = AttributeDescriptor(_COUNTER[0], logical_name, _COUNTER[1])
        try:
            number = counter_of(await self._publicly(lambda association: association.ask(descriptor)))
        except (DataRefused, AssociationError) as error:
            text = f"its invocation counter {shown} cannot be read by the public client: {error}"
            self._meter.troubles.once("invocation_counter", text)
            self._tell(Step("invocation_counter", {"obis": shown, "refused": str(error)}))
            return
        counters.raise_to(number + 1)
        self._tell(Step("invocation_counter", {"obis": shown, "value": number}))

    async def _publicly(self, question: Callable[[Association], Conversation[T]]) -> T:
        """Return what comes of a question in an association of the public client, which is released."""
        return await self._on_a_live_link(lambda link: self._publicly_on(link, question))

    async def _publicly_on(self, link: Link, question: Callable[[Association], Conversation[T]]) -> T:
        await self._leave_former(link)
        meter = self._meter
        access = Access("none", b"", self._access.max_pdu_size, self._access.referencing)
        framing = meter.new_framing(client="public")
        request = b""
        try:
            await self._public_data_link(link, framing)
            handshake = Handshake(framing, access, Identity())
            _, negotiated = await self._run(link, handshake.request(), framing)
            association = established(
                handshake, negotiated, access, invoke_ids=meter.invoke_ids, short_names=meter.public_short_names
            )
            request = association.release_request()
            return await self._run(link, question(association), framing)
        finally:
            await self._release(link, framing, request)
            meter.drop_framing()

    async def _leave_former(self, link: Link) -> None:
        """End a data link of our own that was left behind: the meter may have room for one, or be deaf to a call."""
        framing = self._meter.new_framing()
        if isinstance(framing, HdlcFraming) and framing.unclean:
            if self._meter.plan.interface_type != "hdlc_mode_e":
                await link.open_line("plain", timeout_s=self._timeout_s)
            await self._release(link, framing, b"")
        self._meter.drop_framing()

    async def _public_data_link(self, link: Link, framing: Framing) -> None:
        """Open the data link of the public client; AssociationError where the meter answers, and refuses it."""
        try:
            await self._data_link(link, framing)
        except LinkError as error:
            if isinstance(error, Silence) or not link.alive:
                raise
            raise AssociationError(str(error)) from error

    async def _release(self, link: Link, framing: Framing, request: bytes) -> None:
        request = request if self._meter.plan.interface_type == "wrapper" else b""
        conversation = release(framing, request=request)
        if link.alive:
            with contextlib.suppress(LinkError, ProtocolError):
                await link.run(conversation, timeout_s=RELEASE_TIMEOUT_S, budget_s=RELEASE_TIMEOUT_S)
        conversation.close()

    def _identity(self) -> Identity:
        access, counters, dedicated = self._access, self._counters, self._dedicated
        if not access.needs_title:
            return Identity()
        title = access.system_title or self._world.state.title
        if counters is None:
            return Identity(title)
        dedicated = dedicated or counters
        return Identity(title, self._counting(counters, dedicated), self._counting(dedicated, counters))

    def _counting(self, counters: Counters, other: Counters) -> Callable[[], int]:
        """Return what gives the next counter of a key, always above the last one of both: meters count so."""

        def next_counter() -> int:
            number = self._last_counter = self._meter.last_counter = counters.next_counter()
            if other is not counters:
                other.raise_to(number + 1)
            return number

        return next_counter

    def _own_counters(self, key: bytes) -> Counters:
        return self._world.state.counters(key, system_title=self._access.system_title)

    async def _run(self, link: Link, conversation: Conversation[T], framing: Framing) -> T:
        plan = self._meter.plan
        return await link.run(
            conversation, timeout_s=self._timeout_s, pause_s=plan.pause_between_requests_ns / 1e9, progress=framing
        )

    @property
    def _timeout_s(self) -> float:
        return self._meter.plan.timeout_ns / 1e9
