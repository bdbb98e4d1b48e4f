"""Tunnels that move to another key, with a kernel and traffic of the test's own."""

import asyncio
from dataclasses import replace

from edge.clock import Moment
from edge.keys.rotation import OwnRotation
from edge.selection import evaluate
from edge.wireguard.model import PeerStatus, TunnelState
from tests.rigs.edge.edge_policies import edge_policy
from vpn.wireguard import keys

OLD, NEW, NEXT = (keys.public_of(keys.generate_private()) for _ in range(3))


class World:
    """A policy's tunnels, whose far ends answer those that may pass."""

    def __init__(self, folder):
        self.folder, self.now_s = folder, 1000.0
        policy = edge_policy()
        peers = tuple(
            replace(peer, public_key=keys.public_of(keys.generate_private()))
            for peer in policy.peers
        )
        self.policy = replace(policy, peers=peers, key=NEW)
        self.peer_states = {peer.device: self._peer_state(peer) for peer in peers}
        # When test packets that were answered had been sent, and how long answers wait to be read.
        self.sent_s: dict[tuple[str, str], float] = {}
        self.waited_s = 0.0
        self.diverted, self.renewals = ((), False), []
        self.deaf: set[str] = set()
        # The keys of this device that the far ends know.
        self.known = {OLD, NEW}
        self.handshakes: dict[tuple[str, str], float] = {}
        self.rotation = self.anew()

    def _peer_state(self, peer):
        state = evaluate.initial(peer, self.now_s, {})
        healths = {name: replace(h, delay_ms=20.0) for name, h in state.healths.items()}
        return replace(state, healths=healths)

    def anew(self):
        made = OwnRotation(self.folder, self, self, self.reach, self.clock)
        made.open(OLD)
        return made

    def clock(self):
        return Moment("boot", self.now_s, self.now_s, self.now_s)

    async def renew(self, generations):
        self.renewals.append(generations)
        return ()

    async def tunnels(self, names):
        return {name: TunnelState(1, 1340, 51820, 0, self._states(name)) for name in names}

    def _states(self, name):
        found = {}
        for peer in self.policy.peers:
            for key in filter(None, (peer.public_key, peer.next_key)):
                found[key] = PeerStatus(None, self.handshakes.get((name, key), 0.0), 0, 0)
        return found

    def drain(self, circuits, *, bare):
        self.diverted = (tuple(circuits), bare)

    def answered_sent_s(self, key):
        return self.sent_s.get(key, float("-inf"))

    async def reach(self, _interface, peers):
        return frozenset() if self.mute("care") else frozenset(p.device for p in peers)

    def mute(self, circuit):
        """Return whether nobody answers over a circuit, or over the care tunnel."""
        tunnel = {u.circuit: u.tunnel for u in self.policy.underlays}.get(circuit)
        key = self.own[tunnel or self.policy.tunnels[-1]]
        return circuit in self.deaf or key not in self.known

    def take(self, policy=None):
        self.policy = policy or self.policy
        return self.rotation.take(self.policy, {OLD, NEW})

    def passes(self, seconds):
        """Let time pass; whoever is not deaf answers on all paths."""
        self.now_s += seconds
        for peer in self.policy.peers:
            healths = dict(self.peer_states[peer.device].healths)
            for path in peer.paths:
                dead = self.mute(path.circuit)
                if not dead:
                    self.sent_s[peer.device, path.name] = self.now_s - self.waited_s
                healths[path.name] = replace(healths[path.name], dead=dead)
            self.peer_states[peer.device] = replace(self.peer_states[peer.device], healths=healths)
        asyncio.run(self.rotation.tend())

    @property
    def own(self):
        return self.rotation.generations.own


def asked_to_move(folder):
    """Return a device whose tunnels stood with the old key and are to have the new one."""
    made = World(folder)
    made.rotation.take(replace(made.policy, key=""), {OLD})
    made.take()
    return made
