"""Availability of sites, regions and the whole network in a month, and how it is told.

Available is ok and degraded time; unknown and maintenance are shares of their own.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from controller.incidents.availability import Stay
from controller.incidents.model import Health
from controller.incidents.sentences import Language
from controller.reports.document import Cell, Column, Document, Kind, Row, Section
from controller.reports.words import (
    CATALOGUE,
    duration_text,
    instant_text,
    month_name,
    number_text,
    share_text,
)

STATES: Final = (
    Health.OK,
    Health.DEGRADED,
    Health.UNREACHABLE,
    Health.DOWN,
    Health.UNKNOWN,
    Health.MAINTENANCE,
)
_OUT: Final = frozenset({Health.DOWN, Health.UNREACHABLE})
_KEPT: Final = 20
_LISTED: Final = 15
_HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a site was down or unreachable; it may go on after the period."""

    began_s: float
    ended_s: float

    @property
    def seconds(self) -> float:
        """Return how long it lasted within the period."""
        return self.ended_s - self.began_s


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """A site in a period: seconds in each state, how many outages, and the longest of them."""

    name: str
    title: str
    region: str
    people: int
    seconds: Mapping[Health, float]
    outages: int
    longest: tuple[Outage, ...]


@dataclass(frozen=True, slots=True)
class AvailabilityReport:
    """A month as far as it is over; times are Unix seconds, gap_s is when nobody watched."""

    month: str
    zone: str
    network: str
    began_s: float
    ended_s: float
    made_s: float
    whole: bool
    gap_s: float
    sites: tuple[SiteFigures, ...]

    @property
    def name(self) -> str:
        """Return the name by which it is stored."""
        return f"availability-{self.month}"


@dataclass(frozen=True, slots=True)
class Figures:
    """Sites taken together, each counting the same; people_hours is who was cut off for how long.

    share is of the time that is known and not in maintenance, None if there is none.
    """

    sites: int
    people: int
    seconds: Mapping[Health, float]
    outages: int
    longest_s: float
    people_hours: float

    @property
    def share(self) -> float | None:
        """Return the available share of the time that counts."""
        good = self.seconds[Health.OK] + self.seconds[Health.DEGRADED]
        known = good + sum(self.seconds[one] for one in _OUT)
        return good / known if known else None

    def share_of(self, state: Health) -> float:
        """Return the share of the whole time in a state."""
        whole = sum(self.seconds.values())
        return self.seconds[state] / whole if whole else 0.0


def site_figures(facts: tuple[str, str, str, int], stays: Sequence[Stay]) -> SiteFigures:
    """Return the figures of a site; facts are its name, title, region and people."""
    seconds = dict.fromkeys(STATES, 0.0)
    for stay in stays:
        seconds[stay.state] += stay.ended_s - stay.began_s
    found = outages_in(stays)
    longest = sorted(found, key=lambda one: (-one.seconds, one.began_s))[:_KEPT]
    return SiteFigures(*facts, seconds, len(found), tuple(longest))


def outages_in(stays: Sequence[Stay]) -> tuple[Outage, ...]:
    """Return the times out, of which being down and unreachable in a row are one."""
    found: list[Outage] = []
    for out, run in groupby(stays, key=lambda one: one.state in _OUT):
        if out:
            parts = tuple(run)
            found.append(Outage(parts[0].began_s, parts[-1].ended_s))
    return tuple(found)


def together(sites: Iterable[SiteFigures]) -> Figures:
    """Return sites taken together."""
    every = tuple(sites)
    seconds = {state: sum(one.seconds[state] for one in every) for state in STATES}
    longest = max((one.longest[0].seconds for one in every if one.longest), default=0.0)
    hours = sum(one.people * sum(one.seconds[s] for s in _OUT) / _HOUR_S for one in every)
    people, outages = sum(one.people for one in every), sum(one.outages for one in every)
    return Figures(len(every), people, seconds, outages, longest, hours)


def by_region(sites: Iterable[SiteFigures]) -> dict[str, Figures]:
    """Return the figures of each region, by name."""
    regions: dict[str, list[SiteFigures]] = {}
    for one in sites:
        regions.setdefault(one.region, []).append(one)
    return {name: together(own) for name, own in sorted(regions.items())}


def narrowed(report: AvailabilityReport, sites: Collection[str]) -> AvailabilityReport:
    """Return a report on those of its sites that may be seen; regions follow from them."""
    return replace(report, sites=tuple(one for one in report.sites if one.name in sites))


def availability_document(report: AvailabilityReport, language: Language) -> Document:
    """Return a report as it is read in a language."""
    return _Writer(report, language, CATALOGUE[language]).document()


