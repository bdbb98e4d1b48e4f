"""The catalogue of reports in French and English, as plain sentences, and numbers in both."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from controller.incidents.sentences import Language

_ENGLISH: Final[Mapping[str, str]] = {
    "good": "good",
    "note": "soon",
    "act": "act",
    "unknown": "unknown",
    "ok": "ok",
    "degraded": "degraded",
    "unreachable": "unreachable",
    "down": "down",
    "maintenance": "maintenance",
    "available": "available",
    "availability": "Availability",
    "network": "Whole network",
    "regions": "Regions",
    "sites": "Sites",
    "longest": "Longest outages",
    "region": "Region",
    "site": "Site",
    "people": "People",
    "outages": "Outages",
    "longest_outage": "Longest",
    "people_hours": "People × hours cut off",
    "states": "Time in states",
    "began": "Began",
    "ended": "Ended",
    "lasted": "Lasted",
    "still": "goes on",
    "period": "Period",
    "made": "Made",
    "month_title": "Availability in {month}",
    "month_so_far": "{month}, so far until {until}",
    "month_whole": "{began} to {ended} ({zone})",
    "headline": "{sites} sites were available for {share} of the time that is known; "
    "{unknown} of the time is unknown.",
    "headline_none": "Nothing is known of this month: the controller heard of no site.",
    "counts": "Available is ok and degraded. Availability is its share of the time that is known "
    "and not in maintenance; unknown and maintenance are shares of their own.",
    "gaps": "The controller did not watch for {gap}; that time is unknown.",
    "no_gaps": "The controller watched all the time.",
    "no_outage": "No outage.",
    "no_regions": "No region.",
    "no_sites": "No site is in your scope.",
    "total": "network",
    "place": "Place",
    "weekly_title": "Preventive maintenance of {date}",
    "weekly_subtitle": "Seven days until {until} ({zone})",
    "weekly_headline": "{act} to act on, {note} to watch, {unknown} unknown, {good} good.",
    "checks": "What was checked",
    "check": "Check",
    "subject": "What",
    "state": "State",
    "finding": "Finding",
    "nothing": "Nothing was found.",
    "to_do": "What to do",
    "nothing_to_do": "Nothing to do.",
    "stages": "Plan of the update, by stages",
    "stage": "Stage",
    "edge": "Edge",
    "runs": "Runs",
    "why": "Why then",
    "no_stages": "No edge is known to run an older version.",
    "config-backup": "Configuration backup",
    "access": "Access over the VPN",
    "token": "Machine token",
    "certificate": "Certificate",
    "disk": "Disk",
    "version": "Version",
    "security-updates": "Security updates",
    "sign-in": "Failed sign-ins",
    "battery": "Battery",
    "legend": "{good} good   {note} soon   {act} act   {unknown} unknown",
    "footer": "Sanaga, report {name}, made {made}.",
    "page": "Page {page} of {pages}",
    "decimal": ".",
    "days": "d",
    "hours": "h",
    "minutes": "min",
    "seconds": "s",
}
_FRENCH: Final[Mapping[str, str]] = {
    "good": "bon",
    "note": "bientôt",
    "act": "agir",
    "unknown": "inconnu",
    "ok": "ok",
    "degraded": "dégradé",
    "unreachable": "injoignable",
    "down": "en panne",
    "maintenance": "maintenance",
    "available": "disponible",
    "availability": "Disponibilité",
    "network": "Tout le réseau",
    "regions": "Régions",
    "sites": "Sites",
    "longest": "Pannes les plus longues",
    "region": "Région",
    "site": "Site",
    "people": "Habitants",
    "outages": "Pannes",
    "longest_outage": "La plus longue",
    "people_hours": "Habitants × heures coupés",
    "states": "Temps par état",
    "began": "Début",
    "ended": "Fin",
    "lasted": "Durée",
    "still": "dure encore",
    "period": "Période",
    "made": "Établi",
    "month_title": "Disponibilité en {month}",
    "month_so_far": "{month}, jusqu'au {until}",
    "month_whole": "du {began} au {ended} ({zone})",
    "headline": "{sites} sites ont été disponibles {share} du temps connu ; "
    "{unknown} du temps est inconnu.",
    "headline_none": "On ne sait rien de ce mois : le contrôleur n'a entendu aucun site.",
    "counts": "Disponible compte ok et dégradé. La disponibilité est sa part du temps connu "
    "et hors "
    "maintenance ; l'inconnu et la maintenance sont des parts à elles.",
    "gaps": "Le contrôleur n'a pas surveillé pendant {gap} ; ce temps est inconnu.",
    "no_gaps": "Le contrôleur a surveillé tout le temps.",
    "no_outage": "Aucune panne.",
    "no_regions": "Aucune région.",
    "no_sites": "Aucun site n'est dans votre périmètre.",
    "total": "réseau",
    "place": "Lieu",
    "weekly_title": "Maintenance préventive du {date}",
    "weekly_subtitle": "Sept jours jusqu'au {until} ({zone})",
    "weekly_headline": "Agir : {act}, surveiller : {note}, inconnu : {unknown}, bon : {good}.",
    "checks": "Ce qui a été vérifié",
    "check": "Contrôle",
    "subject": "Quoi",
    "state": "État",
    "finding": "Constat",
    "nothing": "Rien n'a été trouvé.",
    "to_do": "À faire",
    "nothing_to_do": "Rien à faire.",
    "stages": "Plan de mise à jour, par étapes",
    "stage": "Étape",
    "edge": "Équipement",
    "runs": "Version",
    "why": "Pourquoi alors",
    "no_stages": "Aucun équipement n'a de version plus ancienne, pour autant qu'on sache.",
    "config-backup": "Sauvegarde des configurations",
    "access": "Accès par le VPN",
    "token": "Jeton de machine",
    "certificate": "Certificat",
    "disk": "Disque",
    "version": "Version",
    "security-updates": "Mises à jour de sécurité",
    "sign-in": "Connexions refusées",
    "battery": "Batterie",
    "legend": "{good} bon   {note} bientôt   {act} agir   {unknown} inconnu",
    "footer": "Sanaga, rapport {name}, établi {made}.",
    "page": "Page {page} sur {pages}",
    "decimal": ",",
    "days": "j",
    "hours": "h",
    "minutes": "min",
    "seconds": "s",
}
CATALOGUE: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.ENGLISH: _ENGLISH,
    Language.FRENCH: _FRENCH,
}
_MONTHS: Final[Mapping[Language, tuple[str, ...]]] = {
    Language.ENGLISH: (
        "January", "February", "March", "April", "May", "June", "July",
        "August", "September", "October", "November", "December",
    ),
    Language.FRENCH: (
        "janvier", "février", "mars", "avril", "mai", "juin", "juillet",
        "août", "septembre", "octobre", "novembre", "décembre",
    ),
}  # fmt: skip
_UNITS: Final = (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


def month_name(month: str, language: Language) -> str:
    """Return a month such as '2026-11' in words."""
    year, number = month.split("-")
    return f"{_MONTHS[language][int(number) - 1]} {year}"


def share_text(share: float | None, words: Mapping[str, str]) -> str:
    """Return a share as a percentage; what is not whole is never rounded to 0 or 100."""
    if share is None:
        return "–"
    percent = share * 100
    digits = 3 if 99.9 <= percent < 100 or 0 < percent < 0.1 else 2
    text = f"{percent:.{digits}f}"
    if percent < 100 and float(text) == 100:
        text = "99.999"
    if percent > 0 and float(text) == 0:
        text = "0.001"
    return f"{text.replace('.', words['decimal'])} %"


def duration_text(seconds: float | None, words: Mapping[str, str]) -> str:
    """Return a duration by its two largest units, such as '2 h 5 min'."""
    if seconds is None:
        return "–"
    rest, parts = round(seconds), list[str]()
    for name, unit in _UNITS:
        number, rest = divmod(rest, unit)
        if number:
            parts.append(f"{number} {words[name]}")
        elif parts:
            break
    return " ".join(parts[:2]) or f"0 {words['seconds']}"


def number_text(number: float | None, words: Mapping[str, str]) -> str:
    """Return a number with its thousands apart."""
    if number is None:
        return "–"
    space = "," if words["decimal"] == "." else "\N{NARROW NO-BREAK SPACE}"
    return f"{number:,.0f}".replace(",", space)


def instant_text(at_s: float, zone: str, language: Language) -> str:
    """Return an instant in the wall time of a zone."""
    here = datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(zone))
    return f"{here:%d/%m/%Y %H:%M}" if language is Language.FRENCH else f"{here:%Y-%m-%d %H:%M}"
