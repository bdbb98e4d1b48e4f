"""Edges' keys of a folder, asked for here or at a running controller, as values."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from pydantic import TypeAdapter

from controller.app import open_people, open_sites
from controller.clock import Clock, SystemClock
from controller.load import load
from controller.operations.following import follow
from controller.sites.edges import SitesContext, edge_keys_status
from controller.sites.enrolment import pin_key
from controller.sites.key_rotation import (
    EdgeRotation,
    RotationEnd,
    RotationProgress,
    RotationStart,
    rotate_keys,
    rotations,
    settle_keys,
)
from controller.sites.revocation import (
    RevocationDelivery,
    edge_detail,
    equip_edges,
    revoke_edges,
)
from controller.store.audit import Actor
from controller.telemetry.sessions import PathSession, site_sessions
from controller.transport.api_client import ApiClient
from controller.vpn_control.model import Row, Rows
from controller.vpn_control.there import seen_from
from controller.vpn_events import EdgesRevoked
from inventory.model import DeviceName

Report: TypeAlias = Callable[[EdgesRevoked], None]


@dataclass(frozen=True, slots=True)
class Delivered:
    """How sending something to edges went: how many have it, and why others do not.

    overtaken has the serials of our list and of a newer one that an edge had. interrupted are the
    edges whose consultations were cut, and with which; gateways are revoked edges that people dial.
    """

    told: int
    left: Mapping[DeviceName, str]
    overtaken: tuple[int, int] | None = None
    interrupted: Mapping[DeviceName, tuple[DeviceName, ...]] | None = None
    gateways: tuple[DeviceName, ...] = ()


class SitesAccess(Protocol):
    """Edges' keys of a folder. Everything raises AccessError and IntentError."""

    def rows(self) -> Sequence[Row]:
        """Return every edge with its keys, and when it moved to another one last."""

    def detail(self, name: DeviceName) -> Row:
        """Return all that is known of an edge."""

    def add(self, name: DeviceName, key: str, act: Actor) -> bool:
        """Pin the key of an edge; return whether it was not pinned before."""

    def rotate(self, names: Sequence[DeviceName], most: int | None, act: Actor) -> RotationStart:
        """Have edges make keys to move to."""

    def progress(self) -> Sequence[Row]:
        """Return how far every edge is that moves."""

    def settle(self, without: Set[DeviceName], within_s: float, act: Actor) -> RotationEnd:
        """Let edges that have moved have one key."""

    def revoke(
        self, names: Sequence[DeviceName], within_s: float, act: Actor, report: Report
    ) -> Delivered:
        """Withdraw all keys of edges."""

    def equip(self, names: Sequence[DeviceName], within_s: float) -> Delivered:
        """Hand edges what they lack."""

    def sessions(self) -> Rows:
        """Return the sessions of edges, and which are silent."""


@dataclass(frozen=True, slots=True)
class SitesHere:
    """Edges' keys of a folder, with the record in this machine's state folder."""

    folder: Path
    clock: Clock = field(default_factory=SystemClock)

    def rows(self) -> Sequence[Row]:
        """Return every edge with its keys, and when it moved to another one last."""
        loaded = load(self.folder)
        with open_people() as store:
            return [asdict(one) for one in edge_keys_status(loaded, store)]

    def detail(self, name: DeviceName) -> Row:
        """Return all that is known of an edge."""
        with self._opened() as context:
            found = edge_detail(context, name)
        return {
            **asdict(found.keys),
            "dials": found.far_ends,
            "revoked": [f"{one.public_key} on {one.at[:10]}" for one in found.revoked],
            "list": found.serial,
            "newest": found.newest,
            "fault": found.fault,
        }

    def add(self, name: DeviceName, key: str, act: Actor) -> bool:
        """Pin the key of an edge; return whether it was not pinned before."""
        with open_people() as store:
            return pin_key(self.folder, store, name, key, act)

    def rotate(self, names: Sequence[DeviceName], most: int | None, act: Actor) -> RotationStart:
        """Have edges make keys to move to."""
        with self._opened() as context:
            return rotate_keys(context, names, most, act)

    def progress(self) -> Sequence[Row]:
        """Return how far every edge is that moves."""
        with self._opened() as context:
            return [_progress(one) for one in rotations(context.loaded, context.edges)]

    def settle(self, without: Set[DeviceName], within_s: float, act: Actor) -> RotationEnd:
        """Let edges that have moved have one key."""
        with self._opened() as context:
            return settle_keys(context, without, act, within_s=within_s)

    def revoke(
        self, names: Sequence[DeviceName], within_s: float, act: Actor, report: Report
    ) -> Delivered:
        """Withdraw all keys of edges."""
        with self._opened() as context:
            found = revoke_edges(context, names, act, within_s=within_s, report=report)
        return _delivered(found.delivery, names, found.gateways)

    def equip(self, names: Sequence[DeviceName], within_s: float) -> Delivered:
        """Hand edges what they lack."""
        with self._opened() as context:
            return _delivered(equip_edges(context, names, within_s=within_s))

    def sessions(self) -> Rows:
        """Return the sessions of edges, and which are silent."""
        with self._opened() as context:
            found = site_sessions(context.loaded, context.edges)
        return Rows(tuple(map(_session, found.sessions)), found.faults)

    @contextmanager
    def _opened(self) -> Iterator[SitesContext]:
        with open_sites(self.folder) as context:
            yield replace(context, clock=self.clock)


