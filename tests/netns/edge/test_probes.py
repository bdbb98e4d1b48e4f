"""Probes over an emulated circuit between real namespaces."""

import asyncio
import signal
from collections.abc import Iterator
from ipaddress import IPv4Address
from statistics import median
from time import monotonic

import pytest

from simulations.impairment import Impairment
from simulations.netns import namespaces
from tests.netns.edge.probe_bench import HERE, PORT_NAME, THERE, Bench, bench, changed
from tests.rigs.probes.probe_rig import End, end, probed, run, until

pytestmark = pytest.mark.netns
PACE_S = 0.01
STOPS = 4
# Twice the circuit's round trip.
LATE_ANSWER_MS = 40.0
# Half of the longer stop: a busy machine delays answers, too.
SLOW_ANSWER_MS = 350.0
T_HERE, T_THERE = IPv4Address("10.98.0.1"), IPv4Address("10.98.0.2")
HOLE = changed(hole=True)
ASLEEP_S = 15.0
DAY_S = 86_400
ETHERNET_OCTETS = 14
# IPv4, UDP and the STAMP packet.
PACKET_OCTETS = 20 + 8 + 44


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def circuit(shared: Bench) -> Iterator[Bench]:
    """Give the circuit, whole before and after."""
    shared.impair()
    yield shared
    shared.impair()


def probe(circuit: Bench, packets: int, *, out: Impairment, back: Impairment) -> tuple[End, End]:
    """Let both ends probe a circuit that behaves as told from the first packet on."""

    async def test() -> tuple[End, End]:
        circuit.impair(out=out, back=back)
        ends = await circuit.ends(PACE_S)
        await probed(ends, packets)
        for one in ends:
            one.close()
        return ends

    return run(test)


def share(one: End, name: str) -> float:
    return one.total(name) / one.total("sent")


def vanished(one: End) -> int:
    """Return the losses that no later answer explains: a busy machine delays packets, too."""
    counters = one.session.counters
    return max(0, counters.lost_out + counters.lost_in - counters.late)


PLAIN = changed()


def test_a_whole_circuit_shows_no_fault_and_its_round_trip(circuit):
    for one in probe(circuit, 100, out=PLAIN, back=PLAIN):
        assert vanished(one) == 0
        assert 19 <= median(one.all("round_trips_ms")) <= 30
        assert one.total("heard_in") >= 90


def test_loss_on_the_way_out_is_told_from_loss_on_the_way_back(circuit):
    here, there = probe(circuit, 400, out=changed(loss=0.2), back=PLAIN)
    assert 0.12 < share(here, "lost_out") < 0.28
    assert share(here, "lost_in") < 0.01
    assert share(there, "lost_out") < 0.01
    heard_or_lost = there.total("heard_in") + there.total("lost_in")
    assert 0.12 < there.total("lost_in") / (heard_or_lost + there.total("sent")) < 0.28


def test_loss_on_the_way_back_is_told_from_loss_on_the_way_out(circuit):
    here, there = probe(circuit, 400, out=PLAIN, back=changed(loss=0.2))
    assert share(here, "lost_out") < 0.01
    assert share(there, "lost_in") < 0.01
    assert 0.12 < share(there, "lost_out") < 0.28
    heard_or_lost = here.total("heard_in") + here.total("lost_in")
    assert 0.12 < here.total("lost_in") / (heard_or_lost + here.total("sent")) < 0.28


def test_jitter_is_seen_in_its_direction(circuit):
    here, there = probe(circuit, 200, out=changed(jitter_ms=9), back=PLAIN)
    for one, jittery, calm in ((here, "out_ms", "in_ms"), (there, "in_ms", "out_ms")):
        assert spread(one.all(jittery)) > 2 * spread(one.all(calm))
        assert vanished(one) == 0


def spread(samples):
    """Return the middle eight tenths' width."""
    ordered = sorted(samples)
    tenth = len(ordered) // 10
    return ordered[-1 - tenth] - ordered[tenth]


def test_reordering_is_counted_and_is_no_loss(circuit):
    shuffled = Impairment(delay_ms=40, jitter_ms=35, reorder=True)
    for one in probe(circuit, 300, out=PLAIN, back=shuffled):
        assert one.total("reordered") > 10
        assert vanished(one) == 0


