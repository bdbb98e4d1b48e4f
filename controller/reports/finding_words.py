"""The catalogue of what is found in preventive maintenance, in French and English."""

from collections.abc import Mapping
from typing import Final

from controller.incidents.sentences import Language
from controller.reports.findings import Finding
from controller.reports.words import (
    CATALOGUE,
    duration_text,
    instant_text,
    number_text,
    share_text,
)

_ENGLISH: Final[Mapping[str, str]] = {
    "config-kept": "{devices} configurations are kept in {place}; {changed} changed this week.",
    "config-changed": "Changed since the last backup: {added} lines added, {removed} removed.",
    "config-unread": "Not read, so the last backup stays: {reason}.",
    "config-fault": "No backup was made: {reason}.",
    "config-gone": "Not in the intent any more; its file left the folder and stays in the history.",
    "access-ends": "Access ends on {day}. Renew it with 'sanaga vpn person change {person} "
    "--until DAY'.",
    "access-ended": "Access ended on {day}, and is not withdrawn yet.",
    "licence-ends": "Licence {licence} ends on {day}. Ask for the new one.",
    "access-calm": "{people} people have access; none of it ends within {days} days.",
    "token-ends": "The token of {account} ends on {day}. Make another one before.",
    "token-calm": "{tokens} tokens are in use; none ends within {days} days.",
    "certificate-ends": "Ends on {day}. Put a new one in its place.",
    "certificate-ended": "Ended on {day}; whoever relies on it is refused.",
    "certificate-good": "Good until {day}.",
    "certificate-unread": "Cannot be read: {reason}.",
    "certificate-own": "The certificate for edges is made anew by itself every three days. That of "
    "a proxy before this controller cannot be seen from here.",
    "disk": "{free} of {whole} free ({free_share}).",
    "disk-fills": "{free} of {whole} free ({free_share}); at the rate of last week it is full in "
    "{days} days.",
    "disk-edges": "Edges and routers do not report how full their disks are.",
    "disk-edges-calm": "{edges} edges have more than a fifth of their disks free.",
    "disk-edges-silent": "{edges} edges do not report how full their disks are; their program is "
    "of before, or they have not been heard for two days.",
    "disk-routers": "Routers do not report how full their disks are.",
    "version-controller": "The controller runs {version}.",
    "version-same": "{edges} edges run the controller's version {version}.",
    "version-older": "Runs {version}, the controller {newest}.",
    "version-newer": "Runs {version}, which is newer than the controller's {newest}.",
    "version-unread": "Its version is not known: {reason}.",
    "version-silent": "{edges} edges do not tell their version; their program is of before.",
    "updates-none": "No security update waits on this machine.",
    "updates-wait": "{packages} security updates wait on this machine: {names}.",
    "updates-stale": "The list of packages on this machine is {age_s} old. Run 'apt-get update'.",
    "updates-unread": "Security updates of this machine are not known: {reason}.",
    "updates-edge": "{packages} security updates wait: {names}. Run 'apt-get dist-upgrade' there, "
    "in the order of the stages below.",
    "updates-edge-unread": "Its security updates are not known: {reason}.",
    "updates-edges-calm": "On {edges} edges no security update waits.",
    "updates-edges-silent": "{edges} edges do not report security updates of their system; their "
    "program is of before, or they have not been heard for two days.",
    "updates-edges": "{edges} edges do not report security updates of their system. Look with "
    "'apt list --upgradable' at each.",
    "sign-in-none": "No sign-in of an account was refused.",
    "sign-in-some": "{passwords} refusals by password and {factors} by second factor.",
    "sign-in-scope": "Attempts at names that no account has are not recorded.",
    "sign-in-nobody": "Nobody has an account yet.",
    "battery-none": "No power supply is polled, so no battery is known.",
    "battery-silent": "Not heard since {since_at}.",
    "battery-low": "Says that it soon ends, since {since_at}. See to its mains now.",
    "battery-untested": "Not seen to carry its load since {since_at}. Take its mains away for five "
    "minutes on a calm day.",
    "battery-worn": "Said that it soon ends after {held_s} on battery on {began_at}. Replace it.",
    "battery-unmeasured": "Held for {held_s} on {began_at}; how long it would last is not known.",
    "battery-short": "Held for {held_s} on {began_at}, from {first_share} to {last_share}; full it "
    "would last {whole_s}.",
    "battery-not-full": "Charged to {charge_share} only, a day after it held for {held_s}.",
    "battery-held": "Held for {held_s} on {began_at}, from {first_share} to {last_share}; full it "
    "would last {whole_s}.",
    "check-failed": "Could not be checked: {reason}.",
    "stage-canary": "First, alone: fewest people ({people}), {ways} ways.",
    "stage-few": "A day after the first without an incident: a tenth.",
    "stage-rest": "A day later: everybody else but hubs.",
    "stage-hub": "Last, one hub after the other: tunnels of others end here.",
    "stage-calm": "No edge while a consultation runs or is announced over it: 'sanaga noc "
    "consultation'.",
}
_FRENCH: Final[Mapping[str, str]] = {
    "config-kept": "{devices} configurations sont gardées dans {place} ; {changed} ont "
    "changé cette "
    "semaine.",
    "config-changed": "A changé depuis la dernière sauvegarde : {added} lignes ajoutées, {removed} "
    "retirées.",
    "config-unread": "Pas lue, la dernière sauvegarde reste : {reason}.",
    "config-fault": "Aucune sauvegarde n'a été faite : {reason}.",
    "config-gone": "N'est plus dans l'intention ; son fichier a quitté le dossier et reste dans "
    "l'historique.",
    "access-ends": "L'accès finit le {day}. À renouveler : 'sanaga vpn person change "
    "{person} --until DAY'.",
    "access-ended": "L'accès a fini le {day} et n'est pas encore retiré.",
    "licence-ends": "La licence {licence} finit le {day}. Demander la nouvelle.",
    "access-calm": "{people} personnes ont un accès ; aucun ne finit dans les {days} jours.",
    "token-ends": "Le jeton de {account} finit le {day}. En faire un autre avant.",
    "token-calm": "{tokens} jetons sont en usage ; aucun ne finit dans les {days} jours.",
    "certificate-ends": "Finit le {day}. Le remplacer.",
    "certificate-ended": "A fini le {day} ; qui s'y fie est refusé.",
    "certificate-good": "Bon jusqu'au {day}.",
    "certificate-unread": "Illisible : {reason}.",
    "certificate-own": "Le certificat pour les équipements se renouvelle seul tous les "
    "trois jours. "
    "Celui d'un mandataire devant ce contrôleur ne se voit pas d'ici.",
    "disk": "{free} libres sur {whole} ({free_share}).",
    "disk-fills": "{free} libres sur {whole} ({free_share}) ; au rythme de la semaine "
    "passée, plein "
    "dans {days} jours.",
    "disk-edges": "Équipements et routeurs ne disent pas si leurs disques sont pleins.",
    "disk-edges-calm": "{edges} équipements ont plus d'un cinquième de leur disque libre.",
    "disk-edges-silent": "{edges} équipements ne disent pas si leur disque est plein : programme "
    "ancien, ou pas entendus depuis deux jours.",
    "disk-routers": "Les routeurs ne disent pas si leur disque est plein.",
    "version-controller": "Le contrôleur est en version {version}.",
    "version-same": "{edges} équipements ont la version du contrôleur, {version}.",
    "version-older": "A la version {version}, le contrôleur {newest}.",
    "version-newer": "A la version {version}, plus récente que {newest} du contrôleur.",
    "version-unread": "Sa version n'est pas connue : {reason}.",
    "version-silent": "{edges} équipements ne disent pas leur version ; leur programme est ancien.",
    "updates-none": "Aucune mise à jour de sécurité n'attend sur cette machine.",
    "updates-wait": "{packages} mises à jour de sécurité attendent sur cette machine : {names}.",
    "updates-stale": "La liste des paquets de cette machine a {age_s}. Lancer 'apt-get update'.",
    "updates-unread": "Les mises à jour de sécurité de cette machine ne sont pas connues : "
    "{reason}.",
    "updates-edge": "{packages} mises à jour de sécurité attendent : {names}. Lancer 'apt-get "
    "dist-upgrade' là-bas, dans l'ordre des étapes ci-dessous.",
    "updates-edge-unread": "Ses mises à jour de sécurité ne sont pas connues : {reason}.",
    "updates-edges-calm": "Sur {edges} équipements aucune mise à jour de sécurité n'attend.",
    "updates-edges-silent": "{edges} équipements ne disent pas leurs mises à jour de sécurité ; "
    "leur programme est d'avant, ou rien n'en est entendu depuis deux jours.",
    "updates-edges": "{edges} équipements ne disent pas les mises à jour de sécurité de "
    "leur système. "
    "À voir avec 'apt list --upgradable' sur chacun.",
    "sign-in-none": "Aucune connexion d'un compte n'a été refusée.",
    "sign-in-some": "{passwords} refus au mot de passe et {factors} au second facteur.",
    "sign-in-scope": "Les essais de noms sans compte ne sont pas notés.",
    "sign-in-nobody": "Personne n'a encore de compte.",
    "battery-none": "Aucun onduleur n'est interrogé ; on ne sait rien des batteries.",
    "battery-silent": "Pas entendue depuis le {since_at}.",
    "battery-low": "Annonce sa fin prochaine depuis le {since_at}. Voir son secteur maintenant.",
    "battery-untested": "Pas vue porter sa charge depuis le {since_at}. Couper son secteur cinq "
    "minutes un jour calme.",
    "battery-worn": "A annoncé sa fin après {held_s} sur batterie le {began_at}. La remplacer.",
    "battery-unmeasured": "A tenu {held_s} le {began_at} ; sa durée entière n'est pas connue.",
    "battery-short": "A tenu {held_s} le {began_at}, de {first_share} à {last_share} ; "
    "pleine, elle "
    "tiendrait {whole_s}.",
    "battery-not-full": "Chargée à {charge_share} seulement, un jour après avoir tenu {held_s}.",
    "battery-held": "A tenu {held_s} le {began_at}, de {first_share} à {last_share} ; pleine, elle "
    "tiendrait {whole_s}.",
    "check-failed": "N'a pas pu être vérifié : {reason}.",
    "stage-canary": "D'abord, seul : le moins d'habitants ({people}), {ways} chemins.",
    "stage-few": "Un jour après le premier sans incident : un dixième.",
    "stage-rest": "Un jour plus tard : tous les autres sauf les concentrateurs.",
    "stage-hub": "À la fin, un concentrateur après l'autre : les tunnels des autres y finissent.",
    "stage-calm": "Aucun équipement pendant une consultation, en cours ou annoncée : 'sanaga noc "
    "consultation'.",
}
SENTENCES: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.ENGLISH: _ENGLISH,
    Language.FRENCH: _FRENCH,
}


def finding_sentence(finding: Finding, zone: str, language: Language) -> str:
    """Return a finding as a sentence in a language."""
    return sentence_of(finding.key, finding.values, zone, language)


def sentence_of(key: str, values: Mapping[str, str | float], zone: str, language: Language) -> str:
    """Return a sentence of the catalogue with its values as people write them."""
    said = {name: _value(name, value, zone, language) for name, value in values.items()}
    return SENTENCES[language][key].format(**said)


def _value(name: str, value: str | float, zone: str, language: Language) -> str:
    words = CATALOGUE[language]
    if isinstance(value, str):
        return value
    if name.endswith("_share"):
        return share_text(value, words)
    if name.endswith("_at"):
        return instant_text(value, zone, language)
    return duration_text(value, words) if name.endswith("_s") else number_text(value, words)
