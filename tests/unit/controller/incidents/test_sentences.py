import re
from dataclasses import replace
from pathlib import Path

import pytest

from controller.incidents.model import Cause, Effect, Incident, Severity, Subject, SubjectKind
from controller.incidents.sentences import Language, sentence, title
from tests.rigs.incidents.networks import north
from tests.rigs.incidents.story import circuit, collector, device, site

ALERTS = Path(__file__).parents[4] / "docs" / "alerts.md"
ROOTS = {
    Cause.POWER_CUT: site("mora"),
    Cause.ON_BATTERY: site("mora"),
    Cause.DEVICE_FAULT: device("mora-r1"),
    Cause.DEVICE_AILING: device("mora-r1"),
    Cause.COLLECTOR_LOST: collector(),
    Cause.UNKNOWN: device("mora-r1"),
    Cause.OPERATOR_FAULT: Subject(SubjectKind.PROVIDER, "leo-operator"),
}


def incident(cause, **more):
    root = ROOTS.get(cause, circuit("mora-leo"))
    made = Incident(1, root, "", cause, Effect.NONE, Severity.WARNING, opened_s=0.0, changed_s=0.0)
    return replace(made, **more)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_title_in_both_languages_that_names_its_root(cause):
    english, french = (title(incident(cause), north(), language=each) for each in Language)
    assert english != french
    named = "Mora" if ROOTS.get(cause) == site("mora") else incident(cause).root.name
    assert named in english
    assert named in french
    assert "{" not in english + french


def test_every_cause_has_a_row_that_says_what_to_do():
    rows = re.findall(r"^\| `([a-z-]+)` \|", ALERTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(Cause)


def test_numbers_agree_with_their_nouns():
    one = incident(
        Cause.POWER_CUT,
        effect=Effect.CUT_OFF,
        sites=("mora",),
        cut_off=("mora",),
        consultations=("c1",),
        facilities=1,
        people=1_234_567,
    )
    assert sentence(one, north()) == (
        "Mora has lost its power: 1 site cut off, 1 consultation interrupted. "
        "Served there: 1 facility, 1,234,567 people."
    )
    assert sentence(one, north(), language=Language.FRENCH) == (
        "Mora n'a plus d'électricité : 1 site isolé, 1 consultation interrompue. "
        "Desservis : 1 établissement, 1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567 "
        "habitants."
    )


def test_moved_sites_are_counted_by_the_medium_they_are_left_on():
    cut = incident(
        Cause.FIBRE_CUT,
        root=circuit("maroua-mora-fibre"),
        effect=Effect.REDUNDANCY_LOST,
        sites=("kolofata", "mora", "waza"),
        consultations=("c1", "c2"),
    )
    dead = frozenset({"maroua-mora-fibre"})
    assert title(cut, north(), dead) == (
        "Fibre maroua-mora-fibre is cut near Mora: 3 sites on LEO, 2 consultations protected"
    )
    assert title(cut, north(), dead, Language.FRENCH) == (
        "La fibre maroua-mora-fibre est coupée près de Mora : "
        "3 sites sur LEO, 2 consultations protégées"
    )


def test_sites_left_on_the_medium_that_was_cut_are_on_another_way():
    cut = incident(
        Cause.FIBRE_CUT,
        root=circuit("yaounde-maroua-fibre-1"),
        effect=Effect.REDUNDANCY_LOST,
        sites=("maroua",),
    )
    dead = frozenset({"yaounde-maroua-fibre-1"})
    assert title(cut, north(), dead).endswith(": 1 site on another way")
