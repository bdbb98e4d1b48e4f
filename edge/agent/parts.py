"""The parts of a running edge, wired together, opened and closed."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge.agent.announced_calls import AnnouncedCalls
from edge.agent.consultations import AnnouncedConsultations
from edge.agent.faults import FaultRegister
from edge.agent.installer import PolicyInstaller
from edge.agent.link_alarm import LinkAlarm
from edge.agent.reports import make_reporter
from edge.clock import Moment, monotonic_s
from edge.dataplane.thread import DataplaneThread
from edge.identity import keyring
from edge.identity.device import Identity
from edge.keys.gossip import RevocationGossip
from edge.keys.handshakes import HandshakeRetrier
from edge.keys.psk import PresharedKeys
from edge.keys.revoked import RevokedKeys
from edge.keys.rotation import OwnRotation
from edge.policy.store import PolicyStore
from edge.policy.transactions import Transactions
from edge.probes import icmp
from edge.probes.probe_set import ProbeSet
from edge.remote_access.join_proxy import JoinProxy
from edge.remote_access.roster import ActiveRoster
from edge.selection import saved_state
from edge.selection.call_detector import CallDetector
from edge.selection.selector import PathSelector
from edge.signed.verifiers import PolicyVerifier, PskVerifier, RevocationVerifier, RosterVerifier
from edge.storage.journal import DecisionJournal, JournalRecord, Kind
from edge.telemetry.debian_updates import WaitingUpdates
from vpn import key_text

# How often the kernel is put right, and how often at most when links go down.
UPKEEP_S: Final = 1.0


class EdgeParts:
    """All that one edge in its folder consists of, for tasks and handlers."""

    def __init__(self, folder: Path, identity: Identity, clock: Callable[[], Moment]) -> None:
        self.folder = folder
        self.device = identity.device
        self.clock = clock
        self.started = clock()
        self.ending = asyncio.Event()
        self.journal = DecisionJournal(folder)
        self.faults = FaultRegister(self.note, self._faults_of_parts)
        self.probes = ProbeSet()
        self.dataplane = DataplaneThread(folder, identity.private_key)
        self.selector = PathSelector(self.probes, self.dataplane.steer, self.journal, clock)
        self.retrier = HandshakeRetrier()
        self.call_detector = CallDetector()
        self.calls = AnnouncedCalls(folder, self.dataplane, self.note, clock)
        self.consultations = AnnouncedConsultations(
            folder, self.dataplane, self.calls, self.note, clock
        )
        self.link_alarm = LinkAlarm(clock, at_most_every_s=UPKEEP_S)
        self.join_proxy = JoinProxy(monotonic_s)
        # None until they are first asked after.
        self.updates: WaitingUpdates | None = None
        self._wire_keys(identity)
        self._wire_policy()
        self.reporter = make_reporter(self)
        self.selector.listener = self.reporter

    def _wire_keys(self, identity: Identity) -> None:
        """Make what has to do with keys."""
        folder, clock = self.folder, self.clock
        self._first_key = key_text.public_text(identity.private_key)
        self.rotation = OwnRotation(folder, self.dataplane, self.selector, icmp.ping_peers, clock)
        self.psk = PresharedKeys(folder, identity, PskVerifier(folder), clock)
        self.revoked = RevokedKeys(folder, RevocationVerifier(folder))
        self.gossip = RevocationGossip(
            self.revoked,
            lambda envelope: self.installer.take_revoked(envelope),  # noqa: PLW0108 - made later
        )

    def _wire_policy(self) -> None:
        """Make what takes policies and people; the installer comes last, and they call it."""
        folder, clock = self.folder, self.clock
        self.transactions = Transactions(
            PolicyStore(folder, self.device, PolicyVerifier(folder)),
            lambda policy: self.installer.install(policy),  # noqa: PLW0108 - made below
            clock,
        )
        self.roster = ActiveRoster(
            folder,
            self.device,
            RosterVerifier(folder),
            lambda people: self.installer.admit(people),  # noqa: PLW0108 - made below
            clock,
        )
        self.roster.own_keys = lambda: {self._first_key, *self.dataplane.ring}
        self.installer = PolicyInstaller(
            dataplane=self.dataplane,
            probes=self.probes,
            selector=self.selector,
            rotation=self.rotation,
            psk=self.psk,
            revoked=self.revoked,
            transactions=self.transactions,
            roster=self.roster,
            faults=self.faults,
            note=self.note,
            clock=clock,
        )

    def _faults_of_parts(self) -> tuple[str, ...]:
        return (
            *(self.dataplane.fault, self.dataplane.disk_fault, self.journal.fault),
            *(self.rotation.fault, self.rotation.disk_fault),
            *(self.psk.fault, self.psk.disk_fault),
            *(self.roster.refused, self.revoked.refused, self.revoked.disk_fault),
        )

    def note(self, kind: Kind, what: str) -> None:
        """Write a sentence into the journal."""
        self.journal.write((JournalRecord(self.clock().unix_s, kind, what),))

    async def open(self) -> None:
        """Read what is on the disk. Raises EdgeError when the kernel cannot carry an edge."""
        await self.dataplane.open()
        self.note("daemon", "started")
        self.open_keys()
        with self.faults.scope("chains"):
            self.psk.open()
        with self.faults.scope("disk"):
            self.transactions.open()
        with self.faults.scope("revoked"):
            await self.revoked.open()
        with self.faults.scope("people"):
            await self.roster.exclude_keys(self.revoked.keys)
            await self.roster.open()
        with self.faults.scope("state"):
            self.installer.memories = saved_state.load_state(self.folder, self.clock())
            self.calls.open()
            self.consultations.open()

    def open_keys(self) -> None:
        """Read the keys on the disk; a fault of one part does not stop the others."""
        with self.faults.scope("sealing"):
            keyring.tidy_keys(self.folder)
        self.learn_keys()
        with self.faults.scope("moves"):
            self.rotation.open(self._first_key)

    def learn_keys(self) -> None:
        """Note which keys in the folder open, and why others do not."""
        with self.faults.scope("keys"):
            keyring.learn_keys(self.folder, self.dataplane.ring)

    async def close(self) -> None:
        """Give every socket and thread back."""
        self.probes.close()
        self.dataplane.close()
        self.join_proxy.close()
        await self.gossip.close()
        self.link_alarm.close()
        self.reporter.close()
