"""The controlled English of expectations: sentences to values and back.

Keywords may be in any case and commas, runs of spaces and a final full stop mean nothing; names
are taken as they are written. Parsing is total: a sentence, or the reason why it is not one.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from re import Match, Pattern
from typing import Final, TypeAlias

from inventory.documents.messages import Misread
from inventory.free_text import quoted
from inventory.model import Level, Segment, SiteName, ZoneName
from inventory.names import closest_name
from policies.model import ServiceName

FORMS: Final[tuple[str, ...]] = (
    "from SITE, SERVICE at ZONE reachable",
    "from SITE, SERVICE at ZONE meets its SLO",
    "if circuit NAME fails, SERVICE from SITE still reachable",
    "if circuit NAME fails, SERVICE from SITE still meets its SLO",
    "every LEVEL site has two ways out",
    "every LEVEL site reaches central",
    "SEGMENT reaches SEGMENT or SERVICE",
    "SEGMENT never reaches SEGMENT or SERVICE",
)


class Thing(StrEnum):
    """What an expectation lets fail."""

    CIRCUIT = "circuit"
    DEVICE = "device"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class SentenceFailure:
    """One thing that is down while the sentence must hold."""

    thing: Thing
    name: str


@dataclass(frozen=True, slots=True)
class ServiceReachable:
    """A service is reachable from a site, at a zone or (None) at the nearest offering it."""

    site: SiteName
    service: ServiceName
    zone: ZoneName | None = None
    failures: tuple[SentenceFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceMeetsSlo:
    """A service keeps its SLO from a site, at a zone or (None) at the nearest offering it."""

    site: SiteName
    service: ServiceName
    zone: ZoneName | None = None
    failures: tuple[SentenceFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class TwoWaysOut:
    """Every site of a level (None: every site) has two ways to the centre."""

    level: Level | None
    failures: tuple[SentenceFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class ReachesCentral:
    """Every site of a level (None: every site) reaches the central site."""

    level: Level | None
    failures: tuple[SentenceFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentReaches:
    """Hosts of a segment may reach another segment or a service."""

    source: Segment
    target: Segment | ServiceName


@dataclass(frozen=True, slots=True)
class SegmentNeverReaches:
    """Hosts of a segment may not reach another segment or a service."""

    source: Segment
    target: Segment | ServiceName


ServiceSentence: TypeAlias = ServiceReachable | ServiceMeetsSlo
LevelSentence: TypeAlias = TwoWaysOut | ReachesCentral
SegmentSentence: TypeAlias = SegmentReaches | SegmentNeverReaches
Sentence: TypeAlias = ServiceSentence | LevelSentence | SegmentSentence


Failures: TypeAlias = tuple[SentenceFailure, ...]
Reader: TypeAlias = Callable[[Match[str], Failures], Sentence | Misread]

_VERDICT: Final = r"(?:is )?(?:still )?(?P<verdict>reachable|meets? its SLO)"
_FAILING: Final = re.compile(r"if (?P<failed>.+?) fails? (?P<claim>.+)", re.IGNORECASE)
_PLURAL: Final = frozenset({Segment.PROFESSIONALS, Segment.PATIENTS, Segment.DEVICES})


def parse_sentence(text: str) -> Sentence | Misread:
    """Return the sentence of a text, or why it is not one."""
    words = text.replace(",", " ").split()
    plain = " ".join(words).rstrip(".").rstrip()
    failing = _FAILING.fullmatch(plain)
    if failing is None:
        return _claim(plain, ())
    failures = _failures(failing["failed"].split())
    return failures if isinstance(failures, Misread) else _claim(failing["claim"], failures)


def render_sentence(sentence: Sentence) -> str:
    """Return the canonical text of a sentence, which parses to the same sentence."""
    if isinstance(sentence, ServiceReachable | ServiceMeetsSlo):
        return _service_text(sentence)
    if isinstance(sentence, TwoWaysOut | ReachesCentral):
        return _level_text(sentence)
    return _segment_text(sentence)


def _claim(plain: str, failures: Failures) -> Sentence | Misread:
    for pattern, reader in _READERS:
        if (match := pattern.fullmatch(plain)) is not None:
            return reader(match, failures)
    return _unreadable(plain)


def _unreadable(plain: str) -> Misread:
    if not plain:
        return Misread("the expectation is empty", _forms_hint(FORMS))
    first = plain.split(maxsplit=1)[0].lower()
    alike = [form for form in FORMS if form.startswith(first + " ")]
    return Misread(f"cannot read {quoted(plain)}", _forms_hint(alike or FORMS))


def _forms_hint(forms: Sequence[str]) -> str:
    return "write " + " | ".join(f'"{form}"' for form in forms)


def _failures(words: Sequence[str]) -> Failures | Misread:
    named: list[Thing] = []
    found: list[SentenceFailure] = []
    for word in words:
        bare = word.lower().removesuffix("s")
        if bare in set(Thing):
            named.append(Thing(bare))
        elif not named:
            return Misread(
                f"{quoted(word)} fails, but what is it?",
                f'write "if circuit {word} fails", "if device {word} fails" or '
                f'"if site {word} fails"',
            )
        elif word.lower() != "and":
            found.append(SentenceFailure(named[-1], word))
    nameless = sorted(set(named) - {failure.thing for failure in found})
    if nameless:
        thing = nameless[0].value
        return Misread(f"no {thing} is named that fails", f'write "{thing} NAME fails"')
    return _ordered(found)


def _ordered(found: Sequence[SentenceFailure]) -> Failures:
    things = list(Thing)
    return tuple(sorted(dict.fromkeys(found), key=lambda f: things.index(f.thing)))


def _read_service(match: Match[str], failures: Failures) -> Sentence:
    kind = ServiceReachable if match["verdict"].lower() == "reachable" else ServiceMeetsSlo
    return kind(match["site"], match["service"], match["zone"], failures)


def _read_level(match: Match[str], failures: Failures) -> Sentence | Misread:
    kind = TwoWaysOut if match["verdict"].lower().startswith("ha") else ReachesCentral
    word = match["level"]
    if word is None:
        return kind(None, failures)
    level = word.lower()
    if level not in set(Level):
        return Misread(f"unknown level {quoted(word)}", closest_name(level, list(Level), "levels"))
    return kind(Level(level), failures)


def _read_segments(match: Match[str], failures: Failures) -> Sentence | Misread:
    word = match["source"]
    if failures:
        return Misread(
            "what segments may reach does not depend on failures",
            f'write "{word} {match["verb"]} {match["target"]}" alone',
        )
    if word.lower() not in set(Segment):
        return Misread(
            f"unknown segment {quoted(word)}", closest_name(word.lower(), list(Segment), "segments")
        )
    kind = SegmentNeverReaches if "never" in match["verb"].lower() else SegmentReaches
    target = match["target"]
    folded = target.lower()
    return kind(Segment(word.lower()), Segment(folded) if folded in set(Segment) else target)


def _patterns() -> Iterator[tuple[str, Reader]]:
    name = r"[^ ]+"
    service, site, zone = rf"(?P<service>{name})", rf"(?P<site>{name})", rf"(?P<zone>{name})"
    yield rf"from {site} {service}(?: at {zone})? {_VERDICT}", _read_service
    yield rf"{service} from {site}(?: at {zone})? {_VERDICT}", _read_service
    yield rf"{service} at {zone} from {site} {_VERDICT}", _read_service
    yield (
        rf"every (?:(?P<level>{name}) )?site (?:still )?"
        r"(?P<verdict>has two ways out|reaches (?:the )?cent(?:ral|re))",
        _read_level,
    )
    yield (
        rf"(?P<source>{name}) (?P<verb>(?:never )?reach(?:es)?) (?P<target>{name})",
        _read_segments,
    )


_READERS: Final[tuple[tuple[Pattern[str], Reader], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), reader) for pattern, reader in _patterns()
)


def _service_text(sentence: ServiceSentence) -> str:
    verdict = "reachable" if isinstance(sentence, ServiceReachable) else "meets its SLO"
    at = f" at {sentence.zone}" if sentence.zone else ""
    if not sentence.failures:
        return f"from {sentence.site}, {sentence.service}{at} {verdict}"
    condition = _condition(sentence.failures)
    return f"{condition}{sentence.service} from {sentence.site}{at} still {verdict}"


def _level_text(sentence: LevelSentence) -> str:
    verdict = "has two ways out" if isinstance(sentence, TwoWaysOut) else "reaches central"
    still = "still " if sentence.failures else ""
    level = f"{sentence.level} " if sentence.level else ""
    return f"{_condition(sentence.failures)}every {level}site {still}{verdict}"


def _segment_text(sentence: SegmentSentence) -> str:
    never = "never " if isinstance(sentence, SegmentNeverReaches) else ""
    verb = "reach" if sentence.source in _PLURAL else "reaches"
    return f"{sentence.source} {never}{verb} {sentence.target}"


def _condition(failures: Failures) -> str:
    if not failures:
        return ""
    return f"if {failed_text(failures)} {'fails' if len(failures) == 1 else 'fail'}, "


def failed_text(failures: Failures) -> str:
    """Return failures in words: circuits a and b and device c."""
    groups = []
    for thing, group in groupby(_ordered(failures), key=lambda failure: failure.thing):
        names = [failure.name for failure in group]
        groups.append(f"{thing}{'s' if len(names) > 1 else ''} " + " and ".join(names))
    return " and ".join(groups)
