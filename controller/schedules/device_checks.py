"""Checks of devices: backups of their configurations, versions of edges, and batteries."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, TypeAlias

from controller.notices.texts import clean
from controller.reports.batteries import BatterySample, judge_battery
from controller.reports.document import State
from controller.reports.findings import Check, Finding
from controller.reports.updates import EdgeVersion, is_older, order_of
from controller.schedules.config_backups import ConfigBackup
from controller.schedules.edge_facts import EdgeFacts
from inventory.errors import SanagaError
from inventory.model import Intent

Status: TypeAlias = Mapping[str, Any] | SanagaError
_LONGEST: Final = 200
_LONGEST_VERSION: Final = 40


def config_findings(backup: ConfigBackup, intent: Intent) -> Iterator[Finding]:
    """Yield what a backup of configurations did."""
    changed = [one for one in backup.changes if not one.first]
    kept: dict[str, str | float] = {
        "devices": backup.kept,
        "place": backup.folder.name,
        "changed": len(changed),
    }
    state = State.GOOD if backup.kept else State.UNKNOWN
    yield Finding(Check.CONFIG_BACKUP, "all", "", state, "config-kept", kept)
    for one in changed:
        key = "config-gone" if one.gone else "config-changed"
        values = {"added": one.added, "removed": one.removed}
        site = _site(one.device, intent)
        yield Finding(Check.CONFIG_BACKUP, one.device, site, State.NOTE, key, values)
    for device, reason in sorted(backup.unread.items()):
        why = {"reason": clean(reason)[:_LONGEST]}
        site = _site(device, intent)
        yield Finding(Check.CONFIG_BACKUP, device, site, State.UNKNOWN, "config-unread", why)


def answered(told: Mapping[str, Status], facts: Mapping[str, EdgeFacts]) -> Mapping[str, Status]:
    """Return what edges say when asked, or else what they told over their link themselves."""
    return {
        name: {"version": facts[name].version}
        if isinstance(status, SanagaError) and name in facts
        else status
        for name, status in told.items()
    }


def edge_versions(
    intent: Intent, hubs: Iterable[str], told: Mapping[str, Status]
) -> tuple[EdgeVersion, ...]:
    """Return the edges that answered, each with what it says of its version."""
    ends = set(hubs)
    found = []
    for name, status in sorted(told.items()):
        if isinstance(status, SanagaError):
            continue
        device = intent.devices[name]
        site = intent.sites[device.site]
        # An edge's own wheel has the same version with a local part (PEP 440).
        version = clean(str(status.get("version") or "")).partition("+")[0][:_LONGEST_VERSION]
        ways = sum(name in _devices(one) for one in intent.circuits.values())
        people = site.population or 0
        found.append(EdgeVersion(name, device.site, people, ways, name in ends, version))
    return tuple(found)


def version_findings(
    edges: Sequence[EdgeVersion], told: Mapping[str, Status], intent: Intent, newest: str
) -> Iterator[Finding]:
    """Yield which versions edges run beside the controller's, and of which that is not known."""
    values: dict[str, str | float] = {"version": newest}
    yield Finding(Check.VERSION, "controller", "", State.GOOD, "version-controller", values)
    same = [one for one in edges if one.version == newest]
    if same:
        counted = {**values, "edges": len(same)}
        yield Finding(Check.VERSION, "edges", "", State.GOOD, "version-same", counted)
    for one in edges:
        if one.version and one.version != newest:
            yield _other_version(one, newest)
    silent = [one for one in edges if not one.version]
    if silent:
        counted = {"edges": len(silent)}
        yield Finding(Check.VERSION, "edges", "", State.UNKNOWN, "version-silent", counted)
    for name, status in sorted(told.items()):
        if isinstance(status, SanagaError):
            why = {"reason": clean(str(status))[:_LONGEST]}
            site = _site(name, intent)
            yield Finding(Check.VERSION, name, site, State.UNKNOWN, "version-unread", why)


def _other_version(one: EdgeVersion, newest: str) -> Finding:
    older = is_older(one.version, newest) or order_of(one.version) == order_of(newest)
    key, state = ("version-older", State.NOTE) if older else ("version-newer", State.ACT)
    values = {"version": one.version, "newest": newest}
    return Finding(Check.VERSION, one.device, one.site, state, key, values)


def battery_findings(
    samples: Sequence[BatterySample], intent: Intent, now_s: float
) -> Iterator[Finding]:
    """Yield what each battery showed; samples are by device and time."""
    if not samples:
        yield Finding(Check.BATTERY, "all", "", State.UNKNOWN, "battery-none", {})
    for device, own in groupby(samples, key=lambda one: one.device):
        if device in intent.devices:
            yield judge_battery(device, _site(device, intent), tuple(own), now_s)


def _site(device: str, intent: Intent) -> str:
    found = intent.devices.get(device)
    return found.site if found else ""


def _devices(circuit: Any) -> tuple[str, ...]:
    ends = (circuit.a,) if circuit.b is None else (circuit.a, circuit.b)
    return tuple(end.device for end in ends)
