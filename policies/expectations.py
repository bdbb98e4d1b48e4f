"""Whether the expectations of a folder hold on the model of the network, and why.

A service takes the path that routing takes: path policies choose between tunnels, which are laid
over these paths. Providers' networks count as ways, which they are once tunnels run over them; a
finding says so. Failures are complete: what fails carries nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from inventory.documents.messages import Misread
from inventory.model import DataCentreZone, Intent
from policies import quality, segmentation
from policies.model import Expectation, Finding, Policies, ServiceClass
from policies.routes import Down, Routes
from policies.sentences import (
    LevelSentence,
    ReachesCentral,
    SegmentNeverReaches,
    SegmentReaches,
    SegmentSentence,
    Sentence,
    SentenceFailure,
    ServiceReachable,
    ServiceSentence,
    Thing,
    TwoWaysOut,
    failed_text,
    parse_sentence,
)
from topology.build import site_node
from topology.failures.stub_sites import circuits_of_leaves
from topology.failures.tree import SpanningTree, graph_of, spanning_tree
from topology.model import LinkName, NodeKind, NodeName, Path, Topology
from topology.paths import without_failed

# A sentence about many sites names this many of those that miss it.
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class _Model:
    """What expectations are held against, and what was already searched for them."""

    policies: Policies
    intent: Intent
    routes: Routes
    hanging: dict[Down, Mapping[NodeName, LinkName | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether a sentence holds, and why."""

    holds: bool
    because: str


@dataclass(frozen=True, slots=True)
class _Goal:
    """Where a service is sought: sites' nodes, and what they are called together."""

    nodes: tuple[NodeName, ...]
    called: str


def check_expectations(
    policies: Policies, intent: Intent, topology: Topology
) -> tuple[Finding, ...]:
    """Return for every expectation, in order, whether it holds and why."""
    model = _Model(policies, intent, Routes.of(topology))
    return tuple(_finding(model, expectation) for expectation in policies.expectations)


def _finding(model: _Model, expectation: Expectation) -> Finding:
    sentence = parse_sentence(expectation.text)
    if isinstance(sentence, Misread):
        return Finding(expectation, holds=False, because=f"{sentence.what}; {sentence.hint}")
    verdict = _verdict(model, sentence)
    return Finding(expectation, holds=verdict.holds, because=verdict.because)


def _verdict(model: _Model, sentence: Sentence) -> _Verdict:
    if isinstance(sentence, SegmentReaches | SegmentNeverReaches):
        return _segment_verdict(model, sentence)
    if unknown := _unknown(model.intent, sentence.failures):
        return _Verdict(holds=False, because=f"there is no {unknown.thing} {unknown.name}")
    if isinstance(sentence, TwoWaysOut | ReachesCentral):
        found = _level_verdict(model, sentence)
    else:
        found = _service_verdict(model, sentence)
    return _Verdict(found.holds, _condition(sentence.failures) + found.because)


def _condition(failures: Sequence[SentenceFailure]) -> str:
    return f"without {failed_text(tuple(failures))}: " if failures else ""


def _unknown(intent: Intent, failures: Sequence[SentenceFailure]) -> SentenceFailure | None:
    """Return the first failure of something that the intent does not have."""
    names: Mapping[Thing, Mapping[str, object]] = {
        Thing.CIRCUIT: intent.circuits,
        Thing.DEVICE: intent.devices,
        Thing.SITE: intent.sites,
    }
    return next((failure for failure in failures if failure.name not in names[failure.thing]), None)


def _segment_verdict(model: _Model, sentence: SegmentSentence) -> _Verdict:
    access = segmentation.allowed_flows(model.policies, sentence.source, sentence.target)
    return _Verdict(access.allowed == isinstance(sentence, SegmentReaches), access.because)


def _service_verdict(model: _Model, sentence: ServiceSentence) -> _Verdict:
    owed = model.policies.classes.get(sentence.service)
    if owed is None:
        return _Verdict(holds=False, because=f"there is no service {sentence.service}")
    if sentence.site not in model.intent.sites:
        return _Verdict(holds=False, because=f"there is no site {sentence.site}")
    if not segmentation.entitled_zones(model.policies, owed.name):
        return _Verdict(holds=False, because=f"no rule lets any segment reach {owed.name}")
    goal = _goal(model, sentence, owed)
    if not goal.nodes:
        return _Verdict(holds=False, because=goal.called)
    down = model.routes.down(sentence.failures)
    path = model.routes.best(site_node(sentence.site), goal.nodes, down)
    if path is None:
        return _Verdict(holds=False, because=f"no way leads from {sentence.site} to {goal.called}")
    return _path_verdict(model, sentence, owed, path)


def _path_verdict(
    model: _Model, sentence: ServiceSentence, owed: ServiceClass, path: Path
) -> _Verdict:
    topology = model.routes.topology
    seen = quality.expected_quality(topology, path)
    told = f"{_way(path)}{_proviso(topology, path)}: {quality.quality_figures(seen)}"
    told += _idle(topology, sentence.failures)
    if isinstance(sentence, ServiceReachable):
        return _Verdict(holds=True, because=told)
    if missed := list(quality.quality_shortfalls(owed, seen)):
        return _Verdict(holds=False, because=f"{told}; {', '.join(missed)}")
    return _Verdict(holds=True, because=f"{told}; {quality.kept(owed, seen)}")


