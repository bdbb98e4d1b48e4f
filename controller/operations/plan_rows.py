"""Plans that people made through a running controller, until they are too old to be applied."""

import json
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, insert, select

from controller.model import Plan
from controller.operations.schema import open_operations, plans
from controller.planning.from_folder import FolderPlan
from controller.planning.plan_file import parse_document, plan_document
from database.engine import reading
from database.migrate import wait_for_lock
from database.rows import AnyRow, next_number
from inventory.model import DeviceName

# So many of the newest are kept; an older one is stale in all likelihood.
KEPT: Final = 50
# Services that share a database number their plans in turn.
_WRITER: Final = 0x53414F50
_FAST: Final = 1


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a list says of a plan; sites are those that it is about, none for the whole network.

    seen are the devices that it was made of, and after is the number of the newest apply then; it
    is unknown of plans that earlier releases made.
    """

    plan_id: str
    network: str
    devices: int
    changes: int
    waves: int
    refused: tuple[str, ...]
    unmanaged: Mapping[DeviceName, str]
    notes: tuple[str, ...]
    sites: tuple[str, ...] | None = None
    seen: tuple[str, ...] = ()
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan is about, and the number of the newest apply when it was made, 0 if none was."""

    sites: tuple[str, ...] | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a plan."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan that was made; digest is that of all that it does and of the state it starts from."""

    number: int
    digest: str
    made_s: float
    author_id: int
    author: str
    facts: PlanFacts


class PlanRows:
    """The table of plans."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        open_operations(engine)

    def add(self, found: FolderPlan, by: Author, now_s: float, basis: Basis) -> StoredPlan:
        """Keep a plan, about some sites or the whole network, and forget the oldest."""
        document = plan_document(found.plan)
        packed = zlib.compress(json.dumps(document).encode(), _FAST)
        facts = replace(_facts_of(found), sites=basis.sites, after=basis.after)
        digest = document["sha256"]
        with self._engine.begin() as connection:
            wait_for_lock(connection, _WRITER)
            number = next_number(connection, plans.c.number)
            stored = StoredPlan(number, digest, now_s, by.id, by.name, facts)
            row = {name: getattr(stored, name) for name in _COLUMNS} | {"document": packed}
            connection.execute(insert(plans).values(**row, facts=json.dumps(asdict(facts))))
            connection.execute(delete(plans).where(plans.c.number <= number - KEPT))
        return stored

    def listed(self) -> tuple[StoredPlan, ...]:
        """Return all plans that are kept, the newest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(*_SHOWN).order_by(plans.c.number.desc()))
            return tuple(map(_stored, rows))

    def find(self, number: int) -> StoredPlan | None:
        """Return a plan by its number."""
        with reading(self._engine) as connection:
            row = connection.execute(select(*_SHOWN).where(plans.c.number == number)).one_or_none()
        return _stored(row) if row else None

    def document(self, number: int) -> dict[str, Any]:
        """Return a plan as its file holds it."""
        wanted = select(plans.c.document).where(plans.c.number == number)
        with reading(self._engine) as connection:
            packed = connection.execute(wanted).scalar_one()
        document: dict[str, Any] = json.loads(zlib.decompress(packed))
        return document

    def plan(self, number: int) -> Plan:
        """Return a plan as a value. Raises PlanError when another release wrote it."""
        return parse_document(self.document(number), f"plan {number}")

    def begin(self) -> AbstractContextManager[Connection]:
        """Return a transaction that writes beside the plans, such as into the audit chain."""
        return self._engine.begin()

    def reading(self) -> AbstractContextManager[Connection]:
        """Return a connection that only reads beside the plans."""
        return reading(self._engine)


_COLUMNS: Final = ("number", "digest", "made_s", "author_id", "author")
_SHOWN: Final = (*(plans.c[name] for name in _COLUMNS), plans.c.facts)


def _facts_of(found: FolderPlan) -> PlanFacts:
    plan = found.plan
    counts = (len(plan.seen), len(plan.changes), len(plan.waves))
    told = (tuple(plan.refused), dict(found.unmanaged), tuple(found.notes))
    return PlanFacts(plan.id, plan.network, *counts, *told, seen=tuple(plan.seen))


def _stored(row: AnyRow) -> StoredPlan:
    facts = json.loads(row.facts)
    for name in ("refused", "notes", "seen"):
        facts[name] = tuple(facts.get(name, ()))
    # Releases before did not say any.
    if facts.get("sites") is not None:
        facts["sites"] = tuple(facts["sites"])
    shown = {name: getattr(row, name) for name in _COLUMNS}
    return StoredPlan(**shown, facts=PlanFacts(**facts))
