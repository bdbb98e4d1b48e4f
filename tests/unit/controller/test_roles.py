"""Roles of the controller: what each may do, and nobody more."""

from accounts.roles import Account, Grant, Origin, Principal, allows
from controller.roles import CATALOGUE, Right, Role


def holders(right):
    return {role for role in Role if right in CATALOGUE.rights[role]}


def test_every_role_looks_and_an_administrator_may_do_everything():
    assert holders(Right.LOOK) == set(Role)
    assert CATALOGUE.rights[Role.ADMINISTRATOR] == frozenset(Right)


def test_what_changes_the_network_or_access_is_for_few():
    assert holders(Right.APPLY) == {Role.NETWORK_ENGINEER, Role.ADMINISTRATOR}
    assert holders(Right.CHANGE_PEOPLE) == {Role.VPN_ADMINISTRATOR, Role.ADMINISTRATOR}
    assert holders(Right.MANAGE_ACCOUNTS) == holders(Right.BACK_UP) == {Role.ADMINISTRATOR}
    assert holders(Right.SEE_AUDIT) == {Role.SECURITY_ANALYST, Role.ADMINISTRATOR}


def test_an_operator_of_a_region_handles_its_incidents_alone():
    grants = (Grant(Role.NOC_OPERATOR, "north"),)
    by = Principal(Account(1, "a", "A"), grants, CATALOGUE.powers(grants), Origin.SESSION, "x", 0.0)
    assert allows(by, Right.HANDLE_INCIDENTS, "north/mayo-sava")
    assert not allows(by, Right.HANDLE_INCIDENTS, "south")
    assert not allows(by, Right.APPLY, "north/mayo-sava")
