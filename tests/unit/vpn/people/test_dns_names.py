"""Names of services and devices, as a resolver is told of them."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from inventory.addressing import gateway4, gateway6, loopback4
from tests.rigs.people.people_rig import GATEWAYS, NGONO, PLAN, TERMS
from tests.unit.controller.intended.test_overlay import three as _three
from vpn.model import AccessPolicy, PersonDevice, ServiceHost
from vpn.people import device_config, dns_names, roster
from vpn.people import terms as people_terms
from vpn.wireguard.keys import generate_preshared, generate_private, public_of

three = _three
RECORDS = ip_address("10.0.3.140"), ip_address("fd5a:6e61:6700:10::8c")
POLICY = AccessPolicy(
    hosts=(
        ServiceHost("records", "yaounde", RECORDS, ()),
        ServiceHost("records", "douala", (ip_address("10.0.9.140"),), ()),
    )
)
ANSWERING = replace(GATEWAYS[0], resolver=True)
NAMED = replace(TERMS, gateways=(ANSWERING, *GATEWAYS[1:]), names=(("records", RECORDS),))
DEVICE = PersonDevice("a-ngono", "tablet", 1, public_of(generate_private()))


def test_a_service_has_a_name_at_each_zone_and_one_for_all(three):
    found = dict(dns_names.dns_names(three, POLICY))
    assert found["records.yaounde"] == RECORDS
    assert found["records.douala"] == (ip_address("10.0.9.140"),)
    assert found["records"] == (*RECORDS, ip_address("10.0.9.140"))


def test_a_device_s_name_is_its_loopback(three):
    found = dict(dns_names.dns_names(three, AccessPolicy()))
    device = three.devices["mora-e1"]
    number = three.sites[device.site].number
    assert found["mora-e1"] == (loopback4(three.network.plan, number, device.number),)
    assert list(found) == sorted(found)


def test_a_hosts_file_has_a_line_for_each_address_with_all_its_names():
    text = dns_names.hosts_file(
        "spur", [("b", RECORDS), ("a", RECORDS[:1]), ("c", (ip_address("9.9.9.9"),))]
    )
    assert text.splitlines() == [
        "9.9.9.9 c.spur.internal",
        f"{RECORDS[0]} b.spur.internal a.spur.internal",
        f"{RECORDS[1]} b.spur.internal",
    ]
    assert dns_names.hosts_file("spur", []) == ""


def test_a_gateway_with_a_resolver_is_told_names_and_the_others_are_not():
    told = [device_config.build_roster(NAMED, gateway, ()).names for gateway in NAMED.gateways]
    assert told == [NAMED.names, ()]


def test_a_file_says_whom_to_ask_where_the_gateway_answers():
    answering, other = (
        device_config.device_config(NAMED, DEVICE, gateway, generate_preshared())
        for gateway in NAMED.gateways
    )
    own = (str(gateway4(PLAN, 1)), str(gateway6(PLAN, 1)))
    assert answering.dns == (*own, f"{NAMED.network}.internal")
    assert other.dns == ()


def test_terms_and_rosters_keep_names_and_who_answers():
    assert people_terms.read_terms(people_terms.terms_plain(NAMED)) == NAMED
    made = device_config.build_roster(NAMED, ANSWERING, ())
    assert roster.read_roster(roster.roster_plain(made)) == made


def test_terms_of_before_there_were_names_have_none():
    written = people_terms.terms_plain(TERMS)
    del written["names"]
    written["gateways"] = [gateway[:5] for gateway in written["gateways"]]
    assert people_terms.read_terms(written) == TERMS
    assert NGONO.site in TERMS.sites


def test_a_change_of_names_is_told_in_numbers():
    said = list(people_terms.diff_terms(TERMS, NAMED))
    assert "~ names: 1 more" in said
    assert any(line.endswith(", answers for names") for line in said)
    elsewhere = replace(NAMED, names=(("records", RECORDS[:1]),))
    assert list(people_terms.diff_terms(NAMED, elsewhere)) == ["~ names: 1 elsewhere"]
    assert list(people_terms.diff_terms(NAMED, NAMED)) == []


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "A", "a b", "a\n10.0.0.1 bank.example", "-a", 3, None, "a/b"]
)
def test_a_name_that_could_be_another_line_is_no_name(name):
    with pytest.raises(ValueError, match="not a name"):
        roster.names_read([[name, ["10.0.0.1"]]])


@pytest.mark.parametrize("address", ["10.0.0.1 x", "fe80::1%x\n", 3, "none"])
def test_an_address_of_a_name_that_is_none_is_refused(address):
    with pytest.raises((ValueError, TypeError)):
        roster.names_read([["a", [address]]])


def test_people_know_a_gateway_by_the_key_that_its_terms_name():
    kept = replace(GATEWAYS[0], public_key=public_of(generate_private()), kept=True)
    terms = replace(TERMS, gateways=(kept,))
    assert device_config.build_roster(terms, kept, ()).key == kept.public_key
    (peer,) = device_config.device_config(terms, DEVICE, kept, generate_preshared()).peers
    assert peer.public_key == kept.public_key
    assert people_terms.read_terms(people_terms.terms_plain(terms)) == terms
