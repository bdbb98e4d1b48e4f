"""Fixtures of the tests of accounts."""

import shutil

import pytest

from accounts.schema import open_accounts
from database.engine import open_engine
from tests.rigs.accounts.service import new_service, without_disk


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """Return a database file whose tables are there."""
    file = tmp_path_factory.mktemp("migrated") / "accounts.db"
    made = open_engine(file)
    open_accounts(made)
    made.dispose()
    return file


@pytest.fixture
def engine(tmp_path, migrated):
    shutil.copy(migrated, tmp_path / "accounts.db")
    made = without_disk(open_engine(tmp_path / "accounts.db"))
    yield made
    made.dispose()


@pytest.fixture
def service(engine):
    made = new_service(engine)
    yield made
    made.realm.passwords.close()


@pytest.fixture
def chief(service):
    """Return the first administrator, signed in."""
    return service.first()
