"""What to expect of a consultation, what it keeps from being changed, and how it is stored."""

from typing import Any

import pytest

from controller.api.places import Places
from controller.consultations.announcer import due_news
from controller.consultations.conflicts import coming_sentence, conflict_sentence, touched_by
from controller.consultations.desk import ConsultationDesk
from controller.consultations.model import Announcement, Quality, Standing
from controller.load import load
from database.engine import open_engine
from tests.rigs.service.api_bench import SPUR
from topology.build import build_topology

HOUR_S = 3600.0
LAST = "kolofata-leo"
KOLOFATA = ("mora-kolofata-fibre", "maroua-kolofata-microwave")


@pytest.fixture(scope="module")
def loaded():
    return load(SPUR)


@pytest.fixture
def desk(tmp_path, loaded):
    engine = open_engine(tmp_path / "state" / "sanaga.sqlite")
    yield ConsultationDesk(engine, build_topology(loaded.intent), loaded.policies)
    engine.dispose()


def announced(name="call-1", sites=("kolofata", "yaounde"), begins_s=HOUR_S, ends_s=2 * HOUR_S):
    return Announcement(name, sites, "consultation-video", begins_s, ends_s, "clinic", 0.0)


def test_a_whole_network_holds_a_picture_and_a_second_way_is_ready(desk):
    found = desk.expect(["kolofata", "yaounde"], [])
    assert (found.quality, found.protected) == (Quality.VIDEO, True)
    assert found.ways >= 2
    assert 4.0 < found.mos < 4.5
    assert found.because.startswith("kolofata to yaounde over ")
    assert found.because.endswith("another way is ready")
    assert found.because_fr.startswith("de kolofata à yaounde par ")
    assert found.because_fr.endswith("un autre chemin est prêt")


def test_with_one_way_left_it_says_that_there_is_no_second(desk, loaded):
    places = Places(loaded.intent)
    others = [
        name
        for name in loaded.intent.circuits
        if "kolofata" in places.of_circuit(name) and name != LAST
    ]
    found = desk.expect(["kolofata", "yaounde"], others)
    assert not found.protected
    assert LAST in found.because
    assert found.because.endswith("no second way if this one fails")
    assert found.because_fr.endswith("pas de deuxième chemin si celui-ci tombe")


def test_without_any_way_it_offers_documents(desk, loaded):
    found = desk.expect(["kolofata", "yaounde"], list(loaded.intent.circuits))
    assert (found.quality, found.mos) == (Quality.STORE_AND_FORWARD, None)
    assert "exchange documents" in found.because
    assert "échanger des documents" in found.because_fr


def test_parties_at_one_site_need_no_network(desk, loaded):
    found = desk.expect(["mora"], list(loaded.intent.circuits))
    assert found.quality is Quality.VIDEO


def test_the_worst_pair_decides(desk, loaded):
    cut = [name for name in loaded.intent.circuits if "kolofata" in name]
    three = desk.expect(["douala", "kolofata", "yaounde"], cut)
    assert three.quality is desk.expect(["douala", "kolofata"], cut).quality


@pytest.mark.parametrize(
    ("now_s", "standing"),
    [
        (HOUR_S - 1, Standing.ANNOUNCED),
        (HOUR_S, Standing.RUNNING),
        (2 * HOUR_S - 1, Standing.RUNNING),
        (2 * HOUR_S, Standing.OVER),
    ],
)
def test_a_consultation_runs_from_its_beginning_to_before_its_end(now_s, standing):
    assert announced().standing(now_s) is standing


def test_news_are_said_once_at_the_beginning_and_once_at_the_end():
    known: dict[str, Any] = {}
    one, told = announced(), []
    for minute in range(0, 200, 5):
        for news in due_news([one], known, minute * 60.0):
            known[news.name] = news
            told.append((minute, news.running, news.sequence, news.at_s))
    assert told == [(60, True, 1, HOUR_S), (120, False, 2, 2 * HOUR_S)]


def test_a_consultation_that_nobody_followed_while_it_ran_makes_no_news():
    assert due_news([announced()], {}, 3 * HOUR_S) == ()


def test_announcements_survive_are_found_by_time_and_are_not_stored_twice(desk):
    assert desk.add(announced())
    assert not desk.add(announced())
    assert desk.find("call-1") == announced()
    assert desk.between(0, HOUR_S) == ()
    assert desk.between(0, HOUR_S + 1) == (announced(),)
    assert desk.between(2 * HOUR_S, 3 * HOUR_S) == ()


def test_cancelling_ends_what_is_not_over(desk):
    desk.add(announced())
    desk.cancel("call-1", HOUR_S + 60)
    assert desk.find("call-1").standing(HOUR_S + 60) is Standing.CANCELLED
    desk.add(announced("call-2"))
    desk.cancel("call-2", 3 * HOUR_S)
    assert desk.find("call-2").standing(3 * HOUR_S) is Standing.OVER


def ways(_sites):
    return set(KOLOFATA)


def test_a_change_that_touches_running_consultations_is_told_which_and_until_when():
    calls = [announced(), announced("call-2", ends_s=3 * HOUR_S), announced("next", begins_s=9e9)]
    touched = touched_by(calls, ["mora-kolofata-fibre"], ways, HOUR_S)
    assert [one.name for one in touched] == ["call-1", "call-2"]
    said = conflict_sentence(touched, ["mora-kolofata-fibre"], lambda at_s: f"{at_s:.0f}")
    assert said == "2 consultations run over mora-kolofata-fibre, the last ends at 10800"
    assert touched_by(calls, ["garoua-maroua-fibre"], ways, HOUR_S) == ()
    assert conflict_sentence((), ["x"], str) == ""


def test_a_sentence_names_the_circuits_rather_than_their_devices(desk):
    desk.add(announced(sites=("kolofata", "mora")))
    names = ["mora-r1", "mora-kolofata-fibre", "garoua-maroua-fibre"]
    touched = desk.touched(names, HOUR_S)
    assert desk.shared(touched, names) == ("mora-kolofata-fibre",)
    assert desk.shared(touched, ["mora-r1"]) == ("mora-r1",)
    assert desk.shared((), names) == ()


def test_what_is_announced_for_soon_is_told_apart_from_what_runs(desk):
    desk.add(announced(sites=("kolofata", "mora")))
    over = ["mora-kolofata-fibre"]
    assert desk.touched(over, 0.0) == ()
    assert [one.name for one in desk.coming(over, 0.0, 2 * HOUR_S)] == ["call-1"]
    assert desk.coming(over, 0.0, HOUR_S / 2) == ()
    assert desk.coming(over, HOUR_S, 2 * HOUR_S) == ()
    said = coming_sentence(desk.coming(over, 0.0, 2 * HOUR_S), over, lambda at_s: f"{at_s:.0f}")
    assert said == "1 consultation is announced over mora-kolofata-fibre, it begins at 3600"
    assert coming_sentence((), over, str) == ""
