"""Table of the audit chain, and what is changed by one transaction at a time.

Apart from the other tables, since whoever only adds to the chain needs none of them.
"""

from enum import IntEnum
from typing import Final

from sqlalchemy import Column, Connection, Index, Integer, MetaData, Table, Text

from database.migrate import wait_for_lock

VERSION_TABLE: Final = "accounts_version"
metadata: Final = MetaData()


class Lock(IntEnum):
    """What is changed by one transaction at a time; the numbers are PostgreSQL's lock keys."""

    AUDIT = 0x53414E01
    ADMINISTRATORS = 0x53414E02
    ATTEMPTS = 0x53414E03


def hold(connection: Connection, lock: Lock) -> None:
    """Keep others from changing something until the transaction ends.

    On SQLite a transaction that writes has the whole file to itself already.
    """
    wait_for_lock(connection, int(lock))


audit_chain: Final = Table(
    "audit_chain",
    metadata,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("because", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Index("audit_chain_numbers", "kind", "number", unique=True),
)
