"""Two real services on one PostgreSQL: the leader is killed, nothing is lost, nobody told twice."""

import signal
from contextlib import closing

import pytest

from edge.telemetry.model import PathState
from tests.rigs.service.two_services import ACCESS, WITHIN_S, world
from tests.rigs.waiting import eventually

# What the issue promises.
TAKES_OVER_WITHIN_S = 10


@pytest.fixture
def services(tmp_path, postgresql_address):
    with world(tmp_path, postgresql_address) as made:
        yield made


def sees(served, *roots):
    found: list[object] = []

    def there():
        listed = served.client.all("/incidents")
        found[:] = listed
        return [one["root"]["name"] for one in listed] == [*roots]

    try:
        eventually(there, WITHIN_S, f"incidents {roots}")
    except AssertionError as error:
        error.add_note(f"{found}")
        raise


def told(services, *statuses):
    services.hook.until(lambda: len(services.told()) >= len(statuses), f"notices {statuses}")
    assert services.told() == [*statuses], services.logs()


def plan_at_one_and_read_at_the_other(services, one, other):
    """Make a plan at one service; the other tells how that goes on, and shows the plan."""
    blank = services.folder / "blank"
    blank.mkdir()
    begun = one.client.send("POST", "/plans", {"running": str(blank)})

    def ended():
        return other.client.get(f"/operations/{begun['id']}")["state"] == "done"

    eventually(ended, WITHIN_S, "the end of the plan, as the other service tells it")
    here, there = (served.client.get(f"/operations/{begun['id']}") for served in (one, other))
    assert here == there
    number = there["result"]["plan"]
    assert other.client.get(f"/plans/{number}")["digest"] == there["result"]["digest"]
    assert [found["id"] for found in other.client.all("/operations")] == [begun["id"]]


@pytest.mark.long
def test_the_leader_hangs_and_is_killed_and_everybody_is_told_once(services):
    one, other = services.serve("one"), services.serve("other")
    assert (one.role(), other.role()) == ("leader", "follower")
    plan_at_one_and_read_at_the_other(services, one, other)
    with closing(other.client.events()) as stream:
        assert next(stream).kind == "resync"
        services.report(other, PathState.DEAD)
        eventually(lambda: next(stream).kind == "incident", WITHIN_S, "the follower's event")
    sees(one, ACCESS)
    sees(other, ACCESS)
    (incident,) = other.client.all("/incidents")
    other.client.send("POST", f"/incidents/{incident['number']}/acts", {"kind": "acknowledge"})
    eventually(
        lambda: one.client.get(f"/incidents/{incident['number']}")["acknowledged_by"], WITHIN_S, ""
    )
    told(services, "firing")
    one.kill()
    eventually(lambda: other.role() == "leader", TAKES_OVER_WITHIN_S, "a successor")
    again = services.serve("one")
    assert again.role() == "follower"
    sees(again, ACCESS)
    other.hang()
    eventually(lambda: again.role() == "leader", 6 * TAKES_OVER_WITHIN_S, "another successor")
    services.report(again, PathState.UP)
    sees(again)
    told(services, "firing", "resolved")
    other.go_on()
    eventually(lambda: other.role() == "follower", WITHIN_S, "its step down")
    sees(other)
    again.process.send_signal(signal.SIGTERM)
    assert again.process.wait(WITHIN_S) == 0, again.log.read_text()
    eventually(lambda: other.role() == "leader", TAKES_OVER_WITHIN_S, "who takes it from there")
    told(services, "firing", "resolved")


@pytest.mark.parametrize("mode", ["decided", "claimed"])
def test_a_leader_killed_between_the_decision_and_sending_leaves_one_notice(services, mode):
    one, other = services.serve("one", mode), services.serve("other")
    services.report(one, PathState.DEAD)
    eventually(lambda: one.said(f"stopped: {mode}"), WITHIN_S, "the stop")
    assert services.told() == []
    one.kill()
    eventually(lambda: other.role() == "leader", TAKES_OVER_WITHIN_S, "a successor")
    told(services, "firing")
    services.report(other, PathState.UP)
    told(services, "firing", "resolved")


def test_control_without_the_lock_both_lead(services):
    one, other = services.serve("one", "unlocked"), services.serve("other", "unlocked")

    def roles():
        return {one.role(), other.role()}

    # Each takes the term from the other, again and again.
    eventually(lambda: other.role() == "leader", WITHIN_S, "a second leader")
    eventually(
        lambda: "another controller decides now" in services.logs(), WITHIN_S, "their quarrel"
    )
