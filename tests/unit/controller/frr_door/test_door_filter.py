"""The door and the packet filter of its router: read, changed and undone as one with FRR."""

import json

import pytest

from simulations.netns.waiting import eventually
from tests.rigs.controller.door_rig import NEW, OLD, OPEN, SHUT, Door


def test_filter_is_read_as_it_was_loaded(filtering: Door):
    assert filtering.read() == OLD + OPEN
    assert filtering.table() == "table x {\n\trule open\n}\n"
    assert "packet-filter" not in filtering.running()


def test_filter_and_frr_change_and_return_as_one(filtering: Door):
    _, answer = filtering.stage("a", NEW + SHUT)
    assert "+\trule shut" in answer["delta"]
    assert filtering.read() == OLD + OPEN
    filtering.ask("commit a 60")
    assert filtering.read() == NEW + SHUT
    filtering.ask("rollback a")
    assert filtering.read() == OLD + OPEN


def test_filter_alone_may_change_and_frr_is_not_touched(filtering: Door):
    filtering.stage("a", OLD + SHUT)
    (filtering.folder / "frr-reload.py").unlink()
    assert filtering.ask("commit a 60")[0] == 0
    assert filtering.read() == OLD + SHUT
    filtering.ask("rollback a")
    assert filtering.read() == OLD + OPEN


def test_unconfirmed_filter_is_undone_by_the_guard(filtering: Door):
    filtering.stage("a", NEW + SHUT)
    filtering.ask("commit a 1")
    eventually(lambda: not filtering.guards(), within_s=120, what="the end of the guard")
    assert filtering.read() == OLD + OPEN


def test_what_frr_refuses_leaves_the_former_filter(filtering: Door):
    filtering.stage("a", NEW + "refused\n!\n" + SHUT)
    assert filtering.ask("commit a 60")[1]["error"] == "rejected"
    assert filtering.read() == OLD + OPEN


def test_refused_filter_is_not_staged(filtering: Door):
    code, answer = filtering.stage("a", NEW + SHUT.replace("shut", "refused"))
    assert (code, answer["error"]) == (1, "rejected")
    assert "nft refused" in answer["message"]


@pytest.mark.parametrize(
    "text",
    [
        NEW + OPEN + SHUT,
        OPEN + NEW,
        NEW + OPEN.replace("exit\n!\n", ""),
        NEW + OPEN.replace(" table", "table"),
    ],
)
def test_filter_that_does_not_stand_last_and_once_is_refused(filtering: Door, text: str):
    assert filtering.stage("a", text)[1]["error"] == "rejected"


def test_candidate_without_a_filter_takes_it_away(filtering: Door):
    filtering.stage("a", NEW)
    filtering.ask("commit a 60")
    assert (filtering.table(), filtering.read()) == ("", NEW)
    filtering.ask("rollback a")
    assert filtering.read() == OLD + OPEN


def test_filter_whose_loading_was_cut_short_is_read_as_it_was_loaded(filtering: Door):
    file = filtering.folder / "state" / "filter.json"
    before = json.loads(file.read_text())
    filtering.stage("a", NEW + SHUT)
    filtering.ask("commit a 60")
    loaded = json.loads(file.read_text())["text"]
    file.write_text(json.dumps({**before, "loading": loaded}))
    assert filtering.read() == NEW + SHUT
    assert json.loads(file.read_text())["text"] == loaded


def test_filter_changed_by_hand_is_read_in_words_of_the_kernel(filtering: Door):
    (filtering.folder / "table").write_text("table x {\n\trule by hand\n}\n")
    assert " \tcounter rule by hand\n" in filtering.read()
    (filtering.folder / "table").unlink()
    assert filtering.read() == OLD


def test_filter_changed_since_staging_is_not_overwritten(filtering: Door):
    filtering.stage("a", NEW + SHUT)
    (filtering.folder / "table").unlink()
    assert filtering.ask("commit a 60")[1]["error"] == "changed"


def test_filter_that_could_not_come_back_is_not_replaced(filtering: Door):
    (filtering.folder / "table").write_text("table x {\n\trule refused\n}\n")
    filtering.stage("a", NEW + SHUT)
    code, answer = filtering.ask("commit a 60")
    assert (code, answer["error"]) == (1, "rejected")
    assert "nft delete table inet sanaga_segments" in answer["message"]
    assert filtering.running() == OLD


def test_boot_loads_what_was_confirmed_last(filtering: Door):
    filtering.stage("a", NEW + SHUT)
    filtering.ask("commit a 60")
    assert filtering.ask("boot")[1]["error"] == "pending"
    filtering.ask("rollback a")
    (filtering.folder / "table").unlink()
    assert filtering.ask("boot")[1]["loaded"]
    assert filtering.read() == OLD + OPEN


def test_boot_of_a_router_that_never_filtered_loads_nothing(door: Door):
    assert not door.ask("boot")[1]["loaded"]


def test_confirmation_that_a_restart_cut_short_is_finished_with_its_filter(filtering: Door):
    filtering.stage("a", NEW + SHUT)
    filtering.ask("commit a 60")
    state = filtering.folder / "state"
    (state / "pending.json").rename(state / "confirming.json")
    (filtering.folder / "table").write_text("table x {\n\trule open\n}\n")
    assert filtering.ask("status")[1]["last"]["outcome"] == "confirmed"
    assert filtering.read() == NEW + SHUT
    assert "rule shut" in (state / "startup.nft").read_text()


def test_restart_of_frr_before_confirmation_takes_the_filter_back(filtering: Door):
    filtering.stage("a", NEW + SHUT)
    filtering.ask("commit a 60")
    (filtering.folder / "running").write_text(OLD)
    assert filtering.ask("status")[1]["last"]["outcome"] == "restarted"
    assert filtering.read() == OLD + OPEN


def test_router_without_the_program_refuses_filters_alone(door: Door):
    code, answer = door.stage("a", NEW + OPEN)
    assert (code, answer["error"]) == (1, "rejected")
    assert "packet_filter: false" in answer["message"]
    assert f"there is no {door.folder}/filter" in answer["message"]
    assert door.stage("b", NEW)[0] == 0


def test_program_that_vanished_is_not_taken_for_no_filter(filtering: Door):
    (filtering.folder / "filter").unlink()
    code, answer = filtering.ask("read")
    assert (code, answer["error"]) == (1, "filter")
