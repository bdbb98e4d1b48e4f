"""Files of release 0.1, a journal and a record of people, as each of their versions had them.

MIGRATIONS[n] of a file led from its PRAGMA user_version n to n + 1.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

APPLICATION_IDS: Final = {"journal.sqlite": 0x5A4E4741, "people.sqlite": 0x5A4E5650}

_JOURNAL: Final = (
    (
        """CREATE TABLE texts (
            fingerprint TEXT PRIMARY KEY,
            text TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE applies (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            plan_id TEXT NOT NULL,
            network TEXT NOT NULL,
            plan TEXT NOT NULL,
            intent TEXT REFERENCES texts (fingerprint),
            started TEXT NOT NULL,
            deadline REAL NOT NULL,
            held INTEGER NOT NULL DEFAULT 0,
            decision TEXT CHECK (decision IN ('confirm', 'rollback')),
            decided TEXT,
            because TEXT NOT NULL DEFAULT '',
            outcome TEXT,
            finished TEXT
        )""",
        """CREATE TABLE configs (
            apply INTEGER NOT NULL REFERENCES applies (id),
            device TEXT NOT NULL,
            before TEXT NOT NULL REFERENCES texts (fingerprint),
            after TEXT NOT NULL REFERENCES texts (fingerprint),
            PRIMARY KEY (apply, device)
        ) WITHOUT ROWID""",
        """CREATE TABLE steps (
            id INTEGER PRIMARY KEY,
            apply INTEGER NOT NULL REFERENCES applies (id),
            device TEXT NOT NULL,
            act TEXT NOT NULL,
            was TEXT NOT NULL,
            became TEXT,
            started TEXT NOT NULL,
            finished TEXT
        )""",
        "CREATE INDEX steps_by_apply ON steps (apply)",
    ),
)

_PEOPLE: Final = (
    (
        """CREATE TABLE terms (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            body TEXT NOT NULL
        )""",
        """CREATE TABLE people (
            name TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            role TEXT NOT NULL,
            site TEXT NOT NULL,
            licence TEXT NOT NULL,
            licence_until TEXT,
            until TEXT,
            added TEXT NOT NULL,
            revoked TEXT
        ) WITHOUT ROWID""",
        # A number is an address, which no other device ever gets: what came from it stays its own.
        """CREATE TABLE devices (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            person TEXT NOT NULL REFERENCES people (name),
            name TEXT NOT NULL,
            revoked TEXT
        )""",
        "CREATE UNIQUE INDEX devices_in_use ON devices (person, name) WHERE revoked IS NULL",
        """CREATE TABLE keys (
            public_key TEXT PRIMARY KEY,
            device INTEGER NOT NULL REFERENCES devices (number),
            since TEXT NOT NULL,
            revoked TEXT
        ) WITHOUT ROWID""",
        "CREATE UNIQUE INDEX keys_in_use ON keys (device) WHERE revoked IS NULL",
        """CREATE TABLE preshared (
            public_key TEXT NOT NULL REFERENCES keys (public_key),
            gateway TEXT NOT NULL,
            sealed BLOB NOT NULL,
            PRIMARY KEY (public_key, gateway)
        ) WITHOUT ROWID""",
        """CREATE TABLE audit (
            serial INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL,
            subject TEXT NOT NULL,
            because TEXT NOT NULL,
            details TEXT NOT NULL,
            hash TEXT NOT NULL
        )""",
        "CREATE INDEX audit_by_subject ON audit (subject)",
        """CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
            BEGIN SELECT raise(ABORT, 'the audit trail is only ever added to'); END""",
        """CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
            BEGIN SELECT raise(ABORT, 'the audit trail is only ever added to'); END""",
    ),
    (
        # Whoever lists everybody asks for the newest key of each device.
        "CREATE INDEX keys_by_device ON keys (device, revoked)",
        # What every gateway is known to go by, and what kept it from more the last time.
        """CREATE TABLE gateways (
            device TEXT PRIMARY KEY,
            state INTEGER NOT NULL,
            at TEXT,
            devices INTEGER NOT NULL,
            fault TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        # The list of what opens nothing any more is as new as its last number.
        """CREATE TABLE revoked (
            serial INTEGER PRIMARY KEY AUTOINCREMENT,
            public_key TEXT NOT NULL UNIQUE,
            at TEXT NOT NULL,
            site TEXT
        )""",
        """INSERT INTO revoked (public_key, at)
            SELECT public_key, revoked FROM keys WHERE revoked IS NOT NULL
            ORDER BY revoked, public_key""",
    ),
    (
        # Whoever holds a key of an edge is no person.
        """CREATE TABLE site_keys (
            public_key TEXT PRIMARY KEY,
            device TEXT NOT NULL
        ) WITHOUT ROWID""",
        # Devices whose key was made here, and whose file is not known to be written.
        """CREATE TABLE unfiled (
            device INTEGER PRIMARY KEY REFERENCES devices (number),
            file TEXT NOT NULL
        )""",
    ),
)
MIGRATIONS: Final = {"journal.sqlite": _JOURNAL, "people.sqlite": _PEOPLE}


def make_former_file(file: Path, version: int) -> None:
    """Make an empty file as some version of it was."""
    with closing(sqlite3.connect(file, isolation_level=None)) as made:
        for statements in MIGRATIONS[file.name][:version]:
            for statement in statements:
                made.execute(statement)
        made.execute(f"PRAGMA application_id = {APPLICATION_IDS[file.name]}")
        made.execute(f"PRAGMA user_version = {version}")
    file.parent.chmod(0o700)


def former_rows(file: Path) -> dict[str, list[dict[str, object]]]:
    """Return all rows of a file by table, in the order of their keys."""
    with closing(sqlite3.connect(file)) as source:
        source.row_factory = sqlite3.Row
        tables = source.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        names = [row["name"] for row in tables if not row["name"].startswith("sqlite_")]
        return {
            name: [dict(row) for row in source.execute(f"SELECT * FROM {name}")]  # noqa: S608
            for name in names
        }
