"""Consultations that the controller announced to this edge: when, with whom, and whose packets.

Times travel as seconds from the moment of the message, so that a wrong clock moves nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

from edge.clock import Moment
from edge.nftables.call_flows import CallFlow
from edge.policy.model import EdgePolicy
from edge.selection.call_detector import peer_behind
from edge.storage import atomic
from inventory.model import DeviceName
from policies.model import ServiceName

FILE: Final = "consultations.json"
MOST: Final = 64
MOST_ADDRESSES: Final = 64
MOST_FLOWS: Final = 512
# A consultation is announced to an edge a day before, and lasts no longer than a day.
LONGEST_S: Final = 2 * 86_400.0
LONGEST_NAME: Final = 64
Address: TypeAlias = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class AnnouncedConsultation:
    """A consultation as an edge has to do with it; times count on the clock of one boot.

    far are addresses at its other sites, parties those of its machines: here and there.
    """

    name: str
    service: ServiceName
    boot: str
    begins_s: float
    ends_s: float
    far: tuple[Address, ...]
    here: tuple[Address, ...] = ()
    there: tuple[Address, ...] = ()

    def runs(self, now: Moment) -> bool:
        """Return whether it goes on; of one from before a restart nobody knows."""
        return self.boot == now.boot and self.begins_s <= now.since_boot_s < self.ends_s

    def left_s(self, now: Moment) -> float:
        """Return the time until it ends, 0 where it is over."""
        return max(0.0, self.ends_s - now.since_boot_s) if self.boot == now.boot else 0.0

    def flows(self) -> Iterator[CallFlow]:
        """Yield the flows that leave here in it: datagrams from its machines to those elsewhere."""
        for source in self.here:
            for target in self.there:
                if source.version == target.version:
                    yield CallFlow("udp", source, None, target, None)

    def json(self) -> dict[str, Any]:
        """Return it as it stands in a file."""
        return {
            "name": self.name,
            "service": self.service,
            "boot": self.boot,
            "begins_s": self.begins_s,
            "ends_s": self.ends_s,
            "far": [*map(str, self.far)],
            "here": [*map(str, self.here)],
            "there": [*map(str, self.there)],
        }


def read_announced(told: object, now: Moment) -> tuple[AnnouncedConsultation, ...]:
    """Return the consultations of a controller's message; what makes no sense is left out."""
    entries = told if isinstance(told, list) else []
    found = []
    for entry in entries[:MOST]:
        with suppress(KeyError, TypeError, ValueError):
            begins_s, ends_s = (_seconds(entry[key]) for key in ("begins_in_s", "ends_in_s"))
            times = {"begins_s": now.since_boot_s + begins_s, "ends_s": now.since_boot_s + ends_s}
            found.append(_consultation({**entry, **times, "boot": now.boot}))
    return tuple(found)


def save_announced(folder: Path, announced: Iterable[AnnouncedConsultation]) -> None:
    """Write consultations down. Raises OSError."""
    text = json.dumps({"consultations": [one.json() for one in announced]})
    atomic.replace(folder / FILE, text + "\n")


def load_announced(folder: Path, now: Moment) -> tuple[AnnouncedConsultation, ...]:
    """Return the consultations in a folder that are not over; nothing if the file is torn.

    Raises OSError.
    """
    record = atomic.read_record(folder / FILE) or {}
    with suppress(KeyError, TypeError, ValueError):
        found = [_consultation(entry) for entry in record.get("consultations", ())]
        return tuple(one for one in found if one.left_s(now) > 0)
    return ()


def peers_in(
    announced: Iterable[AnnouncedConsultation], policy: EdgePolicy, now: Moment
) -> frozenset[DeviceName]:
    """Return the peers behind which the far ends of running consultations are."""
    addresses = {address for one in announced if one.runs(now) for address in one.far}
    found = (peer_behind(policy, address) for address in addresses)
    return frozenset(peer for peer in found if peer is not None)


def wanted_flows(
    announced: Iterable[AnnouncedConsultation], now: Moment
) -> Mapping[CallFlow, AnnouncedConsultation]:
    """Return the flows of running consultations; of two with one flow the longer one counts."""
    running = sorted((one for one in announced if one.runs(now)), key=lambda one: one.ends_s)
    pairs = ((flow, one) for one in running for flow in one.flows())
    return dict(islice(pairs, MOST_FLOWS))


def _consultation(entry: Mapping[str, Any]) -> AnnouncedConsultation:
    """Return a consultation. Raises KeyError, TypeError, ValueError for what is none."""
    return AnnouncedConsultation(
        _word(entry["name"]),
        _word(entry["service"]),
        str(entry["boot"]),
        float(entry["begins_s"]),
        float(entry["ends_s"]),
        *(tuple(_addresses(entry[key])) for key in ("far", "here", "there")),
    )


def _word(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST_NAME:
        raise ValueError("no name")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no seconds")
    if not -LONGEST_S <= value <= LONGEST_S:
        raise ValueError("not within two days")
    return float(value)


def _addresses(value: object) -> Iterator[Address]:
    if not isinstance(value, list):
        raise TypeError("no addresses")
    for text in value[:MOST_ADDRESSES]:
        address = ip_address(str(text))
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            raise ValueError("an address with a zone")
        yield address
