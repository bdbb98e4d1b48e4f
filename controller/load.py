"""From a folder to trusted values, with the faults of every room in one list."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from controller.notices.model import NoticePolicy
from controller.notices.policy import check_notices
from controller.timetable.documents import check_timetable
from controller.timetable.model import Timetable
from inventory import intent as intents
from inventory.errors import Fault, IntentError, UnknownNameError
from inventory.model import Device, DeviceName, Intent
from policies import documents as duties
from policies.model import Policies
from vpn.grants import documents as carriage
from vpn.model import AccessPolicy

if TYPE_CHECKING:
    from controller.intended.overlay import Overlay
    from policies.packet_filter.model import SegmentOpening

NO_ACCESS: Final = carriage.Written(AccessPolicy(), ())


# Without slots, so that the overlay is kept.
@dataclass(frozen=True)
class Loaded:
    """A folder's documents as trusted values."""

    folder: Path
    intent: Intent
    policies: Policies
    access: carriage.Written = NO_ACCESS
    notices: NoticePolicy = field(default_factory=NoticePolicy)
    timetable: Timetable = field(default_factory=Timetable)

    @cached_property
    def overlay(self) -> "Overlay":
        """Return the tunnels between edges, computed once."""
        from controller.intended.overlay import (  # noqa: PLC0415 - slow to load, often in vain
            build_overlay,
        )

        return build_overlay(self.intent, self.access.policy.gateways)

    @cached_property
    def opened(self) -> "tuple[SegmentOpening, ...]":
        """Return what rules open between segments."""
        from controller.intended.segments import (  # noqa: PLC0415 - slow to load, often in vain
            segment_openings,
        )

        hosts = self.access.policy.hosts
        return segment_openings(self.policies, hosts, self.intent.network.plan)


def load(folder: Path) -> Loaded:
    """Return what a folder declares.

    Raises IntentError with every fault of all rooms.
    """
    written = intents.read_one_intent(folder)
    intent, faults = intents.check_intent(written)
    policies, more = duties.check_policies(written, intent)
    access, last = carriage.check_access(written, intent)
    notices, told = check_notices(written, intent)
    timetable, late = check_timetable(written)
    found = (*faults, *more, *last, *told, *late)
    if found or not intent or not policies or access is None or not notices or not timetable:
        raise IntentError(_from_here(folder, fault) for fault in found)
    return Loaded(folder, intent, policies, access, notices, timetable)


def _from_here(folder: Path, fault: Fault) -> Fault:
    """Return a fault with its file as seen from the current folder, so that editors open it."""
    file = folder / fault.where.file
    return replace(fault, where=replace(fault.where, file=str(file))) if file.is_file() else fault


def anchored(loaded: Loaded) -> Intent:
    """Return the intent with credential references that mean the same from every folder."""
    return _referring(loaded.intent, lambda reference: _anchored(reference, loaded.folder))


def _anchored(reference: str, folder: Path) -> str:
    kind, _, rest = reference.partition(":")
    if kind in {"file", "sealed"} and rest:
        return f"{kind}:{(folder / rest).absolute()}"
    return reference


def as_written(intent: Intent, folder: str) -> Intent:
    """Return an intent with the credential references of its documents, before anchored().

    folder is where it was anchored; intents of two copies of one folder are equal so.
    """
    if not folder:
        return intent
    return _referring(intent, lambda reference: reference.replace(f":{folder}/", ":", 1))


def _referring(intent: Intent, change: Callable[[str], str]) -> Intent:
    """Return an intent with every credential reference changed."""
    devices = {name: _device_referring(item, change) for name, item in intent.devices.items()}
    return replace(intent, devices=devices)


def _device_referring(device: Device, change: Callable[[str], str]) -> Device:
    management, snmp = device.management, device.snmp
    if management and management.credential:
        changed = replace(management, credential=change(management.credential))
        device = replace(device, management=changed)
    if snmp:
        changed_snmp = replace(
            snmp,
            community=change(snmp.community),
            authentication=change(snmp.authentication),
            privacy=change(snmp.privacy),
        )
        device = replace(device, snmp=changed_snmp)
    return device


def device(intent: Intent, name: DeviceName) -> Device:
    """Return a device by name.

    Raises UnknownNameError with the nearest names.
    """
    if name not in intent.devices:
        raise unknown("device", name, intent.devices)
    return intent.devices[name]


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that nothing bears, with what may have been meant.

    kind says what was asked for; a name may say it itself, as 'site:NAME' does.
    """
    near = get_close_matches(name.rpartition(":")[2], sorted(known), n=3)
    advice = f"did you mean {' or '.join(near)}?" if near else "see 'sanaga inventory list'"
    return UnknownNameError(f"no {kind} is called {name!r}; {advice}")
