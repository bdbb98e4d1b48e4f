"""Does the network do what the plan promised? Asked after every wave and at the end."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from controller.apply.session import DeviceConnections
from controller.clock import eventually
from controller.drivers.observe import DeviceDone
from controller.model import Change, DeviceConfig, Impact, Plan, Verdict
from controller.platforms.model import unconfigured
from controller.transport.fanout import for_each_device
from inventory.errors import SanagaError, UnreachableError
from inventory.model import DeviceName

Pair: TypeAlias = tuple[DeviceName, DeviceName]
SHOWN: Final = 8


def expected(plan: Plan) -> frozenset[Pair]:
    """Return the pairs that can hold before the plan: none with a router that is yet blank."""
    new = {change.device for change in plan.changes if _is_new(change)}
    return frozenset(pair for pair in (*plan.reaches, *plan.beyond) if new.isdisjoint(pair))


def answering(pairs: Collection[Pair], plan: Plan, lines: DeviceConnections) -> frozenset[Pair]:
    """Return the pairs of which the first device's loopback reaches the second's right now."""
    return frozenset(pairs) - frozenset(_failing(pairs, plan, lines))


def verify(plan: Plan, lines: DeviceConnections, held: frozenset[Pair]) -> Verdict:
    """Return whether all loopbacks that should reach each other do, waiting for convergence.

    A pair that did not hold before and of which neither end changes is reported, not required.
    """
    changed = {change.device for change in plan.changes}
    excused = {p for p in plan.reaches if p not in held and not changed.intersection(p)}
    wanted = {*plan.reaches, *held.intersection(plan.beyond)}
    failing = _await(frozenset(wanted - excused), plan, lines, lines.context.pace.verify_s)
    still = excused - answering(excused, plan, lines)
    reached = len(wanted) - len(failing) - len(still)
    count = f"{reached} of {len(wanted)} pairs of loopbacks reach each other."
    evidence = (
        count if wanted else "No loopbacks have to reach each other.",
        *_sentences(failing, plan),
        *(f"{text} It did not before either." for text in _sentences(still, plan)),
    )
    return Verdict(not failing, evidence)


def gate(plan: Plan, number: int, held: frozenset[Pair], lines: DeviceConnections) -> Verdict:
    """Return whether the network is well after a wave (counted from 1).

    Every device of the wave must answer on a new connection and run what it was given; pairs
    that held before must hold again, where no change still to come stands between them; and a
    changed device all of whose neighbours have converged must reach one of them.
    """
    wave = plan.waves[number - 1]
    if (strange := tuple(_read_back(wave, lines))) != ():
        return Verdict(holds=False, evidence=strange)
    failing = _await(required(plan, number, held), plan, lines, lines.context.pace.gate_s)
    lonely = () if failing else _lonely(plan, number, lines)
    evidence = (*_sentences(failing, plan), *lonely)
    well = (f"All {len(wave)} devices of the wave run what they were given.",)
    return Verdict(not evidence, evidence or well)


def required(plan: Plan, number: int, held: frozenset[Pair]) -> frozenset[Pair]:
    """Return the pairs that must hold after a wave, of those that held before the apply."""
    unsettled = _unsettled(plan, number)
    around = _around(plan, number)
    island = _islands(plan, unsettled)
    return frozenset(
        (a, b)
        for a, b in held
        if island.get(a, a) == island.get(b, b) and not around.isdisjoint((a, b))
    )


def _unsettled(plan: Plan, number: int) -> frozenset[DeviceName]:
    """Return the devices whose change is still to come and touches traffic."""
    later = (change for wave in plan.waves[number:] for change in wave)
    return frozenset(c.device for c in later if c.impact is not Impact.NONE or _is_new(c))


def _is_new(change: Change) -> bool:
    """Return whether the device does not yet take part in the network."""
    return unconfigured(change.before)


def _around(plan: Plan, number: int) -> frozenset[DeviceName]:
    wave = {change.device for change in plan.waves[number - 1]}
    near = (end for pair in plan.adjacent if not wave.isdisjoint(pair) for end in pair)
    return frozenset((*wave, *near))


def _islands(plan: Plan, unsettled: frozenset[DeviceName]) -> Mapping[DeviceName, DeviceName]:
    """Return a representative of the part of the network that each device can count on."""
    parent: dict[DeviceName, DeviceName] = {}

    def root(name: DeviceName) -> DeviceName:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for a, b in plan.adjacent:
        if unsettled.isdisjoint((a, b)):
            parent[root(a)] = root(b)
    return {name: root(name) for name in tuple(parent)}


def _lonely(plan: Plan, number: int, lines: DeviceConnections) -> tuple[str, ...]:
    unsettled, around = _unsettled(plan, number), _around(plan, number)
    done = {change.device for wave in plan.waves[:number] for change in wave} & around
    near: defaultdict[DeviceName, set[DeviceName]] = defaultdict(set)
    for a, b in plan.adjacent:
        near[a].add(b)
        near[b].add(a)
    todo = {n for n in done if near[n] and unsettled.isdisjoint(near[n])}

    def answered() -> bool:
        pairs = {(name, other) for name in todo for other in near[name]}
        todo.difference_update(name for name, _ in answering(pairs, plan, lines))
        return not todo

    context = lines.context
    deadline = context.clock.now() + context.pace.gate_s
    eventually(answered, deadline=deadline, poll_s=context.pace.poll_s, clock=context.clock)
    return tuple(f"{name} reaches none of its neighbours." for name in sorted(todo))


def _read_back(wave: Iterable[Change], lines: DeviceConnections) -> Iterator[str]:
    """Yield what is wrong with devices that were just committed, each on a new connection."""
    changes = {change.device: change for change in wave}
    wrong: dict[DeviceName, str] = {}
    todo, context = set(changes), lines.context

    def read(name: DeviceName) -> DeviceConfig:
        # A new connection proves that the change left the way to the device open.
        lines.drop(name)
        return lines.read(name)

    def looked() -> bool:
        for name, result in for_each_device(sorted(todo), read, workers=context.workers):
            wrong[name] = _fault(changes[name], result)
            if not isinstance(result, UnreachableError):
                todo.discard(name)
                context.progress(DeviceDone(name, "verify", wrong[name]))
        return not todo

    deadline = context.clock.now() + context.pace.gate_s
    eventually(looked, deadline=deadline, poll_s=context.pace.poll_s, clock=context.clock)
    for name in sorted(todo):
        context.progress(DeviceDone(name, "verify", wrong[name]))
    yield from (text for _, text in sorted(wrong.items()) if text)


def _fault(change: Change, result: DeviceConfig | SanagaError) -> str:
    if isinstance(result, SanagaError):
        return f"{result} after its change."
    return "" if result == change.after else f"{change.device} {_difference(change.after, result)}"


def _difference(wanted: DeviceConfig, found: DeviceConfig) -> str:
    missing = [line for line in wanted.text.splitlines() if line not in found.text.splitlines()]
    extra = [line for line in found.text.splitlines() if line not in wanted.text.splitlines()]
    told = f"misses {missing[0].strip()!r}" if missing else "has its lines in another order"
    return f"runs {f'also {extra[0].strip()!r}' if extra and not missing else told}, not the plan."


def _await(
    pairs: frozenset[Pair], plan: Plan, lines: DeviceConnections, within_s: float
) -> frozenset[Pair]:
    """Return the pairs that still fail when the time is spent."""
    failing = set(pairs)

    def none_left() -> bool:
        failing.intersection_update(_failing(failing, plan, lines))
        return not failing

    context = lines.context
    deadline = context.clock.now() + within_s
    eventually(none_left, deadline=deadline, poll_s=context.pace.poll_s, clock=context.clock)
    return frozenset(failing)


def _failing(pairs: Iterable[Pair], plan: Plan, lines: DeviceConnections) -> Iterator[Pair]:
    targets: defaultdict[DeviceName, list[DeviceName]] = defaultdict(list)
    for source, target in sorted(pairs):
        targets[source].append(target)

    def mute(source: DeviceName) -> frozenset[DeviceName]:
        addresses = [plan.loopbacks[target] for target in targets[source]]
        silent = lines.ask(source, lambda driver: driver.unreached(addresses))
        return frozenset(t for t in targets[source] if plan.loopbacks[t] in silent)

    for source, result in for_each_device(sorted(targets), mute, workers=lines.context.workers):
        lost = targets[source] if isinstance(result, SanagaError) else sorted(result)
        yield from ((source, target) for target in lost)


def _sentences(pairs: Collection[Pair], plan: Plan) -> tuple[str, ...]:
    told = tuple(
        f"{a} ({plan.loopbacks[a]}) does not reach {b} ({plan.loopbacks[b]})."
        for a, b in sorted(pairs)[:SHOWN]
    )
    more = len(pairs) - SHOWN
    return (*told, f"So it is with {more} pairs more.") if more > 0 else told
