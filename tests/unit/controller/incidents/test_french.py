"""What is stored of incidents in English, in French; stories tell that nothing is left out."""

import pytest

from controller.incidents.french import in_french


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("mora-r1 saw mora-kolofata-fibre dead (link down)",
         "mora-r1 a vu mora-kolofata-fibre morte (link down)"),
        ("mora-r1 saw a-b dead before it fell silent (mora-r1 eth2 has no link for 7 s)",
         "mora-r1 a vu a-b morte avant de se taire (mora-r1 eth2 n'a plus de lien depuis 7 s)"),
        ("collector-1 is not heard (no reason given)",
         "rien n'est entendu de collector-1 (sans raison donnée)"),
        ("mora-r1: its memory is 97% full", "mora-r1 : sa mémoire est pleine à 97%"),
        ("kolofata-r1 answers, so it has power", "kolofata-r1 répond, donc il a du courant"),
        ("round trip 700 ms; at most 40 ms is usual for fibre",
         "aller-retour 700 ms ; au plus 40 ms sont habituels pour la fibre"),
        ("calls score 2.7: many words are hard to understand, the picture freezes",
         "les appels ont une note de 2.7 : beaucoup de mots se comprennent mal, l'image se fige"),
        ("Fibre a-b is cut near Mora: 89 sites on LEO, 1 site on another way, "
         "2 consultations protected",
         "La fibre a-b est coupée près de Mora : 89 sites sur LEO, 1 site sur un autre chemin, "
         "2 consultations protégées"),
        ("Mora has lost fibre: mora-fibre is dead - 1 site cut off",
         "Mora a perdu la fibre : mora-fibre ne répond plus - 1 site isolé"),
        ("no part of incident 3: Mora runs on battery",
         "ne fait pas partie de l'incident 3 : Mora fonctionne sur batterie"),
        ("ngono muted it: a {name} and a \\1", "ngono a suspendu les avis : a {name} and a \\1"),
        ("merged into incident 12", "réuni à l'incident 12"),
        ("mora-r1: fan 2 has failed", "mora-r1 : fan 2 has failed"),
        ("the device's own words", "the device's own words"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_sentence_is_told_in_french_with_the_same_names(english, french):
    assert in_french(english) == french


@pytest.mark.parametrize(
    "piece", ["a: ", "a is not heard (", "no part of incident 1: ", "a saw b dead (", ": ", " - "]
)
@pytest.mark.parametrize("times", [40, 400, 4_000])
def test_a_device_that_says_much_keeps_nobody_waiting(piece, times):
    assert len(in_french(piece * times)) >= times
