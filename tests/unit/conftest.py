"""Fixtures that several files of unit tests share."""

import pytest

from tests.rigs.controller.apply_rig import Bench


@pytest.fixture(params=[1, 4], ids=["one worker", "four workers"])
def bench(tmp_path, request):
    made = Bench(tmp_path, workers=request.param)
    yield made
    made.journal.close()
