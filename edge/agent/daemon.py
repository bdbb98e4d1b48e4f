"""The daemon's parts at work: the quick loop, the upkeep, and putting policies into effect."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from typing import Final

from edge.clock import Moment, monotonic_s
from edge.dataplane.monitor import LinkDownMonitor
from edge.dataplane.thread import DataplaneThread
from edge.identity import keyring
from edge.identity.device import Identity
from edge.keys import handshakes
from edge.keys.gossip import RevocationGossip
from edge.keys.handshakes import HandshakeRetrier
from edge.keys.psk import PresharedKeys
from edge.keys.revoked import RevokedKeys
from edge.keys.rotation import Rotation
from edge.nftables.call_flows import Flow
from edge.policy.model import ClassKey, EdgePolicy
from edge.policy.store import PolicyStore
from edge.policy.transactions import Transactions
from edge.probes import icmp
from edge.probes.probe_set import ProbeSet
from edge.remote_access.join_proxy import JoinProxy
from edge.remote_access.peers import RemoteAccess
from edge.remote_access.roster import ActiveRoster
from edge.selection import call_list, saved_state
from edge.selection.call_detector import CallDetector
from edge.selection.call_list import AnnouncedCall
from edge.selection.selector import PathSelector
from edge.signed.verifiers import PolicyVerifier, PskVerifier, RevocationVerifier, RosterVerifier
from edge.storage.journal import Journal, JournalRecord, Kind, in_words
from edge.telemetry.status import Repairs
from inventory.errors import EdgeError
from policies.decide import Memory
from vpn import key_text

UPKEEP_S: Final = 1.0
ROTATE_S: Final = 0.2
RESHARE_S: Final = 3.0
TELL_S: Final = 5.0
# How soon a consultation that begins is noticed, and how often one that runs is looked at: every
# look starts a program, and while that starts this one cannot tend its test packets.
LISTEN_S: Final = 0.5
LISTEN_LIVE_S: Final = 4.0
_SAVE_EVERY_S: Final = 60.0


class Daemon:
    """One edge at work in its folder; what it says of itself is read from its parts."""

    def __init__(self, folder: Path, identity: Identity, clock: Callable[[], Moment]) -> None:
        self.folder = folder
        self.device = identity.device
        self.clock = clock
        self.started = clock()
        self.journal = Journal(folder)
        self.probes = ProbeSet()
        self.dataplane = DataplaneThread(folder, identity.private_key)
        self._first_key = key_text.public_text(identity.private_key)
        self.selector = PathSelector(self.probes, self.dataplane.steer, self.journal, clock)
        self.transactions = Transactions(
            PolicyStore(folder, identity.device, PolicyVerifier(folder)), self.install, clock
        )
        self.roster = ActiveRoster(
            folder, identity.device, RosterVerifier(folder), self._admit_people, clock
        )
        self.rotation = Rotation(folder, self.dataplane, self.selector, icmp.reached, clock)
        self.revoked = RevokedKeys(folder, RevocationVerifier(folder))
        self.gossip = RevocationGossip(self.revoked, self.take_revoked)
        self.psk = PresharedKeys(folder, identity, PskVerifier(folder), clock)
        self.join_proxy = JoinProxy(monotonic_s)
        self.repairs = Repairs()
        self.calls: tuple[AnnouncedCall, ...] = ()
        self.ending = asyncio.Event()
        self._faults: dict[str, str] = {}
        self._memories: Mapping[ClassKey, Memory] = {}
        self._call_detector = CallDetector()
        self._retrier = HandshakeRetrier()
        self._link_down = LinkDownMonitor()
        self._lost = asyncio.Event()
        self._hurried_s = -inf
        self._withdrawing = False
        self._installing = asyncio.Lock()

    @property
    def faults(self) -> tuple[str, ...]:
        """Return what is wrong now, in words."""
        own = (self.dataplane.fault, self.dataplane.disk_fault, self.journal.fault)
        moves = (self.rotation.fault, self.rotation.disk_fault)
        shared = (self.psk.fault, self.psk.disk_fault)
        lists = (self.roster.refused, self.revoked.refused, self.revoked.disk_fault)
        every = (*self._faults.values(), *own, *moves, *shared, *lists)
        return tuple(fault for fault in every if fault)

    async def open(self) -> None:
        """Take up what is on the disk. Raises EdgeError when the kernel carries no edge."""
        await self.dataplane.open()
        self.note("daemon", "started")
        self._open_keys()
        with self._fault_scope("chains"):
            self.psk.open()
        with self._fault_scope("disk"):
            self.transactions.open()
        with self._fault_scope("revoked"):
            await self.revoked.open()
        with self._fault_scope("people"):
            await self.roster.exclude_keys(self.revoked.keys)
            await self.roster.open()
        with self._fault_scope("state"):
            self._memories = saved_state.load(self.folder, self.clock())
            self.calls = call_list.load(self.folder, self.clock())

    def _open_keys(self) -> None:
        """Take up the keys on the disk; no fault of one part keeps another from being there."""
        with self._fault_scope("sealing"):
            keyring.tidy(self.folder)
        self.learn_keys()
        with self._fault_scope("moves"):
            self.rotation.open(self._first_key)

    async def work(self) -> None:
        """Put the policy into effect and work until told to end; the kernel stays as it is."""
        if not self.transactions.undecided:
            with self._fault_scope("kernel"):
                await self.install(self.transactions.policy)
        await self._announce()
        asyncio.get_running_loop().add_reader(self._link_down.fileno(), self._on_link_down)
        try:
            async with asyncio.TaskGroup() as group:
                works = (
                    self._select_paths(),
                    self._keep(),
                    self._upkeep(),
                    self._watch_calls(),
                    self._rotate(),
                    self._rekey_psk(),
                    self._gossip_revocations(),
                )
                tasks = [group.create_task(work) for work in works]
                await self.ending.wait()
                for task in tasks:
                    task.cancel()
        finally:
            self._save()
            self.note("daemon", "ended")
            self.probes.close()
            self.dataplane.close()
            self.join_proxy.close()
            await self.gossip.close()
            asyncio.get_running_loop().remove_reader(self._link_down.fileno())
            self._link_down.close()

    async def install(self, policy: EdgePolicy | None) -> None:
        """Put a policy into effect, without disturbing what stays the same; None takes all away.

        Whatever comes of it in the kernel, its paths are measured. Raises EdgeError.
        """
        async with self._installing:
            self._memories = {**self._memories, **self.selector.memories}
            policy = self.revoked.cut(policy)
            self.selector.set_policy(policy, self._memories)
            self.dataplane.generations = self.rotation.take(policy, self.dataplane.ring)
            self.dataplane.preshared = self.psk.follow(policy)
            try:
                await self._establish(policy)
            finally:
                await self.probes.follow(policy)

    @property
    def policy(self) -> EdgePolicy | None:
        """Return what should run: the policy, without peers whose keys are revoked."""
        return self.revoked.cut(self.transactions.policy)

    async def take_revoked(self, envelope: str) -> None:
        """Shut out whom a list names from now on. Raises PolicyRefusedError, EdgeError, OSError."""
        changed = await self.revoked.take(envelope)
        self._faults.pop("revoked", None)
        if changed:
            self.note("keys", f"list {self.revoked.serial} of revoked keys holds")
            if not self._withdrawing and self.transactions.policy:
                with self._fault_scope("kernel"):
                    await self.install(self.transactions.policy)
            await self.roster.exclude_keys(self.revoked.keys)

    async def withdraw(self) -> tuple[str, ...]:
        """Take everything out of the kernel and end; go on when that fails.

        Raises EdgeError, OSError.
        """
        policy = self.policy
        self._withdrawing = True
        self._memories = {**self._memories, **self.selector.memories}
        self.selector.set_policy(None, {})
        try:
            done = await self.dataplane.remove(policy)
        except BaseException:
            self._withdrawing = False
            self.selector.set_policy(policy, self._memories)
            raise
        self.ending.set()
        return done

    async def _establish(self, policy: EdgePolicy | None) -> None:
        """Make the kernel follow a policy; upkeep tries again when it cannot."""
        if self._withdrawing:
            raise EdgeError("the edge is being stopped; start it again first")
        if policy is None and self.transactions.refused:
            # Better what stands in the kernel than nothing, until a policy can be used again.
            return
        try:
            if policy is None:
                done = await self.dataplane.remove(None)
            else:
                done = await self.dataplane.apply(policy, self.selector.steering)
        except (EdgeError, OSError) as error:
            self._faults["kernel"] = in_words(error)
            raise
        self._faults.pop("kernel", None)
        for words in done:
            self.note("policy", words)

    async def _admit_people(self, people: RemoteAccess) -> None:
        """Let people in, as soon as a policy is in effect. Raises EdgeError."""
        if self._withdrawing:
            raise EdgeError("the edge is being stopped; start it again first")
        for words in await self.dataplane.admit(people):
            self.note("people", words)

    async def announce(self, call: AnnouncedCall) -> None:
        """Let a flow travel as a consultation. Raises EdgeError, OSError."""
        now = self.clock()
        await self.dataplane.add_call(call.flow, call.service, call.left_s(now))
        self.calls = call_list.added(self.calls, call, now)
        call_list.save(self.folder, self.calls)
        self.note("call", f"announced for {call.left_s(now):.0f} s: {call_list.words(call.flow)}")

    def note(self, kind: Kind, what: str) -> None:
        """Write a sentence into the journal."""
        self.journal.write((JournalRecord(self.clock().unix_s, kind, what),))

    async def forget(self, flow: Flow) -> None:
        """Let a flow be ordinary traffic again. Raises EdgeError, OSError."""
        await self.dataplane.remove_call(flow)
        self.calls = tuple(call for call in self.calls if call.flow != flow)
        call_list.save(self.folder, self.calls)
        self.note("call", f"forgotten: {call_list.words(flow)}")

    async def _announce(self) -> None:
        """Announce again what was announced before the start."""
        for call in self.calls:
            with self._fault_scope("calls"):
                await self.dataplane.add_call(call.flow, call.service, call.left_s(self.clock()))

    async def _select_paths(self) -> None:
        while True:
            await asyncio.sleep(self.selector.step())

    def _on_link_down(self) -> None:
        """Have upkeep look at once when an interface of ours vanished, but not again and again."""
        now_s = self.clock().monotonic_s
        if self._link_down.lost() and now_s - self._hurried_s >= UPKEEP_S:
            self._hurried_s = now_s
            self._lost.set()

    async def _upkeep(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), UPKEEP_S)
            self._lost.clear()
            with self._fault_scope("trial"):
                await self.transactions.tend()
            await self.probes.refresh()
            with self._fault_scope("kernel"):
                await self._repair(self.policy)
            with self._fault_scope("people"):
                await self.roster.refresh()
            with self._fault_scope("tunnels"):
                await self._dial(self.policy)
            self._journal_notes("policy", self.transactions)
            if "keys" in self._faults:
                # Whoever has removed the file need not start the edge anew.
                self.learn_keys()

    async def _rotate(self) -> None:
        """Move tunnels to another key, and follow peers that do."""
        while True:
            await asyncio.sleep(ROTATE_S if self.rotation.busy else UPKEEP_S)
            if not self._withdrawing:
                with self._fault_scope("rotation"):
                    await self.rotation.tend()
            self._journal_notes("keys", self.rotation)

    async def _rekey_psk(self) -> None:
        """Let tunnels have the week's preshared key, and find the far end's where it differs."""
        while True:
            await asyncio.sleep(RESHARE_S)
            if not self._withdrawing:
                with self._fault_scope("preshared"):
                    await self._look_at_sessions(self.policy)
            self._journal_notes("keys", self.psk)

    async def take_chains(self, envelope: str) -> None:
        """Have chains of preshared keys. Raises PolicyRefusedError, EdgeError, OSError."""
        await self.psk.take(envelope)
        self._faults.pop("chains", None)
        self.dataplane.preshared = self.psk.follow(self.policy)
        await self.dataplane.renew(self.rotation.generations)

    async def _look_at_sessions(self, policy: EdgePolicy | None) -> None:
        if policy is None or not self.psk.busy:
            return
        states = await self.dataplane.tunnels(policy.tunnels)
        if self.psk.tend(states, self.rotation.generations):
            self.dataplane.preshared = self.psk.keys
            await self.dataplane.renew(self.rotation.generations)

    async def _gossip_revocations(self) -> None:
        """Let peers know of revoked keys that they may not know of."""
        while True:
            await asyncio.sleep(TELL_S)
            with self._fault_scope("neighbours"):
                await self.gossip.follow(None if self._withdrawing else self.policy)
            peer_states, now_s = self.selector.peer_states, self.clock().monotonic_s
            alive = [name for name in peer_states if handshakes.answering(peer_states[name])]
            self.gossip.tell(alive, now_s)
            self._journal_notes("keys", self.gossip)
            await self.revoked.tend()

    def _journal_notes(
        self, kind: Kind, part: Transactions | Rotation | PresharedKeys | RevocationGossip
    ) -> None:
        notes, part.notes = part.notes, []
        for words in notes:
            self.note(kind, words)

    def learn_keys(self) -> None:
        """Take note of the keys in the folder that open, and of why others do not."""
        with self._fault_scope("keys"):
            keyring.learn(self.folder, self.dataplane.ring)

    async def _keep(self) -> None:
        """Keep what was decided as soon as it is, so that a daemon started anew goes on there."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.selector.changed.wait(), _SAVE_EVERY_S)
            self.selector.changed.clear()
            await asyncio.to_thread(self._save)

    async def _repair(self, policy: EdgePolicy | None) -> None:
        """Put right what somebody changed, or what could not be done before."""
        if self._withdrawing or self.transactions.undecided:
            return
        if "kernel" in self._faults:
            await self.install(policy)
        elif policy is not None and (done := await self.dataplane.repair()):
            at_s = self.clock().unix_s
            self.repairs = Repairs(self.repairs.count + 1, at_s, "; ".join(done))
            for words in done:
                self.note("repair", words)

    async def _dial(self, policy: EdgePolicy | None) -> None:
        """Shake hands anew with peers that are lost, before a call needs them."""
        if policy is None or self._withdrawing:
            return
        peer_states, generations = self.selector.peer_states, self.dataplane.generations
        tunnels = await self.dataplane.tunnels(handshakes.asked(policy, peer_states))
        for dial in self._retrier.due(policy, peer_states, tunnels, self.clock(), generations):
            # A tunnel that gets another key is silent on purpose, and its sessions are needed.
            if dial.tunnel != self.rotation.moving:
                await self.dataplane.dial(dial.tunnel, dial.peer)

    async def _watch_calls(self) -> None:
        """Notice consultations by what they send."""
        while True:
            await asyncio.sleep(LISTEN_LIVE_S if self._call_detector.live else LISTEN_S)
            if (policy := self.policy) is not None:
                with self._fault_scope("consultations"):
                    await self._observe_calls(policy)

    async def _observe_calls(self, policy: EdgePolicy) -> None:
        seen = (await self.dataplane.live()).flows
        destinations = {flow.destination for flow in seen}
        for words in self._call_detector.observe(policy, destinations, self.clock().monotonic_s):
            self.note("call", words)
        self.selector.set_live_calls(self._call_detector.live)

    def _save(self) -> None:
        with self._fault_scope("state"):
            saved_state.save(self.folder, self.selector.memories, self.clock())

    @contextmanager
    def _fault_scope(self, part: str) -> Iterator[None]:
        """Turn what goes wrong in a part into a fault that stands until it goes well again."""
        try:
            yield
        except (EdgeError, OSError) as error:
            words = in_words(error)
            if self._faults.get(part) != words:
                self.note("fault", words)
            self._faults[part] = words
        else:
            self._faults.pop(part, None)
