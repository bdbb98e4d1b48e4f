"""Planning offline, from files of what devices run."""

import json

import pytest

from tests.rigs.controller.small_folder import edit


def test_plan_of_blank_devices_has_changes_and_ends_with_2(sanaga, small, blank):
    answer = sanaga("plan", small, "--running", blank)
    assert answer.code == 2, answer.err
    assert "7 of 7 devices to change:" in answer.out
    assert "wave 1 (canary): " in answer.out
    assert "3 expectations: all hold" in answer.out
    assert "save it with --out" in answer.err


def test_plan_tells_why_expectations_hold_only_when_asked(sanaga, small, blank):
    sentence = "from mora, records at yaounde reachable"
    assert sentence not in sanaga("plan", small, "--running", blank).out
    told = sanaga("plan", small, "--running", blank, "--brief", "--expectations").out
    assert f"  holds: {sentence}: " in told
    edit(sanaga, "network.yaml", "expect:", "expect:\n  - every site has two ways out")
    words = ("plan", small, "--running", blank, "--allow-failing", "every site has two ways out")
    told = sanaga(*words).out
    assert "4 expectations: 3 hold, 1 fail" in told
    assert "  FAILS: every site has two ways out: " in told
    assert sentence not in told


def test_plan_of_settled_devices_ends_with_0(sanaga, small, settled):
    answer = sanaga("plan", small, "--running", settled, "--out", "empty.plan")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("Nothing to change: all 7 devices run what is intended.")
    assert not (sanaga.folder / "empty.plan").exists()


def test_plan_shows_the_difference_of_what_changes_alone(sanaga, small, settled):
    edit(sanaga, "circuits.yaml", "delay_ms: 0.2", "delay_ms: 0.2\n    description: by the road")
    answer = sanaga("plan", small, "--running", settled)
    assert answer.code == 2
    assert "2 of 7 devices to change:" in answer.out
    assert any(
        line.strip().startswith("+") and "by the road" in line for line in answer.out.splitlines()
    )
    assert "by the road" not in sanaga("plan", small, "--running", settled, "--brief").out
    show = sanaga("show", "mora-r1", "--diff", "--dir", small, "--configs", settled)
    assert show.code == 0
    assert "by the road" in show.out


def test_plan_as_json_names_every_change_with_its_wave(sanaga, small, blank):
    answer = sanaga("plan", small, "--running", blank, "-o", "json")
    plan = json.loads(answer.out)
    assert answer.code == 2
    assert plan["network"] == "small"
    assert len(plan["changes"]) == 7
    assert {"device", "platform", "wave", "impact", "because", "cannot_revert", "diff"} == set(
        plan["changes"][0]
    )
    assert plan["changes"][0]["wave"] == 1
    assert [finding["holds"] for finding in plan["expectations"]] == [True, True, True]
    assert plan["blast_radius"]["disconnected"] == []


def test_a_credential_beside_the_documents_is_no_other_one(sanaga, small, blank):
    devices = sanaga.folder / small / "devices.yaml"
    text = devices.read_text().replace("env:SANAGA_SMALL_KEY", "file:controller_key")
    devices.write_text(text)
    told = sanaga("plan", small, "--running", blank, "--brief").out
    assert "7 of 7 devices to change" in told
    assert "What no rollback brings back" not in told


def test_plan_saves_a_file_for_its_owner_alone(sanaga, small, blank):
    answer = sanaga("plan", small, "--running", blank, "--out", "change.plan")
    assert answer.code == 2
    assert "sanaga apply change.plan" in answer.err
    file = sanaga.folder / "change.plan"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "not-a-key" not in file.read_text()


def test_plan_for_some_devices_leaves_the_others_out(sanaga, small, blank):
    answer = sanaga("plan", small, "--running", blank, "--only", "mora-r1", "-o", "json")
    assert [change["device"] for change in json.loads(answer.out)["changes"]] == ["mora-r1"]


def test_plan_for_an_unknown_device_is_refused(sanaga, small, blank):
    answer = sanaga("plan", small, "--running", blank, "--only", "mora-r9")
    assert (answer.code, answer.out) == (1, "")
    assert "mora-r9" in answer.err


def test_plan_that_cuts_sites_off_is_refused_until_allowed(sanaga, small, settled):
    # Another number means other addresses on the only circuit down to Mayo-Sava.
    edit(sanaga, "circuits.yaml", "number: 5", "number: 55")
    answer = sanaga("plan", small, "--running", settled)
    assert answer.code == 1
    assert "would be cut off" in answer.err
    assert "--allow-devices-cut" in answer.err
    allowed = ("--allow-devices-cut", "1", "--allow-facilities-cut", "1")
    answer = sanaga("plan", small, "--running", settled, *allowed)
    assert answer.code == 2
    assert "3 sites are cut off, with 2 facilities for 260,939 people" in answer.out
    assert "mora" in answer.out


def test_plan_with_a_failing_expectation_is_refused_until_accepted(sanaga, small, blank):
    sentence = "every site has two ways out"
    edit(sanaga, "network.yaml", "expect:", f"expect:\n  - {sentence}")
    answer = sanaga("plan", small, "--running", blank)
    assert answer.code == 1
    assert sentence in answer.err
    answer = sanaga("plan", small, "--running", blank, "--allow-failing", sentence)
    assert answer.code == 2
    assert f"FAILS: {sentence}" in answer.out


