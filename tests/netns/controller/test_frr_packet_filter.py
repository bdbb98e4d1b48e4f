"""The packet filter of a real router through its door: one transaction with what FRR runs."""

import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from controller.drivers.frr import canonical
from controller.drivers.frr_files import write_router_files
from controller.model import DeviceConfig
from inventory.errors import RejectedError
from tests.netns.controller.frr_configs import configs, runs, unfiltered
from tests.netns.controller.frr_router import FrrRouter, door_argv
from tests.rigs.waiting import eventually

pytestmark = pytest.mark.netns
TABLE: Final = "inet", "sanaga_segments"


def _listed(router: FrrRouter) -> str:
    """Return the loaded table as the kernel has it, with what counters say."""
    return router.nft("-s", "list", "table", *TABLE)


def test_unconfirmed_commit_brings_the_former_table_back(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    before, shown = _listed(router), router.vtysh("show running-config")
    driver = router.driver()
    driver.stage(new)
    driver.commit(confirm_within_s=120)
    assert _listed(router) != before
    driver.extend(confirm_within_s=2)
    eventually(lambda: not router.guards(), 60, "the guard ends")
    assert _listed(router) == before
    assert router.vtysh("show running-config") == shown
    driver.close()


def test_refused_table_changes_nothing_of_frr(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    before, shown = _listed(router), router.vtysh("show running-config")
    driver = router.driver()
    for bad in ("goto segment_nowhere", 'include "/etc/passwd"', "accept } } table ip x { {"):
        config = DeviceConfig(new.text.replace('\t\tiifname "lo" accept', f"\t\t{bad}"))
        assert config != new
        with pytest.raises(RejectedError, match=r"packet filter|does not belong"):
            driver.stage(config)
    driver.close()
    assert (_listed(router), router.vtysh("show running-config")) == (before, shown)


def test_change_by_hand_is_read_and_comes_back_with_a_rollback(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    router.nft("insert", "rule", *TABLE, "segment_input", "tcp", "dport", "8080", "drop")
    driver = router.driver()
    drifted = driver.read()
    assert "tcp dport 8080 drop" in drifted.text
    assert unfiltered(drifted) == unfiltered(old)
    driver.stage(new)
    driver.commit(confirm_within_s=60)
    assert driver.read() == new
    driver.rollback()
    assert driver.read() == drifted
    assert "tcp dport 8080 drop" in _listed(router)
    driver.close()
    runs(router, old)


def test_change_by_hand_that_could_not_come_back_is_not_replaced(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    router.nft("add", "rule", *TABLE, "segment_input", "log")
    driver = router.driver()
    driver.stage(new)
    with pytest.raises(RejectedError, match="nft delete table inet sanaga_segments"):
        driver.commit(confirm_within_s=60)
    assert unfiltered(driver.read()) == unfiltered(old)
    router.nft("delete", "table", *TABLE)
    assert driver.read() == unfiltered(old)
    driver.close()
    runs(router, old)


def test_filter_can_be_taken_away_and_comes_back(router: FrrRouter):
    old, _ = configs()
    runs(router, old)
    runs(router, unfiltered(old))
    assert "sanaga_segments" not in router.nft("list", "tables")
    router.restart()
    assert "sanaga_segments" not in router.nft("list", "tables")
    runs(router, old)


def test_restart_of_frr_alone_takes_an_unconfirmed_filter_back(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    before = _listed(router)
    driver = router.driver()
    driver.stage(new)
    driver.commit(confirm_within_s=600)
    router.stop_daemons()
    router.start_daemons()
    driver.rollback()
    assert (driver.read(), _listed(router)) == (old, before)
    driver.close()


def test_confirmation_that_a_restart_cut_short_keeps_both_or_none(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    driver = router.driver()
    driver.stage(new)
    driver.commit(confirm_within_s=600)
    txn, door = driver._txn, router.folder / "door"
    router.vtysh("write memory")
    (door / "pending.json").rename(door / "confirming.json")
    router.restart()
    assert unfiltered(driver.read()) == unfiltered(new)
    assert driver.read() != new
    assert driver._ask("confirm", str(txn))["last"]["outcome"] == "confirmed"
    assert driver.read() == new
    router.restart()
    assert driver.read() == new
    driver.close()
    runs(router, old)


def test_router_without_the_program_says_what_to_install(router: FrrRouter, tmp_path: Path):
    old, _ = configs()
    argv = [*door_argv(router.folder), "--filter-tool", f"{tmp_path}/none"]
    fresh = [*argv, "--state", f"{tmp_path}/door"]
    for config, said in ((old, "packet_filter: false"), (unfiltered(old), '"ok": true')):
        text = config.text.encode()
        request = f"stage a {len(text)} {sha256(text).hexdigest()}"
        done = subprocess.run(
            ["ip", "netns", "exec", router.namespace, *fresh],
            input=text,
            env={"SSH_ORIGINAL_COMMAND": request, "PATH": os.defpath + ":/usr/sbin:/sbin"},
            capture_output=True,
            check=False,
        )
        assert said in done.stdout.decode()


# Hands a program the one right that root would have, as sudo hands all of them.
SUDO = """#!/bin/sh
test "$1" = -n && exec /usr/bin/python3 -IS "$2" "$3"
"""


def _as_frr(router: FrrRouter, request: str, *options: str, given: bytes = b"") -> dict[str, Any]:
    """Return what a door answers that runs as the user of FRR and may touch no table itself."""
    rights = ("setpriv", "--reuid=frr", "--regid=frr", "--init-groups")
    caps = ("--inh-caps=+net_admin", "--ambient-caps=+net_admin")
    done = subprocess.run(
        ["ip", "netns", "exec", router.namespace, *rights, *caps, "/usr/bin/python3", *options],
        input=given,
        env={"SSH_ORIGINAL_COMMAND": request, "PATH": f"{os.defpath}:/usr/sbin:/sbin"},
        capture_output=True,
        check=False,
    )
    return dict(json.loads(done.stdout))


def test_door_without_rights_loads_the_filter_by_sudo_alone(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    place = router.folder / "unprivileged"
    program, tool = write_router_files(place)
    (place / "sudo").write_text(SUDO)
    (place / "sudo").chmod(0o755)
    shutil.chown(place, "frr", "frr")
    places = ("--vty-socket", router.folder, "--confdir", router.folder, "--state", place / "door")
    tools = ("--filter-tool", tool, "--sudo", place / "sudo")
    door = tuple(map(str, ("-I", program, *places, *tools)))
    text = new.text.encode()
    staged = f"stage a {len(text)} {sha256(text).hexdigest()}"
    before = canonical(_as_frr(router, "read", *door)["config"])
    assert _as_frr(router, staged, *door, given=text)["ok"]
    assert _as_frr(router, "commit a 60", *door)["pending"] == "a"
    assert canonical(_as_frr(router, "read", *door)["config"]) == new
    assert _as_frr(router, "rollback a", *door)["last"]["outcome"] == "rolled-back"
    assert canonical(_as_frr(router, "read", *door)["config"]) == before
    (place / "sudo").write_text("#!/bin/sh\necho sudo: a password is required >&2\nexit 1\n")
    refused = _as_frr(router, staged, *door, given=text)
    assert "a password is required" in refused["message"]
    assert "packet_filter: false" in refused["message"]
