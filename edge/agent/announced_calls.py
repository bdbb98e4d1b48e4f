"""Calls that programs announced to a running edge: in the kernel, and on disk for a restart."""

from collections.abc import Callable
from pathlib import Path

from edge.agent.faults import FaultRegister
from edge.clock import Moment
from edge.dataplane.thread import DataplaneThread
from edge.nftables.call_flows import CallFlow
from edge.selection import call_list
from edge.selection.call_list import AnnouncedCall
from edge.storage.journal import Note


class AnnouncedCalls:
    """The announced calls of a folder; every holds them, those that are over too."""

    def __init__(
        self,
        folder: Path,
        dataplane: DataplaneThread,
        note: Note,
        clock: Callable[[], Moment],
    ) -> None:
        self._folder = folder
        self._dataplane = dataplane
        self._note = note
        self._clock = clock
        self.every: tuple[AnnouncedCall, ...] = ()

    def open(self) -> None:
        """Read what an earlier process wrote down. Raises OSError."""
        self.every = call_list.load_calls(self._folder, self._clock())

    async def restore(self, faults: FaultRegister) -> None:
        """Put the calls of before the start into the kernel again."""
        for call in self.every:
            with faults.scope("calls"):
                await self._add(call)

    async def announce(self, call: AnnouncedCall) -> None:
        """Let a flow travel as a consultation. Raises EdgeError, OSError."""
        now = self._clock()
        await self._add(call)
        self.every = call_list.add_call(self.every, call, now)
        call_list.save_calls(self._folder, self.every)
        left_s = call.left_s(now)
        self._note("call", f"announced for {left_s:.0f} s: {call_list.flow_words(call.flow)}")

    async def forget(self, flow: CallFlow) -> None:
        """Let a flow be ordinary traffic again. Raises EdgeError, OSError."""
        await self._dataplane.remove_call(flow)
        self.every = tuple(call for call in self.every if call.flow != flow)
        call_list.save_calls(self._folder, self.every)
        self._note("call", f"forgotten: {call_list.flow_words(flow)}")

    async def _add(self, call: AnnouncedCall) -> None:
        await self._dataplane.add_call(call.flow, call.service, call.left_s(self._clock()))
