"""What a changed intent does to the state: renamed subjects are the same by number, removed go."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from controller.incidents.model import (
    Incident,
    IncidentState,
    Observation,
    ObserverKey,
    Subject,
    SubjectKind,
)
from controller.incidents.view import NetworkView

Said: TypeAlias = Mapping[Subject, Mapping[ObserverKey, Observation]]
Follow: TypeAlias = Callable[[Subject], Subject | None]


def follow_intent(
    state: IncidentState, network: NetworkView
) -> tuple[IncidentState, tuple[Incident, ...]]:
    """Return the state in the names of a network, and the incidents whose root was removed."""
    if state.identities is network.identities:
        return state, ()
    renamed = replace(state, identities=network.identities)
    if state.identities in ({}, network.identities):
        return renamed, ()
    follow = _follower(state.identities, network)
    removed = tuple(i for i in state.open_incidents() if follow(i.root) is None)
    return replace(
        renamed,
        observations=_said(state.observations, follow),
        troubled=frozenset(new for s in state.troubled if (new := follow(s)) is not None),
        excused=_excused(state.excused, follow),
        since_s=_renamed(state.since_s, follow),
        shadow_s=_renamed(state.shadow_s, follow),
        found_s=_renamed(state.found_s, follow),
        health={new: h for s, h in state.health.items() if (new := follow(s)) is not None},
        replays=_said(state.replays, follow),
        consultations={
            name: replace(c, sites=_site_names(c.sites, follow))
            for name, c in state.consultations.items()
        },
        incidents={n: _incident(i, follow) for n, i in state.incidents.items()},
    ), removed


def _follower(before: Mapping[Subject, str], network: NetworkView) -> Follow:
    """Return what tells the present subject of an old one, None if it was removed."""
    now = {identity: subject for subject, identity in network.identities.items()}

    def follow(subject: Subject) -> Subject | None:
        if subject.kind is SubjectKind.COLLECTOR:
            return subject
        identity = before.get(subject)
        return now.get(identity) if identity else None

    return follow


def _excused(
    excused: Mapping[Subject, Mapping[str, float]], follow: Follow
) -> Mapping[Subject, Mapping[str, float]]:
    return {
        new: {_observer(device, follow): until_s for device, until_s in devices.items()}
        for circuit, devices in excused.items()
        if (new := follow(circuit)) is not None
    }


def _renamed(times_s: Mapping[Subject, float], follow: Follow) -> Mapping[Subject, float]:
    return {new: at_s for s, at_s in times_s.items() if (new := follow(s)) is not None}


def _said(said: Said, follow: Follow) -> Said:
    renamed: dict[Subject, Mapping[ObserverKey, Observation]] = {}
    for subject, told in said.items():
        new = follow(subject)
        if new is not None:
            words = [
                replace(o, subject=new, observer=_observer(o.observer, follow))
                for o in told.values()
            ]
            renamed[new] = {(o.observer, o.source): o for o in words}
    return renamed


def _observer(name: str, follow: Follow) -> str:
    device = follow(Subject(SubjectKind.DEVICE, name))
    return device.name if device else name


def _site_names(names: Iterable[str], follow: Follow) -> tuple[str, ...]:
    sites = (follow(Subject(SubjectKind.SITE, name)) for name in names)
    return tuple(site.name for site in sites if site is not None)


def _incident(incident: Incident, follow: Follow) -> Incident:
    followed = [follow(s) for s in incident.members]
    joined = [follow(s) for s in incident.joined]
    former = [follow(s) for s in incident.former]
    return replace(
        incident,
        root=follow(incident.root) or incident.root,
        members=tuple(s for s in followed if s is not None),
        joined=tuple(s for s in joined if s is not None),
        former=tuple(s for s in former if s is not None),
        sites=_site_names(incident.sites, follow),
        cut_off=_site_names(incident.cut_off, follow),
    )
