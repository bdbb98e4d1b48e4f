"""Accounts from the machine itself: the first administrator, and ways back in."""

import re

import pytest

from accounts.audit import read_entries, verify
from accounts.signing_in.links import working_link
from controller.roles import CATALOGUE, Role
from database.engine import open_engine, reading
from tests.rigs.accounts.service import Service, new_service, without_disk

CODE = re.compile(r"sanaga_link_[\w-]{43}\n")


@pytest.fixture
def engine(sanaga):
    made = without_disk(open_engine(sanaga.folder / "state" / "sanaga.sqlite"))
    yield made
    made.dispose()


@pytest.fixture
def service(engine):
    made = new_service(engine)
    yield made
    made.realm.passwords.close()


def entries(engine):
    with reading(engine) as connection:
        assert verify(connection) is None
        return [(one.what, one.subject, one.because) for one in read_entries(connection)]


def test_link_prints_a_code_for_the_first_administrator(sanaga, engine):
    answer = sanaga("account", "link")
    assert answer.code == 0, answer.err
    assert CODE.fullmatch(answer.out)
    assert "works once, for 24 hours" in answer.err
    assert answer.out.strip() not in answer.err
    with reading(engine) as connection:
        moment = connection.exec_driver_sql("SELECT created_s FROM account_links").scalar_one()
        found = working_link(connection, CATALOGUE, answer.out.strip(), moment + 1)
    assert [grant.role for grant in found.grants] == [Role.ADMINISTRATOR]
    made = ("link.make", "first administrator", "first administrator, at the machine")
    assert entries(engine) == [made]


def test_link_is_refused_once_there_is_an_administrator(sanaga, service: Service):
    service.first()
    answer = sanaga("account", "link")
    assert (answer.code, answer.out) == (1, "")
    assert "there is an administrator already" in answer.err
    assert "sanaga account recover NAME" in answer.err


def test_recover_prints_a_code_and_records_why(sanaga, service, engine):
    service.first()
    answer = sanaga("account", "recover", "a.ngono", "--because", "lost telephone")
    assert answer.code == 0, answer.err
    assert CODE.fullmatch(answer.out)
    assert entries(engine)[-1] == ("link.make", "a.ngono", "lost telephone")
    with reading(engine) as connection:
        said = connection.exec_driver_sql("SELECT text FROM account_announcements").scalars().all()
    assert any("made a link that sets a new password" in text for text in said)


def test_recover_of_nobody_is_refused(sanaga):
    answer = sanaga("account", "recover", "nobody", "--because", "x")
    assert (answer.code, answer.out) == (1, "")
    assert "there is no account 'nobody'" in answer.err


def test_recover_asks_why(sanaga):
    answer = sanaga("account", "recover", "a.ngono")
    assert answer.code == 64
    assert "--because" in answer.err


def test_an_address_that_is_none_is_named(sanaga):
    answer = sanaga("account", "link", SANAGA_DATABASE="mysql://host/name")
    assert answer.code == 64
    assert "SANAGA_DATABASE: 'mysql' is not supported" in answer.err


def test_the_accounts_are_their_owners_alone(sanaga):
    sanaga("account", "link")
    assert (sanaga.folder / "state" / "sanaga.sqlite").stat().st_mode & 0o077 == 0
