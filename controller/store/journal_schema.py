"""The journal's tables, and how each version of them grows out of the one before."""

from typing import Final

# MIGRATIONS[n] leads from PRAGMA user_version n to n + 1; a published one is never changed.
MIGRATIONS: Final = (
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
