from ipaddress import IPv4Address
from pathlib import Path

import pytest

from controller.drivers.memory import Act, Faults, MemoryNetwork
from controller.drivers.protocol import Driver, DriverFactory
from controller.model import DeviceConfig
from inventory.errors import DeviceError, RejectedError, UnreachableError
from inventory.model import Device, Platform, Role
from tests.contract.driver_contract import DriverContract, Rig
from tests.simulated_time import TestClock

OLD, NEW = DeviceConfig("hostname a\n"), DeviceConfig("hostname a\nrouter bgp 65000\n")
NEAR, FAR = IPv4Address("172.16.0.9"), IPv4Address("172.16.0.17")


class TestMemoryDriverKeepsTheContract(DriverContract):
    @pytest.fixture
    def rig(self) -> Rig:
        clock = TestClock()
        network = MemoryNetwork(
            {"a": OLD.text}, clock=clock, reach=lambda _source, target: target == NEAR
        )
        network.device("a").faults = Faults(rejects=frozenset({"nonsense"}))
        return Rig(
            connect=lambda: network.connect("a"),
            old=OLD,
            new=NEW,
            bad=DeviceConfig("hostname a\nnonsense\n"),
            pass_time=clock.pause,
            reachable=NEAR,
            unreachable=FAR,
            restart=network.device("a").restart,
        )


@pytest.fixture
def network() -> MemoryNetwork:
    return MemoryNetwork({"a": OLD.text}, clock=TestClock())


def committed(network: MemoryNetwork, faults: Faults) -> Driver:
    network.device("a").faults = faults
    driver = network.connect("a")
    driver.stage(NEW)
    driver.commit(confirm_within_s=30)
    return driver


def test_memory_network_is_a_driver_factory(network: MemoryNetwork, tmp_path: Path) -> None:
    factory: DriverFactory = network
    device = Device("a", "mora", 1, Role.ROUTER, Platform.FRR)
    driver = factory(device, secret="", namespace=None, state_dir=tmp_path)
    assert driver.read() == OLD


def test_line_refused_late_leaves_the_device_as_it_was(network):
    with pytest.raises(RejectedError, match="router bgp 65000"):
        committed(network, Faults(rejects_late=frozenset({"router bgp 65000"})))
    assert network.device("a").now_running() == OLD


def test_dropped_commit_goes_on_without_its_connection(network):
    with pytest.raises(UnreachableError):
        committed(network, Faults(drops=frozenset({Act.COMMIT})))
    assert network.device("a").now_running() == NEW


def test_hanging_commit_costs_time_and_changes_nothing(network):
    before = network.device("a").clock.now()
    with pytest.raises(UnreachableError):
        committed(network, Faults(hangs=frozenset({Act.COMMIT}), silence_s=7))
    assert network.device("a").clock.now() == before + 7
    assert network.device("a").now_running() == OLD


def test_lockout_ends_when_the_timer_fires(network):
    driver = committed(network, Faults(lockout=True, silence_s=1))
    with pytest.raises(UnreachableError):
        driver.read()
    network.device("a").clock.pause(30)
    assert driver.read() == OLD


def test_second_commit_is_refused_while_one_is_unconfirmed(network):
    driver = committed(network, Faults())
    driver.stage(OLD)
    with pytest.raises(RejectedError, match="still waits"):
        driver.commit(confirm_within_s=30)


def test_muted_target_answers_again_after_the_rollback(network):
    driver = committed(network, Faults(mutes=frozenset({NEAR})))
    assert driver.unreached([NEAR, FAR]) == {NEAR}
    driver.rollback()
    assert driver.unreached([NEAR, FAR]) == frozenset()


def test_folder_of_configurations_is_read_back_as_written(network, tmp_path):
    network.save(tmp_path)
    again = MemoryNetwork.load(tmp_path)
    assert again.connect("a").read() == OLD
    assert again.connect("never-configured").read() == DeviceConfig("")


def test_unreadable_configuration_is_named(tmp_path):
    (tmp_path / "a.conf").write_bytes(b"\xff\xfe")
    with pytest.raises(DeviceError, match=r"a\.conf cannot be read"):
        MemoryNetwork.load(tmp_path)