@dataclass(frozen=True, slots=True)
class _Writer:
    """Lays a report out in one language."""

    report: AvailabilityReport
    language: Language
    words: Mapping[str, str]

    def document(self) -> Document:
        """Return the whole document."""
        report, words = self.report, self.words
        all_sites = together(report.sites)
        month = month_name(report.month, self.language)
        made = f"{self._at(report.made_s)} ({report.zone})"
        return Document(
            report.name,
            self.language,
            words["month_title"].format(month=month),
            f"{report.network} · {self._period(month)}",
            self._headline(all_sites),
            self._facts(all_sites, made),
            (self._regions(), self._longest(), self._sites()),
            self._table(all_sites),
            words["footer"].format(name=report.name, made=made),
            words,
        )

    def _period(self, month: str) -> str:
        report, words = self.report, self.words
        if not report.whole:
            return words["month_so_far"].format(month=month, until=self._at(report.ended_s))
        began, ended = self._at(report.began_s), self._at(report.ended_s)
        return words["month_whole"].format(began=began, ended=ended, zone=report.zone)

    def _headline(self, found: Figures) -> str:
        if found.share is None:
            return self.words["headline_none"]
        return self.words["headline"].format(
            sites=number_text(found.sites, self.words),
            share=share_text(found.share, self.words),
            unknown=share_text(found.share_of(Health.UNKNOWN), self.words),
        )

    def _facts(self, found: Figures, made: str) -> tuple[tuple[str, str], ...]:
        words, shares = self.words, ((state, found.share_of(state)) for state in STATES)
        return (
            (words["availability"], share_text(found.share, words)),
            (words["outages"], number_text(found.outages, words)),
            (words["longest_outage"], duration_text(found.longest_s, words)),
            (words["people_hours"], number_text(found.people_hours, words)),
            *((words[state.value], share_text(share, words)) for state, share in shares),
            (words["made"], made),
        )

    def _regions(self) -> Section:
        words = self.words
        columns = (
            Column("region", words["region"]),
            Column("sites", words["sites"], Kind.NUMBER),
            *self._share_columns(),
            Column("people_hours", words["people_hours"], Kind.NUMBER),
        )
        found = by_region(self.report.sites)
        rows = (
            (name, one.sites, *self._share_cells(one), one.people_hours)
            for name, one in sorted(found.items(), key=lambda item: _worst_first(item[1]))
        )
        gap = duration_text(self.report.gap_s, words)
        watched = words["gaps"].format(gap=gap) if self.report.gap_s >= 1 else words["no_gaps"]
        lines = (words["counts"], watched)
        return Section(words["regions"], lines, columns, tuple(rows), words["no_regions"])

    def _longest(self) -> Section:
        words = self.words
        columns = (
            Column("site", words["site"]),
            Column("region", words["region"]),
            Column("people", words["people"], Kind.NUMBER),
            Column("began", words["began"]),
            Column("ended", words["ended"]),
            Column("lasted", words["lasted"], Kind.SECONDS),
        )
        found = [(outage, site) for site in self.report.sites for outage in site.longest]
        found.sort(key=lambda one: (-one[0].seconds, one[1].name))
        rows = tuple(
            (
                site.title or site.name,
                site.region,
                site.people,
                self._at(outage.began_s),
                self._ended(outage),
                outage.seconds,
            )
            for outage, site in found[:_LISTED]
        )
        return Section(words["longest"], (), columns, rows, words["no_outage"])

    def _sites(self) -> Section:
        words = self.words
        columns = (
            Column("site", words["site"]),
            Column("region", words["region"]),
            *self._share_columns(),
            Column("outages", words["outages"], Kind.NUMBER),
            Column("longest", words["longest_outage"], Kind.SECONDS),
        )
        found = ((site, together([site])) for site in self.report.sites)
        rows = tuple(
            (site.title or site.name, site.region, *self._share_cells(one), one.outages, _out(one))
            for site, one in sorted(found, key=lambda pair: (_worst_first(pair[1]), pair[0].name))
        )
        return Section(words["sites"], (), columns, rows, words["no_sites"])

    def _share_columns(self) -> tuple[Column, ...]:
        words = self.words
        return (
            Column("availability", words["availability"], Kind.SHARE),
            Column("states", words["states"], Kind.BAR),
            *(Column(state.value, words[state.value], Kind.SHARE) for state in STATES),
        )

    def _share_cells(self, found: Figures) -> Iterator[Cell]:
        shares = [(state, found.share_of(state)) for state in STATES]
        yield found.share
        yield tuple((state.value, share) for state, share in shares)
        yield from (share for _, share in shares)

    def _at(self, at_s: float) -> str:
        return instant_text(at_s, self.report.zone, self.language)

    def _ended(self, outage: Outage) -> str:
        over = outage.ended_s < self.report.ended_s
        return self._at(outage.ended_s) if over else self.words["still"]

    def _table(self, all_sites: Figures) -> Section:
        report = self.report
        rows: list[Row] = [_csv_row(("network", report.network, "", ""), all_sites)]
        regions = by_region(report.sites).items()
        rows += [_csv_row(("region", name, "", name), one) for name, one in regions]
        rows += [
            _csv_row(("site", one.name, one.title, one.region), together([one]))
            for one in sorted(report.sites, key=lambda one: one.name)
        ]
        return Section(self.words["sites"], (), _CSV_COLUMNS, tuple(rows))


_CSV_COLUMNS: Final = (
    *(Column(key, key) for key in ("level", "name", "title", "region")),
    *(Column(key, key, Kind.NUMBER) for key in ("sites", "people")),
    Column("availability", "availability", Kind.SHARE),
    *(Column(f"{s.value}_share", f"{s.value}_share", Kind.SHARE) for s in STATES),
    *(Column(f"{s.value}_s", f"{s.value}_s", Kind.NUMBER) for s in STATES),
    *(Column(key, key, Kind.NUMBER) for key in ("outages", "longest_outage_s", "people_hours")),
)


def _csv_row(named: tuple[str, ...], one: Figures) -> Row:
    shares = (round(one.share_of(state), 6) for state in STATES)
    seconds = (round(one.seconds[state], 1) for state in STATES)
    share = None if one.share is None else round(one.share, 6)
    last = (one.outages, round(one.longest_s, 1), round(one.people_hours, 1))
    return (*named, one.sites, one.people, share, *shares, *seconds, *last)


def _worst_first(one: Figures) -> tuple[float, float]:
    """Return what sorts the least available first; what is not known at all comes last."""
    return (2.0 if one.share is None else one.share, -one.people_hours)


def _out(one: Figures) -> float | None:
    return one.longest_s or None
