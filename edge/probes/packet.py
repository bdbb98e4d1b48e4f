"""STAMP test packets as octets (RFC 8762): what a sender sends and what a reflector answers.

Unauthenticated packets are 44 octets long, authenticated ones 112; the last 16 of these are an
HMAC-SHA-256 of the first 96, truncated (section 4.4). Fields that must be zero are written as zero
and not looked at (sections 4.2.1 and 4.3.1).
"""

import hmac
from dataclasses import dataclass
from struct import Struct
from typing import Final

PLAIN_OCTETS: Final = 44
SECURE_OCTETS: Final = 112
_COVERED: Final = 96
SEQUENCES: Final = 1 << 32

_PLAIN_REQUEST: Final = Struct("!IQH30x")
_SECURE_REQUEST: Final = Struct("!I12xQH70x")
_PLAIN_ANSWER: Final = Struct("!IQH2xQIQH2xB3x")
_SECURE_ANSWER: Final = Struct("!I12xQH6xQ8xI12xQH6xB15x")

# RFC 4656 section 4.1.2: not synchronised, an NTP stamp, 2^22 * 2^-32 s, which is a millisecond.
ERROR_ESTIMATE: Final = (22 << 8) | 1
_MULTIPLIER: Final = 0xFF

_FRACTION: Final = 1 << 32
_STAMPS: Final = 1 << 64
_UNIX_IN_NTP_S: Final = 2_208_988_800


@dataclass(frozen=True, slots=True)
class StampRequest:
    """A sender's test packet; stamp is an NTP time of 64 bits, sequence counts modulo 2^32."""

    sequence: int
    stamp: int
    error: int = ERROR_ESTIMATE


@dataclass(frozen=True, slots=True)
class StampAnswer:
    """A reflector's test packet: its own number and send time, and what it received, and when."""

    sequence: int
    stamp: int
    received: int
    request: StampRequest
    ttl: int
    error: int = ERROR_ESTIMATE


def write_request(request: StampRequest, key: bytes | None = None) -> bytes:
    """Return a request as octets, authenticated when there is a key (section 4.2.1)."""
    layout = _SECURE_REQUEST if key else _PLAIN_REQUEST
    return _sealed(layout.pack(request.sequence, request.stamp, request.error), key)


def read_request(octets: bytes, key: bytes | None = None) -> StampRequest | None:
    """Return a request, or None when it is too short, makes no sense or carries another key."""
    if not _genuine(octets, key):
        return None
    layout = _SECURE_REQUEST if key else _PLAIN_REQUEST
    sequence, stamp, error = layout.unpack_from(octets)
    return StampRequest(sequence, stamp, error) if error & _MULTIPLIER else None


def write_answer(answer: StampAnswer, key: bytes | None = None) -> bytes:
    """Return an answer as octets, as long as the shortest request (section 4.3.1)."""
    layout = _SECURE_ANSWER if key else _PLAIN_ANSWER
    asked = answer.request
    octets = layout.pack(
        answer.sequence,
        answer.stamp,
        answer.error,
        answer.received,
        asked.sequence,
        asked.stamp,
        asked.error,
        answer.ttl,
    )
    return _sealed(octets, key)


def read_answer(octets: bytes, key: bytes | None = None) -> StampAnswer | None:
    """Return an answer, or None when it is too short, makes no sense or carries another key."""
    if not _genuine(octets, key):
        return None
    layout = _SECURE_ANSWER if key else _PLAIN_ANSWER
    sequence, stamp, error, received, asked, asked_at, asked_error, ttl = layout.unpack_from(octets)
    if not error & _MULTIPLIER:
        return None
    return StampAnswer(
        sequence, stamp, received, StampRequest(asked, asked_at, asked_error), ttl, error
    )


def ntp_stamp(unix_s: float) -> int:
    """Return UNIX seconds as an NTP time of 64 bits (RFC 5905 section 6)."""
    return int((unix_s + _UNIX_IN_NTP_S) * _FRACTION) % _STAMPS


def later_stamp(stamp: int, by_s: float) -> int:
    """Return an NTP time some seconds after another."""
    return (stamp + int(by_s * _FRACTION)) % _STAMPS


def between_s(earlier: int, later: int) -> float:
    """Return the seconds between two NTP times less than 68 years apart, eras notwithstanding."""
    difference = (later - earlier) % _STAMPS
    return (difference - _STAMPS if difference >= _STAMPS >> 1 else difference) / _FRACTION


def unwrapped(sequence: int, near: int) -> int:
    """Return the count that a number modulo 2^32 stands for, taken nearest to a known count."""
    ahead = (sequence - near) % SEQUENCES
    return near + ahead - (SEQUENCES if ahead >= SEQUENCES >> 1 else 0)


def _sealed(octets: bytes, key: bytes | None) -> bytes:
    return octets + _mac(octets, key) if key else octets


def _genuine(octets: bytes, key: bytes | None) -> bool:
    if not key:
        return len(octets) >= PLAIN_OCTETS
    if len(octets) < SECURE_OCTETS:
        return False
    return hmac.compare_digest(octets[_COVERED:SECURE_OCTETS], _mac(octets[:_COVERED], key))


def _mac(octets: bytes, key: bytes) -> bytes:
    return hmac.digest(key, octets, "sha256")[: SECURE_OCTETS - _COVERED]
