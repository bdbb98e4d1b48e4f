"""What an edge's message says of circuits, of far ends, and of the edge itself."""

from controller.incidents.model import Health, Source, Subject, SubjectKind
from controller.telemetry.current_state import SILENT_S
from controller.telemetry.observations import (
    KnownCircuits,
    LastWord,
    observations,
    session_lost,
    silent_edges,
)
from edge.telemetry.model import ChangeKind, PathState
from inventory.model import Medium
from tests.rigs.controller.telemetry_rig import EDGE, FIBRE, HUB, NOON, change, message, path_now

LTE = "mora-e1-lte"


def said(found, kind, name):
    """Return what was said of a subject."""
    return {one.source: one for one in found if one.subject == Subject(kind, name)}


def of_circuit(found, name=FIBRE):
    return said(found, SubjectKind.CIRCUIT, name)[Source.EDGE_PATH]


def test_an_edge_that_is_well_says_so_of_itself_its_circuit_and_its_far_end():
    found = observations(message(7, NOON), NOON + 0.2)
    alive = said(found, SubjectKind.DEVICE, EDGE)[Source.EDGE_SESSION]
    assert (alive.observer, alive.state, alive.received_s) == ("controller", Health.OK, NOON + 0.2)
    fibre = of_circuit(found)
    assert (fibre.observer, fibre.state, fibre.mos, fibre.delay_ms) == (EDGE, Health.OK, 4.3, 21.5)
    far = said(found, SubjectKind.DEVICE, HUB)[Source.EDGE_PATH]
    assert (far.observer, far.state, far.reason) == (EDGE, Health.OK, "")
    assert len(found) == 3


def test_states_of_a_path_become_states_of_its_circuit():
    table = {
        PathState.UP: Health.OK,
        PathState.HANDOVER: Health.DEGRADED,
        PathState.BROWNOUT: Health.DEGRADED,
        PathState.DEAD: Health.DOWN,
        PathState.UNKNOWN: Health.UNKNOWN,
    }
    for state, health in table.items():
        found = observations(message(1, NOON, paths=(path_now(state=state),)), NOON)
        assert of_circuit(found).state is health


def test_a_circuit_over_which_any_far_end_answers_is_not_down():
    paths = (path_now(state=PathState.DEAD), path_now(peer="garoua-e1"))
    found = observations(message(1, NOON, paths=paths), NOON)
    assert of_circuit(found).state is Health.OK
    assert said(found, SubjectKind.DEVICE, HUB)[Source.EDGE_PATH].state is Health.DOWN
    assert said(found, SubjectKind.DEVICE, "garoua-e1")[Source.EDGE_PATH].state is Health.OK


def test_a_far_end_that_answers_over_any_circuit_is_well():
    paths = (path_now(state=PathState.DEAD), path_now(circuit=LTE, state=PathState.BROWNOUT))
    found = observations(message(1, NOON, paths=paths), NOON)
    assert said(found, SubjectKind.DEVICE, HUB)[Source.EDGE_PATH].state is Health.OK
    assert of_circuit(found).state is Health.DOWN
    assert of_circuit(found, LTE).state is Health.DEGRADED


def test_a_change_gives_the_moment_and_the_reason():
    gone = change(ChangeKind.PATH_STATE, NOON - 3, state="dead", reason="no answer for 0.4 s")
    paths = (path_now(state=PathState.DEAD),)
    found = of_circuit(observations(message(2, NOON, paths=paths, changes=(gone,)), NOON + 1))
    assert (found.at_s, found.reason) == (NOON - 3, "no answer for 0.4 s")
    without = of_circuit(observations(message(2, NOON, paths=paths), NOON + 1))
    assert without.reason == f"{EDGE}: {HUB} does not answer over {FIBRE}"


