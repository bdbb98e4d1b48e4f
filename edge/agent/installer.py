"""Installing what the controller signed: policies, revoked keys, preshared keys and people."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.agent.faults import FaultRegister
from edge.clock import Moment
from edge.dataplane.thread import DataplaneThread
from edge.keys.psk import PresharedKeys
from edge.keys.revoked import RevokedKeys
from edge.keys.rotation import OwnRotation
from edge.policy.model import ClassKey, EdgePolicy
from edge.policy.transactions import Transactions
from edge.probes.probe_set import ProbeSet
from edge.remote_access.peers import RemoteAccess
from edge.remote_access.roster import ActiveRoster
from edge.selection.selector import PathSelector
from edge.storage.journal import Note
from edge.telemetry.status import Repairs
from inventory.errors import EdgeError
from policies.path_selection.decide import Memory


@dataclass(eq=False, slots=True)
class PolicyInstaller:
    """Puts into the kernel what was signed, keeps it there, and takes it out again.

    memories are decisions of earlier policies and of an earlier process; with withdrawing set
    nothing is put into the kernel any more.
    """

    dataplane: DataplaneThread
    probes: ProbeSet
    selector: PathSelector
    rotation: OwnRotation
    psk: PresharedKeys
    revoked: RevokedKeys
    transactions: Transactions
    roster: ActiveRoster
    faults: FaultRegister
    note: Note
    clock: Callable[[], Moment]
    memories: Mapping[ClassKey, Memory] = field(default_factory=dict)
    repairs: Repairs = field(default_factory=Repairs)
    withdrawing: bool = False
    _installing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def policy(self) -> EdgePolicy | None:
        """Return what should run: the policy, without peers whose keys are revoked."""
        return self.revoked.cut(self.transactions.policy)

    async def install(self, policy: EdgePolicy | None) -> None:
        """Put a policy into effect, without disturbing what stays the same; None takes all away.

        Its paths are measured even if the kernel refuses it. Raises EdgeError.
        """
        async with self._installing:
            self._remember()
            policy = self.revoked.cut(policy)
            self.selector.set_policy(policy, self.memories)
            self.dataplane.generations = self.rotation.take(policy, self.dataplane.ring)
            self.dataplane.preshared = self.psk.follow(policy)
            try:
                await self._establish(policy)
            finally:
                await self.probes.follow(policy)

    async def _establish(self, policy: EdgePolicy | None) -> None:
        """Make the kernel follow a policy; repair() tries again if it cannot."""
        self._require_running()
        if policy is None and self.transactions.refused:
            # What stands in the kernel is better than nothing, until a policy can be used again.
            return
        try:
            if policy is None:
                done = await self.dataplane.remove(None)
            else:
                done = await self.dataplane.apply(policy, self.selector.steering)
        except (EdgeError, OSError) as error:
            self.faults.register("kernel", error)
            raise
        self.faults.clear("kernel")
        for words in done:
            self.note("policy", words)

    async def repair(self) -> None:
        """Restore what somebody changed, or install what could not be. Raises EdgeError."""
        policy = self.policy
        if self.withdrawing or self.transactions.undecided:
            return
        if "kernel" in self.faults:
            await self.install(policy)
        elif policy is not None and (done := await self.dataplane.repair()):
            at_s = self.clock().unix_s
            self.repairs = Repairs(self.repairs.count + 1, at_s, "; ".join(done))
            for words in done:
                self.note("repair", words)

    async def withdraw(self) -> tuple[str, ...]:
        """Take everything out of the kernel and return what was taken.

        Traffic goes on being steered if that fails. Raises EdgeError, OSError.
        """
        policy = self.policy
        self.withdrawing = True
        self._remember()
        self.selector.set_policy(None, {})
        try:
            return await self.dataplane.remove(policy)
        except BaseException:
            self.withdrawing = False
            self.selector.set_policy(policy, self.memories)
            raise

    async def admit(self, people: RemoteAccess) -> None:
        """Admit people's devices, as soon as a policy is in effect. Raises EdgeError."""
        self._require_running()
        for words in await self.dataplane.admit(people):
            self.note("people", words)

    async def take_revoked(self, envelope: str) -> None:
        """Shut out the keys of a signed list. Raises PolicyRefusedError, EdgeError, OSError."""
        changed = await self.revoked.take(envelope)
        self.faults.clear("revoked")
        if changed:
            self.note("keys", f"list {self.revoked.serial} of revoked keys holds")
            if not self.withdrawing and self.transactions.policy:
                with self.faults.scope("kernel"):
                    await self.install(self.transactions.policy)
            await self.roster.exclude_keys(self.revoked.keys)

    async def take_chains(self, envelope: str) -> None:
        """Take signed chains of preshared keys. Raises PolicyRefusedError, EdgeError, OSError."""
        await self.psk.take(envelope)
        self.faults.clear("chains")
        self.dataplane.preshared = self.psk.follow(self.policy)
        await self.dataplane.renew(self.rotation.generations)

    def _remember(self) -> None:
        self.memories = {**self.memories, **self.selector.memories}

    def _require_running(self) -> None:
        if self.withdrawing:
            raise EdgeError("the edge is being stopped; start it again first")
