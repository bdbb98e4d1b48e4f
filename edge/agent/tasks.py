"""Periodic work of a running edge: one function for each job, and the table of when they run."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from edge.keys import handshakes
from edge.selection import saved_state
from edge.storage.journal import Kind

if TYPE_CHECKING:
    # The daemon starts these tasks; they only use its parts.
    from edge.agent.daemon import Daemon

UPKEEP_S: Final = 1.0
# While a tunnel moves to another key, and otherwise.
ROTATE_BUSY_S: Final = 0.2
ROTATE_IDLE_S: Final = UPKEEP_S
REKEY_PSK_S: Final = 3.0
GOSSIP_S: Final = 5.0
# How soon a consultation that begins is noticed, and how often one that runs is looked at: every
# look starts a program, and while that starts this process cannot send its test packets.
DETECT_CALLS_S: Final = 0.5
DETECT_LIVE_CALLS_S: Final = 4.0
SAVE_STATE_S: Final = 60.0

Job: TypeAlias = "Callable[[Daemon], Awaitable[None]]"


@dataclass(frozen=True, slots=True)
class Task:
    """A job that runs again after interval_s, or as soon as the event of wake is set."""

    name: str
    interval_s: "Callable[[Daemon], float]"
    job: Job
    wake: "Callable[[Daemon], asyncio.Event] | None" = None

    async def run(self, daemon: "Daemon") -> None:
        """Wait and do the job, until this is cancelled."""
        while True:
            interval_s = self.interval_s(daemon)
            if self.wake is None:
                await asyncio.sleep(interval_s)
            else:
                await _wait_for_event(self.wake(daemon), interval_s)
            await self.job(daemon)


async def _wait_for_event(event: asyncio.Event, within_s: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), within_s)
    event.clear()


async def select_paths(daemon: "Daemon") -> None:
    """Read the probes, decide, and move traffic."""
    daemon.selector.select_paths()


async def save_decisions(daemon: "Daemon") -> None:
    """Write decisions down as soon as they are made, so that a restarted daemon keeps them."""
    await asyncio.to_thread(write_decisions, daemon)


def write_decisions(daemon: "Daemon") -> None:
    """Write decisions down."""
    with daemon.faults.scope("state"):
        saved_state.save_state(daemon.folder, daemon.selector.memories, daemon.clock())


async def keep_up(daemon: "Daemon") -> None:
    """End trials that are over, repair the kernel, refresh probes and people, wake tunnels."""
    with daemon.faults.scope("trial"):
        await daemon.transactions.tend()
    await daemon.probes.refresh()
    with daemon.faults.scope("kernel"):
        await daemon.installer.repair()
    with daemon.faults.scope("people"):
        await daemon.roster.refresh()
    with daemon.faults.scope("tunnels"):
        await retry_handshakes(daemon)
    journal_notes(daemon, "policy", daemon.transactions)
    if "keys" in daemon.faults:
        # A file that was in the way may be gone; the edge need not be restarted for that.
        daemon.learn_keys()


async def retry_handshakes(daemon: "Daemon") -> None:
    """Shake hands again with peers that are lost, before a call needs them."""
    policy = daemon.installer.policy
    if policy is None or daemon.installer.withdrawing:
        return
    peer_states, generations = daemon.selector.peer_states, daemon.dataplane.generations
    tunnels = await daemon.dataplane.tunnels(handshakes.tunnels_to_check(policy, peer_states))
    for one in daemon.retrier.due(policy, peer_states, tunnels, daemon.clock(), generations):
        # A tunnel that gets another key is silent on purpose, and its sessions are needed.
        if one.tunnel != daemon.rotation.moving:
            await daemon.dataplane.dial(one.tunnel, one.peer)


async def detect_calls(daemon: "Daemon") -> None:
    """Notice consultations by what they send."""
    if (policy := daemon.installer.policy) is None:
        return
    with daemon.faults.scope("consultations"):
        flows = (await daemon.dataplane.live()).flows
        destinations = {flow.destination for flow in flows}
        now_s = daemon.clock().monotonic_s
        for words in daemon.call_detector.observe(policy, destinations, now_s):
            daemon.note("call", words)
        daemon.selector.set_live_calls(daemon.call_detector.live)


async def rotate_keys(daemon: "Daemon") -> None:
    """Move tunnels to another key, and follow peers that do."""
    if not daemon.installer.withdrawing:
        with daemon.faults.scope("rotation"):
            await daemon.rotation.tend()
    journal_notes(daemon, "keys", daemon.rotation)


async def rekey_psk(daemon: "Daemon") -> None:
    """Give tunnels the week's preshared key, and find the far end's where it differs."""
    policy = daemon.installer.policy
    if not daemon.installer.withdrawing:
        with daemon.faults.scope("preshared"):
            if policy is not None and daemon.psk.busy:
                states = await daemon.dataplane.tunnels(policy.tunnels)
                if daemon.psk.tend(states, daemon.rotation.generations):
                    daemon.dataplane.preshared = daemon.psk.keys
                    await daemon.dataplane.renew(daemon.rotation.generations)
    journal_notes(daemon, "keys", daemon.psk)


async def gossip_revocations(daemon: "Daemon") -> None:
    """Send the list of revoked keys to peers that may not have it."""
    installer = daemon.installer
    with daemon.faults.scope("neighbours"):
        await daemon.gossip.follow(None if installer.withdrawing else installer.policy)
    peer_states, now_s = daemon.selector.peer_states, daemon.clock().monotonic_s
    alive = [name for name in peer_states if handshakes.is_answering(peer_states[name])]
    daemon.gossip.send_to(alive, now_s)
    journal_notes(daemon, "keys", daemon.gossip)
    await daemon.revoked.tend()


class Notes(Protocol):
    """A part that collects sentences for the journal."""

    notes: list[str]


def journal_notes(daemon: "Daemon", kind: Kind, part: Notes) -> None:
    """Move what a part has to say into the journal."""
    notes, part.notes = part.notes, []
    for words in notes:
        daemon.note(kind, words)


def _every(seconds: float) -> "Callable[[Daemon], float]":
    return lambda _: seconds


def _select_s(daemon: "Daemon") -> float:
    return daemon.selector.pause_s


def _detect_calls_s(daemon: "Daemon") -> float:
    return DETECT_LIVE_CALLS_S if daemon.call_detector.live else DETECT_CALLS_S


def _rotate_s(daemon: "Daemon") -> float:
    return ROTATE_BUSY_S if daemon.rotation.busy else ROTATE_IDLE_S


def _decided(daemon: "Daemon") -> asyncio.Event:
    return daemon.selector.changed


def _link_down(daemon: "Daemon") -> asyncio.Event:
    return daemon.link_alarm.raised


TASKS: Final = (
    Task("select paths", _select_s, select_paths),
    Task("save state", _every(SAVE_STATE_S), save_decisions, wake=_decided),
    Task("upkeep", _every(UPKEEP_S), keep_up, wake=_link_down),
    Task("detect calls", _detect_calls_s, detect_calls),
    Task("rotate keys", _rotate_s, rotate_keys),
    Task("rekey preshared keys", _every(REKEY_PSK_S), rekey_psk),
    Task("gossip revocations", _every(GOSSIP_S), gossip_revocations),
)
