"""Periodic work of a running edge: one function for each job, and the table of when they run."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from edge.agent.parts import UPKEEP_S, EdgeParts
from edge.keys import handshakes
from edge.selection import saved_state
from edge.storage.journal import Kind
from edge.telemetry.debian_updates import waiting_updates

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
REPORT_S: Final = 1.0
# When a started edge first asks which updates wait for its machine, and how often from then on.
UPDATES_FIRST_S: Final = 600.0
UPDATES_S: Final = 6 * 3600.0
# How late a consultation that the controller announced may begin or end.
ANNOUNCED_S: Final = 1.0

Job: TypeAlias = Callable[[EdgeParts], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Task:
    """A job that runs again after interval_s, or as soon as the event of wake is set."""

    name: str
    interval_s: Callable[[EdgeParts], float]
    job: Job
    wake: Callable[[EdgeParts], asyncio.Event] | None = None

    async def run(self, edge: EdgeParts) -> None:
        """Wait and do the job, until this is cancelled."""
        while True:
            interval_s = self.interval_s(edge)
            if self.wake is None:
                await asyncio.sleep(interval_s)
            else:
                await _wait_for_event(self.wake(edge), interval_s)
            await self.job(edge)


async def _wait_for_event(event: asyncio.Event, within_s: float) -> None:
    # wait_for() of Python 3.11 may swallow a cancellation.
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await event.wait()
    event.clear()


async def select_paths(edge: EdgeParts) -> None:
    """Read the probes, decide, and move traffic."""
    edge.selector.select_paths()


async def save_decisions(edge: EdgeParts) -> None:
    """Write decisions down as soon as they are made, so that a restarted daemon keeps them."""
    await asyncio.to_thread(write_decisions, edge)


def write_decisions(edge: EdgeParts) -> None:
    """Write decisions down."""
    with edge.faults.scope("state"):
        saved_state.save_state(edge.folder, edge.selector.memories, edge.clock())


async def keep_up(edge: EdgeParts) -> None:
    """End trials that are over, repair the kernel, refresh probes and people, wake tunnels."""
    with edge.faults.scope("trial"):
        await edge.transactions.tend()
    await edge.probes.refresh()
    with edge.faults.scope("kernel"):
        await edge.installer.repair()
    with edge.faults.scope("people"):
        await edge.roster.refresh()
    with edge.faults.scope("tunnels"):
        await retry_handshakes(edge)
    journal_notes(edge, "policy", edge.transactions)
    if "keys" in edge.faults:
        # A file that was in the way may be gone; the edge need not be restarted for that.
        edge.learn_keys()


async def retry_handshakes(edge: EdgeParts) -> None:
    """Shake hands again with peers that are lost, before a call needs them."""
    policy = edge.installer.policy
    if policy is None or edge.installer.withdrawing:
        return
    peer_states, generations = edge.selector.peer_states, edge.dataplane.generations
    tunnels = await edge.dataplane.tunnels(handshakes.tunnels_to_check(policy, peer_states))
    for one in edge.retrier.due(policy, peer_states, tunnels, edge.clock(), generations):
        # A tunnel that gets another key is silent on purpose, and its sessions are needed.
        if one.tunnel != edge.rotation.moving:
            await edge.dataplane.dial(one.tunnel, one.peer)


async def detect_calls(edge: EdgeParts) -> None:
    """Notice consultations by what they send."""
    if (policy := edge.installer.policy) is None:
        return
    with edge.faults.scope("consultations"):
        flows = (await edge.dataplane.live()).flows
        destinations = {flow.destination for flow in flows}
        now_s = edge.clock().monotonic_s
        for words in edge.call_detector.observe(policy, destinations, now_s):
            edge.note("call", words)
        edge.selector.set_live_calls(edge.call_detector.live | edge.consultations.peers(policy))


async def keep_announced(edge: EdgeParts) -> None:
    """Begin and end the consultations that the controller announced."""
    if (policy := edge.installer.policy) is None or edge.installer.withdrawing:
        return
    with edge.faults.scope("announced"):
        await edge.consultations.tend(policy)
    edge.selector.set_live_calls(edge.call_detector.live | edge.consultations.peers(policy))


async def rotate_keys(edge: EdgeParts) -> None:
    """Move tunnels to another key, and follow peers that do."""
    if not edge.installer.withdrawing:
        with edge.faults.scope("rotation"):
            await edge.rotation.tend()
    journal_notes(edge, "keys", edge.rotation)


async def rekey_psk(edge: EdgeParts) -> None:
    """Give tunnels the week's preshared key, and find the far end's where it differs."""
    policy = edge.installer.policy
    if not edge.installer.withdrawing:
        with edge.faults.scope("preshared"):
            if policy is not None and edge.psk.busy:
                states = await edge.dataplane.tunnels(policy.tunnels)
                if edge.psk.tend(states, edge.rotation.generations):
                    edge.dataplane.preshared = edge.psk.keys
                    await edge.dataplane.renew(edge.rotation.generations)
    journal_notes(edge, "keys", edge.psk)


async def gossip_revocations(edge: EdgeParts) -> None:
    """Send the list of revoked keys to peers that may not have it."""
    installer = edge.installer
    with edge.faults.scope("neighbours"):
        await edge.gossip.follow(None if installer.withdrawing else installer.policy)
    peer_states, now_s = edge.selector.peer_states, edge.clock().monotonic_s
    alive = [name for name in peer_states if handshakes.is_answering(peer_states[name])]
    edge.gossip.send_to(alive, now_s)
    journal_notes(edge, "keys", edge.gossip)
    await edge.revoked.tend()


async def look_for_updates(edge: EdgeParts) -> None:
    """Ask apt which security updates wait on this machine; the controller is told with the rest."""
    edge.updates = await asyncio.to_thread(waiting_updates, edge.clock().unix_s)


async def report(edge: EdgeParts) -> None:
    """Report what is due to the controller; whatever goes wrong there stays there."""
    await edge.reporter.tick()


class Notes(Protocol):
    """A part that collects sentences for the journal."""

    notes: list[str]


def journal_notes(edge: EdgeParts, kind: Kind, part: Notes) -> None:
    """Move what a part has to say into the journal."""
    notes, part.notes = part.notes, []
    for words in notes:
        edge.note(kind, words)


def _every(seconds: float) -> Callable[[EdgeParts], float]:
    return lambda _: seconds


def _select_s(edge: EdgeParts) -> float:
    return edge.selector.pause_s


def _detect_calls_s(edge: EdgeParts) -> float:
    return DETECT_LIVE_CALLS_S if edge.call_detector.live else DETECT_CALLS_S


def _rotate_s(edge: EdgeParts) -> float:
    return ROTATE_BUSY_S if edge.rotation.busy else ROTATE_IDLE_S


def _updates_s(edge: EdgeParts) -> float:
    return UPDATES_FIRST_S if edge.updates is None else UPDATES_S


def _decided(edge: EdgeParts) -> asyncio.Event:
    return edge.selector.changed


def _link_down(edge: EdgeParts) -> asyncio.Event:
    return edge.link_alarm.raised


def _announced(edge: EdgeParts) -> asyncio.Event:
    return edge.consultations.changed


def _news(edge: EdgeParts) -> asyncio.Event:
    return edge.reporter.changed


TASKS: Final = (
    Task("select paths", _select_s, select_paths),
    Task("save state", _every(SAVE_STATE_S), save_decisions, wake=_decided),
    Task("upkeep", _every(UPKEEP_S), keep_up, wake=_link_down),
    Task("detect calls", _detect_calls_s, detect_calls),
    Task("keep announced", _every(ANNOUNCED_S), keep_announced, wake=_announced),
    Task("rotate keys", _rotate_s, rotate_keys),
    Task("rekey preshared keys", _every(REKEY_PSK_S), rekey_psk),
    Task("gossip revocations", _every(GOSSIP_S), gossip_revocations),
    Task("look for updates", _updates_s, look_for_updates),
    Task("report", _every(REPORT_S), report, wake=_news),
)
