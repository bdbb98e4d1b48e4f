"""What an incident is called, in English and French: the catalogue, and the rules of counting."""

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from controller.incidents.detour import media_left
from controller.incidents.model import Cause, Effect, Incident, SubjectKind
from controller.incidents.view import NetworkView
from inventory.model import Medium


class Language(StrEnum):
    """A language of notices."""

    ENGLISH = "en"
    FRENCH = "fr"


TITLES: Final[Mapping[Language, Mapping[Cause, str]]] = {
    Language.ENGLISH: {
        Cause.POWER_CUT: "{place} has lost its power",
        Cause.ON_BATTERY: "{place} runs on battery",
        Cause.FIBRE_CUT: "Fibre {root} is cut near {place}",
        Cause.RADIO_LOST: "Microwave {root} is down near {place}",
        Cause.ACCESS_LOST: "{place} has lost {medium}: {root} is dead",
        Cause.OPERATOR_FAULT: "Operator {root} has an outage",
        Cause.DEVICE_FAULT: "{root} at {place} does not answer",
        Cause.DEVICE_AILING: "{root} at {place} is not well",
        Cause.CONGESTION: "{root} is full near {place}",
        Cause.POOR_QUALITY: "{root} does worse than {medium} usually does near {place}",
        Cause.ROUTING_LOST: "{root} is up near {place} and routes nothing",
        Cause.SATELLITE_HANDOVER: "{root} at {place} changes its satellite again and again",
        Cause.WRONG_CABLE: "{root} is plugged in wrongly near {place}",
        Cause.COLLECTOR_LOST: "Collector {root} hears nothing; what it watches is unknown",
        Cause.UNKNOWN: "{root} is silent, nobody can see why",
    },
    Language.FRENCH: {
        Cause.POWER_CUT: "{place} n'a plus d'électricité",
        Cause.ON_BATTERY: "{place} fonctionne sur batterie",
        Cause.FIBRE_CUT: "La fibre {root} est coupée près de {place}",
        Cause.RADIO_LOST: "Le faisceau hertzien {root} est en panne près de {place}",
        Cause.ACCESS_LOST: "{place} a perdu {medium} : {root} ne répond plus",
        Cause.OPERATOR_FAULT: "L'opérateur {root} est en panne",
        Cause.DEVICE_FAULT: "{root} à {place} ne répond plus",
        Cause.DEVICE_AILING: "{root} à {place} ne va pas bien",
        Cause.CONGESTION: "{root} est saturée près de {place}",
        Cause.POOR_QUALITY: "{root} fait moins bien que d'habitude ({medium}) près de {place}",
        Cause.ROUTING_LOST: "{root} fonctionne près de {place}, mais rien n'y est routé",
        Cause.SATELLITE_HANDOVER: "{root} à {place} change sans cesse de satellite",
        Cause.WRONG_CABLE: "{root} est mal branchée près de {place}",
        Cause.COLLECTOR_LOST: "Le collecteur {root} n'entend plus rien ; l'état est inconnu",
        Cause.UNKNOWN: "{root} se tait, personne ne voit pourquoi",
    },
}
MEDIA: Final[Mapping[Language, Mapping[Medium, str]]] = {
    Language.ENGLISH: {
        Medium.FIBRE: "fibre",
        Medium.MICROWAVE: "microwave",
        Medium.LEO: "LEO",
        Medium.LTE: "LTE",
        Medium.VSAT: "VSAT",
    },
    Language.FRENCH: {
        Medium.FIBRE: "la fibre",
        Medium.MICROWAVE: "le faisceau hertzien",
        Medium.LEO: "LEO",
        Medium.LTE: "LTE",
        Medium.VSAT: "VSAT",
    },
}
# Singular and plural; French uses the singular for none, too.
COUNTED: Final[Mapping[Language, Mapping[str, tuple[str, str]]]] = {
    Language.ENGLISH: {
        "cut off": ("1 site cut off", "{n} sites cut off"),
        "moved": ("1 site on {way}", "{n} sites on {way}"),
        "quality": ("1 site affected", "{n} sites affected"),
        "interrupted": ("1 consultation interrupted", "{n} consultations interrupted"),
        "protected": ("1 consultation protected", "{n} consultations protected"),
        "affected": ("1 consultation affected", "{n} consultations affected"),
        "facilities": ("1 facility", "{n} facilities"),
        "people": ("1 person", "{n:,} people"),
    },
    Language.FRENCH: {
        "cut off": ("1 site isolé", "{n} sites isolés"),
        "moved": ("1 site sur {way}", "{n} sites sur {way}"),
        "quality": ("1 site touché", "{n} sites touchés"),
        "interrupted": ("1 consultation interrompue", "{n} consultations interrompues"),
        "protected": ("1 consultation protégée", "{n} consultations protégées"),
        "affected": ("1 consultation touchée", "{n} consultations touchées"),
        "facilities": ("1 établissement", "{n} établissements"),
        "people": ("1 habitant", "{n:,} habitants"),
    },
}
OTHER_WAY: Final = {Language.ENGLISH: "another way", Language.FRENCH: "un autre chemin"}
_COLON: Final = {Language.ENGLISH: ": ", Language.FRENCH: " : "}
_SERVED: Final = {Language.ENGLISH: "Served there: {who}.", Language.FRENCH: "Desservis : {who}."}
_BEYOND: Final = {Effect.CUT_OFF: "interrupted", Effect.REDUNDANCY_LOST: "protected"}


