"""What the journal knows of the routers: whom to speak to, and what all of them follow."""

from dataclasses import replace
from hashlib import sha256
from itertools import pairwise

import pytest
from sqlalchemy import func, select, update

from controller.apply.recorded import recorded_intent
from controller.apply.recovery import rollback
from controller.apply.run import apply
from controller.model import Change, DeviceConfig, Outcome, Plan
from controller.planning.from_folder import previous_intent
from controller.planning.plan_file import intent_json
from controller.store.schema import applies, plan_texts
from inventory.errors import UnknownNameError
from inventory.model import Intent
from tests.factories import device, intent, site
from tests.rigs.controller.apply_rig import NAMES, chain, change, loopback, new

SITES = {name: site(name.removesuffix("-r1"), number) for number, name in enumerate(NAMES, 1)}


def following(*names: str, network: str = "test") -> Intent:
    sites = [SITES[name] for name in names]
    return intent(sites, [device(at) for at in sites], [], name=network)


def planned(wanted: Intent, *changes: Change) -> Plan:
    """Return the plan that leads to an intent by these changes, of everyone if there are none."""
    made = chain([[c.device] for c in changes]) if changes else chain()
    names = sorted(wanted.devices)
    return replace(
        made,
        network=wanted.network.name,
        intent=wanted,
        intent_fingerprint=sha256(intent_json(wanted).encode()).hexdigest(),
        waves=tuple((c,) for c in changes) or made.waves,
        seen={**made.seen, **{c.device: c.before.fingerprint for c in changes}},
        loopbacks={name: loopback(name) for name in names},
        reaches=tuple(pairwise(names)),
        adjacent=tuple(pairwise(names)),
    )


def later(name: str) -> Change:
    """Return the step of a router from its new configuration to a third one."""
    third = DeviceConfig(f"{new(name).text} version 3\n")
    return replace(change(name), before=new(name), after=third)


@pytest.mark.parametrize("number", [None, 2])
def test_rollback_of_the_first_apply_leaves_the_routers_known(bench, number):
    apply(planned(following(*NAMES)), bench.context())
    assert rollback(bench.context()).apply_id == 2
    known = recorded_intent(bench.journal, number)
    assert known is not None
    assert set(known.devices) == set(NAMES)


def test_router_that_a_rollback_leaves_out_again_is_known(bench):
    apply(planned(following(*NAMES[:2]), *map(change, NAMES[:2])), bench.context())
    apply(planned(following(*NAMES), change(NAMES[2])), bench.context())
    assert rollback(bench.context()).apply_id == 3
    known = recorded_intent(bench.journal, None)
    assert known is not None
    assert NAMES[2] in known.devices


def test_router_that_an_apply_took_out_is_known_when_that_is_taken_back(bench):
    apply(planned(following(*NAMES)), bench.context())
    apply(planned(following(*NAMES[1:]), later(NAMES[1])), bench.context())
    known = recorded_intent(bench.journal, 2)
    assert known is not None

    def connect(name):
        if name not in known.devices:
            raise UnknownNameError(name)
        return bench.network.connect(name)

    back = rollback(bench.context(connect), 2)
    assert back.outcome is Outcome.CONFIRMED, back.because


def test_routers_of_another_network_are_not_taken_for_those_of_the_same_name(bench):
    apply(planned(following(*NAMES)), bench.context())
    strange = following(*NAMES, network="elsewhere")
    apply(planned(strange, later(NAMES[0])), bench.context())
    known = recorded_intent(bench.journal, 1)
    assert known is not None
    assert known.network.name == "test"
    assert recorded_intent(bench.journal, None) == strange


def test_empty_journal_knows_nobody(bench):
    assert recorded_intent(bench.journal, None) is None


def test_intent_is_known_while_all_routers_follow_it(bench):
    wanted = following(*NAMES)
    assert previous_intent(bench.folder, "test") is None
    apply(planned(wanted), bench.context())
    assert previous_intent(bench.folder, "test") == wanted


def test_after_an_apply_to_some_routers_nobody_claims_to_know_what_all_follow(bench):
    apply(planned(following(*NAMES)), bench.context())
    apply(planned(following(*NAMES), later(NAMES[0])), bench.context())
    assert previous_intent(bench.folder, "test") is None


def test_rollback_of_an_older_apply_does_not_bring_back_its_whole_intent(bench):
    apply(planned(following(*NAMES)), bench.context())
    everyone = {name: new(name).fingerprint for name in NAMES}
    for number in (0, 1):
        made = planned(following(*NAMES), later(NAMES[number]))
        apply(replace(made, seen=everyone), bench.context())
        everyone[NAMES[number]] = later(NAMES[number]).after.fingerprint
    assert previous_intent(bench.folder, "test") is not None
    assert rollback(bench.context(), 2).outcome is Outcome.CONFIRMED
    assert previous_intent(bench.folder, "test") is None


def test_an_intent_that_another_release_recorded_is_as_good_as_none(bench):
    apply(planned(following(*NAMES)), bench.context())
    assert previous_intent(bench.folder, "test") is not None
    with bench.journal._database.write() as db:
        text = func.replace(plan_texts.c.text, '"network"', '"network_of_old"')
        wanted = plan_texts.c.fingerprint.in_(select(applies.c.intent))
        assert db.execute(update(plan_texts).where(wanted).values(text=text)).rowcount == 1
    assert previous_intent(bench.folder, "test") is None
