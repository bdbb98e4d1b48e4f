"""Recovery codes: ten for each account, each for one sign-in, stored as hashes."""

import base64
import secrets
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from accounts.schema import recovery_codes

HOW_MANY: Final = 10
_OCTETS: Final = 10
_GROUP: Final = 4


def new_codes(connection: Connection, account: int) -> tuple[str, ...]:
    """Make codes in the place of all earlier ones; they are shown once."""
    codes = tuple(_grouped(secrets.token_bytes(_OCTETS)) for _ in range(HOW_MANY))
    connection.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account))
    rows = [{"account_id": account, "code_hash": _hash(account, code)} for code in codes]
    connection.execute(insert(recovery_codes), rows)
    return codes


def use_recovery_code(connection: Connection, account: int, code: str) -> bool:
    """Use a code up within the caller's transaction; of two at once with one code, one succeeds."""
    used = delete(recovery_codes).where(
        recovery_codes.c.account_id == account, recovery_codes.c.code_hash == _hash(account, code)
    )
    return connection.execute(used).rowcount == 1


def codes_left(connection: Connection, account: int) -> int:
    """Return how many codes were not used yet."""
    wanted = select(func.count()).where(recovery_codes.c.account_id == account)
    return connection.execute(wanted).scalar_one()


def _grouped(octets: bytes) -> str:
    text = base64.b32encode(octets).decode().lower()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def _hash(account: int, code: str) -> str:
    # Typed from paper: case, spaces and dashes do not matter; 80 random bits need no slow hash.
    typed = "".join(character for character in code.lower() if character.isalnum())
    return sha256(f"{account}:{typed}".encode()).hexdigest()
