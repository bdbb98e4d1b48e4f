"""Which gateways are compared with the rules of segments, before any packet is sent."""

from dataclasses import replace
from pathlib import Path

import pytest

from controller.load import Loaded
from inventory.errors import LabError
from inventory.model import Intent
from policies.clinical import read_catalogue
from simulations.lab.lab import Lab
from simulations.lab.segments import compare_segments
from simulations.netns.design import draw_blueprint
from simulations.netns.links import emulated_circuits
from simulations.netns.registry import lab_folder
from tests.factories import hierarchy

MADE = hierarchy(1, 1, 1)
UNFILTERED = {name: replace(device, packet_filter=False) for name, device in MADE.devices.items()}


@pytest.mark.parametrize(
    "intent",
    [
        replace(MADE, network=replace(MADE.network, segmentation=False)),
        replace(MADE, devices=UNFILTERED),
    ],
)
def test_a_network_that_filters_nothing_is_told_what_to_write(intent: Intent):
    place = lab_folder(intent.network.name)
    lab = Lab(
        place,
        draw_blueprint(intent),
        emulated_circuits(place, netem=False, home="nowhere"),
        netem=False,
    )
    loaded = Loaded(Path(), intent, read_catalogue())
    with pytest.raises(LabError, match="no device with LANs filters packets; write 'segmentation"):
        compare_segments(lab, loaded, within_s=1)
