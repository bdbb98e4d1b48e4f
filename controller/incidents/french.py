"""In French what is stored of incidents in English: evidence, and entries of timelines."""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Final

from controller.incidents.sentences import (
    COUNTED,
    MEDIA,
    OTHER_WAY,
    TITLES,
    Language,
)

# Pages and lists show the same sentences again and again.
_REMEMBERED: Final = 4096
# What is longer is no sentence of ours, and would take its time.
_LONGEST: Final = 1_000
_FIELD: Final = re.compile(r"\{(\w+)[^}]*\}")
_EVIDENCE: Final[Mapping[str, str]] = {
    "{n} circuits of {name} died within two minutes": "{n} liaisons de {name} sont mortes en deux "
    "minutes",
    "all neighbours lost {name} at once: {names}": "tous les voisins ont perdu {name} en même "
    "temps : {names}",
    "the neighbours still see its circuits up, so it has power and does not answer": "les voisins "
    "voient encore ses liaisons : il a du courant, et ne répond pas",
    "{name} stopped answering; no neighbour can see why": "{name} ne répond plus ; aucun voisin ne "
    "voit pourquoi",
    "the intent has no way from it to the centre, so nothing else can explain its silence": "dans "
    "l'intention aucun chemin ne mène d'ici au centre : rien d'autre n'explique son silence",
    "{name} answers, so it has power": "{name} répond, donc il a du courant",
    "{name} is silent behind it; no other circuit could tell whether it has power": "{name} se "
    "tait derrière elle ; aucune autre liaison ne dirait s'il a du courant",
    "{name} saw {other} dead before it fell silent ({why})": "{name} a vu {other} morte avant de "
    "se taire ({why})",
    "{name} saw {other} dead before it fell silent": "{name} a vu {other} morte avant de se taire",
    "{name} saw {other} dead ({why})": "{name} a vu {other} morte ({why})",
    "{name} saw {other} dead": "{name} a vu {other} morte",
    "{name} said with its last words that it loses power ({why})": "{name} a dit en dernier qu'il "
    "perd le courant ({why})",
    "{name} said with its last words that it loses power": "{name} a dit en dernier qu'il perd le "
    "courant",
    "the UPS of {name} ran on its battery ({why})": "l'onduleur de {name} était sur batterie "
    "({why})",
    "{name} is not heard ({why})": "rien n'est entendu de {name} ({why})",
    "nothing at the centre answers {name} any more, where it stands itself": "au centre plus rien "
    "ne répond à {name}, qui s'y trouve lui-même",
    "what only it could hear is unknown, not down": "ce que lui seul entendait est inconnu, pas "
    "en panne",
    "its UPS runs on the battery ({why})": "son onduleur est sur batterie ({why})",
    "the UPS of {name} runs on its battery ({why})": "l'onduleur de {name} est sur batterie "
    "({why})",
    "its session ended; nothing else shows whether it carries traffic": "sa session a pris fin ; "
    "rien d'autre ne dit s'il transporte du trafic",
    "{name}: the satellite changes again and again ({why})": "{name} : le satellite change sans "
    "cesse ({why})",
    "{name} has no session over it": "{name} n'a aucune session par elle",
    "round trip {n} ms; at most {most} ms is usual for {medium}": "aller-retour {n} ms ; au plus "
    "{most} ms sont habituels pour {medium}",
    "{n} is lost; at most {most} is usual for {medium}": "{n} est perdu ; au plus {most} est "
    "habituel pour {medium}",
    "calls score {n}: {felt}": "les appels ont une note de {n} : {felt}",
    "{name} is {n} full": "{name} est pleine à {n}",
}
# Why an observer says so; it stands in brackets, or alone.
_REASONS: Final[Mapping[str, str]] = {
    "{name} has no link for {n} s": "{name} n'a plus de lien depuis {n} s",
    "{name} has no link": "{name} n'a plus de lien",
    "{name} is switched off": "{name} est éteint",
    "{name} reports that {port} has no link": "{name} annonce que {port} n'a plus de lien",
    "{name} logged that BGP with {other} went down ({why})": "{name} a noté que BGP avec {other} "
    "est tombé ({why})",
    "{name} logged that BGP with {other} went down": "{name} a noté que BGP avec {other} est tombé",
    "BFD of {name} with {other} is down: no packets come over {port}": "BFD de {name} avec {other} "
    "est tombé : aucun paquet ne vient par {port}",
    "BGP of {name} with {other} is switched off": "BGP de {name} avec {other} est éteint",
    "BGP of {name} with {other} is {state}, not established": "BGP de {name} avec {other} est "
    "{state}, pas établi",
    "wrong cable: {name} should meet {other}, meets {met}": "câble mal branché : {name} devrait "
    "mener à {other}, et mène à {met}",
    "mains power is away; it runs on its battery{rest}": "plus de secteur ; sur batterie{rest}",
    "hears {n} of {most} agents": "entend {n} agents sur {most}",
    "{n} of {most} agents fell silent at once; the fault is here, not there": "{n} agents sur "
    "{most} se sont tus d'un coup ; la panne est ici, pas là-bas",
    "no report since {n} s; reports come every 60 s": "aucun rapport depuis {n} s ; il en vient un "
    "toutes les 60 s",
    "it never reported; look at 'sanaga edge status' there": "aucun rapport n'est jamais venu ; "
    "voir 'sanaga edge status' là-bas",
    "{name}: {peer} does not answer over {other}": "{name} : {peer} ne répond pas par {other}",
    "{name}: {peer} loses more than usual over {other}": "{name} : {peer} perd plus que d'habitude "
    "par {other}",
    "{name}: nobody answers over {other}; the far end may be cut off": "{name} : personne ne "
    "répond par {other} ; l'autre bout est peut-être isolé",
    "no reason given": "sans raison donnée",
    "quality is poor": "la qualité est mauvaise",
    "not well": "ne va pas bien",
    "its processor is busy for {n} minutes": "son processeur est occupé depuis {n} minutes",
    "its memory is {n} full": "sa mémoire est pleine à {n}",
}
_ENTRIES: Final[Mapping[str, str]] = {
    "{who} acknowledged it: {text}": "{who} s'en occupe : {text}",
    "{who} acknowledged it": "{who} s'en occupe",
    "{who} gave it back: {text}": "{who} l'a rendu : {text}",
    "{who} gave it back": "{who} l'a rendu",
    "{who} assigned it to {name}": "{who} l'a donné à {name}",
    "{who} muted it: {text}": "{who} a suspendu les avis : {text}",
    "{who} muted it": "{who} a suspendu les avis",
    "{who} ended the mute: {text}": "{who} a repris les avis : {text}",
    "{who} ended the mute": "{who} a repris les avis",
    "{who} resolved it": "{who} l'a déclaré terminé",
    "{who} split {names} off": "{who} en a séparé {names}",
    "merged into incident {n}": "réuni à l'incident {n}",
    "incident {n} merged into this": "l'incident {n} est réuni à celui-ci",
    "the cause is {name}, not {other}": "la cause est {name}, pas {other}",
    "{name} is well again": "{name} va de nouveau bien",
    "{name} was removed from the intent": "{name} a été retiré de l'intention",
    "{name} was down while nobody could hear it": "{name} était en panne pendant que personne ne "
    "pouvait l'entendre",
}
_FELT: Final[Mapping[str, str]] = {
    "speech is clear": "la parole est claire",
    "some words are hard to understand": "certains mots se comprennent mal",
    "many words are hard to understand, the picture freezes": "beaucoup de mots se comprennent "
    "mal, l'image se fige",
    "a consultation is hardly possible": "une consultation est à peine possible",
}
_SPLIT: Final = re.compile(r"no part of incident (\d+): (.+)")
# What nothing else fits is a device's own words.
_OWN_WORDS: Final = re.compile(r"([^\s:]+): (.+)")


