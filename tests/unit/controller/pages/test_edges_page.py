"""The page of edges: who waits for a key, and pinning the one that an edge has made."""

import base64
import html
import re
import shutil

import pytest

from accounts.roles import Grant
from controller.roles import Role
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.service.api_bench import SPUR, api_bench

GRANTS = {
    "root": (Grant(Role.ADMINISTRATOR, ""),),
    "viewer": (Grant(Role.VIEWER, ""),),
    "garoua": (Grant(Role.VIEWER, "yaounde/garoua"),),
}
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()
WAITING = "/vpn/edges?state=waiting"


@pytest.fixture
def bench(tmp_path):
    folder, state = tmp_path / "spur", tmp_path / "state"
    shutil.copytree(SPUR, folder)
    (folder / "edge_keys").write_text(f"yaounde-e1 {OTHER}\n")
    place_fresh_records(state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANAGA_STATE_DIR", str(state))
        with api_bench(GRANTS, folder) as made:
            yield made


def get(bench, path, who="root"):
    return bench.client.request("GET", path, headers={"who": who})


def pin(bench, who="root", **fields):
    said = {"edge": "kolofata-e1", "key": KEY, "because": "new edge", **fields}
    return bench.send_form("/vpn/edges", who, **said)


def test_an_edge_that_waits_gets_its_key_and_waits_no_more(bench):
    assert ">kolofata-e1<" in get(bench, WAITING).text
    answer = pin(bench)
    assert answer.status_code == 303, answer.text
    number = answer.headers["location"].rpartition("/")[2]
    assert bench.changes.operations.wait(number, 60)
    assert "✕" not in get(bench, answer.headers["location"]).text
    assert ">kolofata-e1<" not in get(bench, WAITING).text
    assert KEY in html.unescape(get(bench, "/vpn/edges").text)
    assert f"kolofata-e1 {KEY}\n" in (bench.changes.folder / "edge_keys").read_text()


def test_a_key_that_is_none_is_refused_on_the_page(bench):
    before = (bench.changes.folder / "edge_keys").read_text()
    for fields, said in (({"key": "x"}, "not base64"), ({"because": " "}, "because")):
        answer = pin(bench, **fields)
        assert answer.status_code == 422, fields
        faults = re.findall(r'role="alert">([^<]*)', answer.text)
        assert said in html.unescape(" ".join(faults)).lower()
    assert (bench.changes.folder / "edge_keys").read_text() == before


def test_the_key_of_another_edge_is_refused_and_says_whose_it_is(bench):
    place = pin(bench, key=OTHER).headers["location"]
    assert bench.changes.operations.wait(place.rpartition("/")[2], 60)
    assert "this key is that of yaounde-e1" in html.unescape(get(bench, place).text)
    assert ">kolofata-e1<" in get(bench, WAITING).text


def test_who_may_pin_nothing_is_offered_nothing_and_sees_the_own_region_alone(bench):
    assert "Pin this key" not in get(bench, WAITING, "viewer").text
    assert pin(bench, "viewer").status_code == 403
    assert "kolofata-e1" not in get(bench, "/vpn/edges", "garoua").text
