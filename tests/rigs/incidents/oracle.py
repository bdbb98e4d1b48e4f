"""Which incidents must be open, worked out slowly and plainly from the true state of a network.

This shares nothing with the deciding core but the names of subjects: it walks an intent with
networkx and looks at every circuit and device in turn. It knows what is really so, and of what is
out of sight only what was said before: nobody can tell more. Its laws, each with its reason:

1. A dead circuit is a cause if the centre reaches both ends, or one end and the other is an
   operator, or the silent device at the other end said itself that the circuit is dead: no device
   speaks of its own death. What it said while the other end was the cause does not count: a dead
   device makes all of its circuits dead, so such a word says nothing of the circuit.
2. Silent devices beside what is reached are a cause if one cut cannot explain them: two ways into
   them are lost, or one whose state nobody sees. Else the circuit that they hang on is the cause.
3. A device or site that was a cause is one until it is seen well, as nothing shows that it was
   mended; at a site that came back, that holds for the devices that did not.
4. A cause that is out of sight stays an incident. One that came in the same state as the failure
   of a whole, of which it is a part, goes on under the whole: it was the first sign of that.
5. A window covers what it names, what consists of that alone, and the circuits that end there.
6. While the collector is deaf, nothing changes but that it is deaf.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import networkx as nx

from controller.incidents.model import Subject, SubjectKind
from inventory.model import Circuit, Intent, Level
from tests.rigs.incidents.story import COLLECTOR, circuit, collector, device, site


@dataclass
class Truth:
    """What is really so: cut circuits, dead devices, windows, and whether the collector hears.

    words holds the circuits that each device last said to be dead, as far as that was heard; cuts
    those of them that were a cause themselves while it said so.
    step counts the settled states; opened_at is when each open incident came, silent_at since when
    each device is not reached, seen_dead_at since when each circuit is seen dead.
    """

    intent: Intent
    cut: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    maintained: set[Subject] = field(default_factory=set)
    deaf: bool = False
    words: dict[str, frozenset[str]] = field(default_factory=dict)
    cuts: dict[str, frozenset[str]] = field(default_factory=dict)
    step: int = 0
    opened_at: dict[Subject, int] = field(default_factory=dict)
    silent_at: dict[str, int] = field(default_factory=dict)
    seen_dead_at: dict[str, int] = field(default_factory=dict)
    _at: dict[str, list[Circuit]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in self.intent.circuits.values():
            for end in ends(each):
                self._at.setdefault(end, []).append(each)

    def settle(self) -> None:
        """Count a settled state, and remember since when things are as they are heard to be."""
        self.step += 1
        if self.deaf:
            return
        heard = heard_words(self)
        self.words |= heard
        said = {name for dead in self.words.values() for name in dead}
        for name in self.intent.circuits:
            if name in said:
                self.seen_dead_at.setdefault(name, self.step)
            else:
                self.seen_dead_at.pop(name, None)
        for name in self.intent.devices:
            if name in heard:
                self.silent_at.pop(name, None)
            else:
                self.silent_at.setdefault(name, self.step)

    def count_words(self, causes: set[Subject]) -> None:
        """Count what living devices say of circuits that are a cause themselves."""
        for name, dead in heard_words(self).items():
            self.cuts[name] = frozenset(c for c in dead if circuit(c) in causes)

    def graph(self) -> "nx.MultiGraph[str]":
        """Return what carries traffic now."""
        graph: nx.MultiGraph[str] = nx.MultiGraph()
        for each in self.intent.devices.values():
            graph.add_node(each.name)
            if each.lan:
                graph.add_edge(each.name, f"site {each.site}")
        for one in self.intent.circuits.values():
            if one.name not in self.cut:
                graph.add_edge(*ends(one))
        graph.remove_nodes_from(self.dead)
        return graph

    def reached(self) -> set[str]:
        """Return the nodes that the centre reaches."""
        graph, found = self.graph(), set[str]()
        for each in self.intent.sites.values():
            if each.level is Level.CENTRAL:
                found |= nx.node_connected_component(graph, f"site {each.name}")
        return found

    def says_dead(self, name: str) -> frozenset[str]:
        """Return the circuits of a living device that it sees dead."""
        return frozenset(
            each.name
            for each in self._at.get(name, ())
            if each.name in self.cut or self.dead & set(ends(each))
        )

    def is_maintained(self, root: Subject) -> bool:
        """Return whether a window covers a root."""
        if root in self.maintained:
            return True
        if root.kind is SubjectKind.SITE:
            # A window over every device of a site is a window over the site.
            return all(device(d.name) in self.maintained for d in self.intent.devices_at(root.name))
        if root.kind is SubjectKind.DEVICE:
            return site(self.intent.devices[root.name].site) in self.maintained
        if root.kind is SubjectKind.CIRCUIT:
            devices = [e for e in ends(self.intent.circuits[root.name]) if e in self.intent.devices]
            sites = [site(self.intent.devices[name].site) for name in devices]
            return not self.maintained.isdisjoint([*map(device, devices), *sites])
        return False


def ends(one: Circuit) -> tuple[str, str]:
    """Return the two nodes that a circuit joins."""
    return one.a.device, one.b.device if one.b else f"provider {one.provider}"


def incidents_that_must_be_open(truth: Truth, before: frozenset[Subject]) -> frozenset[Subject]:
    """Return the roots of the incidents that must be open, of those that were before."""
    if truth.deaf:
        return before | {collector(COLLECTOR)}
    roots = {root for root in _visible_roots(truth, before) if not truth.is_maintained(root)}
    visible = set(_visible_roots(truth, before))
    lasting = {root for root in before if root in visible or not _is_seen_well(truth, root)}
    taken = {
        root
        for root in lasting - visible
        if any(_explains(truth, r, root) for r in visible - before)
    }
    must = frozenset(roots | (lasting - taken))
    # What was noticed under another root first goes on under the root that explains it.
    must |= {r for r in visible - before for root in taken if _explains(truth, r, root)}
    truth.count_words(visible)
    truth.opened_at = {root: truth.opened_at.get(root, truth.step) for root in must}
    return must


def _explains(truth: Truth, root: Subject, other: Subject) -> bool:
    """Return whether an incident was a part of a failure that is now seen as a whole.

    That is so when it opened in the same state in which the whole failed.
    """
    if root.kind not in (SubjectKind.SITE, SubjectKind.DEVICE):
        return False
    at = root.name if root.kind is SubjectKind.SITE else truth.intent.devices[root.name].site
    devices = {d.name for d in truth.intent.devices_at(at)}
    group = devices if root.kind is SubjectKind.SITE else {root.name}
    if other.kind is SubjectKind.DEVICE:
        part = other.name in group
    else:
        one = truth.intent.circuits.get(other.name)
        mine = group & set(ends(one)) if one else set[str]()
        part = any(other.name not in truth.cuts.get(name, ()) for name in mine)
    return part and truth.opened_at.get(other, 0) == max(_failed_at(truth, d) for d in group)


def _failed_at(truth: Truth, name: str) -> int:
    """Return since when a device is seen to have failed, by its silence or at its neighbours."""
    own = truth.words.get(name, frozenset())
    times = [
        at
        for each, at in truth.seen_dead_at.items()
        if name in ends(truth.intent.circuits[each]) and each not in own
    ]
    return min([*times, truth.silent_at.get(name, truth.step)])


def _is_seen_well(truth: Truth, root: Subject) -> bool:
    """Return whether somebody whom the centre reaches sees a root well."""
    reached, intent = truth.reached(), truth.intent
    if root.kind is SubjectKind.COLLECTOR:
        return True
    if root.kind is SubjectKind.DEVICE:
        return root.name in reached
    if root.kind is SubjectKind.SITE:
        return any(d.name in reached for d in intent.devices_at(root.name))
    watchers = [e for e in ends(intent.circuits[root.name]) if e in reached and e in intent.devices]
    return bool(watchers) and all(root.name not in truth.says_dead(name) for name in watchers)


def _visible_roots(truth: Truth, before: frozenset[Subject]) -> Iterator[Subject]:
    reached = truth.reached()
    for each in truth.intent.circuits.values():
        if _is_root(truth, each, reached):
            yield circuit(each.name)
    for name in truth.intent.sites:
        yield from _site_roots(truth, name, reached, before)


def _is_root(truth: Truth, each: Circuit, reached: set[str]) -> bool:
    """Return whether a dead circuit is a cause whatever becomes of the devices at its ends."""
    near = [end for end in ends(each) if end in reached]
    if len(near) == 2:
        return each.name in truth.cut
    far = [end for end in ends(each) if end not in reached]
    if len(near) == 1 and far[0] not in truth.intent.devices:
        return each.name in truth.cut
    return len(near) == 1 and each.name in truth.cuts.get(far[0], frozenset())


def _site_roots(
    truth: Truth, name: str, reached: set[str], before: frozenset[Subject]
) -> Iterator[Subject]:
    devices = [d.name for d in truth.intent.devices_at(name)]
    silent = [d for d in devices if d not in reached]
    here = {site(name), *map(device, silent)}
    if len(silent) == len(devices):
        kept = here & before and _is_beside(truth, silent, reached)
        found = True if kept else _group_root(truth, silent, reached)
        yield from [site(name)] if found is True else found or []
        return
    for one in silent:
        kept = {site(name), device(one)} & before and _is_beside(truth, [one], reached)
        found = True if kept else _group_root(truth, [one], reached)
        yield from [device(one)] if found is True else found or []


def _is_beside(truth: Truth, group: list[str], reached: set[str]) -> bool:
    """Return whether silent devices are next to what is reached."""
    lans = {f"site {truth.intent.devices[d].site}" for d in group if truth.intent.devices[d].lan}
    joined = [set(ends(each)) for each in truth.intent.circuits.values()]
    return bool(lans & reached) or any(both & set(group) and both & reached for both in joined)


def _group_root(truth: Truth, group: list[str], reached: set[str]) -> bool | list[Subject] | None:
    """Return True if silent devices are a cause, or the single circuit that they hang on."""
    fresh, may_live, inside = [], False, False
    for each in truth.intent.circuits.values():
        one, other = ends(each)
        for mine, theirs in ((one, other), (other, one)):
            if mine not in group or theirs not in reached:
                continue
            if each.name in truth.cuts.get(mine, frozenset()):
                continue
            if theirs.startswith("provider "):
                may_live = True
                continue
            fresh.append(each.name)
            inside = inside or truth.intent.devices[theirs].site == truth.intent.devices[mine].site
    lans = {f"site {truth.intent.devices[d].site}" for d in group if truth.intent.devices[d].lan}
    if may_live or inside or len(fresh) > 1 or lans & reached:
        return True
    return [circuit(name) for name in fresh]


def heard_words(truth: Truth) -> Mapping[str, frozenset[str]]:
    """Return what living devices that are reached say now."""
    reached = truth.reached()
    return {d: truth.says_dead(d) for d in truth.intent.devices if d in reached}