def title(
    incident: Incident,
    network: NetworkView,
    dead: frozenset[str] = frozenset(),
    language: Language = Language.ENGLISH,
) -> str:
    """Return what an incident is called: its cause, and what it does to sites and consultations."""
    head = TITLES[language][incident.cause].format_map(_words(incident, network, language))
    tail = ", ".join(_effects(incident, network, dead, language))
    colon = _COLON[language] if ":" not in head else " - "
    return f"{head}{colon}{tail}" if tail else head


def sentence(
    incident: Incident,
    network: NetworkView,
    dead: frozenset[str] = frozenset(),
    language: Language = Language.ENGLISH,
) -> str:
    """Return the title as a sentence, with whom the sites serve."""
    told = title(incident, network, dead, language)
    counts = (("facilities", incident.facilities), ("people", incident.people))
    who = ", ".join(_counted(language, what, n) for what, n in counts if n)
    return f"{told}. {_SERVED[language].format(who=who)}" if who else f"{told}."


def _words(incident: Incident, network: NetworkView, language: Language) -> Mapping[str, str]:
    site = network.site_of(incident.root)
    circuit = network.circuits.get(incident.root.name)
    medium = MEDIA[language][circuit.medium] if circuit else ""
    place = network.sites[site].title if site else incident.root.name
    root = place if incident.root.kind is SubjectKind.SITE else incident.root.name
    return {"root": root, "place": place, "medium": medium}


def _effects(
    incident: Incident, network: NetworkView, dead: frozenset[str], language: Language
) -> Iterator[str]:
    if incident.cut_off:
        yield _counted(language, "cut off", len(incident.cut_off))
    left = [site for site in incident.sites if site not in incident.cut_off]
    if left and incident.effect is Effect.QUALITY:
        yield _counted(language, "quality", len(left))
    elif left:
        ways = Counter(_ways(incident, network, dead, language))
        for way, n in sorted(ways.items()):
            yield _counted(language, "moved", n).format(way=way)
    if incident.consultations:
        what = _BEYOND.get(incident.effect, "affected")
        yield _counted(language, what, len(incident.consultations))


def _ways(
    incident: Incident, network: NetworkView, dead: frozenset[str], language: Language
) -> Iterator[str]:
    """Yield the worst medium on the way left to each site that is not cut off."""
    left = [site for site in incident.sites if site not in incident.cut_off]
    lost = network.circuits.get(incident.root.name)
    for medium in media_left(network, left, dead).values():
        same = lost is not None and medium is lost.medium
        yield OTHER_WAY[language] if medium is None or same else MEDIA[language][medium]


def _counted(language: Language, what: str, n: int) -> str:
    one, many = COUNTED[language][what]
    form = one if n == 1 or (n == 0 and language is Language.FRENCH) else many
    text = form.replace("{n:,}", f"{n:,}").replace("{n}", str(n))
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}") if language is Language.FRENCH else text
