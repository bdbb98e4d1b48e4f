"""Errors and limits of policy transactions; imports nothing heavy, for the control client."""

import re
from typing import Final

from inventory.errors import PolicyRefusedError

LARGEST_POLICY: Final = 8_000_000
_TXN: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


class TransactionError(PolicyRefusedError):
    """A request about a transaction that cannot be carried out; code says why, for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def checked_txn(txn: str) -> str:
    """Return the name of a transaction. Raises TransactionError if it is not one."""
    if not _TXN.fullmatch(txn):
        what = "a transaction's name is 1 to 64 letters, digits and hyphens"
        raise TransactionError("usage", what)
    return txn
