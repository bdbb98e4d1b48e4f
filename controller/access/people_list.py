"""Many people at once: what a list changes, and doing it one device after another.

Every step is whole by itself and says what a list wants, so that applying the list again goes on
where an interruption left off.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal, Protocol, TypeAlias

from controller.access.devices import DeviceFiles
from controller.access.registrar import Registrar
from controller.store.audit import Actor
from controller.store.people_queries import taken
from controller.store.people_records import PersonRecord
from controller.store.revoked_keys import refusal
from controller.store.site_keys import of_edge
from inventory.errors import Fault, IntentError, SanagaError
from vpn.model import Person, PersonDevice
from vpn.people.people_list import ListedDevice

Verb: TypeAlias = Literal["add", "change", "rotate", "revoke"]
# Waiting for the disk takes longer than all the rest of a step.
TOGETHER: Final = 200


@dataclass(frozen=True, slots=True)
class ListStep:
    """One thing to do: add a device, change a person, give a device another key, or revoke it."""

    verb: Verb
    person: Person
    said: str
    listed: ListedDevice | None = None
    device: PersonDevice | None = None


class FileSink(Protocol):
    """Where devices' files go: drafts first, which count once their devices are on record."""

    def deliver(self, handover: DeviceFiles) -> None:
        """Write a draft. Raises SanagaError, OSError."""
        ...

    def written(self) -> None:
        """Have all drafts on the disk: their devices are about to be on record. Raises OSError."""
        ...

    def settled(self) -> None:
        """Let all drafts be what they are meant to be: their devices are on record.

        Raises SanagaError when some cannot be, after all others are.
        """
        ...

    def withdrawn(self) -> None:
        """Take all drafts away: their devices are not on record."""
        ...


def plan_list(
    registrar: Registrar,
    listed: Iterable[ListedDevice],
    *,
    prune: bool,
    unfiled: Collection[PersonDevice] = (),
) -> tuple[ListStep, ...]:
    """Return what a list changes: first who is changed, then added, then who loses access.

    Of unfiled devices the files are lost: those that are listed get other keys. Without prune,
    nobody loses access for not being listed. Raises IntentError with everything that speaks
    against it.
    """
    terms = registrar.terms()
    known = {entry.person.name: entry for entry in registrar.store.entries()}
    wanted = tuple(_completed(one, known) for one in listed)
    faults = [
        Fault(one.where, *against.split("; ", 1))
        for one in wanted
        if not _as_it_is(known, one)
        for against in registrar.objections(terms, one.person)
    ]
    faults += _key_faults(registrar, wanted, known)
    if faults:
        raise IntentError(faults)
    steps = [
        *_changes(wanted, known),
        *_additions(wanted, known),
        *_replacements(wanted, known, unfiled),
    ]
    kept = {(one.person.name, one.device) for one in wanted}
    return (*steps, *(removals(registrar, kept) if prune else ()))


def apply_list(
    registrar: Registrar, steps: Iterable[ListStep], act: Actor, delivery: FileSink
) -> Iterator[ListStep]:
    """Yield every step when it is done and on the disk, which some are together.

    Raises the error of the first step that cannot be done; those before it are done.
    """
    left = iter(steps)
    while batch := tuple(islice(left, TOGETHER)):
        done = list[ListStep]()
        try:
            with registrar.store.together():
                fault = _done(registrar, batch, act, delivery, done)
        except BaseException:
            delivery.withdrawn()
            raise
        unsettled = _settled(delivery)
        yield from done
        if error := fault or unsettled:
            raise error


def _settled(delivery: FileSink) -> SanagaError | OSError | None:
    """Let drafts be files; return why some are not."""
    try:
        delivery.settled()
    except (SanagaError, OSError) as error:
        return error
    return None


def _done(
    registrar: Registrar,
    batch: Iterable[ListStep],
    act: Actor,
    delivery: FileSink,
    done: list[ListStep],
) -> SanagaError | OSError | None:
    """Do steps until one fails; return how."""
    fault: SanagaError | OSError | None = None
    for step in batch:
        try:
            _do(registrar, step, act, delivery)
        except (SanagaError, OSError) as error:
            fault = error
            break
        done.append(step)
    delivery.written()
    return fault


