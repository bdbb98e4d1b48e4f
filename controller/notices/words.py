"""The catalogue of notices in French and English, as plain sentences."""

from collections.abc import Mapping
from typing import Final

from controller.notices.model import Language

_ENGLISH: Final[Mapping[str, str]] = {
    "opened": "New",
    "changed": "Changed",
    "escalated": "Nobody has acknowledged",
    "ended": "Ended",
    "info": "INFO",
    "warning": "WARNING",
    "critical": "CRITICAL",
    "incident": "Incident",
    "number": "no.",
    "region": "Region",
    "sites": "Sites",
    "people": "People affected",
    "consultations": "Consultations affected",
    "since": "Since",
    "until": "Until",
    "person_unit": "people",
    "site_unit": "sites",
    "more": "and {number} more",
    "cut": "[{number} characters left out]",
    "cut_short": "(+{number} characters)",
    "digest": "Digest: {opened} incidents began or changed, {ended} ended",
    "digest_why": "There were too many notices to send one by one. Critical ones and the ends of "
    "those that were sent are not held back.",
    "digest_count": "{severity}: {number}",
    "test": "TEST: this is not an incident",
    "test_text": "Somebody tests whether notices reach {person} by this contact point. "
    "There is nothing to do.",
    "all_clear": "All clear: notices work, {number} incidents are open",
    "beat": "Sanaga is alive",
    "failing": "The controller failed",
    "working": "Works again",
    "report_where": "Read it with 'sanaga report', or at /api/v1/reports/{name}?format=html.",
    "footer": "Sanaga, notice {key}. You get it because the intent's section 'notices' names you.",
}
_FRENCH: Final[Mapping[str, str]] = {
    "opened": "Nouveau",
    "changed": "Changement",
    "escalated": "Personne n'a accusé réception",
    "ended": "Fin",
    "info": "INFO",
    "warning": "ALERTE",
    "critical": "CRITIQUE",
    "incident": "Incident",
    "number": "no",
    "region": "Région",
    "sites": "Sites",
    "people": "Personnes touchées",
    "consultations": "Consultations touchées",
    "since": "Depuis",
    "until": "Jusqu'à",
    "person_unit": "personnes",
    "site_unit": "sites",
    "more": "et {number} de plus",
    "cut": "[{number} caractères omis]",
    "cut_short": "(+{number} caractères)",
    "digest": "Résumé : {opened} incidents ouverts ou changés, {ended} finis",
    "digest_why": "Il y avait trop d'avis pour les envoyer un par un. Les avis critiques et la fin "
    "des incidents déjà annoncés ne sont pas retenus.",
    "digest_count": "{severity} : {number}",
    "test": "TEST : ce n'est pas un incident",
    "test_text": "Quelqu'un vérifie que les avis parviennent à {person} par ce moyen. "
    "Il n'y a rien à faire.",
    "all_clear": "Tout va bien : les avis fonctionnent, {number} incidents sont ouverts",
    "beat": "Sanaga est en vie",
    "failing": "Échec du contrôleur",
    "working": "Marche de nouveau",
    "report_where": "À lire avec 'sanaga report', ou sous /api/v1/reports/{name}?format=html.",
    "footer": "Sanaga, avis {key}. La section « notices » de l'intention vous nomme.",
}
CATALOGUE: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.ENGLISH: _ENGLISH,
    Language.FRENCH: _FRENCH,
}