def _goal(model: _Model, sentence: ServiceSentence, owed: ServiceClass) -> _Goal:
    """Return the zone of a sentence, else all that offer its service.

    People talk to each other wherever they are: what is owed a MOS may be sought at any zone, and
    at the central site where no zone offers it.
    """
    zones = model.intent.zones
    if sentence.zone is not None:
        return _goal_at(zones.get(sentence.zone), sentence.zone, owed)
    offering = [zone for zone in zones.values() if owed.name in zone.services]
    if offering:
        called = " or ".join(zone.name for zone in offering)
        return _Goal(tuple(site_node(zone.site) for zone in offering), called)
    if owed.slo.mos is None:
        return _Goal((), f"no zone offers {owed.name}")
    return _Goal(tuple(model.routes.topology.anchors), "the central site")


def _goal_at(zone: DataCentreZone | None, name: str, owed: ServiceClass) -> _Goal:
    if zone is None:
        return _Goal((), f"there is no zone {name}")
    if owed.name not in zone.services and owed.slo.mos is None:
        return _Goal((), f"zone {name} does not offer {owed.name}")
    return _Goal((site_node(zone.site),), name)


def _way(path: Path) -> str:
    """Return a path in words: from mora over mora-r1, yaounde-r1 to yaounde."""
    first, *between = (_bare(node) for node in path.nodes)
    if not between:
        return f"within {first}"
    return f"from {first} over {', '.join(between[:-1])} to {between[-1]}"


def _proviso(topology: Topology, path: Path) -> str:
    """Return what a path over providers' networks waits for: no router routes into them."""
    crossed = [_bare(node) for node in path.nodes if node in _providers(topology)]
    return f", once tunnels run over {' and '.join(crossed)}" if crossed else ""


def _idle(topology: Topology, failures: Sequence[SentenceFailure]) -> str:
    """Return which of the circuits that should fail carry nothing in the first place."""
    off = [f.name for f in failures if f.thing is Thing.CIRCUIT and f.name not in topology.links]
    return f" (out of use anyway: {', '.join(off)})" if off else ""


def _providers(topology: Topology) -> frozenset[NodeName]:
    kind = NodeKind.PROVIDER
    return frozenset(name for name, node in topology.nodes.items() if node.kind is kind)


def _without_tunnels(topology: Topology, down: Down) -> Down:
    return Down(down.links, down.nodes | _providers(topology))


def _bare(node: NodeName) -> str:
    return node.removeprefix("site:").removeprefix("provider:")


def _level_verdict(model: _Model, sentence: LevelSentence) -> _Verdict:
    down = model.routes.down(sentence.failures)
    every = [
        site.name
        for site in model.intent.sites.values()
        if sentence.level in {None, site.level} and site_node(site.name) not in down.nodes
    ]
    kind = f"{sentence.level} site" if sentence.level else "site"
    if not every:
        return _Verdict(holds=True, because=f"there is no {kind}")
    if isinstance(sentence, ReachesCentral):
        return _reaching(model.routes, every, kind, down)
    return _doubled(model, every, kind, down)


def _reaching(routes: Routes, every: Sequence[str], kind: str, down: Down) -> _Verdict:
    reached = routes.distances(routes.topology.anchors, down)
    lost = [name for name in every if site_node(name) not in reached]
    if lost:
        return _Verdict(holds=False, because=f"no way leads to the central site from {_some(lost)}")
    already = routes.distances(routes.topology.anchors, _without_tunnels(routes.topology, down))
    waiting = [name for name in every if site_node(name) not in already]
    because = f"each {kind} ({len(every)}) reaches the central site{_awaiting(waiting)}"
    return _Verdict(holds=True, because=because)


def _awaiting(waiting: Sequence[str]) -> str:
    return f"; once tunnels run over providers' networks: {_some(waiting)}" if waiting else ""


def _doubled(model: _Model, every: Sequence[str], kind: str, down: Down) -> _Verdict:
    hanging = _hanging(model, down)
    lost = [name for name in every if site_node(name) not in hanging]
    if lost:
        return _Verdict(holds=False, because=f"no way leads to the central site from {_some(lost)}")
    single = [
        f"{name} (on {circuit})"
        for name in every
        if (circuit := hanging[site_node(name)]) is not None
    ]
    if single:
        return _Verdict(holds=False, because=f"a single circuit carries {_some(single)}")
    already = _hanging(model, _without_tunnels(model.routes.topology, down))
    waiting = [name for name in every if already.get(site_node(name), "") is not None]
    because = f"no single circuit cuts off any {kind} ({len(every)}){_awaiting(waiting)}"
    return _Verdict(holds=True, because=because)


def _hanging(model: _Model, down: Down) -> Mapping[NodeName, LinkName | None]:
    """Return the nodes that reach the centre, each with the circuit it hangs on if on one."""
    if (found := model.hanging.get(down)) is None:
        remains = without_failed(model.routes.topology, down.links | down.nodes)
        tree = spanning_tree(graph_of(remains))
        found = dict(_circuits_above(tree))
        behind = circuits_of_leaves(remains, tree)
        found.update({node: min(circuits, default=None) for node, circuits in behind.items()})
        model.hanging[down] = found
    return found


def _circuits_above(tree: SpanningTree) -> Iterator[tuple[NodeName, LinkName | None]]:
    """Yield the nodes of a tree, each with the lowest circuit that alone joins it to the root."""
    lowest: list[LinkName | None] = [None]
    for i in range(1, len(tree.names)):
        lowest.append(lowest[tree.parent[i]] if tree.covers[i] else tree.above[i])
        yield tree.names[i], lowest[i]


def _some(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