def test_plan_of_unreachable_devices_changes_nothing_and_ends_with_4(sanaga, small):
    edit(sanaga, "network.yaml", "management_namespace: sanaga-small-noc", "")
    devices = sanaga.folder / "small" / "devices.yaml"
    text = devices.read_text()
    for number in range(1, 8):
        text = text.replace(f"198.18.0.{number}\n", f"127.0.0.{number}\n      port: 1\n")
    devices.write_text(text)
    answer = sanaga("plan", small)
    assert (answer.code, answer.out) == (4, "")
    assert "mora-r1: " in answer.err
    assert "7 of 7 devices cannot be read, so nothing is planned" in answer.err
    assert "not-a-key" not in answer.err


def test_plan_of_a_folder_with_faults_lists_them_all(sanaga, small, blank):
    edit(sanaga, "sites.yaml", "level: central", "level: centrall")
    edit(sanaga, "circuits.yaml", "medium: leo", "medium: pigeon")
    answer = sanaga("plan", small, "--running", blank)
    assert (answer.code, answer.out) == (1, "")
    assert "small/sites.yaml:4:12: " in answer.err
    assert "small/circuits.yaml:" in answer.err
    assert "faults; nothing was done" in answer.err


@pytest.mark.parametrize("share", ["2", "-1", "half"])
def test_plan_wants_shares_between_0_and_1(sanaga, small, blank, share):
    answer = sanaga("plan", small, "--running", blank, "--allow-devices-cut", share)
    assert answer.code == 64
    assert "--allow-devices-cut" in answer.err


def test_show_prints_the_intended_configuration_alone(sanaga, small):
    answer = sanaga("show", "mora-r1", "--dir", small)
    assert (answer.code, answer.err) == (0, "")
    assert "interface vlan10" in answer.out
    assert json.loads(sanaga("show", "mora-r1", "--dir", small, "-o", "json").out) == {
        "device": "mora-r1",
        "shown": "intended",
        "text": answer.out,
    }


def test_show_prints_what_a_device_runs(sanaga, small, settled):
    (sanaga.folder / settled / "mora-r1.conf").write_text("hostname other\n")
    answer = sanaga("show", "mora-r1", "--running", "--dir", small, "--configs", settled)
    assert (answer.code, answer.out) == (0, "hostname other\n")


def test_show_of_an_unknown_device_suggests_a_name(sanaga, small):
    answer = sanaga("show", "mora", "--dir", small)
    assert (answer.code, answer.out) == (1, "")
    assert "did you mean mora-r1" in answer.err


def test_show_says_so_when_nothing_differs(sanaga, small, settled):
    answer = sanaga("show", "mora-r1", "--diff", "--dir", small, "--configs", settled)
    assert (answer.code, answer.out, answer.err) == (0, "", "mora-r1 runs what is intended\n")


def test_show_wants_one_thing_at_a_time(sanaga, small):
    assert sanaga("show", "mora-r1", "--running", "--diff", "--dir", small).code == 64


SWITCH = """devices:
  - {name: mora-sw, site: mora, number: 2, role: switch, platform: ios}
  - {name: mora-edge, site: mora, number: 3, role: edge, platform: linux}
"""


def test_switches_and_edges_without_a_key_are_named_with_the_reason_and_skipped(
    sanaga, small, settled
):
    (sanaga.folder / small / "others.yaml").write_text(SWITCH)
    answer = sanaga("plan", small, "--running", settled)
    assert answer.code == 0, answer.err
    assert "all 7 devices run what is intended" in answer.out
    assert "Not managed yet: mora-edge (no public key pinned; 'sanaga edge enrol'" in answer.out
    assert "Not managed yet: mora-sw (switches are not configured yet)." in answer.out
    answer = sanaga("plan", small, "--running", settled, "-o", "json")
    assert json.loads(answer.out)["unmanaged"] == ["mora-edge", "mora-sw"]
    assert json.loads(answer.out)["unmanaged_because"].keys() == {"mora-edge", "mora-sw"}
    answer = sanaga("plan", small, "--running", settled, "--only", "mora-sw")
    assert answer.code == 1
    assert "not managed yet: mora-sw" in answer.err


def test_routers_of_unknown_platforms_are_named_all_at_once(sanaga, small, settled):
    for name, platform in (("garoua-r1", "junos"), ("maroua-r1", "eos")):
        file = sanaga.folder / small / "devices.yaml"
        head, tail = file.read_text().split(f"- name: {name}\n")
        file.write_text(f"{head}- name: {name}\n{tail.replace('frr', platform, 1)}")
    for running in (("--running", settled), ()):
        answer = sanaga("plan", small, *running)
        assert answer.code == 1
        assert "cannot configure garoua-r1 (junos), maroua-r1 (eos)" in answer.err
    answer = sanaga("plan", small, "--running", settled, "--only", "mora-r1")
    assert answer.code == 0, answer.err
