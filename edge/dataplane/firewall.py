"""Our nft tables: loaded whole when they are not as wanted, calls changed in place."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from edge.dataplane.desired import DesiredState
from edge.forwarding.routes import ip_versions
from edge.nftables import call_flows, nft
from edge.nftables.call_flows import CallFlow
from edge.policy.model import EdgePolicy
from inventory.errors import EdgeError

Clock: TypeAlias = Callable[[], float]
Indexes: TypeAlias = Mapping[str, int]

LOADED: Final = "loaded the nft tables"
REPAIRED: Final = "loaded the nft tables again, which somebody had changed"
REBOUND: Final = "loaded the nft tables again for interfaces that are others now"


class NftTables:
    """Keeps the tables what is wanted; announced calls outlive a table that was deleted."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._text = ""
        self._digest = ""
        self._bound: Indexes = {}
        self._calls: dict[CallFlow, tuple[int, float]] = {}

    def establish(self, want: DesiredState, indexes: Indexes) -> Iterator[str]:
        """Make the tables what is wanted and say what was done. Raises EdgeError."""
        there, bound = nft.list_tables(), _bound(want, indexes)
        text = want.ruleset + "".join(a.ruleset for a in want.arrivals if a.underlay in bound)
        words = self._words(there, text, bound)
        if not self._text:
            self._adopt(want.policy)
        if words is not None:
            self._load(want, text, bound)
            yield from words

    def live(self, policy: EdgePolicy) -> frozenset[CallFlow]:
        """Return the flows of consultations that left here lately."""
        sets = (nft.set_elements("set", f"live{version}") for version in ip_versions(policy))
        return frozenset(flow for elements in sets for flow in call_flows.parse_flows(elements))

    def add(self, flow: CallFlow, mark: int, for_s: float) -> None:
        """Give a flow a mark for a time from now on. Raises EdgeError."""
        remove, add = call_flows.remove_text(flow), call_flows.add_text(flow, mark, for_s)
        known = flow in self._calls
        try:
            nft.load_ruleset(remove + add if known else add)
        except EdgeError:
            # It was over meanwhile, or another process had announced it.
            nft.load_ruleset(add if known else remove + add)
        self._calls = self._current() | {flow: (mark, self._clock() + for_s)}

    def remove(self, flow: CallFlow) -> None:
        """Forget a flow."""
        self._calls.pop(flow, None)
        if flow in self._announced():
            nft.load_ruleset(call_flows.remove_text(flow))

    def _words(self, there: nft.Listing, text: str, bound: Indexes) -> tuple[str, ...] | None:
        """Return what to say of loading the tables; None when there is no need to."""
        if text != self._text:
            adopted = not self._text and bool(there.comment) and there.comment in text
            return () if adopted else (LOADED,)
        if bound != self._bound:
            return (REBOUND,)
        return (REPAIRED,) if there.digest != self._digest else None

    def _load(self, want: DesiredState, text: str, bound: Indexes) -> None:
        self._calls = self._current()
        now_s = self._clock()
        kept = "".join(
            call_flows.add_text(flow, mark, until_s - now_s)
            for flow, (mark, until_s) in self._calls.items()
            if flow.version in ip_versions(want.policy)
        )
        nft.load_ruleset(nft.replace_tables((text, kept)))
        self._text, self._bound, self._digest = text, bound, nft.list_tables().digest

    def _adopt(self, policy: EdgePolicy) -> None:
        """Take over what an earlier process announced."""
        marks = {call_flows.mark_of(policy, c) for c in call_flows.care_classes(policy)}
        now_s = self._clock()
        for flow, (mark, left_s) in self._announced().items():
            if mark in marks:
                self._calls[flow] = (mark, now_s + left_s)

    def _announced(self) -> dict[CallFlow, tuple[int, float]]:
        maps = (nft.set_elements("map", f"calls{version}") for version in (4, 6))
        return {f: (m, s) for elements in maps for f, m, s in call_flows.parse_announced(elements)}

    def _current(self) -> dict[CallFlow, tuple[int, float]]:
        now_s = self._clock()
        return {flow: known for flow, known in self._calls.items() if known[1] > now_s}


def _bound(want: DesiredState, indexes: Indexes) -> Indexes:
    """Return the interfaces that the tables know by index, which changes when they are remade."""
    pairs = ((a.underlay, a.target) for a in want.arrivals)
    there = (pair for pair in pairs if all(name in indexes for name in pair))
    return {name: indexes[name] for pair in there for name in pair}
