"""Applying, confirming, resuming and rolling back, as a verb or a request asks for it."""

from contextlib import closing
from dataclasses import dataclass, field

import pytest

from controller import app
from controller.apply.events import ApplyStarted, Event
from controller.drivers.memory import MemoryNetwork
from controller.environment import SettingError
from controller.keys.revocation_file import published
from controller.model import Outcome
from controller.store.audit import Actor
from controller.store.people import People
from inventory.errors import UnknownNameError
from tests.rigs.controller.apply_rig import NAMES, chain, new, old
from vpn.wireguard import keys


@dataclass
class Controller:
    """A controller whose devices are in memory; events is what it reported."""

    network: MemoryNetwork
    events: list[Event] = field(default_factory=list)

    def runs(self, wanted) -> bool:
        return all(self.network.device(n).now_running() == wanted(n) for n in NAMES)


@pytest.fixture
def controller(tmp_path, monkeypatch):
    monkeypatch.setenv("SANAGA_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SANAGA_PACE", "0.1")
    network = MemoryNetwork({name: old(name).text for name in NAMES})
    monkeypatch.setattr("controller.drivers.connect.connector", lambda _intent: network.connect)
    return Controller(network)


def test_a_plan_is_applied_and_taken_back_by_an_apply_of_its_own(controller):
    result = app.apply_plan(chain(), controller.events.append, None)
    assert (result.outcome, controller.runs(new)) == (Outcome.CONFIRMED, True)
    assert ApplyStarted(1, "c0ffee", 3, 3) in controller.events
    ended = app.rollback_apply(None, controller.events.append)
    assert (ended.inverse, ended.done, ended.result.apply_id) == (True, True, 2)
    assert controller.runs(old)


def test_an_apply_that_waits_is_confirmed(controller):
    waits = app.apply_plan(chain(), controller.events.append, 300)
    assert (waits.outcome, controller.network.device("far-r1").unconfirmed is None) == (
        Outcome.PENDING,
        False,
    )
    kept = app.confirm_apply(waits.apply_id, controller.events.append)
    assert (kept.outcome, controller.runs(new)) == (Outcome.CONFIRMED, True)


def test_an_apply_that_waits_is_undone_as_wished(controller):
    waits = app.apply_plan(chain(), controller.events.append, 300)
    ended = app.rollback_apply(waits.apply_id, controller.events.append)
    assert (ended.inverse, ended.done) == (False, True)
    assert ended.result.outcome is Outcome.ROLLED_BACK
    assert controller.runs(old)


def test_nothing_to_resume_is_no_result_and_nothing_to_undo_an_error(controller):
    assert app.resume_apply(controller.events.append) is None
    with pytest.raises(UnknownNameError, match="no apply can be rolled back"):
        app.rollback_apply(None, controller.events.append)
    assert controller.events == []


def test_every_apply_publishes_the_keys_that_were_revoked(controller, tmp_path):
    with closing(People.open(tmp_path)) as store:
        key = keys.public_of(keys.generate_private())
        store.revoke_site("mora-e1", [key], Actor("tester", "stolen"))
    assert published(tmp_path).serial == 0
    app.apply_plan(chain(), controller.events.append, None)
    assert published(tmp_path).keys == (key,)


def test_a_maker_of_keys_that_does_not_exist_is_a_wrong_setting(monkeypatch):
    monkeypatch.setenv("SANAGA_KEY_MAKER", "openssl")
    with pytest.raises(SettingError, match="SANAGA_KEY_MAKER: 'openssl' makes no keys"):
        app.key_maker()
