"""Consultations that the controller announced: kept in the kernel and on disk while they last."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from edge.agent.announced_calls import AnnouncedCalls
from edge.clock import Moment
from edge.dataplane.thread import DataplaneThread
from edge.nftables.call_flows import CallFlow, care_classes
from edge.policy.model import EdgePolicy
from edge.selection import call_list
from edge.selection.consultations import (
    AnnouncedConsultation,
    load_announced,
    peers_in,
    read_announced,
    save_announced,
    wanted_flows,
)
from edge.storage.journal import Note
from inventory.model import DeviceName


class AnnouncedConsultations:
    """What the controller last announced to this edge; it ends by itself at the time it was told.

    While one runs, its peers are watched as in a consultation, and datagrams between its machines
    travel in its class.
    """

    def __init__(
        self,
        folder: Path,
        dataplane: DataplaneThread,
        calls: AnnouncedCalls,
        note: Note,
        clock: Callable[[], Moment],
    ) -> None:
        self._folder, self._dataplane, self._calls = folder, dataplane, calls
        self._note, self._clock = note, clock
        self.every: tuple[AnnouncedConsultation, ...] = ()
        self.changed = asyncio.Event()
        self._unsaved = False
        self._running: frozenset[str] = frozenset()
        # None is a flow that an earlier process marked.
        self._marked: dict[CallFlow, AnnouncedConsultation | None] = {}

    def open(self) -> None:
        """Read what an earlier process wrote down. Raises OSError."""
        now = self._clock()
        self.every = load_announced(self._folder, now)
        self._marked = dict.fromkeys(wanted_flows(self.every, now))

    def take(self, told: object) -> None:
        """Take what the controller announces; it is all that it announces to this edge."""
        self.every = read_announced(told, self._clock())
        self._unsaved = True
        self.changed.set()

    def peers(self, policy: EdgePolicy) -> frozenset[DeviceName]:
        """Return the peers that consultations go on with."""
        return peers_in(self.every, policy, self._clock())

    async def tend(self, policy: EdgePolicy) -> None:
        """Do what is due: begin, end, and write down. Raises EdgeError, OSError."""
        now = self._clock()
        self.every = tuple(one for one in self.every if one.left_s(now) > 0)
        if self._unsaved:
            await asyncio.to_thread(save_announced, self._folder, self.every)
            self._unsaved = False
        self._tell(now)
        known = care_classes(policy)
        wanted = {
            f: one for f, one in wanted_flows(self.every, now).items() if one.service in known
        }
        for flow in [flow for flow in self._marked if flow not in wanted]:
            await self._unmark(flow, now)
        for flow, one in wanted.items():
            await self._mark(flow, one, now)

    async def _mark(self, flow: CallFlow, one: AnnouncedConsultation, now: Moment) -> None:
        known = self._marked.get(flow)
        if known is None or (known.service, round(known.ends_s)) != (
            one.service,
            round(one.ends_s),
        ):
            await self._dataplane.add_call(flow, one.service, max(1.0, one.left_s(now)))
            self._marked[flow] = one

    async def _unmark(self, flow: CallFlow, now: Moment) -> None:
        """Let a flow be as it was before: ordinary, or what a program here announced."""
        await self._dataplane.remove_call(flow)
        del self._marked[flow]
        for call in call_list.current_calls(self._calls.every, now):
            if call.flow == flow:
                await self._dataplane.add_call(flow, call.service, call.left_s(now))

    def _tell(self, now: Moment) -> None:
        running = {one.name: one for one in self.every if one.runs(now)}
        for name in sorted(running.keys() - self._running):
            left_s = running[name].left_s(now)
            self._note("call", f"consultation {name}, announced by the controller: {left_s:.0f} s")
        for name in sorted(self._running - running.keys()):
            self._note("call", f"consultation {name}, announced by the controller, is over")
        self._running = frozenset(running)