def test_a_far_ends_satellites_are_no_fault_of_the_fibre_here():
    fibre = KnownCircuits(media={FIBRE: Medium.FIBRE})
    table = {
        PathState.UP: Health.OK,
        PathState.HANDOVER: Health.OK,
        PathState.BROWNOUT: Health.OK,
        PathState.DEAD: Health.UNKNOWN,
    }
    for state, health in table.items():
        far = path_now(state=state, medium="leo", delay_ms=620.0)
        told = of_circuit(observations(message(1, NOON, paths=(far,)), NOON, circuits=fibre))
        assert (told.state, told.delay_ms) == (health, None)
    leo = KnownCircuits(media={FIBRE: Medium.LEO})
    shaken = path_now(state=PathState.HANDOVER, medium="leo")
    assert of_circuit(
        observations(message(1, NOON, paths=(shaken,)), NOON, circuits=leo)
    ).state is (Health.DEGRADED)


def test_a_circuit_is_judged_by_the_paths_whose_far_end_has_no_poorer_medium():
    paths = (
        path_now(peer="garoua-e1", medium="leo"),
        path_now(state=PathState.BROWNOUT, delay_ms=80.0),
    )
    fibre = KnownCircuits(media={FIBRE: Medium.FIBRE})
    told = of_circuit(observations(message(1, NOON, paths=paths), NOON, circuits=fibre))
    assert (told.state, told.delay_ms) == (Health.DEGRADED, 80.0)


def test_a_last_gasp_is_said_of_the_edge_itself():
    gasp = change(ChangeKind.LAST_GASP, NOON - 0.1, peer="", circuit="", reason="power is lost")
    found = observations(message(2, NOON, changes=(gasp,)), NOON)
    told = said(found, SubjectKind.DEVICE, EDGE)[Source.LAST_GASP]
    assert (told.state, told.at_s, told.reason) == (Health.DOWN, NOON - 0.1, "power is lost")


def test_a_replayed_message_says_that_it_is_history():
    found = observations(message(2, NOON, replayed=True), NOON + 86_400)
    assert {one.replayed for one in found} == {True}
    assert {one.at_s for one in found} == {NOON}


def test_a_clock_that_is_wrong_is_corrected_and_said_to_be():
    for ahead_s in (7200, -NOON):
        found = observations(message(2, NOON + ahead_s), NOON)
        assert {(one.at_s, one.clock_trusted) for one in found} == {(NOON, False)}


def test_nothing_is_seen_after_it_was_received():
    found = observations(message(2, NOON + 20), NOON)
    assert {(one.at_s, one.clock_trusted) for one in found} == {(NOON, True)}


def test_numbers_rise_over_live_reports_messages_and_spools():
    places = [
        message(1, NOON),
        message(1, NOON, live=1),
        message(1, NOON, live=2),
        message(2, NOON),
        message(1, NOON),
    ]
    spools = [100, 100, 100, 100, 200]
    numbers = [
        observations(one, NOON, spool_began_s=spool)[0].sequence
        for one, spool in zip(places, spools, strict=True)
    ]
    assert numbers == sorted(set(numbers))


def test_a_lost_session_alone_is_unknown_and_ended_by_the_next_message():
    before = observations(message(5, NOON), NOON, spool_began_s=100)[0]
    lost = session_lost(EDGE, LastWord(NOON, before.sequence), NOON + 200)
    after = observations(message(5, NOON, live=1), NOON + 300, spool_began_s=100)[0]
    assert (lost.state, lost.subject, lost.source) == (
        Health.UNKNOWN,
        before.subject,
        before.source,
    )
    assert before.sequence < lost.sequence < after.sequence
    assert lost.reason == "no report since 200 s; reports come every 60 s"


def test_only_edges_that_are_silent_for_too_long_are_lost():
    edges = {name: LastWord(at_s, 5) for name, at_s in (("a", 0), ("b", 9))}
    lost = [*silent_edges(edges, SILENT_S + 1)]
    assert [one.subject.name for one in lost] == ["a"]
