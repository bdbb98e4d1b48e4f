"""Tables of the controller's records, for queries.

controller/store/migrations makes and changes them, and their indexes and triggers.
"""

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

VERSION_TABLE: Final = "store_version"
METADATA: Final = MetaData()
# Texts are sorted by their code points on PostgreSQL too.
TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")


def _number(name: str = "id") -> Column[int]:
    """Return a key that whoever inserts chooses, one above the highest (next_number())."""
    return Column(name, Integer, primary_key=True, autoincrement=False)


plan_texts: Final = Table(
    "plan_texts",
    METADATA,
    Column("fingerprint", TEXT, primary_key=True),
    Column("text", TEXT, nullable=False),
)
applies: Final = Table(
    "applies",
    METADATA,
    _number(),
    Column("plan_id", TEXT, nullable=False),
    Column("network", TEXT, nullable=False),
    Column("plan", TEXT, nullable=False),
    Column("intent", TEXT, ForeignKey("plan_texts.fingerprint")),
    Column("started", TEXT, nullable=False),
    Column("deadline", Double, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("decision", TEXT),
    Column("decided", TEXT),
    Column("because", TEXT, nullable=False),
    Column("outcome", TEXT),
    Column("finished", TEXT),
    CheckConstraint("decision IN ('confirm', 'rollback')", name="applies_decision"),
)
apply_configs: Final = Table(
    "apply_configs",
    METADATA,
    Column("apply", Integer, ForeignKey("applies.id"), primary_key=True, autoincrement=False),
    Column("device", TEXT, primary_key=True),
    Column("before", TEXT, ForeignKey("plan_texts.fingerprint"), nullable=False),
    Column("after", TEXT, ForeignKey("plan_texts.fingerprint"), nullable=False),
)
apply_steps: Final = Table(
    "apply_steps",
    METADATA,
    _number(),
    Column("apply", Integer, ForeignKey("applies.id"), nullable=False),
    Column("device", TEXT, nullable=False),
    Column("act", TEXT, nullable=False),
    Column("was", TEXT, nullable=False),
    Column("became", TEXT),
    Column("started", TEXT, nullable=False),
    Column("finished", TEXT),
)

access_terms: Final = Table(
    "access_terms", METADATA, _number("one"), Column("body", TEXT, nullable=False)
)
people: Final = Table(
    "people",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("title", TEXT, nullable=False),
    Column("role", TEXT, nullable=False),
    Column("site", TEXT, nullable=False),
    Column("licence", TEXT, nullable=False),
    Column("licence_until", TEXT),
    Column("until", TEXT),
    Column("added", TEXT, nullable=False),
    Column("revoked", TEXT),
)
# A number is an address, which no other device ever gets: what came from it stays its own.
device_numbers: Final = Table(
    "device_numbers", METADATA, _number("one"), Column("last", Integer, nullable=False)
)
person_devices: Final = Table(
    "person_devices",
    METADATA,
    _number("number"),
    Column("person", TEXT, ForeignKey("people.name"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("revoked", TEXT),
)
device_keys: Final = Table(
    "device_keys",
    METADATA,
    Column("public_key", TEXT, primary_key=True),
    Column("device", Integer, ForeignKey("person_devices.number"), nullable=False),
    Column("since", TEXT, nullable=False),
    Column("revoked", TEXT),
)
preshared_keys: Final = Table(
    "preshared_keys",
    METADATA,
    Column("public_key", TEXT, ForeignKey("device_keys.public_key"), primary_key=True),
    Column("gateway", TEXT, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
# Devices whose key was made here, and whose file is not known to be written.
unfiled_devices: Final = Table(
    "unfiled_devices",
    METADATA,
    Column(
        "device",
        Integer,
        ForeignKey("person_devices.number"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("file", TEXT, nullable=False),
)
# The roster that every gateway is known to use, and what kept it from a newer one the last time.
roster_loads: Final = Table(
    "roster_loads",
    METADATA,
    Column("device", TEXT, primary_key=True),
    Column("state", Integer, nullable=False),
    Column("at", TEXT),
    Column("devices", Integer, nullable=False),
    Column("fault", TEXT, nullable=False),
)
# The list of what opens nothing any more is as new as its last number.
revoked_keys: Final = Table(
    "revoked_keys",
    METADATA,
    _number("serial"),
    Column("public_key", TEXT, nullable=False, unique=True),
    Column("at", TEXT, nullable=False),
    Column("site", TEXT),
)
# Whoever holds a key of an edge is no person.
site_keys: Final = Table(
    "site_keys",
    METADATA,
    Column("public_key", TEXT, primary_key=True),
    Column("device", TEXT, nullable=False),
)
# Files of former versions whose rows are here; digest is that of all their rows.
former_files: Final = Table(
    "former_files",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("digest", TEXT, nullable=False),
    Column("at", TEXT, nullable=False),
)
