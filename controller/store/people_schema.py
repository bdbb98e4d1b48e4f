"""The tables of people's access, and how each version of them grows out of the one before."""

from typing import Final

# MIGRATIONS[n] leads from PRAGMA user_version n to n + 1; a published one is never changed.
MIGRATIONS: Final = (
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
