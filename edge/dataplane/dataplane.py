"""The kernel's data plane: makes it what is wanted, moves traffic at once, repairs, lists calls.

Works in the network namespace of the thread that made it, and has to be used there. steer() may be
called while another thread is busy with one of the others, and does not wait for it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from threading import Lock
from typing import Final, TypeAlias

from edge.dataplane import desired, sysctls
from edge.dataplane.desired import DesiredState
from edge.dataplane.firewall import NftTables
from edge.dataplane.interfaces import Interfaces
from edge.dataplane.monitor import KernelMonitor
from edge.dataplane.sysctls import Undo
from edge.forwarding import route_tables, tc
from edge.forwarding.netlink import Netlink
from edge.forwarding.steering import Steering
from edge.nftables import call_flows
from edge.nftables.call_flows import CallFlow, LiveCalls
from edge.remote_access.peers import RemoteAccess, RemoteAccessFilter
from edge.wireguard.active_keys import ActiveKeys
from edge.wireguard.model import Tunnel, WireGuard
from inventory.errors import EdgeError, TunnelError
from policies.model import ServiceName
from vpn.key_text import PublicKey

Step: TypeAlias = Callable[[DesiredState], Iterable[str]]
Keep: TypeAlias = Callable[[Undo], None]

NO_RING: Final[Mapping[PublicKey, bytes]] = {}
# A look at everything after so many repairs, in case a change was not reported.
ROUNDS: Final = 30


class Dataplane:
    """One device's data plane; private_key is the device's first, 32 octets, ring holds the others.

    keep writes down what settings were, before they are changed.
    """

    def __init__(
        self,
        wireguard: WireGuard,
        private_key: bytes,
        keep: Keep,
        ring: Mapping[PublicKey, bytes] = NO_RING,
    ) -> None:
        self._kernel, self._quick = Netlink(), Netlink()
        self._lock = Lock()
        self._watch = KernelMonitor({self._kernel.port, self._quick.port})
        self._interfaces = Interfaces(self._kernel, wireguard, private_key, ring)
        self._filters = NftTables()
        self._guests = RemoteAccessFilter()
        self._keep = keep
        self._wanted: DesiredState | None = None
        self._left: frozenset[str] = frozenset()
        self._rounds = 0
        self._live = LiveCalls()

    @property
    def tunnels(self) -> tuple[Tunnel, ...]:
        """Return the tunnels as they should be."""
        return self._need().tunnels

    def apply(self, want: DesiredState) -> tuple[str, ...]:
        """Make everything what is wanted and return, in words, what was changed.

        Does all that can be done before it raises EdgeError (TunnelError) about the rest.
        """
        self.want(want)
        return self.establish()

    def want(self, want: DesiredState) -> None:
        """Let this be what establish() makes and steer() changes; the kernel stays as it is."""
        with self._lock:
            self._wanted = want

    def establish(self) -> tuple[str, ...]:
        """Make everything what is wanted, as apply() does. Raises EdgeError."""
        return self._carry_out(self._need(), self._steps())

    def admit(self, people: RemoteAccess | None) -> tuple[str, ...]:
        """Admit the devices that people names, and no others; return what was changed.

        Raises EdgeError, also when nothing was applied yet.
        """
        with self._lock:
            self._wanted = replace(self._need(), people=people)
        return self._carry_out(self._need(), (self._people, self._interfaces.establish))

    def renew(self, generations: ActiveKeys) -> tuple[str, ...]:
        """Let tunnels have other keys, and return what was changed. Raises EdgeError."""
        with self._lock:
            self._wanted = desired.with_keys(self._need(), generations)
        return self._interfaces.establish(self._need())

    def repair(self) -> tuple[str, ...]:
        """Put right what somebody changed, or an interface took along, and say so.

        Costs next to nothing when nothing happened. Raises EdgeError.
        """
        want = self._wanted
        if want is None:
            return ()
        self._rounds = (self._rounds + 1) % ROUNDS
        reported, changed = self._watch.links_or_routes(), self._watch.tables()
        if reported or not self._rounds:
            return self._carry_out(want, self._steps())
        return self._carry_out(want, (self._tables, self._people)) if changed else ()

    def steer(self, steering: Steering) -> None:
        """Move traffic and what is copied: the routes that differ, in one exchange.

        Raises EdgeError, also when nothing was applied yet.
        """
        indexes = self._interfaces.indexes
        with self._lock:
            self._wanted, old, new = desired.with_steering(self._need(), steering)
            route_tables.change_routes(
                self._quick,
                route_tables.kernel_routes(old, indexes),
                route_tables.kernel_routes(new, indexes),
            )

    def live_calls(self) -> LiveCalls:
        """Return whether consultations are live and, while they are, which flows they have."""
        policy = self._need().policy
        packets = self._interfaces.packets(policy.care.interface)
        if packets != self._live.packets or self._live.flows:
            self._live = LiveCalls(packets, self._filters.live(policy))
        return self._live

    def add_call(self, flow: CallFlow, service: ServiceName, for_s: float) -> None:
        """Let a flow travel as a consultation for a time; again before it is over to prolong it.

        Raises EdgeError.
        """
        mark = call_flows.mark_of(self._need().policy, service)
        self._filters.add(flow, mark, call_flows.checked_duration(for_s))

    def remove_call(self, flow: CallFlow) -> None:
        """Let a flow be ordinary traffic again; nothing happens when it is."""
        self._filters.remove(flow)

    def close(self) -> None:
        """Give every socket back; what is in the kernel stays there and goes on working."""
        self._watch.close()
        self._kernel.close()
        self._quick.close()

    def _need(self) -> DesiredState:
        if self._wanted is None:
            raise EdgeError("there is no policy in the kernel yet; apply one first")
        return self._wanted

    def _steps(self) -> tuple[Step, ...]:
        return (
            # Nobody comes in before the filter stands that says how far.
            self._people,
            self._interfaces.establish,
            self._settings,
            self._tables,
            self._routes,
            self._rules,
            self._queues,
            self._interfaces.remove_strangers,
        )

    def _carry_out(self, want: DesiredState, steps: Iterable[Step]) -> tuple[str, ...]:
        done, faults = list[str](), list[EdgeError]()
        for step in steps:
            try:
                done += step(want)
            except EdgeError as error:
                faults.append(error)
        if faults:
            kind = TunnelError if all(isinstance(f, TunnelError) for f in faults) else EdgeError
            raise kind("; ".join(map(str, faults))) from faults[0]
        return tuple(done)

    def _settings(self, want: DesiredState) -> Iterable[str]:
        if (undo := sysctls.undo_of(want.settings)).settings:
            self._keep(undo)
        return sysctls.write_sysctls(want.settings)

    def _tables(self, want: DesiredState) -> Iterable[str]:
        return self._filters.establish(want, self._interfaces.indexes)

    def _people(self, want: DesiredState) -> Iterable[str]:
        return self._guests.establish(want.people)

    def _routes(self, _: DesiredState) -> Iterator[str]:
        # Without a look at the interfaces, every route out of one would seem to be unwanted.
        if not self._interfaces.seen:
            return
        # What was wanted when this began may have been steered elsewhere meanwhile.
        with self._lock:
            want = self._need()
            there = route_tables.kernel_routes(
                {**want.fixed, **want.steered}, self._interfaces.indexes
            )
            moved = route_tables.change_routes(
                self._kernel, route_tables.read_routes(self._kernel), there
            )
        yield from route_tables.change_words(*moved, "routes")

    def _rules(self, want: DesiredState) -> Iterator[str]:
        changed = route_tables.change_rules(
            self._kernel, route_tables.read_rules(self._kernel), want.rules
        )
        yield from route_tables.change_words(*changed, "rules")

    def _queues(self, want: DesiredState) -> Iterator[str]:
        if not self._interfaces.seen:
            return
        roots, known = tc.read_roots(self._kernel), self._interfaces.known
        left = set()
        for queue in want.queues:
            link = known.get(queue.interface)
            if link is None:
                continue
            if tc.is_foreign_queue(roots.get(link.index)):
                left.add(link.name)
                if link.name not in self._left:
                    yield f"{link.name} has a queue of its own, which is left: no shaping there"
            elif not tc.is_built(self._kernel, queue, link):
                tc.build_queue(self._kernel, queue, link)
                yield f"put a queue on {link.name}"
        self._left = frozenset(left)
        yield from self._stale_queues(want, roots)

    def _stale_queues(self, want: DesiredState, roots: dict[int, tuple[str, int]]) -> Iterator[str]:
        wanted_here = {queue.interface for queue in want.queues}
        for link in self._interfaces.known.values():
            if link.name not in wanted_here and tc.is_our_queue(roots.get(link.index)):
                tc.take_away(self._kernel, link)
                yield f"took the queue of {link.name} away"