def _do(registrar: Registrar, step: ListStep, act: Actor, delivery: FileSink) -> None:
    if step.verb == "change":
        registrar.change(step.person, act)
    elif step.listed:
        one = step.listed
        registrar.add(one.person, one.device, act, delivery.deliver, one.public_key)
    elif step.device and step.verb == "rotate":
        registrar.rotate(step.person.name, step.device.name, act, delivery.deliver)
    elif step.device:
        registrar.revoke(step.person.name, step.device.name, act)


def _completed(one: ListedDevice, known: dict[str, PersonRecord]) -> ListedDevice:
    """Return a row of the list with what a person has of which the list says nothing.

    Access that ends with the licence goes on doing so.
    """
    entry = _active(known, one.person.name)
    if entry is None or not one.unsaid:
        return one
    before = entry.person
    person = replace(one.person, **{name: getattr(before, name) for name in one.unsaid})
    if person.until is None or ("until" in one.unsaid and before.until == before.licence_until):
        person = replace(person, until=person.licence_until)
    return replace(one, person=person)


def _active(known: dict[str, PersonRecord], name: str) -> PersonRecord | None:
    entry = known.get(name)
    return entry if entry and not entry.revoked else None


def _key_faults(
    registrar: Registrar, wanted: Iterable[ListedDevice], known: dict[str, PersonRecord]
) -> Iterator[Fault]:
    """Yield what is wrong with keys that devices bring."""
    for one in wanted:
        has = _device(known, one)
        if not one.public_key or (has and has.public_key == one.public_key):
            continue
        if owner := registrar.store.owner(one.public_key):
            yield Fault(one.where, *taken(owner).split("; ", 1))
        elif edge := registrar.store.site_keys.owner(one.public_key):
            yield Fault(one.where, *of_edge(edge).split("; ", 1))
        elif gone := registrar.store.revoked.find(one.public_key):
            yield Fault(one.where, *refusal(gone).split("; ", 1))
        elif has:
            what = f"{one.person.name}'s {one.device} has another key"
            yield Fault(one.where, what, f"'sanaga vpn person rotate {one.person.name}'")


def _device(known: dict[str, PersonRecord], one: ListedDevice) -> PersonDevice | None:
    entry = _active(known, one.person.name)
    return next((d for d in entry.in_use if d.name == one.device), None) if entry else None


def _as_it_is(known: dict[str, PersonRecord], one: ListedDevice) -> bool:
    """Return whether a list says of a person and a device what is on record already."""
    entry = _active(known, one.person.name)
    return bool(entry and entry.person == one.person and _device(known, one))


def _additions(
    wanted: Iterable[ListedDevice], known: dict[str, PersonRecord]
) -> Iterator[ListStep]:
    for one in wanted:
        if _device(known, one) is None:
            end = f" until {one.person.until}" if one.person.until else ""
            key = "brings its key" if one.public_key else "gets a key"
            said = f"{one.person.name}: {one.device} {key}, {one.person.role} at {one.person.site}"
            yield ListStep("add", one.person, said + end, listed=one)


def _replacements(
    wanted: Iterable[ListedDevice],
    known: dict[str, PersonRecord],
    unfiled: Collection[PersonDevice],
) -> Iterator[ListStep]:
    """Yield other keys for devices whose file, and with it the private key, is lost."""
    for one in wanted:
        device = _device(known, one)
        if device and device in unfiled:
            said = f"{device.person}: {device.name} is on record without a file, gets another key"
            yield ListStep("rotate", one.person, said, device=device)


def _changes(wanted: Iterable[ListedDevice], known: dict[str, PersonRecord]) -> Iterator[ListStep]:
    done: set[str] = set()
    for one in wanted:
        entry, name = _active(known, one.person.name), one.person.name
        if entry and entry.person != one.person and name not in done:
            done.add(name)
            yield ListStep(
                "change", one.person, f"{name}: {', '.join(_said(entry.person, one.person))}"
            )


def _said(before: Person, after: Person) -> Iterator[str]:
    for name in before.__slots__:
        was, becomes = getattr(before, name), getattr(after, name)
        if was != becomes:
            yield f"{name.replace('_', ' ')} {was or 'none'} becomes {becomes or 'none'}"


def removals(registrar: Registrar, kept: Collection[tuple[str, str]]) -> Iterator[ListStep]:
    """Yield the steps that leave nobody any device but those that are kept."""
    for entry in registrar.store.entries():
        for device in entry.in_use:
            if (device.person, device.name) not in kept:
                said = f"{device.person}: {device.name} is not listed"
                yield ListStep("revoke", entry.person, said, device=device)
