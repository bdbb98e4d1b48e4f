"""Where sites stand on the picture of the network, and what is drawn of it."""

from math import hypot

import pytest

from controller.load import load
from controller.web.picture import draw_network
from controller.web.rings import place_on_rings
from inventory.model import Place
from tests.rigs.incidents import networks
from tests.rigs.service.api_bench import SPUR


@pytest.fixture(scope="module")
def spur():
    return load(SPUR).intent


@pytest.fixture(scope="module")
def country():
    return networks.country()


def spots(intent, names=None):
    sites = [site for site in intent.sites.values() if names is None or site.name in names]
    return place_on_rings(
        {site.name: site.parent for site in sites}, {site.name: site.place for site in sites}
    )


def test_every_level_has_a_ring_and_no_two_sites_a_place(country):
    found = spots(country)
    rings = {(spot.ring, round(hypot(spot.x, spot.y), 6)) for spot in found.values()}
    assert len(rings) == 4
    assert len({(spot.x, spot.y) for spot in found.values()}) == len(country.sites) == 429
    assert max(hypot(spot.x, spot.y) for spot in found.values()) == pytest.approx(1)


def test_the_north_is_above_the_south(country):
    found = spots(country)
    assert found["garoua"].y < found["ebolowa"].y
    assert found["bertoua"].x > found["buea"].x


def test_a_part_of_the_network_has_its_own_middle(spur):
    found = spots(spur, {"maroua", "mora", "kolofata", "mayo-sava"})
    assert (found["maroua"].x, found["maroua"].y, found["maroua"].ring) == (0, 0, 0)
    assert found["kolofata"].ring == 2


def test_sites_without_a_common_one_above_them_stand_around_the_middle():
    places = {name: Place(float(number), 1.0) for number, name in enumerate("ab")}
    found = place_on_rings({"a": "gone", "b": "gone"}, places)
    assert {spot.ring for spot in found.values()} == {1}
    assert place_on_rings({}, {}) == {}


def test_a_small_network_shows_its_devices_and_all_titles(spur):
    picture = draw_network(spur, [*spur.sites.values()], [*spur.circuits.values()])
    assert {dot.name for dot in picture.dots if dot.shape == "device"} == set(spur.devices)
    assert {dot.label for dot in picture.dots if dot.shape == "site"} == {
        site.title for site in spur.sites.values()
    }
    used = {one.name for one in spur.circuits.values() if one.enabled}
    assert {line.name for line in picture.lines} == used
    assert len({line.way for line in picture.lines}) == len(picture.lines)


def test_the_whole_country_has_its_circuits_and_every_sign_a_place(country):
    picture = draw_network(country, [*country.sites.values()], [*country.circuits.values()])
    assert {dot.shape for dot in picture.dots} == {"site"}
    names = {dot.name for dot in picture.dots} | {line.name for line in picture.lines}
    assert set(picture.spots) == names
    left, top, width, height = picture.box
    for x, y in picture.spots.values():
        assert left <= x <= left + width
        assert top <= y <= top + height
    between = [one for one in country.circuits.values() if one.b and one.enabled]
    sites = {one.name for one in between if len({*map(country_site(country), ends(one))}) == 2}
    assert sites <= {line.name for line in picture.lines}


def ends(circuit):
    return [end.device for end in (circuit.a, circuit.b) if end]


def country_site(intent):
    return lambda device: intent.devices[device].site


def test_a_circuit_that_leads_out_of_the_picture_is_a_stub(spur):
    sites = [spur.sites[name] for name in ("mora", "kolofata")]
    whole = [*spur.circuits.values()]
    names = {line.name for line in draw_network(spur, sites, whole).lines}
    assert {"mora-kolofata-fibre", "maroua-kolofata-microwave", "kolofata-leo"} <= names
    assert "garoua-maroua-fibre" not in names
