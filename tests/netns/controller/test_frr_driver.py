"""The FRR driver and its door against a real router over real SSH."""

import json
import os
import signal
import time
from dataclasses import replace
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path
from threading import Event

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.drivers.frr import FrrDriver
from controller.frr_door.frr import VTYSH_TIMEOUT_S
from controller.intended.render import render
from controller.intended.routers import intended_routers
from controller.model import DeviceConfig
from controller.transport.ssh_door import SshTimeouts
from inventory.addressing import link4
from inventory.errors import DeviceError, HostKeyError, RejectedError, UnreachableError
from inventory.model import Management
from tests.contract.driver_contract import DriverContract, Rig
from tests.netns.controller.frr_configs import configs, runs
from tests.netns.controller.frr_router import (
    FrrRouter,
    private_text,
    public_text,
)
from tests.rigs.edge.edge_networks import draft
from tests.rigs.stopped_process import stopped
from tests.rigs.waiting import eventually

pytestmark = pytest.mark.netns
BAD_LINE = " neighbor 9.9.9.9 description nobody"


def _bad(config: DeviceConfig) -> DeviceConfig:
    """Return a configuration whose syntax is right and that FRR refuses all the same."""
    line = " no bgp default ipv4-unicast\n"
    return DeviceConfig(config.text.replace(line, f"{line}{BAD_LINE}\n"))


def _rewrite_pending(router: FrrRouter, **fields: object) -> None:
    pending = router.folder / "door" / "pending.json"
    pending.write_text(json.dumps({**json.loads(pending.read_text()), **fields}))


def _wait(seconds: float) -> None:
    Event().wait(seconds)


@pytest.fixture
def rig(router: FrrRouter) -> Rig:
    old, new = configs()
    runs(router, old)

    return Rig(
        connect=router.driver,
        old=old,
        new=new,
        bad=_bad(new),
        pass_time=_wait,
        reachable=IPv4Address("172.16.0.17"),
        unreachable=IPv4Address("192.0.2.1"),
        timer_s=4,
        restart=router.restart,
    )


class TestFrrDriver(DriverContract):
    """Everything that any driver must do."""


