"""Proposals: what needs two people, or a day, or both."""

import pytest

from accounts.announcements import announcements_after
from accounts.directory import find_account, is_administrator, working_administrators
from accounts.errors import LastAdministratorError, NotAllowedError, SecondPersonError
from accounts.proposals import (
    NOTICE_S,
    ProposalKind,
    carry_out,
    object_to,
    open_proposals,
    propose,
    second,
)
from accounts.signing_in.step_up import identify
from tests.rigs.accounts.service import CATALOGUE


@pytest.fixture
def peer(service, chief):
    return service.invite(chief, "m.sali", "administrator")


@pytest.fixture
def third(service, chief):
    return service.invite(chief, "b.oumar", "administrator")


def proposed(service, by, name, kind):
    return service.in_transaction(
        propose,
        service.principal(by),
        name,
        kind,
        catalogue=CATALOGUE,
        now_s=service.now_s,
        because="lost telephone",
    )


def run(service, act, by, number):
    return service.in_transaction(act, service.principal(by), number, CATALOGUE, service.now_s)


def administrators(service):
    return [one.name for one in service.read(working_administrators, CATALOGUE)]


def test_a_reset_needs_two_people_and_a_day(service, chief, peer, third):
    number = proposed(service, chief, peer.name, ProposalKind.RESET_FACTORS)
    with pytest.raises(SecondPersonError, match="a second person must agree"):
        run(service, carry_out, chief, number)
    run(service, second, third, number)
    with pytest.raises(SecondPersonError, match="24 hours must pass"):
        run(service, carry_out, chief, number)
    service.now_s += NOTICE_S
    link = run(service, carry_out, chief, number)
    again = service.enter_by(link.text, peer.name)
    assert again.secret != peer.secret
    assert len(administrators(service)) == 3


def test_a_day_alone_resets_nobody(service, chief, peer, third):
    number = proposed(service, chief, peer.name, ProposalKind.RESET_FACTORS)
    service.now_s += NOTICE_S
    with pytest.raises(SecondPersonError, match="a second person must agree"):
        run(service, carry_out, chief, number)


@pytest.mark.parametrize("who", ["the proposer", "the subject"])
def test_the_second_person_is_another(service, chief, peer, third, who):
    number = proposed(service, chief, peer.name, ProposalKind.RESET_FACTORS)
    with pytest.raises(SecondPersonError, match="somebody else"):
        run(service, second, chief if who == "the proposer" else peer, number)


def test_the_subject_objects(service, chief, peer, third):
    number = proposed(service, chief, peer.name, ProposalKind.RESET_FACTORS)
    told = service.read(announcements_after, 0, account=service.principal(peer).account.id)
    assert "reset factors, because: lost telephone" in told[-1].text
    run(service, object_to, peer, number)
    run_late = pytest.raises(NotAllowedError, match="no such proposal")
    with run_late:
        run(service, second, third, number)


def test_a_peer_is_demoted_when_a_second_administrator_agrees(service, chief, peer, third):
    number = proposed(service, chief, peer.name, ProposalKind.DEMOTE)
    with pytest.raises(SecondPersonError, match="agree, or 24 hours"):
        run(service, carry_out, chief, number)
    run(service, second, third, number)
    run(service, carry_out, chief, number)
    account = service.read(find_account, peer.name)
    assert not service.read(is_administrator, account, CATALOGUE)
    with pytest.raises(NotAllowedError):
        run(service, carry_out, chief, number)


def test_a_peer_is_disabled_after_a_day_and_signed_out_at_once(service, chief, peer):
    number = proposed(service, chief, peer.name, ProposalKind.DISABLE)
    service.now_s += NOTICE_S
    service.principal(peer)
    run(service, carry_out, chief, number)
    assert identify(service.realm, peer.token, service.now_s) is None
    assert administrators(service) == [chief.name]


def test_a_proposal_does_not_outlast_the_administrator_who_made_it(service, chief, peer, third):
    number = proposed(service, peer, third.name, ProposalKind.DISABLE)
    other = proposed(service, chief, peer.name, ProposalKind.DISABLE)
    run(service, second, third, other)
    run(service, carry_out, chief, other)
    service.now_s += NOTICE_S
    with pytest.raises(SecondPersonError, match="may not manage"):
        run(service, carry_out, chief, number)


def test_two_who_propose_each_other_leave_one(service, chief, peer):
    numbers = [
        proposed(service, chief, peer.name, ProposalKind.DISABLE),
        proposed(service, peer, chief.name, ProposalKind.DISABLE),
    ]
    service.now_s += NOTICE_S
    service.principal(peer)
    run(service, carry_out, chief, numbers[0])
    with pytest.raises((SecondPersonError, LastAdministratorError)):
        run(service, carry_out, chief, numbers[1])
    assert administrators(service) == [chief.name]


def test_a_proposal_ends_after_a_week(service, chief, peer):
    number = proposed(service, chief, peer.name, ProposalKind.DEMOTE)
    service.now_s += 7 * NOTICE_S
    with pytest.raises(NotAllowedError):
        run(service, carry_out, chief, number)
    assert service.read(open_proposals, service.principal(chief), CATALOGUE, service.now_s) == ()


def test_proposals_are_seen_by_their_subject_and_managers_alone(service, chief, peer, third):
    viewer = service.invite(chief, "v.iewer", "viewer")
    number = proposed(service, chief, peer.name, ProposalKind.DEMOTE)

    def seen(person):
        found = service.read(open_proposals, service.principal(person), CATALOGUE, service.now_s)
        return [one.id for one in found]

    assert (seen(peer), seen(third), seen(viewer)) == ([number], [number], [])
    with pytest.raises(NotAllowedError):
        run(service, object_to, viewer, number)
