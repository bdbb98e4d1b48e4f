"""Moving a device's tunnels to another key while calls go on.

A device moves one tunnel at a time. What it sends over it goes elsewhere first; then the tunnel
gets the new key and shakes hands. WireGuard still receives on the earlier sessions, so nothing that
is sent to the device is lost either. The far end knows both keys, and routes everything behind the
device by the one that shook hands last (see edge.keys.peer_keys). If the far end answers what is
sent with the new key, traffic returns to the tunnel and the next one moves; if not, the tunnel gets
its former key again, and does so at once when no other one answers any more. Until then
rotation.json holds the former key, so that a daemon that is killed or gets another policy in the
middle of a proof goes on with it.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

from edge.clock import Moment
from edge.keys import rotation_state
from edge.keys.answering import answering_peers, is_backed, tunnel_circuit
from edge.keys.peer_keys import PeerKeys
from edge.keys.rotation_state import PendingKey, RotationState
from edge.policy.model import EdgePolicy, PathKey, Peer
from edge.selection.evaluate import PeerState
from edge.wireguard.active_keys import ActiveKeys, InterfaceName
from edge.wireguard.model import TunnelState
from inventory.model import CircuitName, DeviceName
from vpn.key_text import PublicKey

# Decisions follow within a tenth of a second; what is under way then arrives within a second.
DRAIN_S: Final = 1.0
# A handshake whose first packet is lost is tried again after 5 s.
PROVE_S: Final = 15.0
REST_S: Final = 15.0
# The only tunnel that a peer answers on waits so long for the others, which may be down for weeks.
ALONE_S: Final = 600.0
# Over a tunnel that nobody has answered on for so long there is nothing to lose.
FORLORN_S: Final = 5.0
# There it is not known which key the far end knows, so one is tried after the other.
TRIED_S: Final = 60.0
# Where another part installs a key, what is sent in this time may have gone with the former one.
FLIGHT_S: Final = 1.0

Phase: TypeAlias = Literal["idle", "draining", "proving", "returning", "resting"]


class TunnelControl(Protocol):
    """What a rotation needs of the data plane."""

    async def renew(self, generations: ActiveKeys) -> tuple[str, ...]:
        """Let tunnels have other keys. Raises EdgeError."""
        ...

    async def tunnels(self, names: tuple[str, ...]) -> Mapping[str, TunnelState]:
        """Return tunnels as they are."""
        ...


class TrafficControl(Protocol):
    """What a rotation needs of path selection."""

    @property
    def peer_states(self) -> Mapping[DeviceName, PeerState]:
        """Return what is known of every peer."""
        ...

    def drain(self, circuits: Collection[CircuitName], *, bare: bool) -> None:
        """Send nothing over some circuits, and with bare nothing through the care tunnel."""
        ...

    def answered_sent_s(self, key: PathKey) -> float:
        """Return when the newest test packet that was answered on a path had been sent."""
        ...


# Returns those of some peers that answer a packet which is sent through an interface.
PingPeers: TypeAlias = Callable[[InterfaceName, Collection[Peer]], Awaitable[frozenset[DeviceName]]]


@dataclass(frozen=True, slots=True)
class _Step:
    """What is being done to which tunnel since when; asked are the peers that must answer."""

    phase: Phase
    tunnel: InterfaceName = ""
    since_s: float = 0.0
    asked: frozenset[DeviceName] = frozenset()


class OwnRotation:
    """Moves this device's tunnels to the policy's key; notes are sentences for the journal."""

    def __init__(
        self,
        folder: Path,
        kernel: TunnelControl,
        traffic: TrafficControl,
        reach: PingPeers,
        clock: Callable[[], Moment],
    ) -> None:
        self._folder = folder
        self._kernel = kernel
        self._traffic = traffic
        self._reach = reach
        self._clock = clock
        self._policy: EdgePolicy | None = None
        self._first: PublicKey = ""
        self._ring: frozenset[PublicKey] = frozenset()
        self._step = _Step("idle")
        self._own: dict[InterfaceName, PublicKey] = {}
        self._peers = PeerKeys()
        self._unproved: dict[InterfaceName, PendingKey] = {}
        self._silent_s: dict[InterfaceName, float] = {}
        self._backed_s: dict[InterfaceName, float] = {}
        self.notes: list[str] = []
        self.fault = ""
        self.disk_fault = ""

    @property
    def generations(self) -> ActiveKeys:
        """Return which keys tunnels have now."""
        return ActiveKeys(dict(self._own), dict(self._peers.by_tunnel))

    @property
    def moving(self) -> InterfaceName:
        """Return the tunnel that is being moved; nothing when none is."""
        return self._step.tunnel

    @property
    def busy(self) -> bool:
        """Return whether a tunnel of ours, or a peer, is moving."""
        return bool(self._behind() or self._unproved or self._peers.moving)

    def open(self, first: PublicKey) -> None:
        """Take up what an earlier process left; first is the key of the enrolment.

        Raises OSError.
        """
        self._first = first
        kept = rotation_state.load_rotation(self._folder, self._clock().monotonic_s)
        self._own, self._unproved = dict(kept.own), dict(kept.unproved)
        self._peers.open(kept.far)

    def take(self, policy: EdgePolicy | None, ring: Collection[PublicKey]) -> ActiveKeys:
        """Go by a policy from now on; ring are the public keys whose private ones are here.

        Tunnels that stand keep their keys until they are moved. One that was being proved still
        is, or gets the key of before when the policy is for another one now.
        """
        self._policy, self._step, self.fault = policy, _Step("idle"), ""
        self._ring = frozenset(ring)
        self._traffic.drain((), bare=False)
        self._peers.take(policy)
        if policy is None:
            return self.generations
        if policy.key and not self._wanted:
            self.fault = (
                f"the policy is for the key {policy.key}, which this device has not; 'sanaga vpn "
                "site rotate' makes another one, or pin the key of its enrolment"
            )
        # Where nothing stands yet there is nothing to move.
        fresh = self._wanted or self._first
        self._own = {name: self._own.get(name, fresh) for name in policy.tunnels}
        self._silent_s = dict.fromkeys(policy.tunnels, self._clock().monotonic_s)
        self._backed_s = dict(self._silent_s)
        for name in tuple(self._unproved):
            self._resume(policy, name, self._unproved.pop(name))
        self._save()
        return self.generations

    def _resume(self, policy: EdgePolicy, name: InterfaceName, unproved: PendingKey) -> None:
        """Go on with a key that nobody had answered when this policy, or this process, came."""
        if name not in self._own:
            return
        asked = unproved.asked.intersection(peer.device for peer in policy.peers)
        pending = replace(unproved, asked=asked, since_s=self._clock().monotonic_s)
        wanted = self._wanted
        if not asked and wanted not in {"", unproved.before}:
            self._own[name], self._unproved[name] = wanted, pending
        elif asked and self._own[name] == wanted:
            self._unproved[name] = pending
            self._drain(policy, _Step("proving", name, pending.since_s, asked))
        else:
            self._own[name] = unproved.before
            self._drain(policy, _Step("returning", name, pending.since_s, asked))

    async def tend(self) -> None:
        """Do the next thing that is due. Raises EdgeError."""
        if self.disk_fault:
            self._save()
        if (policy := self._policy) is not None:
            await self._follow_peers(policy)
            # Another policy may have come meanwhile, here and below.
            if self._policy is policy:
                await self._rotate_own(policy)

    def status(self) -> Mapping[str, object]:
        """Return how far this device's own tunnels are."""
        policy, step = self._policy, self._step
        # What is not proved yet may go back.
        unproved = (step.tunnel,) if step.phase == "proving" else ()
        return {
            "key": (policy.key if policy else "") or self._first,
            "waiting": (*self._waiting(), *unproved),
            "moving": self._step.tunnel or None,
            "phase": self._step.phase,
        }

    async def _follow_peers(self, policy: EdgePolicy) -> None:
        """Let what is behind a peer that moves belong to the key that shook hands last."""
        if not self._peers.moving:
            return
        tunnels = await self._kernel.tunnels(policy.tunnels)
        if self._policy is policy and (changed := self._peers.follow(tunnels)):
            self.notes.extend(changed)
            self._save()
            await self._kernel.renew(self.generations)

    @property
    def _wanted(self) -> PublicKey:
        """Return the policy's key; nothing when it names none, or one that is not here."""
        key = self._policy.key if self._policy else ""
        return key if key in self._ring else ""

    def _waiting(self) -> tuple[InterfaceName, ...]:
        """Return the tunnels that do not have the policy's key: all where that is not here."""
        policy, wanted = self._policy, self._wanted
        if policy is None or not policy.key:
            return ()
        proved = (name for name in policy.tunnels if name not in self._unproved)
        return tuple(name for name in proved if self._own[name] != wanted)

    def _behind(self) -> tuple[InterfaceName, ...]:
        """Return the tunnels that are to be moved, in the order of moving."""
        return self._waiting() if self._wanted else ()

    async def _rotate_own(self, policy: EdgePolicy) -> None:
        now_s, step = self._clock().monotonic_s, self._step
        since_s = now_s - step.since_s
        if step.phase in {"proving", "returning"}:
            await self._prove(policy, step, now_s)
        elif step.phase == "draining":
            if since_s >= DRAIN_S:
                await self._move(policy, step, now_s)
        else:
            await self._resolve_pending(policy, now_s)
            if self._policy is not policy:
                return
            behind = self._behind()
            if behind and (step.phase == "idle" or since_s >= REST_S):
                await self._begin(policy, behind, now_s)

    async def _resolve_pending(self, policy: EdgePolicy, now_s: float) -> None:
        """Where nobody was alive, keep the key that is answered, or else try the other one."""
        changed = False
        for name, unproved in tuple(self._unproved.items()):
            alive = answering_peers(policy, self._traffic.peer_states, name)
            step = _Step("proving", name, unproved.since_s, alive)
            answered = alive and await self._answered(policy, step)
            if self._policy is not policy:
                return
            if answered:
                del self._unproved[name]
            elif now_s - unproved.since_s >= TRIED_S:
                former = self._own[name] != unproved.before
                self._own[name] = unproved.before if former else policy.key
                self._unproved[name] = replace(unproved, since_s=now_s)
            else:
                continue
            changed = True
        if changed:
            self._save()
            await self._kernel.renew(self.generations)

    async def _begin(
        self, policy: EdgePolicy, behind: Collection[InterfaceName], now_s: float
    ) -> None:
        """Move at once what nobody answers on, or send elsewhere what goes over the first other."""
        alive = {name: answering_peers(policy, self._traffic.peer_states, name) for name in behind}
        self._silent_s |= {name: now_s for name in behind if alive[name]}
        forlorn = [name for name in behind if now_s - self._silent_s[name] >= FORLORN_S]
        if forlorn:
            nobody: frozenset[DeviceName] = frozenset()
            self._unproved |= {n: PendingKey(self._own[n], nobody, now_s) for n in forlorn}
            self._own |= dict.fromkeys(forlorn, policy.key)
            self._save()
            self.notes.append(f"nobody answers on {', '.join(forlorn)}: moved at once")
            await self._kernel.renew(self.generations)
        elif name := next((n for n in behind if self._may_move(policy, n, alive[n], now_s)), ""):
            self._drain(policy, _Step("draining", name, now_s, alive[name]))

    def _may_move(
        self, policy: EdgePolicy, name: InterfaceName, alive: Collection[DeviceName], now_s: float
    ) -> bool:
        """Return whether a tunnel that is answered on can be done without, or has waited enough."""
        backed = self._is_backed(policy, name, alive, now_s)
        return bool(alive) and (backed or now_s - self._backed_s[name] >= ALONE_S)

    def _is_backed(
        self, policy: EdgePolicy, name: InterfaceName, peers: Collection[DeviceName], now_s: float
    ) -> bool:
        """Return whether these peers answer on another tunnel, or have no other one."""
        backed = is_backed(policy, self._traffic.peer_states, name, peers)
        if backed:
            self._backed_s[name] = now_s
        return backed

    def _lost_backing(self, policy: EdgePolicy, step: _Step, now_s: float) -> bool:
        """Return whether the other tunnels have died since a step began."""
        before = self._backed_s[step.tunnel] >= step.since_s
        return not self._is_backed(policy, step.tunnel, step.asked, now_s) and before

    def _drain(self, policy: EdgePolicy, step: _Step) -> None:
        """Do something to a tunnel, and send elsewhere what goes over it."""
        self._step, circuit = step, tunnel_circuit(policy, step.tunnel)
        self._traffic.drain((circuit,) if circuit else (), bare=not circuit)

    async def _move(self, policy: EdgePolicy, step: _Step, now_s: float) -> None:
        if self._lost_backing(policy, step, now_s):
            self._end("resting", now_s)
            return
        before, self._own[step.tunnel] = self._own[step.tunnel], policy.key
        self._unproved[step.tunnel] = PendingKey(before, step.asked, now_s)
        if not self._save():
            # A daemon that is killed now must find out which key the tunnel has.
            self._own[step.tunnel] = self._unproved.pop(step.tunnel).before
            self._end("resting", now_s)
            return
        self._step = proving = replace(step, phase="proving", since_s=now_s)
        await self._kernel.renew(self.generations)
        if self._step is proving:
            # What was sent until now may have gone with the former key.
            self._step = replace(proving, since_s=self._clock().monotonic_s)

    async def _prove(self, policy: EdgePolicy, step: _Step, now_s: float) -> None:
        """Take a tunnel again once the far end has answered over it, whichever key it has."""
        missed = step.asked - frozenset(await self._answered(policy, step))
        if self._step is not step:
            return
        back = step.phase == "returning"
        over = now_s - step.since_s >= PROVE_S
        over |= not back and self._lost_backing(policy, step, now_s)
        if back and (over or not missed):
            self._end("resting", now_s)
        elif not missed:
            self.fault = ""
            del self._unproved[step.tunnel]
            self._save()
            self.notes.append(f"{step.tunnel} has its new key, and the far end answers")
            self._end("idle", now_s)
        elif over:
            await self._revert(step, missed, now_s)

    async def _revert(self, step: _Step, missed: Collection[DeviceName], now_s: float) -> None:
        """Let a tunnel have the key of before, since somebody did not answer the new one."""
        self._own[step.tunnel] = self._unproved.pop(step.tunnel).before
        self._save()
        self._step = replace(step, phase="returning", since_s=now_s)
        await self._kernel.renew(self.generations)
        self.fault = (
            f"{step.tunnel}: no answer with the new key from {', '.join(sorted(missed))}; it has "
            f"its former key again, and is tried again in {REST_S:.0f} s"
        )
        self.notes.append(self.fault)

    def _end(self, phase: Phase, now_s: float) -> None:
        self._step = _Step(phase, since_s=now_s)
        self._traffic.drain((), bare=False)

    async def _answered(self, policy: EdgePolicy, step: _Step) -> Collection[DeviceName]:
        """Return the peers that have answered something that was sent with the new key."""
        circuit = tunnel_circuit(policy, step.tunnel)
        peers = [peer for peer in policy.peers if peer.device in step.asked]
        if circuit is None:
            return await self._reach(step.tunnel, peers)
        # An answer may wait long for a process that is late, so it counts when its packet was sent.
        since_s, sent_s = step.since_s + FLIGHT_S, self._traffic.answered_sent_s
        return [
            peer.device
            for peer in peers
            for path in peer.paths
            if path.circuit == circuit and sent_s((peer.device, path.name)) > since_s
        ]

    def _save(self) -> bool:
        """Write down which tunnel has which key; return whether the disk took it."""
        try:
            rotation_state.save_rotation(
                self._folder, RotationState(self._own, self._peers.by_tunnel, self._unproved)
            )
        except OSError as error:
            self.disk_fault = f"{rotation_state.FILE}: {error.strerror}"
            return False
        self.disk_fault = ""
        return True