_ROTATED: Final = TypeAdapter(RotationStart)
_SETTLED: Final = TypeAdapter(RotationEnd)
_SENT: Final = TypeAdapter(Delivered)
_ANY: Final[TypeAdapter[Any]] = TypeAdapter(Any)


@dataclass(frozen=True, slots=True)
class SitesThere:
    """Edges' keys at a running controller; one elsewhere has a folder of its own."""

    client: ApiClient
    folder: Path

    def rows(self) -> Sequence[Row]:
        """Return every edge with its keys, and when it moved to another one last."""
        rows: Sequence[Row] = self._asked("list")["rows"]
        return rows

    def detail(self, name: DeviceName) -> Row:
        """Return all that is known of an edge."""
        return dict(self._asked("show", edges=[name]))

    def add(self, name: DeviceName, key: str, act: Actor) -> bool:
        """Pin the key of an edge; return whether it was not pinned before."""
        return bool(self._asked("add", act, edges=[name], key=key)["fresh"])

    def rotate(self, names: Sequence[DeviceName], most: int | None, act: Actor) -> RotationStart:
        """Have edges make keys to move to."""
        found = self._asked("rotate", act, edges=list(names), at_most=most)
        return _ROTATED.validate_python(found)

    def progress(self) -> Sequence[Row]:
        """Return how far every edge is that moves."""
        rows: Sequence[Row] = self._asked("progress")["rows"]
        return rows

    def settle(self, without: Set[DeviceName], within_s: float, act: Actor) -> RotationEnd:
        """Let edges that have moved have one key."""
        found = self._asked("settle", act, without=sorted(without), within_s=within_s)
        return _SETTLED.validate_python(found)

    def revoke(
        self, names: Sequence[DeviceName], within_s: float, act: Actor, report: Report
    ) -> Delivered:
        """Withdraw all keys of edges."""
        body = {"edges": list(names), "within_s": within_s}
        return _SENT.validate_python(self._asked("revoke", act, report, **body))

    def equip(self, names: Sequence[DeviceName], within_s: float) -> Delivered:
        """Hand edges what they lack."""
        found = self._asked("equip", edges=list(names), within_s=within_s)
        return _SENT.validate_python(found)

    def sessions(self) -> Rows:
        """Return the sessions of edges, and which are silent."""
        found = self._asked("sessions")
        return Rows(tuple(found["rows"]), tuple(found["faults"]))

    def _asked(
        self, kind: str, act: Actor | None = None, report: Report = lambda _: None, **more: Any
    ) -> Mapping[str, Any]:
        folder = str(self.folder.absolute()) if self.client.local else None
        body = {"kind": kind, "folder": folder, "because": act.because if act else "", **more}
        with seen_from(self.folder):
            return follow(self.client, "/vpn/edge-acts", body, report)


def result_json(result: object) -> Mapping[str, Any]:
    """Return what a method of SitesAccess returned, as JSON for the other end."""
    if isinstance(result, bool):
        return {"fresh": result}
    plain = _ANY.dump_python(result, mode="json")
    found: Mapping[str, Any] = {"rows": plain} if isinstance(plain, list) else plain
    return found


def _progress(one: EdgeRotation) -> Row:
    known = one.said if isinstance(one.said, RotationProgress) else None
    return {
        "device": one.device.name,
        "moved": one.moved,
        "waiting": known.waiting if known else None,
        "phase": known.phase if known else None,
        "fault": None if known else str(one.said),
    }


def _delivered(
    delivery: RevocationDelivery,
    revoked: Sequence[DeviceName] = (),
    gateways: tuple[DeviceName, ...] = (),
) -> Delivered:
    return Delivered(
        len(delivery.told),
        {name: str(why) for name, why in delivery.left.items()},
        delivery.overtaken,
        delivery.interrupted(revoked),
        gateways,
    )


def _session(one: PathSession) -> Row:
    return {
        "edge": one.edge,
        "peer": one.peer,
        "path": one.path,
        "state": one.state,
        "handshake_age_s": one.traffic.handshake_age_s,
        "octets": one.traffic.octets,
        "carries": one.carries,
        "consultation": one.consultation,
    }
