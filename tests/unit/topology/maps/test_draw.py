import os
from dataclasses import replace
from xml.etree import ElementTree as ET

import matplotlib
import pytest

from inventory.country.examples import write_example
from inventory.country.outline import Outline, read_outline
from inventory.errors import TopologyError
from inventory.intent import load_intent
from inventory.model import Intent, Place
from topology.build import build_topology
from topology.failures.resilience import blast_radius
from topology.maps.cartography import (
    Box,
    Wanted,
    around,
    crowded_sites,
    fit_box,
    place_labels,
    project,
    spread,
)
from topology.maps.draw import draw_map
from topology.maps.sketch import label_text, sketch_map

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def intent(tmp_path_factory) -> Intent:
    folder = tmp_path_factory.mktemp("draw") / "spur"
    write_example(folder, "northern-spur")
    return load_intent(folder)


def texts(file) -> str:
    root = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314
    return "\n".join("".join(node.itertext()).strip() for node in root.iter(f"{SVG}text"))


def retitled(intent: Intent, name: str, title: str) -> Intent:
    site = replace(intent.sites[name], title=title)
    return replace(intent, sites={**intent.sites, name: site})


def test_the_same_intent_gives_the_same_svg(intent, tmp_path):
    draw_map(intent, tmp_path / "a.svg")
    draw_map(intent, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "dc:date" not in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_every_site_has_its_label(intent, tmp_path):
    draw_map(intent, tmp_path / "a.svg")
    shown = texts(tmp_path / "a.svg").splitlines()
    for name in ("Yaoundé", "Douala", "Ngaoundéré", "Garoua", "Maroua", "Mayo-Sava", "Kolofata"):
        assert name in shown


def test_the_heading_counts_and_the_legend_names_what_is_there(intent, tmp_path):
    draw_map(intent, tmp_path / "a.svg")
    shown = texts(tmp_path / "a.svg")
    assert "9 sites, 14 devices, 27 circuits, 2 data-centre zones" in shown
    assert "fibre (15)" in shown
    assert "LTE to its operator (1)" in shown
    assert "VSAT to its operator" not in shown


def test_png_is_written_by_its_suffix(intent, tmp_path):
    draw_map(intent, tmp_path / "a.PNG")
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")


def test_another_suffix_is_refused(intent, tmp_path):
    with pytest.raises(TopologyError, match=r"is \.svg or \.png, not \.pdf"):
        draw_map(intent, tmp_path / "a.pdf")


def test_a_folder_that_is_not_there_is_named(intent, tmp_path):
    with pytest.raises(TopologyError, match="cannot be written"):
        draw_map(intent, tmp_path / "no" / "a.svg")


def test_own_link_is_written_through(intent, tmp_path):
    (tmp_path / "a.svg").symlink_to("drawn.svg")
    draw_map(intent, tmp_path / "a.svg")
    assert (tmp_path / "drawn.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "a.svg").is_symlink()


def test_what_is_no_regular_file_is_left_alone(intent, tmp_path):
    os.mkfifo(tmp_path / "a.svg")
    reader = os.open(tmp_path / "a.svg", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(TopologyError, match="is a pipe, no plain file, and is left as it is"):
        draw_map(intent, tmp_path / "a.svg")
    assert os.read(reader, 10) == b""
    os.close(reader)


def test_longer_picture_is_replaced_whole(intent, tmp_path):
    draw_map(intent, tmp_path / "a.svg")
    (tmp_path / "b.svg").write_bytes(b"x" * 10_000_000)
    draw_map(intent, tmp_path / "b.svg")
    assert (tmp_path / "b.svg").read_bytes() == (tmp_path / "a.svg").read_bytes()


def test_an_intent_without_sites_has_no_picture(intent, tmp_path):
    with pytest.raises(TopologyError, match="no sites"):
        draw_map(replace(intent, sites={}), tmp_path / "a.svg")


def test_titles_are_text_and_never_markup(intent, tmp_path):
    wild = retitled(intent, "garoua", "<script>&$x^2$\n中, Nord")
    draw_map(wild, tmp_path / "a.svg")
    assert "<script>&$x^2$ 中" in texts(tmp_path / "a.svg")


def test_a_failure_is_drawn_with_what_it_costs(intent, tmp_path):
    blast = blast_radius(build_topology(intent), ["garoua-maroua-fibre", "yaounde-maroua-leo"])
    draw_map(intent, tmp_path / "plain.svg")
    draw_map(intent, tmp_path / "failed.svg", blast=blast)
    shown = texts(tmp_path / "failed.svg")
    assert f"0 sites cut off, {len(blast.degraded)} on their last way" in shown
    assert "on its last way" in shown
    assert "#d11f2f" in (tmp_path / "failed.svg").read_text(encoding="utf-8")
    assert "#d11f2f" not in (tmp_path / "plain.svg").read_text(encoding="utf-8")


def test_approximate_places_are_hollow_and_said(intent, tmp_path):
    rough = replace(intent.sites["mora"], place=Place(11.05, 14.14, "memory"))
    draw_map(replace(intent, sites={**intent.sites, "mora": rough}), tmp_path / "a.svg")
    assert "approximate place (1)" in texts(tmp_path / "a.svg")


def test_matplotlibs_settings_are_left_alone(intent, tmp_path):
    before = dict(matplotlib.rcParams)
    draw_map(intent, tmp_path / "a.svg")
    assert dict(matplotlib.rcParams) == before


def test_one_lonely_site_is_drawn(intent, tmp_path):
    alone = replace(
        intent, sites={"yaounde": intent.sites["yaounde"]}, devices={}, circuits={}, zones={}
    )
    draw_map(alone, tmp_path / "a.svg")
    assert "Yaoundé" in texts(tmp_path / "a.svg")


def test_the_crowd_of_the_far_north_gets_a_closer_look(intent):
    closer = sketch_map(intent, None).closer
    assert [view.title for view in closer] == ["Around Maroua"]
    assert set(closer[0].sites) == {"maroua", "mayo-sava", "mora", "kolofata", "tokombere"}


def test_sites_that_span_the_country_are_framed_by_its_outline(intent):
    square = Outline((((8.0, 1.0), (17.0, 1.0), (17.0, 14.0), (8.0, 14.0)),), ())
    frame = sketch_map(intent, square).whole.frame
    assert frame.holds(project(Place(1.0, 8.0)))
    assert not sketch_map(intent, None).whole.frame.holds(project(Place(1.0, 8.0)))


def test_a_seat_is_told_from_its_town_by_the_departments_name(intent):
    shown = list(intent.sites.values())
    assert label_text(intent.sites["mayo-sava"], shown) == "Mayo-Sava"
    assert label_text(intent.sites["mora"], shown) == "Mora"


def test_points_on_one_spot_are_spread_until_each_has_room():
    points = dict.fromkeys("abcdef", (1.0, 1.0))
    spread_out = spread(points, dict.fromkeys("abcdef", 0.1))
    for a in "abcdef":
        for b in "abcdef":
            if a < b:
                (ax, ay), (bx, by) = spread_out[a], spread_out[b]
                assert ((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5 >= 0.2 * 0.95


def test_points_with_room_stay_where_they_are():
    points = {"a": (0.0, 0.0), "b": (5.0, 0.0)}
    moved = spread(points, {"a": 0.1, "b": 0.1})
    assert all(abs(moved[n][0] - points[n][0]) < 0.01 for n in points)


def test_crowds_are_chains_of_neighbours():
    points = {"a": (0.0, 0.0), "b": (1.0, 0.0), "c": (2.0, 0.0), "d": (9.0, 0.0), "e": (9.5, 0.0)}
    assert crowded_sites(points, 1.0) == [("a", "b", "c"), ("d", "e")]


def test_labels_never_overlap_and_one_without_room_is_left_out():
    frame = Box(0, 0, 4, 2)
    wanted = [Wanted(f"k{n}", "text", (2.0, 1.0), 1.5, 0.5, 0.1) for n in range(12)]
    placed = place_labels(wanted, [], frame)
    assert 2 <= len(placed) < 12
    assert not any(a.box.meets(b.box) for a in placed for b in placed if a.key < b.key)


def test_a_frame_grows_about_its_middle_to_a_ratio():
    box = fit_box(around([(0.0, 0.0), (1.0, 1.0)]), 2.0)
    assert (box.width, box.height, box.left) == (2.0, 1.0, -0.5)


def test_the_outline_is_none_where_it_was_not_made(tmp_path):
    assert read_outline(tmp_path / "outline.json") is None


def test_the_outline_holds_the_country_and_its_regions(tmp_path):
    file = tmp_path / "outline.json"
    file.write_text('{"country": [[[8, 1], [9, 2]]], "regions": {"CM-EN": [[[1, 2], [3, 4]]]}}')
    assert read_outline(file) == Outline((((8, 1), (9, 2)),), (((1, 2), (3, 4)),))