def test_a_circuit_that_keeps_its_order_shows_no_reordering(circuit):
    for one in probe(circuit, 100, out=PLAIN, back=changed(jitter_ms=9)):
        assert one.total("reordered") == one.total("duplicated") == 0


def test_copies_are_counted_and_are_no_loss():
    with bench() as circuit:
        circuit.duplicate(circuit.there, HERE)
        here, there = probe(circuit, 100, out=PLAIN, back=PLAIN)
    # Both the far end's answers and its own requests arrive here twice.
    assert here.session.counters.duplicated > 90
    assert here.reflector.counters.duplicated > 90
    assert there.session.counters.duplicated == 0
    assert vanished(here) == 0


def faulty(circuit: Bench, *, out: Impairment, back: Impairment) -> tuple[End, End, float]:
    """Let a fault strike a path that was whole; return what it shows and after what time."""

    async def test() -> tuple[End, End, float]:
        ends = await circuit.ends(0.02)
        await probed(ends, 100)
        for one in ends:
            one.seen.clear()
        circuit.impair(out=out, back=back)
        since = monotonic()
        await until(lambda: min([one.measure().overdue for one in ends]) >= 3, "three overdue")
        noticed_s = monotonic() - since
        await until(lambda: min([_settled_as_lost(one) for one in ends]) >= 30, "losses")
        for one in ends:
            one.close()
        return *ends, noticed_s

    return run(test)


def _settled_as_lost(one: End) -> int:
    one.measure()
    return one.total("lost_out") + one.session.counters.lost_in


def test_a_black_hole_is_overdue_soon_and_silent(circuit):
    here, there, noticed_s = faulty(circuit, out=HOLE, back=HOLE)
    assert noticed_s < 1.0
    for one in (here, there):
        assert one.seen[-1].silent_s > 0.2
        assert one.seen[-1].overdue > 10


def test_a_hole_on_the_way_out_leaves_the_peer_heard(circuit):
    here, there, _ = faulty(circuit, out=HOLE, back=PLAIN)
    assert here.seen[-1].silent_s < there.seen[-1].silent_s / 2
    assert here.session.counters.lost_out > 20
    assert here.session.counters.lost_in <= 3
    assert there.seen[-1].silent_s > 0.2
    assert there.session.counters.lost_in > 20
    assert there.session.counters.lost_out <= 3


def test_a_path_that_comes_back_is_no_longer_overdue(circuit):
    async def test():
        ends = await circuit.ends(0.02)
        await probed(ends, 50)
        circuit.impair(out=HOLE, back=HOLE)
        await until(lambda: min([one.measure().overdue for one in ends]) >= 20, "a black hole")
        circuit.impair()
        await until(lambda: max([one.measure().overdue for one in ends]) == 0, "answers again")
        for one in ends:
            one.close()

    run(test)


def test_suspicion_probes_a_path_more_often_while_answers_are_missing(circuit):
    async def packets_in_a_hole(*, quicken):
        here, there = await circuit.ends(0.1)
        here.session.quicken = quicken
        await probed((here, there), 20)
        sent, since = here.session.counters.sent, monotonic()
        circuit.impair(out=HOLE, back=HOLE)
        await until(lambda: here.session.counters.sent >= sent + 10, "ten packets")
        took_s = monotonic() - since
        here.close()
        there.close()
        circuit.impair()
        return took_s

    async def test():
        quick = await packets_in_a_hole(quicken=True)
        return quick, await packets_in_a_hole(quicken=False)

    quick_s, plain_s = run(test)
    assert quick_s < 0.8 * plain_s


def most_unexplained(missed, here):
    """Return the most that was missed there without a cause outside the process that was stopped.

    This end, which answers, may have been late, and so may the emulated circuit: then the answers
    came late, which the kernel's stamps show.
    """
    unexplained = (
        n
        for at_s, n, slowest_ms in missed
        if slowest_ms < LATE_ANSWER_MS and not stalled_before(at_s, here)
    )
    return max(unexplained, default=0)


