"""Checks of the controller itself: access and certificates that end, disk, sign-ins, updates."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cryptography import x509
from sqlalchemy import Engine, inspect, select

from accounts.audit_table import audit_chain
from accounts.schema import accounts, machine_tokens
from controller.notices.texts import clean
from controller.reports.document import State
from controller.reports.findings import Check, Finding
from controller.store.people_records import PersonRecord
from database.engine import reading
from edge.telemetry.debian_updates import LISTS, waiting_updates
from inventory.errors import SanagaError

SOON_DAYS: Final = 30
URGENT_DAYS: Final = 7
_WEEK: Final = timedelta(days=7)
_DAY_S: Final = 86_400.0
_GIGA: Final = 10**9
_LEAST_SHARE, _LOW_SHARE = 0.1, 0.2
_MOST_PEM_OCTETS: Final = 1 << 20
_NAMED: Final = 8
_OWN: Final = "controller"
_LONGEST: Final = 200


def own(
    check: Check,
    state: State,
    key: str,
    values: Mapping[str, str | float] = MappingProxyType({}),
    subject: str = _OWN,
) -> Finding:
    """Return a finding about the controller itself."""
    return Finding(check, subject, "", state, key, dict(values))


def guarded(check: Check, work: Callable[[], Iterable[Finding]]) -> tuple[Finding, ...]:
    """Return what a check finds; when it fails, that nobody knows."""
    try:
        return tuple(work())
    except (SanagaError, OSError) as error:
        return (own(check, State.UNKNOWN, "check-failed", because(error)),)


def because(error: Exception) -> Mapping[str, str]:
    """Return why something is not known, fit for a sentence."""
    return {"reason": clean(str(error))[:_LONGEST]}


def check_access(people: Iterable[PersonRecord], today: date) -> Iterator[Finding]:
    """Yield whose access or licence ends soon, or has ended and is not withdrawn."""
    active = [one for one in people if one.revoked is None and one.in_use]
    quiet = True
    for record in active:
        for finding in _ending(record, today):
            quiet = False
            yield finding
    if quiet:
        values = {"people": len(active), "days": SOON_DAYS}
        yield own(Check.ACCESS, State.GOOD, "access-calm", values)


def _ending(record: PersonRecord, today: date) -> Iterator[Finding]:
    person = record.person
    ends = {"access-ends": person.until, "licence-ends": person.licence_until}
    for key, day in ends.items():
        state = _urgency(day, today)
        if day is None or state is None:
            continue
        if key == "access-ends" and day < today:
            key = "access-ended"  # noqa: PLW2901 - the sentence of what is over
        values = {"day": str(day), "person": person.name, "licence": person.licence or "-"}
        yield Finding(Check.ACCESS, person.name, person.site, state, key, values)


def _urgency(day: date | None, today: date) -> State | None:
    """Return how urgent it is that something ends on a day, None when it is not soon."""
    if day is None or (left := (day - today).days) > SOON_DAYS:
        return None
    return State.ACT if left <= URGENT_DAYS else State.NOTE


def check_tokens(engine: Engine, now: datetime) -> Iterator[Finding]:
    """Yield which tokens of machines end soon."""
    if not _has(engine, machine_tokens.name):
        return
    joined = machine_tokens.join(accounts, accounts.c.id == machine_tokens.c.account_id)
    columns = (machine_tokens.c.id, machine_tokens.c.expires_s, accounts.c.name)
    alive = machine_tokens.c.expires_s > now.timestamp()
    with reading(engine) as connection:
        rows = connection.execute(select(*columns).select_from(joined).where(alive)).all()
    quiet = True
    for row in rows:
        day = datetime.fromtimestamp(row.expires_s, UTC).date()
        if state := _urgency(day, now.date()):
            quiet, values = False, {"account": row.name, "day": str(day)}
            yield own(Check.TOKEN, state, "token-ends", values, f"token {row.id}")
    if quiet:
        yield own(Check.TOKEN, State.GOOD, "token-calm", {"tokens": len(rows), "days": SOON_DAYS})


def check_certificates(files: Iterable[Path], today: date) -> Iterator[Finding]:
    """Yield until when the certificates of some files are good, the first to end of each."""
    for file in files:
        try:
            ends = _first_end(file)
        except (OSError, ValueError) as error:
            unread = "certificate-unread"
            yield own(Check.CERTIFICATE, State.UNKNOWN, unread, because(error), file.name)
            continue
        state, key = _urgency(ends, today) or State.GOOD, "certificate-ends"
        if state is State.GOOD:
            key = "certificate-good"
        elif ends < today:
            key = "certificate-ended"
        yield own(Check.CERTIFICATE, state, key, {"day": str(ends)}, file.name)
    yield own(Check.CERTIFICATE, State.GOOD, "certificate-own")


def _first_end(file: Path) -> date:
    with file.open("rb") as opened:
        octets = opened.read(_MOST_PEM_OCTETS + 1)
    if len(octets) > _MOST_PEM_OCTETS:
        raise ValueError("more than 1 MiB, which is no list of certificates")
    return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(octets)).date()


@dataclass(frozen=True, slots=True)
class DiskUse:
    """How full the disk of the state folder is, in octets, and the sizes of what grows there."""

    whole: float
    free: float
    sizes: Mapping[str, float]


def disk_use(state_dir: Path) -> DiskUse:
    """Return how full the disk of a state folder is."""
    usage = shutil.disk_usage(state_dir)
    files = [*state_dir.glob("*.sqlite"), *state_dir.glob("*.sqlite-wal")]
    return DiskUse(usage.total, usage.free, {one.name: one.stat().st_size for one in files})


def check_disk(use: DiskUse, before: Mapping[str, float] | None, days: float) -> Iterator[Finding]:
    """Yield how full the disk is; before are the sizes of some days ago, if they are known."""
    share, left = use.free / use.whole, _days_left(use, before, days)
    act = share < _LEAST_SHARE or use.free < _GIGA or (left is not None and left < URGENT_DAYS)
    note = share < _LOW_SHARE or (left is not None and left < SOON_DAYS)
    state = State.ACT if act else State.NOTE if note else State.GOOD
    values: dict[str, str | float] = {
        "free": _octets(use.free),
        "whole": _octets(use.whole),
        "free_share": share,
    }
    if left is not None and left < SOON_DAYS:
        yield own(Check.DISK, state, "disk-fills", {**values, "days": left})
    else:
        yield own(Check.DISK, state, "disk", values)


def _days_left(use: DiskUse, before: Mapping[str, float] | None, days: float) -> float | None:
    if not before or days < 1:
        return None
    grown = sum(use.sizes.values()) - sum(before.values())
    return use.free / (grown / days) if grown > 0 else None


def _octets(number: float) -> str:
    return f"{number / _GIGA:,.1f} GB"


def check_sign_ins(engine: Engine, now: datetime) -> Iterator[Finding]:
    """Yield whose sign-ins were refused in the last seven days, as the audit chain has it."""
    if not _has_accounts(engine):
        yield own(Check.SIGN_IN, State.GOOD, "sign-in-nobody")
        return
    since = (now - _WEEK).isoformat(timespec="seconds")
    wanted = audit_chain.c.what.in_(("sign-in.refused", "sign-in.factor-refused"))
    query = select(audit_chain.c.what, audit_chain.c.subject, audit_chain.c.details).where(
        wanted, audit_chain.c.at >= since
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    by_factor = Counter(row.subject for row in rows if row.what == "sign-in.factor-refused")
    by_password = Counter(row.subject for row in rows if row.what == "sign-in.refused")
    for name in sorted({*by_factor, *by_password}):
        values = {"passwords": by_password[name], "factors": by_factor[name]}
        state = State.ACT if by_factor[name] else State.NOTE
        yield own(Check.SIGN_IN, state, "sign-in-some", values, name)
    if not rows:
        yield own(Check.SIGN_IN, State.GOOD, "sign-in-none")
    yield own(Check.SIGN_IN, State.UNKNOWN, "sign-in-scope")


def check_machine_updates(now_s: float, lists: Path = LISTS) -> Iterator[Finding]:
    """Yield which security updates of Debian's packages wait on this machine, as apt knows them."""
    found = waiting_updates(now_s, lists)
    if found.stale_s is not None:
        values: dict[str, str | float] = {"age_s": found.stale_s}
        yield own(Check.SECURITY_UPDATES, State.UNKNOWN, "updates-stale", values)
    elif found.fault:
        reason = {"reason": clean(found.fault)[:_LONGEST]}
        yield own(Check.SECURITY_UPDATES, State.UNKNOWN, "updates-unread", reason)
    elif not found.packages:
        yield own(Check.SECURITY_UPDATES, State.GOOD, "updates-none")
    else:
        values = {"packages": len(found.packages), "names": _some(found.packages)}
        yield own(Check.SECURITY_UPDATES, State.ACT, "updates-wait", values)


def _some(names: Sequence[str]) -> str:
    more = f", +{len(names) - _NAMED}" if len(names) > _NAMED else ""
    return ", ".join(map(clean, names[:_NAMED])) + more


def _has_accounts(engine: Engine) -> bool:
    if not _has(engine, accounts.name):
        return False
    with reading(engine) as connection:
        return connection.execute(select(accounts.c.id).limit(1)).first() is not None


def _has(engine: Engine, table: str) -> bool:
    with reading(engine) as connection:
        return inspect(connection).has_table(table)
