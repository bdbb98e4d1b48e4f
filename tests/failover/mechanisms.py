"""The ways of surviving a fault that are compared: each runs in a world of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from edge.storage import journal
from tests.failover.peers import Tunnels, start_bgp, start_ospf, start_ping_script
from tests.rigs.edge.edge_pair import Pair, classes, pair, routed
from tests.rigs.edge.edge_rig import World

# A daemon that was just started must first learn what its paths can do.
STEADY_S: Final = 3.0
SOUND: Final = 46  # EF
PICTURE: Final = 34  # AF41


class Led(Protocol):
    """A mechanism at work in a world."""

    def on_first(self) -> bool:
        """Return whether traffic lies on the world's first line, in both directions."""
        ...

    def ready(self) -> bool:
        """Return whether it knows of every line that it could go to."""
        ...

    def forget(self) -> None:
        """Let the next trial start from nothing, where the mechanism would remember this one."""
        ...

    def reasons(self) -> tuple[str, ...]:
        """Return why it last moved, for each end that says so."""
        ...


@dataclass(frozen=True, slots=True)
class Peers:
    """A mechanism of others: it comes back by itself and remembers nothing."""

    tunnels: Tunnels

    def on_first(self) -> bool:
        """Return whether the kernel routes over the first line at both ends."""
        return self.tunnels.lead_over(self.tunnels.world.lines[0].name)

    def ready(self) -> bool:
        """Return that it is: leading over the first line took as long as the others."""
        return True

    def forget(self) -> None:
        """Do nothing."""

    def reasons(self) -> tuple[str, ...]:
        """Return nothing: they do not say."""
        return ()


@dataclass(frozen=True, slots=True)
class Daemons:
    """Our daemon; it would keep to the second line for a minute, and remember its moves."""

    pair: Pair
    codes: tuple[int, ...] = ()

    def on_first(self) -> bool:
        """Return whether the care tunnel, or every class measured, leads over the first line."""
        first = self.pair.world.lines[0].name
        if not self.codes:
            return self.pair.care_over(first)
        return all(self.pair.class_over(first, code) for code in self.codes)

    def ready(self) -> bool:
        """Return whether both ends hold both lines for sound.

        A daemon that was just started, and is short of time, has nowhere to go yet.
        """
        return self.pair.whole()

    def forget(self) -> None:
        """Start both daemons again, without what they remember."""
        self.pair.restart_blank()

    def reasons(self) -> tuple[str, ...]:
        """Return each end's last move and why."""
        return tuple(
            f"{end}: {moves[-1]['at']} {moves[-1]['what']}"
            for end, daemon in self.pair.daemons.items()
            if (moves := [*filter(_moved, journal.read_journal(daemon.folder))])
        )


def _moved(entry: Mapping[str, object]) -> bool:
    return entry["kind"] == "decision" and entry["path"] != entry["before"]


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A way of surviving faults; start builds it in a world and tells how to ask where it leads.

    needs_s is how long a call must go on after a fault to see the mechanism act, steady_s how long
    it must be at rest before. ours says that
    the daemon does it; beside, that a consultation goes on beside the measured flows; repeats and
    faults say when fewer are enough.
    """

    name: str
    title: str
    start: Callable[[World], Led]
    needs_s: float = 2.5
    steady_s: float = 1.5
    ours: bool = False
    beside: bool = False
    repeats: int | None = None
    faults: tuple[str, ...] | None = None


def _care(world: World) -> Led:
    both = pair(world)
    both.start()
    return Daemons(both)


def _routed(world: World) -> Led:
    both = pair(world, routed(classes()))
    both.start()
    return Daemons(both, (SOUND, PICTURE))


def _bgp(bfd_ms: int) -> Callable[[World], Led]:
    def start(world: World) -> Led:
        tunnels = _tunnels(world)
        start_bgp(tunnels, bfd_ms)
        return Peers(tunnels)

    return start


def _ping(world: World) -> Led:
    tunnels = _tunnels(world)
    start_ping_script(tunnels)
    return Peers(tunnels)


def _ospf(world: World) -> Led:
    tunnels = _tunnels(world)
    start_ospf(tunnels)
    return Peers(tunnels)


def _none(world: World) -> Led:
    tunnels = _tunnels(world)
    tunnels.routes(world.lines[0].name)
    return Peers(tunnels)


def _tunnels(world: World) -> Tunnels:
    tunnels = Tunnels(world)
    tunnels.start()
    return tunnels


MECHANISMS: Final[tuple[Mechanism, ...]] = (
    Mechanism("care", "care tunnel", _care, steady_s=STEADY_S, ours=True),
    Mechanism(
        "routed-20", "routed, 20 ms probes", _routed, steady_s=STEADY_S, ours=True, beside=True
    ),
    Mechanism("routed-100", "routed, 100 ms probes", _routed, steady_s=STEADY_S, ours=True),
    Mechanism("bfd-50", "BGP + BFD 3 × 50 ms", _bgp(50)),
    Mechanism("bfd-300", "BGP + BFD 3 × 300 ms", _bgp(300), needs_s=3.0),
    Mechanism("ping", "ping script, 1 s × 3", _ping, needs_s=5.5),
    Mechanism("ospf", "OSPF 10/40 s", _ospf, needs_s=43.0, repeats=2, faults=("cut", "hole")),
    Mechanism("none", "no failover (control)", _none, repeats=3),
)
