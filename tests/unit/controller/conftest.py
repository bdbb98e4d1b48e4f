"""Fixtures of tests of the controller."""

import pytest

from controller.store.place import ADDRESS
from database.engine import open_engine


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request, monkeypatch):
    """Have the controller keep its records in a file of the state folder, or in PostgreSQL."""
    if request.param == "sqlite":
        monkeypatch.delenv(ADDRESS, raising=False)
    else:
        monkeypatch.setenv(ADDRESS, request.getfixturevalue("postgresql_address"))
    return request.param


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """Give an engine of both kinds of database, with nothing in it."""
    place = (
        tmp_path / "sanaga.sqlite"
        if request.param == "sqlite"
        else request.getfixturevalue("postgresql_address")
    )
    made = open_engine(place)
    yield made
    made.dispose()
