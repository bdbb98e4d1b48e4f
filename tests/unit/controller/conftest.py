"""Fixtures of tests of the controller."""

import pytest

from controller.store.place import ADDRESS


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request, monkeypatch):
    """Have the controller keep its records in a file of the state folder, or in PostgreSQL."""
    if request.param == "sqlite":
        monkeypatch.delenv(ADDRESS, raising=False)
    else:
        monkeypatch.setenv(ADDRESS, request.getfixturevalue("postgresql_address"))
    return request.param
