"""Saying and testing who may reach what over the VPN."""

import json

import pytest

ACCESS = """
groups:
  - {name: doctors, title: Doctors, role: doctor, under: maroua}
  - {name: engineers, title: Engineers, role: engineer, under: yaounde}
hosts:
  - {service: records, zone: yaounde, addresses: [10.0.3.140]}
grants:
  - group: doctors
    reach: [records]
    because: They treat patients
    expect:
      - doctor at mora reaches records at yaounde
      - doctor at garoua never reaches records
  - group: engineers
    reach: [management]
    at: [maroua]
    because: They keep the network running
    expect: [engineer at yaounde never reaches records]
"""


@pytest.fixture
def granted(sanaga, small):
    (sanaga.folder / small / "access.yaml").write_text(ACCESS, encoding="utf-8")
    return small


def test_check_tells_of_every_test_why_it_holds(sanaga, granted):
    answer = sanaga("vpn", "check", "--dir", granted)
    assert (answer.code, answer.err) == (0, "3 tests, all hold\n")
    first, *_ = answer.out.splitlines()
    assert first == (
        "holds  doctor at mora reaches records at yaounde: "
        "a grant lets doctors reach records: They treat patients"
    )


def test_check_ends_with_an_error_when_a_test_fails(sanaga, granted):
    file = sanaga.folder / granted / "access.yaml"
    file.write_text(ACCESS.replace("under: maroua", "under: yaounde"), encoding="utf-8")
    answer = sanaga("vpn", "check", "--dir", granted)
    assert (answer.code, answer.err) == (1, "3 tests, 1 failed\n")
    failed = [line for line in answer.out.splitlines() if line.startswith("FAILS")]
    assert failed == [
        "FAILS  access.yaml:13:9: doctor at garoua never reaches records: "
        "a grant lets doctors reach records: They treat patients"
    ]


def test_check_without_tests_says_where_to_write_some(sanaga, small):
    answer = sanaga("vpn", "check", "--dir", small)
    assert (answer.code, answer.out) == (0, "")
    assert "no grant brings a test along" in answer.err


def test_check_gives_findings_as_json(sanaga, granted):
    found = json.loads(sanaga("vpn", "check", "--dir", granted, "-o", "json").out)
    assert [finding["holds"] for finding in found] == [True, True, True]
    assert set(found[0]) == {"where", "text", "holds", "because"}


def test_reach_lists_what_somebody_reaches_and_by_which_grant(sanaga, granted):
    rows = json.loads(sanaga("vpn", "reach", "engineer", "garoua", "-d", granted, "-o", "json").out)
    assert {row["place"] for row in rows} == {"maroua", "mayo-sava", "mora", "kolofata"}
    assert {row["target"] for row in rows} == {"management"}
    table = sanaga("vpn", "reach", "doctor", "mora", "-d", granted).out
    assert table.splitlines()[1].split()[:4] == ["records", "yaounde", "10.0.3.140", "tcp/443"]


def test_reach_says_when_nothing_is_reached(sanaga, granted):
    answer = sanaga("vpn", "reach", "doctor", "garoua", "-d", granted)
    assert answer.code == 0
    assert "reaches nothing" in answer.err


@pytest.mark.parametrize(("role", "site"), [("docter", "mora"), ("doctor", "morra")])
def test_reach_refuses_names_that_nothing_bears(sanaga, granted, role, site):
    answer = sanaga("vpn", "reach", role, site, "-d", granted)
    assert answer.code == 1
    assert "did you mean" in answer.err


def test_faults_of_access_are_faults_of_the_folder(sanaga, granted):
    file = sanaga.folder / granted / "access.yaml"
    file.write_text(ACCESS.replace("reach: [records]", "reach: [recods]"), encoding="utf-8")
    answer = sanaga("validate", granted)
    assert answer.code == 1
    assert "access.yaml:9:13: unknown target 'recods'" in answer.out