@lru_cache(maxsize=_REMEMBERED)
def in_french(text: str) -> str:
    """Return a sentence of an incident in French; words of devices and people stay as they are."""
    if len(text) > _LONGEST:
        return text
    if found := _SPLIT.fullmatch(text):
        return f"ne fait pas partie de l'incident {found[1]} : {in_french(found[2])}"
    for known in (_sentence, _title):
        if (told := known(text)) is not None:
            return told
    own = _OWN_WORDS.fullmatch(text)
    return f"{own[1]} : {_sentence(own[2]) or own[2]}" if own else text


def _sentence(text: str) -> str | None:
    return _told(text, _catalogue())


def _title(text: str) -> str | None:
    """Return what an incident is called; its effects stand behind a colon or a dash."""
    for joint, french in ((" - ", " - "), (": ", " : "), ("", "")):
        head, found, tail = text.partition(joint) if joint else (text, "", "")
        if found != joint or (told := _told(head, _heads())) is None:
            continue
        effects = (_told(one, _effects()) or one for one in tail.split(", ") if one)
        return f"{told}{french}{', '.join(effects)}" if tail else told
    return None


Patterns = tuple[tuple[re.Pattern[str], str], ...]


def _told(text: str, patterns: Patterns) -> str | None:
    for pattern, french in patterns:
        if found := pattern.fullmatch(text):
            return _filled(french, found)
    return None


def _filled(french: str, found: re.Match[str]) -> str:
    """Return a sentence with its fields; a reason among them is told in French, too."""

    def value(field: re.Match[str]) -> str:
        text = found[field[1]]
        return in_french(text) if field[1] == "why" else _words().get(text, text)

    return _FIELD.sub(value, french)


@cache
def _catalogue() -> Patterns:
    return _compiled({**_REASONS, **_EVIDENCE, **_ENTRIES}.items())


@cache
def _heads() -> Patterns:
    english, french = TITLES[Language.ENGLISH], TITLES[Language.FRENCH]
    return _compiled((english[cause], french[cause]) for cause in english)


@cache
def _effects() -> Patterns:
    english, french = COUNTED[Language.ENGLISH], COUNTED[Language.FRENCH]
    pairs = (zip(english[what], french[what], strict=True) for what in english)
    return _compiled(pair for both in pairs for pair in both)


@cache
def _words() -> Mapping[str, str]:
    media = {one: MEDIA[Language.FRENCH][medium] for medium, one in MEDIA[Language.ENGLISH].items()}
    ways = {OTHER_WAY[Language.ENGLISH]: OTHER_WAY[Language.FRENCH]}
    return {**media, **ways, **_FELT}


def _compiled(pairs: Iterable[tuple[str, str]]) -> Patterns:
    return tuple((_pattern(english), french) for english, french in pairs)


def _pattern(english: str) -> re.Pattern[str]:
    """Return what a sentence with fields looks like."""
    pattern, at = "", 0
    for field in _FIELD.finditer(english):
        # A name has no colon; what stands behind one is a sentence of its own.
        value = "[^:]+?" if field[1] == "name" else ".+?"
        pattern += f"{re.escape(english[at : field.start()])}(?P<{field[1]}>{value})"
        at = field.end()
    return re.compile(pattern + re.escape(english[at:]))
