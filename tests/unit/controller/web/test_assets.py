"""What pages load: the outline of the country as steps."""

import json
from itertools import accumulate

from controller.web.assets import assets
from inventory.country.outline import read_outline


def points(steps):
    return list(zip(accumulate(steps[::2]), accumulate(steps[1::2]), strict=True))


def test_the_steps_of_the_outline_lead_along_its_points():
    sent, known = json.loads(assets()["outline.json"].octets), read_outline()
    assert known
    for name, rings in (("country", known.country), ("regions", known.regions)):
        assert len(sent[name]) == len(rings) > 0
        for steps, ring in zip(sent[name], rings, strict=True):
            rounded = [(round(y * 100), round(x * 100)) for x, y in ring]
            alone = [one for at, one in enumerate(rounded) if at == 0 or rounded[at - 1] != one]
            assert points(steps) == alone
