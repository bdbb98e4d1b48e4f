import signal
from io import StringIO

import pytest
from rich.console import Console

from controller.model import Outcome, PushResult
from controller.planning.plan import plan
from inventory.model import Medium
from simulations.cli import demo
from simulations.demo import report
from simulations.demo.facts import (
    Applied,
    DemoCall,
    DemoMoment,
    Facts,
    Suffered,
    Trouble,
    TroubleKind,
)
from simulations.demo.overlay import Carried
from simulations.demo.picture import scene_svg, second_line, sparkline
from simulations.demo.show import Show
from simulations.demo.way import Hop, Way
from simulations.lab.flows import Report
from simulations.traffic import Second
from tests.factories import hierarchy
from tests.rigs.controller.plan_views import AT, blank, view

FIBRE = Way((Hop("a-r1", "ab", Medium.FIBRE), Hop("b-r1", None, None)), whole=True)
NOWHERE = Way((Hop("a-r1", None, None),), whole=False)


def heard(source: str, target: str, number: int, lost: int, silence_ms: float = 20.0) -> Report:
    delay = None if lost == 50 else 12.34
    return Report(
        source, target, Second(number, 50, 50 - lost, lost, silence_ms, delay, delay, 0.1)
    )


def both(number: int, lost: int) -> list[Report]:
    return [heard("a", "b", number, lost), heard("b", "a", number, 0)]


CUT = Trouble(TroubleKind.CUT, "ab", 1.0, 2.0)
HOLE = Trouble(TroubleKind.BLACK_HOLE, "ab", 3.0, 4.0)
CARRIED = Carried(
    "a-e1",
    "b-e1",
    (("a-fibre", Medium.FIBRE), ("a-leo", Medium.LEO)),
    (("a-fibre", "up"), ("a-leo", "up"), ("a-lte", "dead")),
    "a-fibre keeps its objective",
)


def call(title: str = "without Sanaga", lost: int = 40) -> DemoCall:
    seconds = (*both(0, 0), *both(1, lost), *both(2, 50), *both(3, 2), *both(4, 0))
    moments = (DemoMoment(1.2, "a <digger> comes"),)
    return DemoCall(title, "a", "b", seconds, moments, (CUT, HOLE), (str(FIBRE), str(NOWHERE)))


def shown(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_sparkline_shows_nothing_lost_some_lost_and_all_lost():
    assert sparkline([0, 1, 25, 50]) == " ▁▄█"


def test_a_second_in_words_names_both_directions_and_leaves_out_a_delay_nobody_measured():
    line = second_line(both(2, 50))
    assert line == "a to b: 50 of 50 lost; b to a:  0 of 50 lost, 12.3 ms"


def test_a_way_that_ends_nowhere_says_so():
    assert str(FIBRE) == "a-r1 —fibre— b-r1"
    assert str(NOWHERE) == "a-r1 …nowhere"
    assert FIBRE.circuits == ("ab",)


def test_the_scene_shows_way_losses_and_what_happened():
    console = Console(file=StringIO(), width=100)
    console.print(scene_svg("the call", FIBRE, call().heard, call().moments))
    said = shown(console)
    assert "a-r1" in said
    assert "92 lost" in said
    assert "a <digger> comes" in said


def test_a_log_tells_every_second_and_every_moment_once():
    console = Console(file=StringIO(), width=200)
    show = Show(console)
    show.chapter("one")
    for known in (2, 3, 6, 6, 10):
        show.call(FIBRE, call().heard[:known], call().moments)
    said = shown(console)
    assert said.count("a <digger> comes") == 1
    assert [said.count(f"{n} s  a to b") for n in range(3)] == [1, 1, 1]


def test_losses_are_counted_over_both_directions():
    assert (call().sent(), call().lost(), call().longest_silence_ms()) == (500, 92, 20.0)


def test_what_a_fault_did_is_counted_until_the_next_one_begins():
    assert call().during(CUT) == Suffered(90, 20.0)
    assert call().during(HOLE) == Suffered(2, 20.0)
    facts = Facts(calls=[call(), call("with Sanaga", lost=0)])
    found = dict(facts.troubles())
    assert [suffered.lost for suffered in found[TroubleKind.CUT]] == [90, 50]


def test_the_scene_shows_both_paths_of_a_protected_call_and_which_path_is_dead():
    console = Console(file=StringIO(), width=100)
    console.print(scene_svg("the call", CARRIED, call().heard, ()))
    said = shown(console)
    assert "a-e1 ━━a-fibre━━ ╌╌a-leo╌╌ b-e1" in said
    assert "a-lte is dead" in said
    assert str(CARRIED) == "a-e1 to b-e1 over a-fibre (fibre) and, as a copy, a-leo (leo)"


def test_the_page_holds_what_was_found_and_escapes_it():
    intent = hierarchy(2, 1, 1)
    made = plan(view(intent, blank(intent)), AT)
    result = PushResult(made.id, Outcome.ROLLED_BACK, {}, "because of <script>")
    facts = Facts(routers=3, circuits=2, pairs=6, pairs_reached=6)
    facts.calls += [call(), call("with Sanaga", lost=0)]
    facts.applies.append(Applied("a change", made, result, 3.0, as_before=True))
    page = report.report_html(facts, intent, intent)
    assert page.count("<svg") == 3
    assert "<script>" not in page
    assert "because of &lt;script&gt;" in page
    assert "every router is byte for byte as before" in page
    assert "with Sanaga 50 lost" in page


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_is_an_exit_so_that_the_laboratory_is_taken_down(number):
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(SystemExit) as left, demo.termination_is_an_exit():
            signal.raise_signal(number)
        assert left.value.code == 128 + number
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_hang_up_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with demo.termination_is_an_exit():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
