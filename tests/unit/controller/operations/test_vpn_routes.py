"""Changes to the VPN over the API: within scopes, named in the trail, and what stays at home."""

import pytest

from accounts.roles import Grant
from controller.roles import Role
from tests.rigs.database.fresh_records import place_fresh_records
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar, nowhere
from tests.rigs.service.api_bench import SPUR, api_bench
from vpn.wireguard import keys

NORTH = "yaounde/maroua"
GRANTS = {
    "root": (Grant(Role.ADMINISTRATOR, ""),),
    "northern": (Grant(Role.VPN_ADMINISTRATOR, NORTH),),
    "other": (Grant(Role.VPN_ADMINISTRATOR, NORTH),),
}
NURSE = {"name": "b-oumarou", "title": "B. Oumarou", "role": "nurse", "site": "mora"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    state = tmp_path_factory.mktemp("vpn") / "state"
    place_fresh_records(state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANAGA_STATE_DIR", str(state))
        registrar = make_registrar(state)
        registrar.add(NGONO, "tablet", ACT, nowhere)
        registrar.close()
        with api_bench(GRANTS, SPUR) as made:
            yield made


def post(bench, path, who, headers=None, **body):
    given = {"who": who, **(headers or {})}
    return bench.client.request("POST", f"/api/v1{path}", headers=given, body=body)


def prepared(bench, who, device):
    """Return the answer to the wish for a nurse's device."""
    key = keys.public_of(keys.generate_private())
    return post(
        bench, "/vpn/people/b-oumarou/devices", who, person=NURSE, device=device, public_key=key
    )


def devices(bench):
    found = bench.get("/vpn/people", "root", name="b-oumarou", state="all")["items"]
    return [device for one in found for device in one["devices"]]


def test_a_device_is_on_record_when_its_file_is_written_and_the_trail_names_the_account(bench):
    answer = prepared(bench, "northern", "tablet")
    assert answer.status_code == 200, answer.text
    assert "PresharedKey" in answer.text
    assert "PrivateKey = (" in answer.text
    assert devices(bench) == []
    entry = {"pending": answer.json()["pending"], "because": "mobile clinic"}
    path, claimed = "/vpn/people/b-oumarou/entry", {"Sanaga-Person": "somebody-else"}
    assert post(bench, path, "other", **entry).status_code == 409
    assert post(bench, path, "northern", claimed, **entry).status_code == 200
    assert devices(bench) == ["tablet"]
    # An answer that was lost is asked for again.
    assert post(bench, path, "northern", **entry).status_code == 200
    assert devices(bench) == ["tablet"]
    trail = bench.get("/audit", "root", chain="vpn", limit=500)["items"]
    (added,) = [one for one in trail if one["what"] == "device.add" and one["who"] != ACT.who]
    assert added["who"].startswith("northern")
    assert added["because"] == "mobile clinic"


def test_nobody_gives_access_outside_of_their_scope_or_moves_anybody_there(bench):
    far = {**NURSE, "name": "c-moussa", "site": "yaounde"}
    key = keys.public_of(keys.generate_private())
    wish = {"person": far, "device": "tablet", "public_key": key}
    assert post(bench, "/vpn/people/c-moussa/devices", "northern", **wish).status_code == 403
    seen = post(bench, f"/vpn/people/{NGONO.name}/rotation", "northern", public_key=key)
    assert seen.status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/vpn/gateways/yaounde-e1/peers", {"because": "x"}),
        ("/vpn/terms-plans", {"folder": "/etc"}),
        ("/vpn/edge-acts", {"kind": "list", "folder": "/etc"}),
        ("/machine/account-links", {"kind": "first-administrator"}),
        ("/machine/backups", {"folder": "/etc", "keep": 1, "passphrase": "x"}),
    ],
)
def test_what_concerns_the_machine_is_for_its_owner_alone(bench, path, body):
    answer = post(bench, path, "root", **body)
    assert answer.status_code == 403
    assert "say this there" in answer.text


def test_an_error_tells_its_kind_beside_its_sentence(bench):
    answer = post(bench, "/vpn/people/b-oumarou/rotation", "root", device="none",
                  public_key=keys.public_of(keys.generate_private()))  # fmt: skip
    assert answer.json()["error"]["type"] == "AccessError"
    assert answer.json()["error"]["detail"] == answer.json()["detail"]
