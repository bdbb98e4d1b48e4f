"""What can be read of every entry, even of one with faults, for the checks between entries.

A field is None where nothing usable is written; the entry's own fault says so, and no check
repeats it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from pydantic import ValidationError

from inventory.documents.entries import DocumentEntry, Documents
from inventory.documents.schema import AddressPlanDocument
from inventory.errors import Fault, Location
from inventory.free_text import quoted
from inventory.model import AddressPlan, Level, Role
from inventory.names import is_name, nearest_names

_REGION: Final = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_LEVELS: Final[Mapping[str, Level]] = {str(level): level for level in Level}
_ROLES: Final[Mapping[str, Role]] = {str(role): role for role in Role}


class Named(Protocol):
    """A draft that has a name."""

    @property
    def entry(self) -> DocumentEntry:
        """Return where it is written."""
        ...

    @property
    def name(self) -> str | None:
        """Return its name."""
        ...


class Numbered(Named, Protocol):
    """A draft whose number is its identity in the addressing plan."""

    @property
    def number(self) -> int | None:
        """Return its number."""
        ...


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class SiteDraft:
    """A site as far as it can be read."""

    entry: DocumentEntry
    name: str | None
    number: int | None
    level: Level | None
    parent: str | None
    region: str | None


@dataclass(frozen=True, slots=True)
class DeviceDraft:
    """A device as far as it can be read."""

    entry: DocumentEntry
    name: str | None
    site: str | None
    number: int | None
    role: Role | None


@dataclass(frozen=True, slots=True)
class CircuitDraft:
    """A circuit as far as it can be read."""

    entry: DocumentEntry
    name: str | None
    number: int | None
    provider: str | None


@dataclass(frozen=True, slots=True)
class ZoneDraft:
    """A zone as far as it can be read."""

    entry: DocumentEntry
    name: str | None


@dataclass(frozen=True, slots=True)
class PartialDocuments:
    """Every entry of the inventory's sections as far as it can be read."""

    documents: Documents
    networks: tuple[DocumentEntry, ...]
    sites: tuple[SiteDraft, ...]
    devices: tuple[DeviceDraft, ...]
    circuits: tuple[CircuitDraft, ...]
    zones: tuple[ZoneDraft, ...]
    site_by_name: Mapping[str, SiteDraft]
    device_by_name: Mapping[str, DeviceDraft]
    plan: AddressPlan | None


def partial_documents(documents: Documents) -> PartialDocuments:
    """Return the readable part of every entry."""
    entries = documents.entries
    sites = tuple(_site(entry) for entry in entries["sites"])
    devices = tuple(_device(entry) for entry in entries["devices"])
    return PartialDocuments(
        documents,
        entries["network"],
        sites,
        devices,
        tuple(map(_circuit, entries["circuits"])),
        tuple(ZoneDraft(e, _slug(e, "name")) for e in entries["zones"]),
        _by_name(sites),
        _by_name(devices),
        _plan(entries["network"]),
    )


def unknown(
    documents: Documents,
    reference: tuple[DocumentEntry, Sequence[str], str],
    known: Mapping[str, object],
    *,
    suggest: bool,
) -> Fault | None:
    """Return the fault of a reference (entry, path, noun) to a name that nobody declares.

    suggest adds the name that was probably meant, which takes time where many are known.
    """
    entry, path, noun = reference
    name = _slug(entry, *path)
    if name is None or name in known or documents.may_declare(name):
        return None
    near = nearest_names(name, known) if suggest else None
    hint = f"did you mean '{near}'?" if near else f"declare it under '{noun}s:'"
    return Fault(entry.where(*path), f"unknown {noun} {quoted(name)}", hint)


def seen_at(first: Location) -> str:
    """Return the words that point at the first of two."""
    return f"the first is at {first}"


def _site(entry: DocumentEntry) -> SiteDraft:
    return SiteDraft(
        entry,
        _slug(entry, "name"),
        entry.integer("number"),
        _LEVELS.get(entry.text("level") or ""),
        _slug(entry, "parent"),
        region if _REGION.fullmatch(region := entry.text("region") or "") else None,
    )


def _device(entry: DocumentEntry) -> DeviceDraft:
    number = entry.integer("number") if entry.get("number") is not None else 1
    role = _ROLES.get(entry.text("role") or "")
    return DeviceDraft(entry, _slug(entry, "name"), _slug(entry, "site"), number, role)


def _circuit(entry: DocumentEntry) -> CircuitDraft:
    number = entry.integer("number")
    return CircuitDraft(entry, _slug(entry, "name"), number, _slug(entry, "provider"))


def _slug(entry: DocumentEntry, *path: str) -> str | None:
    text = entry.text(*path)
    return text if text is not None and is_name(text) else None


def _by_name(drafted: Sequence[N]) -> Mapping[str, N]:
    """Return the first of each name; a name in the wrong form counts as what it would become."""
    found: dict[str, N] = {}
    for draft in drafted:
        name = draft.name or (draft.entry.text("name") or "").lower().replace(" ", "-")
        found.setdefault(name, draft)
    return found


def _plan(networks: Sequence[DocumentEntry]) -> AddressPlan | None:
    """Return the address plan where it is complete and well formed."""
    if not networks:
        return None
    try:
        return AddressPlanDocument.model_validate(networks[0].get("addressing")).to_model()
    except ValidationError:
        return None
