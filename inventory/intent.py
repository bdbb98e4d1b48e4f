"""The intent: a folder's documents, checked as a whole, as trusted values."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from inventory.addressing import MAX_CIRCUIT, MAX_SITE
from inventory.checks import addresses, circuits, edges, hierarchy, names
from inventory.documents.edge_keys import EdgeKeys, edge_keys
from inventory.documents.entries import DocumentEntry, Documents, parse_entries, read_documents
from inventory.documents.folder import Source, read_source
from inventory.documents.host_keys import KnownHosts, known_hosts
from inventory.documents.partial import Numbered, PartialDocuments, partial_documents
from inventory.documents.schema import (
    CircuitDocument,
    DeviceDocument,
    NetworkDocument,
    SiteDocument,
    ZoneDocument,
)
from inventory.errors import Fault, IntentError
from inventory.model import Circuit, DataCentreZone, Device, Intent, Network, Site

T = TypeVar("T")

KNOWN_HOSTS: Final = "known_hosts"
EDGE_KEYS: Final = "edge_keys"
# No person reads more; a folder with so many is no intent, and is answered in reasonable time.
MAX_FAULTS: Final = 10_000
_CHECKS: Final[tuple[Callable[[PartialDocuments], Iterator[Fault]], ...]] = (
    hierarchy.one_network,
    hierarchy.one_central,
    hierarchy.check_parents,
    hierarchy.check_circles,
    hierarchy.check_regions,
    names.duplicate_names,
    names.shared_names,
    names.duplicate_numbers,
    names.dangling_references,
    circuits.check_circuit_ends,
    circuits.check_circuit_interfaces,
    addresses.autonomous_system,
    addresses.plan_parts,
    addresses.plan_room,
    addresses.static_routes,
    addresses.management_addresses,
    addresses.lan_devices,
    edges.check_edge_platforms,
    edges.one_per_site,
    edges.check_edge_circuits,
    edges.check_edge_interfaces,
)


def read_one_intent(folder: Path) -> Documents:
    """Return what is written in a folder. Raises IntentError when it holds several intents."""
    written = read_documents(folder)
    if faults := tuple(hierarchy.several_intents(written)):
        raise IntentError(faults)
    return written


def load_intent(folder: Path) -> Intent:
    """Return the intent of a folder; raises IntentError with every fault of the inventory."""
    intent, faults = check_intent(read_one_intent(folder))
    if intent is None:
        raise IntentError(faults)
    return intent


def check_intent(documents: Documents) -> tuple[Intent | None, tuple[Fault, ...]]:
    """Return the intent, or every fault of the notation and of the inventory's sections."""
    drafted = partial_documents(documents)
    pinned, keys = _pinned(documents.folder), pinned_edge_keys(documents.folder)
    parsed = _Parsed(drafted)
    found = (
        *documents.faults,
        *pinned.faults,
        *keys.faults,
        *edges.check_unknown_edge_keys(keys, drafted),
        *parsed.faults,
        *(fault for rule in _CHECKS for fault in islice(rule(drafted), MAX_FAULTS)),
    )
    if found or not parsed.networks:
        return None, tuple(sorted(set(found)))
    return parsed.intent(pinned, keys), ()


class _Parsed:
    """Every entry of the inventory's sections as a document, and what is wrong with the others."""

    def __init__(self, drafted: PartialDocuments) -> None:
        entries = drafted.documents.entries
        self.faults: list[Fault] = []
        self.networks = self._all(entries["network"], NetworkDocument)
        self.sites = self._all(entries["sites"], SiteDocument, _numbers(drafted.sites, MAX_SITE))
        self.devices = self._all(entries["devices"], DeviceDocument)
        self.circuits = self._all(
            entries["circuits"], CircuitDocument, _numbers(drafted.circuits, MAX_CIRCUIT)
        )
        self.zones = self._all(entries["zones"], ZoneDocument)

    def intent(self, pinned: KnownHosts, keys: EdgeKeys) -> Intent:
        """Return the trusted value."""
        network: Network = self.networks[0].to_model()
        sites: Mapping[str, Site] = {d.name: d.to_model() for d in self.sites}
        devices: Mapping[str, Device] = {
            d.name: d.to_model(_key_of(d, pinned), keys) for d in self.devices
        }
        crossing: Mapping[str, Circuit] = {d.name: d.to_model() for d in self.circuits}
        zones: Mapping[str, DataCentreZone] = {d.name: d.to_model() for d in self.zones}
        return Intent(network, sites, devices, crossing, zones)

    def _all(
        self,
        entries: Sequence[DocumentEntry],
        document: type[T],
        numbers: Iterator[int] | None = None,
    ) -> tuple[T, ...]:
        """Return the entries that are well formed; numbers serve those that lack one."""
        good: list[T] = []
        for entry in entries:
            if len(self.faults) > MAX_FAULTS:
                break
            value, faults = parse_entries(entry, document, examples=_number_example(entry, numbers))
            self.faults += faults
            if value is not None:
                good.append(value)
        return tuple(good)


def _numbers(drafted: Iterable[Numbered], highest: int) -> Iterator[int]:
    return names.free_numbers((draft.number for draft in drafted), highest)


def _number_example(entry: DocumentEntry, free: Iterator[int] | None) -> Mapping[str, str]:
    """Return the next free number as the example for an entry that has none."""
    if free is None or entry.get("number") is not None:
        return {}
    return {"number": str(number)} if (number := next(free, None)) else {}


def _key_of(device: DeviceDocument, pinned: KnownHosts) -> str:
    """Return the key that the folder's known_hosts holds for a device."""
    if device.management is None:
        return ""
    return pinned.keys.get((str(device.management.address), device.management.port), "")


def _pinned(folder: Path) -> KnownHosts:
    """Return the host keys of a folder; a folder without the file pins none there."""
    beside = _beside(folder, KNOWN_HOSTS)
    if beside is None or beside.text is None:
        return KnownHosts({}, (beside.fault,) if beside and beside.fault else ())
    return known_hosts(beside.file, beside.text)


def pinned_edge_keys(folder: Path) -> EdgeKeys:
    """Return the edges' public keys of a folder; a folder without the file pins none."""
    beside = _beside(folder, EDGE_KEYS)
    if beside is None or beside.text is None:
        return EdgeKeys({}, (beside.fault,) if beside and beside.fault else ())
    return edge_keys(beside.file, beside.text)


def _beside(folder: Path, name: str) -> Source | None:
    """Return a file that may lie beside the documents, None where there is none."""
    path = folder / name
    if not folder.is_dir() or not path.exists():
        return None
    return read_source(path.absolute(), folder.absolute())
