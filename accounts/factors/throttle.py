"""Throttling of attempts: waits that rise by account and address, and never reach a known browser.

An attempt is counted before it is judged, so that a hundred at once do not all find a free place.
An attempt during a wait is refused without being counted: nobody makes another's wait longer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from accounts.audit_table import Lock, hold
from accounts.opaque_tokens import TokenKind, stored_hash
from accounts.schema import attempts, browsers

# After this long without an attempt, the count begins again.
FORGET_S: Final = 3600.0
_KEEP_S: Final = 24 * 3600.0
# A site with IPv6 has at least this many bits to itself.
_IPV6_PREFIX: Final = 64


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from: address, token of a known browser, name of its program."""

    address: str
    browser: str = field(default="", repr=False)
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Tier:
    """How many attempts are free, and how long a wait becomes."""

    free: int
    longest_wait_s: float

    def wait_s(self, failures: int) -> float:
        """Return how long to wait after so many failures."""
        beyond = failures - self.free
        return 0.0 if beyond <= 0 else min(self.longest_wait_s, 2.0 ** min(beyond, 20))


@dataclass(frozen=True, slots=True)
class Counter:
    """Something by which attempts are counted; own ones are forgotten after a success."""

    key: str
    tier: Tier
    own: bool


_PAIR: Final = Tier(5, 900.0)
_ADDRESS: Final = Tier(30, 300.0)
# Short, since it also meets the person whose account is attacked.
_ACCOUNT: Final = Tier(50, 10.0)
_BROWSER: Final = Tier(10, 300.0)


def password_counters(name: str, visitor: Visitor, known: str | None) -> tuple[Counter, ...]:
    """Return what counts a password's attempts; known is the hash of a browser's token."""
    if known:
        return (Counter(f"password browser {known}", _BROWSER, own=True),)
    # What is typed as a name is at times a password, so it is not kept.
    typed, place = sha256(name.encode()).hexdigest(), _network(visitor.address)
    return (
        Counter(f"password pair {typed} {place}", _PAIR, own=True),
        Counter(f"password address {place}", _ADDRESS, own=False),
        Counter(f"password account {typed}", _ACCOUNT, own=False),
    )


def factor_counters(account: int, known: str | None) -> tuple[Counter, ...]:
    """Return what counts the attempts at a second factor."""
    key = f"factor browser {known}" if known else f"factor account {account}"
    return (Counter(key, _PAIR, own=True),)


def wall_counters(visitor: Visitor) -> tuple[Counter, ...]:
    """Return what counts the attempts at the code of a wall."""
    return (Counter(f"wall {_network(visitor.address)}", _PAIR, own=True),)


def known_browser(
    connection: Connection, account: int | None, visitor: Visitor, now_s: float
) -> str | None:
    """Return the hash of a browser's token if the account signed in there before."""
    made = stored_hash(TokenKind.BROWSER, visitor.browser)
    if made is None or account is None:
        return None
    wanted = select(browsers.c.token_hash).where(
        browsers.c.token_hash == made,
        browsers.c.account_id == account,
        browsers.c.expires_s > now_s,
    )
    return connection.execute(wanted).scalar_one_or_none()


def take_attempt(connection: Connection, counters: Iterable[Counter], now_s: float) -> float:
    """Count an attempt, or return for how many seconds it is refused; 0 lets it through."""
    hold(connection, Lock.ATTEMPTS)
    found = [(counter, *_standing(connection, counter, now_s)) for counter in counters]
    wait_s = max((left for _, _, left in found), default=0.0)
    if wait_s <= 0:
        connection.execute(delete(attempts).where(attempts.c.last_s < now_s - _KEEP_S))
        for counter, failures, _ in found:
            _store(connection, counter, failures + 1, now_s)
    return wait_s


def forgive(connection: Connection, counters: Iterable[Counter]) -> None:
    """Take back an attempt that succeeded, and all failures that are its own."""
    hold(connection, Lock.ATTEMPTS)
    for counter in counters:
        mine = attempts.c.key == counter.key
        if counter.own:
            connection.execute(delete(attempts).where(mine))
        else:
            less = update(attempts).where(mine, attempts.c.failures > 0)
            connection.execute(less.values(failures=attempts.c.failures - 1))


def failures_of(connection: Connection, counter: Counter) -> int:
    """Return how many attempts of a counter have failed lately."""
    wanted = select(attempts.c.failures).where(attempts.c.key == counter.key)
    return connection.execute(wanted).scalar_one_or_none() or 0


def touch(connection: Connection, counter: Counter) -> None:
    """Write a counter as it is."""
    same = update(attempts).where(attempts.c.key == counter.key)
    connection.execute(same.values(failures=attempts.c.failures))


def _standing(connection: Connection, counter: Counter, now_s: float) -> tuple[int, float]:
    """Return the failures of a counter and the seconds that are left of its wait."""
    row = connection.execute(select(attempts).where(attempts.c.key == counter.key)).one_or_none()
    # A time far in the future is from before a clock was set right.
    if row is None or abs(now_s - row.last_s) > FORGET_S:
        return 0, 0.0
    return row.failures, min(row.wait_until_s - now_s, counter.tier.longest_wait_s)


def _store(connection: Connection, counter: Counter, failures: int, now_s: float) -> None:
    wait_until_s = now_s + counter.tier.wait_s(failures)
    connection.execute(delete(attempts).where(attempts.c.key == counter.key))
    values = {"failures": failures, "last_s": now_s, "wait_until_s": wait_until_s}
    connection.execute(insert(attempts).values(key=counter.key, **values))


def _network(address: str) -> str:
    """Return what one subscriber has to itself: an IPv4 address, or a prefix of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return "elsewhere"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ip_network((found, _IPV6_PREFIX), strict=False))
    return str(found)
