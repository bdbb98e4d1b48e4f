"""People of the VPN and the audit chain, read at a running controller."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.access.person_json import parse_listed
from controller.store.audit import AuditEntry
from controller.store.people_records import PersonRecord
from controller.transport.api_client import ApiClient


@dataclass(frozen=True, slots=True)
class RemotePeople:
    """The record of people of a controller that runs."""

    client: ApiClient

    def entries(self) -> tuple[PersonRecord, ...]:
        """Return all people, by name."""
        return tuple(map(parse_listed, self.client.all("/vpn/people", state="all")))

    def roles_and_sites(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the roles and sites of the access policy that holds."""
        found = self.client.get("/vpn/terms")
        return tuple(found["roles"]), tuple(found["sites"])

    def trail(self) -> tuple[AuditEntry, ...]:
        """Return the audit chain, oldest first."""
        return tuple(map(_entry, self.client.all("/audit", limit=500)))


def _entry(body: Mapping[str, Any]) -> AuditEntry:
    return AuditEntry(**body)
