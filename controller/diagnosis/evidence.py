"""Sentences that show why a cause is taken for the cause."""

from collections.abc import Iterator

from controller.diagnosis.hearing import Answer, Belief, said_of
from controller.diagnosis.roots import Root, Scene
from controller.incidents.model import (
    Health,
    IncidentState,
    Observation,
    Source,
    Subject,
    SubjectKind,
)


def wrong_cable(state: IncidentState, subject: Subject) -> Observation | None:
    """Return what a device says of a neighbour that is not the intended one."""
    told = (o for o in said_of(state, subject) if o.source is Source.LLDP)
    return next((o for o in told if o.state is not Health.OK), None)


def logged(state: IncidentState, circuit: Subject) -> tuple[str, ...]:
    """Return what routers logged of sessions over a circuit that ended."""
    told = (o for o in said_of(state, circuit) if o.source is Source.SYSLOG)
    return tuple(o.reason for o in told if o.state is not Health.OK)


def of_root(scene: Scene, root: Root) -> Iterator[str]:
    """Yield the evidence for a root cause."""
    if root.subject.kind is SubjectKind.CIRCUIT:
        yield from _of_circuit(scene, root)
        return
    if root.subject.kind is SubjectKind.PROVIDER:
        yield f"{len(root.explains)} circuits of {root.subject.name} died within two minutes"
        return
    yield from root.power
    silent = sorted(root.nodes)
    if root.explains:
        names = ", ".join(root.explains)
        yield f"all neighbours lost {', '.join(silent)} at once: {names}"
    if root.seen_up:
        yield "the neighbours still see its circuits up, so it has power and does not answer"
    if not root.explains and not root.seen_up:
        yield f"{', '.join(silent)} stopped answering; no neighbour can see why"
    if not scene.network.isolated.isdisjoint(silent):
        yield "the intent has no way from it to the centre, so nothing else can explain its silence"


def _of_circuit(scene: Scene, root: Root) -> Iterator[str]:
    circuit = scene.network.circuits[root.subject.name]
    belief = scene.hearing.belief(circuit.name)
    if (cable := wrong_cable(scene.state, root.subject)) is not None:
        yield cable.reason
    yield from (_seen_dead(said, belief) for said in belief.told)
    yield from logged(scene.state, root.subject)
    for device in circuit.devices:
        answer = scene.hearing.answer(device)
        if answer is Answer.ANSWERS:
            yield f"{device} answers, so it has power"
        elif answer in (Answer.SILENT, Answer.SESSION_LOST):
            yield (
                f"{device} is silent behind it; no other circuit could tell whether it has power"
            )


def _seen_dead(said: Observation, belief: Belief) -> str:
    old = " before it fell silent" if belief.stale else ""
    reason = f" ({said.reason})" if said.reason else ""
    return f"{said.observer} saw {said.subject.name} dead{old}{reason}"
