"""Secrets that are missing here: told once and at once, never taken for a device's silence."""

from dataclasses import replace

import pytest

from controller.apply.events import Waiting
from controller.apply.recovery import confirm, resume, rollback
from controller.apply.run import apply
from controller.drivers.memory import Act, Faults
from controller.keys.keyfile import seal_keys
from controller.keys.signing import signing_key
from controller.model import Outcome
from inventory.credentials import PASSPHRASE
from inventory.errors import CredentialError
from inventory.model import Platform
from tests.rigs.controller.apply_rig import NAMES, chain

PHRASE = "correct horse battery staple"
EDGE = NAMES[1]


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    """Let no passphrase be known, whatever the environment of these tests has."""
    monkeypatch.delenv(PASSPHRASE, raising=False)


def edges():
    """Return the plan of the chain, whose middle is an edge that takes only what is signed."""
    made = chain()
    waves = tuple(
        tuple(replace(c, platform=Platform.LINUX) if c.device == EDGE else c for c in wave)
        for wave in made.waves
    )
    return replace(made, waves=waves)


def sealed(bench):
    signing_key(bench.folder)
    seal_keys(bench.folder, PHRASE, bytes, work=2**15)


def resumed(bench):
    """Return how an apply ended that is resumed."""
    result = resume(bench.context())
    assert result
    return result.outcome


def nobody(_name):
    raise CredentialError("keys.sealed: set SANAGA_PASSPHRASE to open the sealed file")


def lacking(bench, act):
    """Return connections of which the edge's lacks a secret for an act."""

    class Lacking:
        def __init__(self, driver):
            self.driver = driver

        def __getattr__(self, name):
            if name != act:
                return getattr(self.driver, name)
            return lambda *_, **__: nobody(EDGE)

    def connect(name):
        driver = bench.network.connect(name)
        return Lacking(driver) if name == EDGE else driver

    return connect


@pytest.mark.parametrize("phrase", ["", "another one"])
def test_an_apply_to_edges_does_not_begin_without_the_passphrase(bench, monkeypatch, phrase):
    sealed(bench)
    monkeypatch.setenv(PASSPHRASE, phrase)
    with pytest.raises(CredentialError, match=r"signing_key\.sealed"):
        apply(edges(), bench.context())
    assert bench.journal.history() == ()
    assert bench.versions() == "old"
    assert bench.events == []


def test_an_apply_to_edges_is_done_with_the_passphrase(bench, monkeypatch):
    sealed(bench)
    monkeypatch.setenv(PASSPHRASE, PHRASE)
    assert apply(edges(), bench.context()).outcome is Outcome.CONFIRMED


def test_an_apply_to_routers_needs_none_of_the_controller_s_keys(bench):
    sealed(bench)
    assert apply(chain(), bench.context()).outcome is Outcome.CONFIRMED


def test_a_secret_that_is_found_missing_while_staging_is_no_silent_device(bench):
    with pytest.raises(CredentialError, match="set SANAGA_PASSPHRASE"):
        apply(chain(), bench.context(connect=lacking(bench, "stage")))
    (entry,) = bench.journal.history()
    assert entry.outcome == Outcome.ROLLED_BACK
    assert "nothing was changed: keys.sealed" in entry.because
    assert bench.versions() == "old"
    assert all(bench.network.device(name).candidate is None for name in NAMES)


@pytest.mark.parametrize("end", [confirm, rollback])
def test_a_held_apply_is_left_as_it_is_while_a_login_is_missing(bench, end):
    apply(chain(), bench.context(), confirm_within_s=120, hold=True)
    before = bench.clock.now()
    with pytest.raises(CredentialError, match="set SANAGA_PASSPHRASE"):
        end(bench.context(connect=nobody))
    assert bench.clock.now() == before
    assert bench.journal.entry(1).decision is None
    assert bench.pending() == list(NAMES)
    assert end(bench.context()).outcome in {Outcome.CONFIRMED, Outcome.ROLLED_BACK}


def test_resume_tells_of_a_missing_login_at_once(bench):
    device = bench.network.device(NAMES[2])
    device.faults = Faults(drops=frozenset({Act.COMMIT}), hangs=frozenset({Act.ROLLBACK}))
    assert apply(chain(), bench.context()).outcome is Outcome.DIFFERS
    bench.events.clear()
    before = bench.clock.now()
    with pytest.raises(CredentialError, match="set SANAGA_PASSPHRASE"):
        resume(bench.context(connect=nobody))
    assert (bench.clock.now(), bench.events) == (before, [])
    device.faults = Faults()
    assert resumed(bench) is Outcome.ROLLED_BACK


def test_edges_are_not_kept_without_the_passphrase_but_may_be_undone(bench, monkeypatch):
    apply(edges(), bench.context(), confirm_within_s=120, hold=True)
    seal_keys(bench.folder, PHRASE, bytes, work=2**15)
    with pytest.raises(CredentialError, match="the signing key is sealed"):
        confirm(bench.context())
    assert bench.journal.entry(1).decision is None
    assert rollback(bench.context()).outcome is Outcome.ROLLED_BACK
    assert bench.versions() == "old"


def test_an_edge_that_was_told_to_keep_it_is_not_undone_without_the_passphrase(bench, monkeypatch):
    with pytest.raises(CredentialError):
        apply(edges(), bench.context(connect=lacking(bench, "confirm")))
    seal_keys(bench.folder, PHRASE, bytes, work=2**15)
    before = bench.clock.now()
    with pytest.raises(CredentialError, match="the signing key is sealed"):
        resume(bench.context())
    assert bench.clock.now() == before
    monkeypatch.setenv(PASSPHRASE, PHRASE)
    assert resumed(bench) is Outcome.CONFIRMED
    assert bench.versions() == "new"


@pytest.mark.parametrize("act", ["confirm", "rollback"])
def test_a_secret_that_goes_missing_at_the_end_is_waited_for_by_nobody(bench, act):
    apply(chain(), bench.context(), confirm_within_s=120, hold=True)
    before, end = bench.clock.now(), {"confirm": confirm, "rollback": rollback}[act]
    with pytest.raises(CredentialError, match="mend this, then run 'sanaga apply --resume'"):
        end(bench.context(connect=lacking(bench, act)))
    assert bench.clock.now() == before
    assert not [event for event in bench.events if isinstance(event, Waiting)]
    assert bench.pending() == [EDGE]
    assert resumed(bench) in {Outcome.CONFIRMED, Outcome.ROLLED_BACK}
    assert bench.pending() == []
    assert bench.versions() == {"confirm": "new", "rollback": "old"}[act]