def stalled_before(at_s, here):
    """Return whether this end was late in the second before."""
    return here.session._time.stalled_s(at_s - 1.0, at_s) > 0


async def answered(one, more):
    """Wait for answers to that many more packets."""
    enough = one.session.counters.answered + more
    await until(lambda: one.measure() and one.session.counters.answered >= enough, "answers")


@pytest.mark.parametrize("stopped_s", [0.2, 0.7])
def test_a_stopped_process_makes_no_loss_at_either_end(circuit, stopped_s):
    async def test():
        with namespaces.entered_namespace(circuit.here):
            here = end(HERE, THERE, interface=PORT_NAME)
            await here.reflector.open()
        with circuit.far_process() as process:
            await circuit.open_session(here, circuit.here)
            here.session.pace_s = 0.02
            await probed([here], 100)
            for _ in range(STOPS):
                process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(stopped_s)
                process.send_signal(signal.SIGCONT)
                # Enough that the other end measures in between, after a burst of old answers.
                await answered(here, 100)
            # Answering must go on until the other end has told what it saw.
            told = await asyncio.to_thread(circuit.told_by, process)
        here.close()
        return told, here

    told, here = run(test)
    assert vanished(here) == 0
    assert told["stalled"] >= STOPS
    assert most_unexplained(told["lost"], here) == 0, told
    slow = [(at_s, ms) for at_s, ms in told["slowest"] if ms >= SLOW_ANSWER_MS]
    assert [one for one in slow if not stalled_before(one[0], here)] == []
    assert most_unexplained(told["overdue_unstalled"], here) <= 3, told
    # What reading times alone would have counted as lost.
    assert told["counters"]["waited"] >= (stopped_s > 0.5)


def lay_tunnel(circuit):
    """Make an interface on both sides, as a tunnel that is made again: with another number."""
    here, there = circuit.here, circuit.there
    circuit.ip(f"link add t0 type veth peer name t0 netns {there}", namespace=here)
    for namespace, address in ((here, T_HERE), (there, T_THERE)):
        circuit.ip(f"address add {address}/30 dev t0", namespace=namespace)
        circuit.ip("link set t0 up", namespace=namespace)


def test_a_session_outlives_its_interface(circuit):
    async def test():
        lay_tunnel(circuit)
        here = end(T_HERE, T_THERE, interface="t0")
        there = end(T_THERE, T_HERE, interface="t0")
        here.session.pace_s = there.session.pace_s = 0.02
        await here.session.open()
        with namespaces.entered_namespace(circuit.there):
            await there.reflector.open()
        await until(lambda: here.session.counters.answered > 5, "answers")
        circuit.ip("link del t0", namespace=circuit.here)
        await until(lambda: here.session.counters.refused > 0, "refusals of the kernel")
        lay_tunnel(circuit)
        with namespaces.entered_namespace(circuit.there):
            assert there.reflector.refresh()
            assert not there.reflector.refresh()
        answered = here.session.counters.answered
        await until(lambda: here.session.counters.answered > answered, "answers again")
        await until(lambda: here.measure().overdue == 0, "a whole path")
        here.close()
        there.close()
        circuit.ip("link del t0", namespace=circuit.here)

    with namespaces.entered_namespace(circuit.here):
        run(test)


def test_an_idle_metered_path_costs_what_was_computed(circuit):
    """Both ends ask and answer once a pace: four packets, as many octets as computed."""

    async def test():
        before = circuit.octets()
        ends = await circuit.ends(PACE_S)
        await probed(ends, 100)
        for one in ends:
            one.session.pace_s = 3600.0
        await until(lambda: all(_nothing_under_way(one) for one in ends), "the last answers")
        for one in ends:
            one.close()
        asked = sum(one.session.counters.sent for one in ends)
        return asked, circuit.octets() - before

    asked, octets = run(test)
    per_exchange = octets / asked - 2 * ETHERNET_OCTETS
    assert per_exchange == 2 * PACKET_OCTETS
    a_day_mb = 2 * per_exchange * DAY_S / ASLEEP_S / 1e6
    assert a_day_mb == pytest.approx(1.66, abs=0.01)


def _nothing_under_way(one: End) -> bool:
    counters = one.session.counters
    return counters.sent == counters.answered
