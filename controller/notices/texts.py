"""From a delivery to the message that a person reads: subject, text, HTML and SMS.

What stands in an incident may come from a device: control characters are taken out, HTML is
escaped, and each channel has its length, with how much was left out.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from controller.channels.gsm7 import SHORTEST_MESSAGE, sms_room
from controller.channels.message import ContactPoint, Message, MessageKind, OutboxEntry
from controller.notices.model import Language, Person
from controller.notices.words import CATALOGUE
from inventory.free_text import CONTROL_OR_BREAK

LONGEST_SUBJECT: Final = 150
LONGEST_TEXT: Final = 8_000
_MOST_SITES: Final = 20
_MOST_ITEMS: Final = 50
_LONGEST_LINE: Final = 1_000
_TEMPLATES: Final = Path(__file__).parent / "templates"
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Report:
    """What a message says: entries of the outbox, or the counts of a digest."""

    kind: MessageKind
    key: str
    entries: tuple[OutboxEntry, ...] = ()
    left_out: int = 0
    severities: Counter[str] = field(default_factory=Counter)
    ended: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Page:
    """The parts of a message before they are laid out."""

    subject: str
    lines: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    items: tuple[str, ...] = ()
    short: str = ""


def write_message(report: Report, person: Person, to: ContactPoint) -> Message:
    """Return a report as a person reads it, in their language and zone."""
    words = CATALOGUE[person.language]
    page = _PAGES.get(report.kind, _incident_page)(report, person, words)
    subject = fit(page.subject, LONGEST_SUBJECT, words["cut"])
    values = {
        "subject": subject,
        "lines": page.lines,
        "facts": page.facts,
        "items": page.items,
        "footer": words["footer"].format(key=report.key),
        "language": str(person.language),
    }
    text = fit(_template("notice.txt.j2").render(values).lstrip("\n"), LONGEST_TEXT, words["cut"])
    html = _template("notice.html.j2").render(values)
    short = fit_sms(page.short or subject, words["cut_short"])
    return Message(
        report.key, report.kind, to, subject, text, html, short, report.entries, report.left_out
    )


def fit(text: str, longest: int, cut: str) -> str:
    """Return a text of a length at most, its end saying how many characters were left out."""
    if len(text) <= longest:
        return text
    kept = longest - len(cut.format(number=len(text))) - 1
    return f"{text[:kept]} {cut.format(number=len(text) - kept)}"


def fit_sms(text: str, cut: str) -> str:
    """Return a text that fits two parts of an SMS, its end saying how much was left out."""
    if sms_room(text) >= 0:
        return text
    for kept in range(len(text) - 1, SHORTEST_MESSAGE, -1):
        shorter = f"{text[:kept]} {cut.format(number=len(text) - kept)}"
        if sms_room(shorter) >= 0:
            return shorter
    return text[:SHORTEST_MESSAGE]


def clean(text: str) -> str:
    """Return a text as one line without control characters."""
    plain = CONTROL_OR_BREAK.sub(" ", text)
    return _SPACES.sub(" ", plain).strip()[:_LONGEST_LINE]


def local_time(at_s: float, zone: str, language: Language) -> str:
    """Return an instant as people of a zone read it, the zone shown."""
    here = datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(zone))
    date = f"{here:%d/%m/%Y %H:%M}" if language is Language.FRENCH else f"{here:%Y-%m-%d %H:%M}"
    return f"{date} ({zone}, {_offset(here)})"


def _offset(here: datetime) -> str:
    minutes = int((here.utcoffset() or timedelta()).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def _incident_page(report: Report, person: Person, words: Mapping[str, str]) -> _Page:
    entry = report.entries[0]
    subject = f"[{words[entry.severity]}] {words[report.kind]}: {_title(entry, person.language)}"
    facts = tuple(_facts(entry, person, words))
    sentence = _spoken(entry, "sentence", person.language)
    short = f"{subject}. {sentence} {_brief(entry, words)} {_clock(entry, person)}"
    return _Page(subject, (sentence,) if sentence else (), facts, short=clean(short))


def _facts(entry: OutboxEntry, person: Person, words: Mapping[str, str]) -> list[tuple[str, str]]:
    sites = [clean(name) for name in entry.names("sites")]
    numbers = {key: entry.number(key) for key in ("people", "consultations")}
    ends = {"since": entry.number("opened_s"), "until": entry.number("ended_s")}
    found = [
        (words["incident"], f"{words['number']} {entry.incident}"),
        (words["region"], clean(entry.text("region"))),
        (words["sites"], _listed(sites, words)),
        *((words[key], f"{number:,.0f}" if number else "") for key, number in numbers.items()),
        *(
            (words[key], local_time(at_s, person.zone, person.language) if at_s else "")
            for key, at_s in ends.items()
        ),
    ]
    return [(label, value) for label, value in found if value]


def _listed(names: Sequence[str], words: Mapping[str, str]) -> str:
    shown = ", ".join(names[:_MOST_SITES])
    rest = len(names) - _MOST_SITES
    return f"{shown} {words['more'].format(number=f'{rest:,}')}" if rest > 0 else shown


def _brief(entry: OutboxEntry, words: Mapping[str, str]) -> str:
    counts = {"site_unit": entry.number("sites"), "person_unit": entry.number("people")}
    said = [f"{number:,.0f} {words[key]}" for key, number in counts.items() if number]
    return f"{', '.join(said)}." if said else ""


def _clock(entry: OutboxEntry, person: Person) -> str:
    at_s = entry.number("ended_s") or entry.number("opened_s")
    if not at_s:
        return ""
    here = datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(person.zone))
    return f"{here:%H:%M} {_offset(here)}"


def _title(entry: OutboxEntry, language: Language) -> str:
    return _spoken(entry, "title", language) or clean(entry.text("root_name")) or entry.dedup_key


def _spoken(entry: OutboxEntry, key: str, language: Language) -> str:
    """Return a sentence of an incident in a language, in English where it has no other."""
    french = entry.text(f"{key}_fr") if language is Language.FRENCH else ""
    return clean(french or entry.text(key))


def _digest_page(report: Report, person: Person, words: Mapping[str, str]) -> _Page:
    opened = report.severities.total()
    subject = words["digest"].format(opened=f"{opened:,}", ended=f"{len(report.ended):,}")
    counts = tuple(
        words["digest_count"].format(severity=words[severity], number=f"{number:,}")
        for severity, number in report.severities.most_common()
    )
    items = [
        f"{words['ended' if entry.id in report.ended else 'opened']}: "
        f"{_title(entry, person.language)}"
        for entry in report.entries[:_MOST_ITEMS]
    ]
    rest = len(report.entries) + report.left_out - len(items)
    if rest:
        items.append(words["more"].format(number=f"{rest:,}"))
    short = f"{subject}. {', '.join(counts)}"
    return _Page(subject, (words["digest_why"], *counts), (), tuple(items), short)


def _test_page(_report: Report, person: Person, words: Mapping[str, str]) -> _Page:
    text = words["test_text"].format(person=person.name)
    return _Page(words["test"], (text,), short=f"{words['test']}. {text}")


def _all_clear_page(report: Report, _person: Person, words: Mapping[str, str]) -> _Page:
    number = report.entries[0].number("open") or 0
    return _Page(words["all_clear"].format(number=f"{number:,.0f}"))


def _report_page(report: Report, person: Person, words: Mapping[str, str]) -> _Page:
    entry = report.entries[0]
    headline, name = _spoken(entry, "sentence", person.language), clean(entry.text("report"))
    subject = _title(entry, person.language)
    where = words["report_where"].format(name=name)
    return _Page(subject, (headline, where), short=clean(f"{subject}. {headline}"))


def _own_fault_page(report: Report, person: Person, words: Mapping[str, str]) -> _Page:
    entry = report.entries[0]
    subject = f"{words[report.kind]}: {_title(entry, person.language)}"
    sentence = _spoken(entry, "sentence", person.language)
    return _Page(subject, (sentence,), short=clean(f"{subject}. {sentence}"))


def _beat_page(_report: Report, _person: Person, words: Mapping[str, str]) -> _Page:
    return _Page(words["beat"])


_PAGES: Final = {
    MessageKind.DIGEST: _digest_page,
    MessageKind.TEST: _test_page,
    MessageKind.ALL_CLEAR: _all_clear_page,
    MessageKind.BEAT: _beat_page,
    MessageKind.REPORT: _report_page,
    MessageKind.FAILING: _own_fault_page,
    MessageKind.WORKING: _own_fault_page,
}


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
