"""A network in which all is well, on a Monday at noon; a test file may begin elsewhere."""

import pytest

from tests.rigs.incidents.monday import MONDAY_NOON_S
from tests.rigs.incidents.networks import north
from tests.rigs.incidents.story import Story


@pytest.fixture
def story():
    told = Story(north(), now_s=MONDAY_NOON_S)
    told.all_well()
    told.wait(5)
    return told
