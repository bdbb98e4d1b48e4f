"""What tests of pages in a browser share; each file gives its own browser as noc."""

import pytest


@pytest.fixture
def quiet(noc):
    """Give the browser; whatever a page complains of in its console fails the test."""
    noc.complaints.clear()
    yield noc
    assert noc.complaints == []
