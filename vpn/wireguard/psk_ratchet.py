"""Preshared keys between two devices, another one every week, without anybody telling them.

The controller gives both ends one chain. Each of its steps holds the key of a week and the chain of
the next, and there is no way back: who reads a device's disk does not learn the keys of weeks that
are over, while a device that was away for a month turns its chain on and has today's. WireGuard
mixes the key into every handshake, so what was recorded stays closed to whoever breaks X25519
later. The ratchet is that of The Double Ratchet Algorithm, sections 2.2 and 5.2 (HMAC-SHA256 with
constants).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeAlias

from inventory.model import DeviceName

# Which chain, as the intent counts them, and which of its weeks.
Term: TypeAlias = tuple[int, int]
# Where there is no preshared key.
NO_TERM: Final[Term] = (0, 0)

EPOCH_S: Final = 7 * 86_400
# Monday, 5 January 2026, UTC.
FIRST_S: Final = 1_767_571_200
# So far a clock may be wrong; it is a century.
LAST_EPOCH: Final = 5_200
_OCTETS: Final = 32
_KEY: Final = b"\x01"
_NEXT: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class PskChain:
    """What the keys of an epoch and of all later ones come from, 32 octets."""

    epoch: int
    octets: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no chain. Raises ValueError, without the octets."""
        if len(self.octets) != _OCTETS or not 0 <= self.epoch <= LAST_EPOCH:
            raise ValueError("this is no chain of preshared keys")


@dataclass(frozen=True, slots=True)
class PskBundle:
    """The chains of one series that a device has with its peers."""

    device: DeviceName
    issued_at: datetime
    series: int
    fingerprint: str
    chains: Mapping[DeviceName, PskChain]


def epoch_at(unix_s: float) -> int:
    """Return the epoch of a time of day; before the first and after the last there are none."""
    return min(LAST_EPOCH, max(0, int((unix_s - FIRST_S) // EPOCH_S)))


def first_chain(secret: bytes, series: int, one: str, other: str) -> PskChain:
    """Return the first chain of a series between two devices, whichever is named first."""
    pair = "\0".join(("sanaga pair", str(series), *sorted((one, other))))
    return PskChain(0, _mixed(secret, pair.encode()))


def turn_chain(chain: PskChain, epoch: int) -> PskChain:
    """Return the chain of a later epoch. Raises ValueError when that is over already."""
    if epoch < chain.epoch:
        raise ValueError(f"the keys of epoch {epoch} are gone")
    octets = chain.octets
    for _ in range(epoch - chain.epoch):
        octets = _mixed(octets, _NEXT)
    return PskChain(epoch, octets)


def preshared_key(chain: PskChain, epoch: int) -> bytes:
    """Return the preshared key of an epoch, 32 octets. Raises ValueError as turned() does."""
    return _mixed(turn_chain(chain, epoch).octets, _KEY)


def chain_fingerprint(secret: bytes, series: int) -> str:
    """Return what tells the chains of one secret from another's, and nothing about them."""
    return _mixed(secret, f"sanaga fingerprint\0{series}".encode()).hex()[:16]


def _mixed(secret: bytes, what: bytes) -> bytes:
    return hmac.new(secret, what, sha256).digest()
