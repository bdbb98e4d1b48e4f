"""Figures for Prometheus, in its text format (version 0.0.4)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from controller.api.context import Viewer
from controller.api.scope import covers_everything, running_consultations, visible_incidents
from controller.incidents.model import Health, Incident, Severity, SubjectKind
from controller.roles import Right


def exposition(reader: Viewer) -> str:
    """Return what a reader may see: healths, incidents and consultations by count."""
    incidents = visible_incidents(reader, ended=False)
    calls = running_consultations(reader)
    lines = [
        *_gauge("sanaga_sites", "Sites by health.", _healths(reader)),
        *_gauge("sanaga_incidents_open", "Open incidents by severity.", _severities(incidents)),
        *_gauge("sanaga_consultations_running", "Consultations that run now.", {"": len(calls)}),
    ]
    # It counts what happens anywhere.
    if covers_everything(reader, Right.LOOK):
        newest = {"": reader.context.ring.newest}
        lines += _gauge("sanaga_events", "Number of the newest event.", newest)
    return "\n".join(lines) + "\n"


def _healths(reader: Viewer) -> dict[str, int]:
    healths = reader.context.incidents.current().health
    bad = Counter(
        health
        for subject, health in healths.items()
        if subject.kind is SubjectKind.SITE and subject.name in reader.sites
    )
    counts = {health: bad[health] for health in Health}
    counts[Health.OK] = len(reader.sites) - sum(
        count for health, count in bad.items() if health is not Health.OK
    )
    return {f'health="{health}"': count for health, count in counts.items()}


def _severities(incidents: Iterable[Incident]) -> dict[str, int]:
    found = Counter(one.severity for one in incidents)
    return {f'severity="{severity}"': found[severity] for severity in Severity}


def _gauge(name: str, text: str, values: Mapping[str, int]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for labels, value in values.items():
        yield f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"
