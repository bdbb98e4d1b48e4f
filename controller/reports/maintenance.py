"""Preventive maintenance of a week: what was checked, what to do, and how it is told."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from controller.incidents.sentences import Language
from controller.reports.document import Column, Document, Kind, Row, Section, State
from controller.reports.finding_words import SENTENCES, finding_sentence, sentence_of
from controller.reports.findings import Check, Finding
from controller.reports.updates import StagedEdge
from controller.reports.words import CATALOGUE, instant_text, number_text

_WORST_FIRST: Final = (State.ACT, State.UNKNOWN, State.NOTE, State.GOOD)
_CHECKS: Final = tuple(Check)


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What was found on a date; sizes are octets by name, for the rate at which a disk fills."""

    date: str
    zone: str
    network: str
    made_s: float
    version: str
    findings: tuple[Finding, ...]
    stages: tuple[StagedEdge, ...] = ()
    sizes: Mapping[str, float] | None = None

    @property
    def name(self) -> str:
        """Return the name by which it is stored."""
        return f"maintenance-{self.date}"


def narrowed(
    report: MaintenanceReport, may_see: Callable[[Finding], bool], sites: Collection[str]
) -> MaintenanceReport:
    """Return a report with what may be seen of it."""
    findings = tuple(one for one in report.findings if may_see(one))
    stages = tuple(one for one in report.stages if one.site in sites)
    return replace(report, findings=findings, stages=stages, sizes=None)


def maintenance_document(report: MaintenanceReport, language: Language) -> Document:
    """Return a report as it is read in a language."""
    words, zone = CATALOGUE[language], report.zone
    made = f"{instant_text(report.made_s, zone, language)} ({zone})"
    counted = Counter(one.state for one in report.findings)
    counts = {state.value: number_text(counted[state], words) for state in State}
    subtitle = words["weekly_subtitle"].format(
        until=instant_text(report.made_s, zone, language), zone=zone
    )
    return Document(
        report.name,
        language,
        words["weekly_title"].format(date=report.date),
        f"{report.network} · {subtitle}",
        words["weekly_headline"].format(**counts),
        tuple((words[state.value], counts[state.value]) for state in _WORST_FIRST),
        (_to_do(report, language), _checked(report, language), _stages(report, language)),
        _findings(report, language, report.findings, "checks"),
        words["footer"].format(name=report.name, made=made),
        words,
    )


def to_do(report: MaintenanceReport) -> tuple[Finding, ...]:
    """Return what somebody has to act on, or to watch."""
    wanted = {State.ACT, State.NOTE}
    found = (one for one in report.findings if one.state in wanted)
    return tuple(sorted(found, key=_worst_first))


def _to_do(report: MaintenanceReport, language: Language) -> Section:
    section = _findings(report, language, to_do(report), "to_do")
    return replace(section, empty=CATALOGUE[language]["nothing_to_do"])


def _checked(report: MaintenanceReport, language: Language) -> Section:
    quiet = tuple(one for one in report.findings if one.state in {State.GOOD, State.UNKNOWN})
    return _findings(report, language, quiet, "checks")


def _findings(
    report: MaintenanceReport, language: Language, findings: tuple[Finding, ...], title: str
) -> Section:
    words = CATALOGUE[language]
    columns = (
        Column("check", words["check"]),
        Column("subject", words["subject"]),
        Column("state", words["state"], Kind.STATE),
        Column("finding", words["finding"]),
    )
    rows: list[Row] = [
        (
            words[one.check.value],
            one.subject,
            one.state,
            finding_sentence(one, report.zone, language),
        )
        for one in sorted(findings, key=_worst_first)
    ]
    return Section(words[title], (), columns, tuple(rows), words["nothing"])


def _stages(report: MaintenanceReport, language: Language) -> Section:
    words = CATALOGUE[language]
    columns = (
        Column("stage", words["stage"], Kind.NUMBER),
        Column("edge", words["edge"]),
        Column("site", words["site"]),
        Column("runs", words["runs"]),
        Column("why", words["why"]),
    )
    rows: list[Row] = [
        (
            one.stage,
            one.device,
            one.site,
            one.version,
            sentence_of(one.key, one.values, report.zone, language),
        )
        for one in report.stages
    ]
    lines = (SENTENCES[language]["stage-calm"],) if rows else ()
    return Section(words["stages"], lines, columns, tuple(rows), words["no_stages"])


def _worst_first(one: Finding) -> tuple[int, int, str]:
    return (_WORST_FIRST.index(one.state), _CHECKS.index(one.check), one.subject)