def test_rejected_line_is_named_and_every_byte_is_as_before(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    shown = router.vtysh("show running-config")
    driver = router.driver()
    driver.stage(_bad(new))
    with pytest.raises(RejectedError, match=r"neighbor 9\.9\.9\.9 description nobody"):
        driver.commit(confirm_within_s=60)
    driver.close()
    assert router.vtysh("show running-config") == shown


def test_first_configuration_can_be_taken_back_whole_and_at_once(router: FrrRouter):
    old, _ = configs()
    blank = DeviceConfig("frr defaults traditional\n!\n")
    runs(router, blank)
    shown = router.vtysh("show running-config")
    driver = router.driver()
    driver.stage(old)
    driver.commit(confirm_within_s=120)
    driver.rollback()
    assert router.vtysh("show running-config") == shown
    left = (router.folder / "door" / "work").iterdir()
    assert {file.name for file in left} <= {"frr.conf", "vtysh.conf"}
    driver.close()


def test_port_that_does_not_exist_can_be_configured_and_freed_again(router: FrrRouter):
    old, _ = configs()
    absent = (
        "interface eth77\n description later\n ip address 192.0.2.1/31\nexit\n!\ninterface lo\n"
    )
    runs(router, old)
    runs(router, DeviceConfig(old.text.replace("interface lo\n", absent)))
    runs(router, old)


def test_line_that_no_parser_knows_is_refused_while_staging(router: FrrRouter):
    driver = router.driver()
    with pytest.raises(RejectedError, match="frobnicate"):
        driver.stage(DeviceConfig("frr defaults traditional\n!\nfrobnicate all\n!\n"))
    driver.close()


def test_second_transaction_is_refused_while_one_is_unconfirmed(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    first, second = router.driver(), router.driver()
    first.stage(new)
    first.commit(confirm_within_s=60)
    with pytest.raises(RejectedError, match="unconfirmed for"):
        second.stage(new)
    first.rollback()
    second.stage(new)
    first.close()
    second.close()


def test_change_behind_the_back_of_a_staged_candidate_is_noticed(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    driver = router.driver()
    driver.stage(new)
    router.vtysh("configure", "interface eth9", "description somebody else")
    with pytest.raises(RejectedError, match="changed since staging"):
        driver.commit(confirm_within_s=60)
    driver.close()
    runs(router, old)


def test_late_confirmation_says_that_the_change_was_undone(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    driver = router.driver()
    driver.stage(new)
    driver.commit(confirm_within_s=2)
    eventually(lambda: driver.read() == old, 30, "the guard restores")
    with pytest.raises(RejectedError, match="undone before"):
        driver.confirm()
    driver.close()
    assert not router.guards()


def test_guard_ends_as_soon_as_the_change_is_settled(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    driver = router.driver()
    for settle in (driver.rollback, driver.confirm):
        driver.stage(new)
        driver.commit(confirm_within_s=600)
        assert len(router.guards()) == 1
        settle()
        eventually(lambda: not router.guards(), 5, "the guard ends")
    driver.close()


def test_overdue_change_is_undone_by_the_next_visitor_when_the_guard_was_killed(
    router: FrrRouter,
):
    old, new = configs()
    runs(router, old)
    driver = router.driver()
    driver.stage(new)
    driver.commit(confirm_within_s=600)
    for guard in router.guards():
        os.kill(guard, signal.SIGKILL)
    _rewrite_pending(router, deadline=0.0)
    assert driver.read() == new
    second = router.driver()
    second.confirm()  # asks for the pending one first, which tends to it
    assert second.read() == old
    driver.close()
    second.close()


def test_record_from_before_a_reboot_is_cleaned_up(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    driver = router.driver()
    driver.stage(new)
    driver.commit(confirm_within_s=600)
    _rewrite_pending(router, boot="another")
    router.stop_daemons()
    router.start_daemons()
    driver.stage(new)
    assert driver.read() == old
    driver.close()
    eventually(lambda: not router.guards(), 70, "the guard ends")


def test_commit_goes_on_when_its_connection_is_cut(router: FrrRouter):
    old, new = configs()
    runs(router, old)
    driver = router.driver()
    driver.stage(new)
    channel = driver._channel()
    channel.exec_command(f"commit {driver._txn} 8")
    driver.close()
    other = router.driver()
    eventually(lambda: other.read() == new, 30, "the change is made")
    eventually(lambda: len(router.guards()) == 1, 10, "the guard watches alone")
    eventually(lambda: other.read() == old, 30, "the change is undone in time")
    other.close()


def test_half_a_candidate_is_never_staged(router: FrrRouter):
    driver = router.driver()
    digest = sha256(b"interface lo\n").hexdigest()
    with pytest.raises(UnreachableError, match="5 of 13 bytes"):
        driver._ask("stage", "half", "13", digest, data=b"inter")
    driver.close()


@pytest.mark.parametrize(
    "words",
    [
        ("bash",),
        ("read", "; reboot"),
        ("vtysh", "-c", "configure terminal"),
        ("vtysh", "-c", "show version", "-f", "/etc/passwd"),
        ("probe", "lo", "-f"),
        ("commit", "../../etc", "5"),
        ("stage", "a", "b", "c"),
    ],
)
def test_door_knows_no_other_request(router: FrrRouter, words: tuple[str, ...]):
    driver = router.driver()
    with pytest.raises(DeviceError):
        driver._ask(*words)
    driver.close()


def test_show_commands_are_answered_as_vtysh_does(router: FrrRouter):
    driver = router.driver()
    channel = driver._channel()
    channel.exec_command('vtysh -c "show version"')
    assert channel.makefile().read().decode().startswith("FRRouting 8.4")
    driver.close()


def _with(router: FrrRouter, **changes: object) -> FrrRouter:
    management = router.device.management
    assert isinstance(management, Management)
    device = replace(router.device, management=replace(management, **changes))  # type: ignore[arg-type]
    return replace(router, device=device)


def test_another_host_key_is_an_error_that_names_the_device(router: FrrRouter):
    stranger = _with(router, host_key=public_text(Ed25519PrivateKey.generate()))
    with pytest.raises(HostKeyError, match="r1: showed host key"):
        stranger.driver().read()


def test_no_pin_means_no_connection(router: FrrRouter):
    with pytest.raises(HostKeyError, match="no host key is pinned"):
        _with(router, host_key="").driver().read()


def test_refused_login_tells_no_secret(router: FrrRouter):
    for secret in (private_text(Ed25519PrivateKey.generate()), "tr0ub4dor"):
        with pytest.raises(UnreachableError, match="login as root was refused") as caught:
            replace(router, secret=secret).driver().read()
        assert secret not in repr(caught.value)
        assert caught.value.__suppress_context__


def test_closed_port_is_unreachable(router: FrrRouter):
    with pytest.raises(UnreachableError, match="port 2222"):
        _with(router, port=2222).driver().read()


def test_unknown_namespace_is_unreachable(router: FrrRouter):
    driver = FrrDriver(router.device, secret=router.secret, namespace="st-nowhere")
    with pytest.raises(UnreachableError, match="No such file"):
        driver.read()


def test_silent_router_is_given_up(router: FrrRouter):
    driver = router.driver()
    assert driver.read()
    hasty = router.driver(patience=SshTimeouts(connect_s=10, silence_s=1.5))
    bgpd = int((router.folder / "bgpd.pid").read_text())
    with stopped(bgpd):
        start = time.monotonic()
        with pytest.raises(UnreachableError, match="fell silent"):
            hasty.read()
        # The door itself gives up on vtysh later.
        assert time.monotonic() - start < VTYSH_TIMEOUT_S
    assert driver.read()
    driver.close()


def test_state_folder_is_closed_to_others(router: FrrRouter):
    router.driver().read()
    folder = Path(router.folder / "door")
    assert folder.stat().st_mode & 0o077 == 0


def test_router_that_leads_to_an_edge_runs_and_announces_what_is_rendered(router: FrrRouter):
    intent = draft("mora").intent()
    config = render(intended_routers(intent)["mora-r1"])
    runs(router, config)
    driver = router.driver()
    assert driver.read() == config
    driver.close()
    number = intent.circuits["fibre-mora"].number
    far = link4(intent.network.plan, number)[0]
    eventually(
        lambda: str(far.ip) in router.vtysh("show ip route 10.0.4.0/23"),
        10,
        "the route to the LANs behind the edge",
    )
    for prefix in ("10.0.4.0/23", str(far.network)):
        _announces(router, prefix)


def _announces(router: FrrRouter, prefix: str) -> None:
    def announced() -> bool:
        return "sourced, local" in router.vtysh(f"show bgp ipv4 unicast {prefix}")

    eventually(announced, 20, f"{prefix} is announced")
