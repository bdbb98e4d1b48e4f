"""Names and numbers are given once, and references lead somewhere."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from inventory.addressing import MAX_CIRCUIT, MAX_DEVICE, MAX_SITE
from inventory.documents.entries import NOUNS, DocumentEntry
from inventory.documents.partial import (
    DeviceDraft,
    Named,
    Numbered,
    PartialDocuments,
    seen_at,
    unknown,
)
from inventory.errors import Fault
from inventory.free_text import quoted

D = TypeVar("D")
# Beyond so many unknown names it is no typing mistake, and looking for near ones takes long.
_SUGGESTIONS: Final = 100


def duplicate_names(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield every second use of a name within a section, and within a site for its parts."""
    groups: tuple[Sequence[Named], ...] = (
        drafts.sites,
        drafts.devices,
        drafts.circuits,
        drafts.zones,
    )
    for group in groups:
        for draft, first in _repeated(group, lambda draft: draft.name):
            what = f"{_noun(draft.entry)} named {quoted(draft.name)} exists already"
            yield Fault(draft.entry.where("name"), what, seen_at(first.entry.where("name")))
    for site in drafts.sites:
        for part in ("rooms", "facilities"):
            yield from _duplicate_parts(site.entry, part)


def shared_names(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield every circuit named like something else that can fail: who means which is unclear."""
    providers = {c.provider: c for c in reversed(drafts.circuits) if c.provider}
    others: tuple[tuple[str, tuple[str, ...], Mapping[str, Named]], ...] = (
        ("device", ("name",), drafts.device_by_name),
        ("site", ("name",), drafts.site_by_name),
        ("provider", ("provider",), providers),
    )
    for circuit in drafts.circuits:
        for kind, path, named in others:
            other = named.get(circuit.name) if circuit.name else None
            if other is not None:
                what = f"a circuit and a {kind} are both named {quoted(circuit.name)}"
                hint = f"rename the circuit, as failures go by names; the {kind} is at"
                place = other.entry.where(*path)
                yield Fault(circuit.entry.where("name"), what, f"{hint} {place}")


def duplicate_numbers(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield every second use of a site's or circuit's number, and of a device's at its site."""
    groups: tuple[tuple[Sequence[Numbered], int], ...] = (
        (drafts.sites, MAX_SITE),
        (drafts.circuits, MAX_CIRCUIT),
    )
    for group, highest in groups:
        free = free_numbers((draft.number for draft in group), highest)
        for draft, first in _repeated(group, lambda draft: draft.number):
            what = f"number {draft.number} belongs to {quoted(first.name or 'another')} already"
            number = next(free, "that is free")
            hint = f"write number: {number}; {seen_at(first.entry.where('number'))}"
            yield Fault(draft.entry.where("number"), what, hint)
    for device, earlier in _repeated(drafts.devices, _number_at_site):
        what = f"{quoted(device.site)} has a device number {device.number} already"
        hint = f"{_number_hint(drafts, device)}; {seen_at(earlier.entry.where('number'))}"
        yield Fault(device.entry.where("number"), what, hint)


def dangling_references(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield every reference to a site or device that nobody declares."""
    told = 0
    for reference in _references(drafts):
        known = drafts.device_by_name if reference[2] == "device" else drafts.site_by_name
        suggest = told < _SUGGESTIONS
        if fault := unknown(drafts.documents, reference, known, suggest=suggest):
            told += 1
            yield fault


def _references(drafts: PartialDocuments) -> Iterator[tuple[DocumentEntry, Sequence[str], str]]:
    """Yield every reference as its entry, path and what it leads to."""
    yield from ((site.entry, ("parent",), "site") for site in drafts.sites)
    yield from ((device.entry, ("site",), "site") for device in drafts.devices)
    yield from ((zone.entry, ("site",), "site") for zone in drafts.zones)
    for circuit in drafts.circuits:
        yield from ((circuit.entry, (end, "device"), "device") for end in ("a", "b"))


def free_numbers(taken: Iterable[int | None], highest: int) -> Iterator[int]:
    """Yield numbers that nobody uses: from the one after the last, then the gaps below."""
    used = {number for number in taken if number is not None and 1 <= number <= highest}
    last = max(used, default=0)
    yield from range(last + 1, highest + 1)
    yield from (number for number in range(1, last) if number not in used)


def _duplicate_parts(entry: DocumentEntry, part: str) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index in range(len(entry.items(part))):
        name = entry.text(part, index, "name")
        if name is None:
            continue
        if name in seen:
            what = f"the site names two of its {part} {quoted(name)}"
            first = entry.where(part, seen[name], "name")
            yield Fault(entry.where(part, index, "name"), what, seen_at(first))
        seen.setdefault(name, index)


def _repeated(items: Iterable[D], key: Callable[[D], object]) -> Iterator[tuple[D, D]]:
    """Yield each item whose key was seen before, with the first that had it."""
    seen: dict[object, D] = {}
    for item in items:
        if (value := key(item)) is None:
            continue
        if value in seen:
            yield item, seen[value]
        else:
            seen[value] = item


def _number_at_site(device: DeviceDraft) -> tuple[str, int] | None:
    if device.site is None or device.number is None:
        return None
    return device.site, device.number


def _number_hint(drafts: PartialDocuments, device: DeviceDraft) -> str:
    taken = (d.number for d in drafts.devices if d.site == device.site)
    number = next(free_numbers(taken, MAX_DEVICE), None)
    return f"write number: {number}" if number else f"a site has at most {MAX_DEVICE} devices"


def _noun(entry: DocumentEntry) -> str:
    return NOUNS[entry.section]
