"""What every driver must do, whatever the platform: subclass DriverContract and give a fixture.

The fixture `rig` yields a Rig: a device that runs `old`, accepts `new`, refuses `bad`, and whose
time `pass_time` lets go by (a real device is simply waited for).
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest

from controller.drivers.protocol import Driver
from controller.model import DeviceConfig
from inventory.errors import RejectedError


@dataclass(frozen=True)
class Rig:
    """A device under test.

    connect makes a new connection; timer_s is the shortest dead-man timer worth testing, and
    ample_s one in which another connection confirms however busy the machine is;
    reachable answers a ping from the device, unreachable does not; restart, where the device
    can be restarted, brings it back with its startup configuration.
    """

    connect: Callable[[], Driver]
    old: DeviceConfig
    new: DeviceConfig
    bad: DeviceConfig
    pass_time: Callable[[float], None]
    reachable: IPv4Address
    unreachable: IPv4Address
    timer_s: int = 5
    ample_s: int = 20
    restart: Callable[[], None] | None = None


class DriverContract:
    """The one contract test."""

    def test_reading_twice_gives_the_same_text(self, rig: Rig):
        driver = rig.connect()
        assert driver.read() == driver.read() == rig.old
        driver.close()

    def test_staging_changes_nothing_that_runs(self, rig: Rig):
        driver = rig.connect()
        account = driver.stage(rig.new)
        assert account.strip()
        assert driver.read() == rig.old
        driver.close()

    def test_committed_candidate_runs_exactly_as_given(self, rig: Rig):
        driver = rig.connect()
        driver.stage(rig.new)
        driver.commit(confirm_within_s=60)
        assert driver.read() == rig.new
        driver.rollback()
        driver.close()

    def test_rollback_restores_every_byte(self, rig: Rig):
        driver = rig.connect()
        driver.stage(rig.new)
        driver.commit(confirm_within_s=60)
        driver.rollback()
        assert driver.read() == rig.old
        driver.close()

    def test_rollback_from_another_connection_restores_every_byte(self, rig: Rig):
        first = rig.connect()
        first.stage(rig.new)
        first.commit(confirm_within_s=60)
        first.close()
        second = rig.connect()
        assert second.read() == rig.new
        second.rollback()
        assert second.read() == rig.old
        second.close()

    def test_unconfirmed_commit_undoes_itself_without_any_connection(self, rig: Rig):
        driver = rig.connect()
        driver.stage(rig.new)
        driver.commit(confirm_within_s=rig.timer_s)
        driver.close()
        rig.pass_time(rig.timer_s + 1)
        again = rig.connect()
        _eventually_runs(again, rig.old, rig)
        again.close()

    def test_timer_may_be_started_anew_and_then_counts(self, rig: Rig):
        driver = rig.connect()
        with pytest.raises(RejectedError):
            driver.extend(confirm_within_s=60)
        driver.stage(rig.new)
        driver.commit(confirm_within_s=60)
        driver.close()
        other = rig.connect()
        assert other.read() == rig.new
        other.extend(confirm_within_s=rig.timer_s)
        rig.pass_time(rig.timer_s + 1)
        _eventually_runs(other, rig.old, rig)
        other.close()

    def test_confirmation_from_another_connection_outlives_the_timer(self, rig: Rig):
        first = rig.connect()
        first.stage(rig.new)
        first.commit(confirm_within_s=60)
        first.close()
        second = rig.connect()
        # The timer begins anew, so that it does not count how long a connection takes.
        second.extend(confirm_within_s=rig.ample_s)
        second.confirm()
        rig.pass_time(rig.ample_s + 1)
        assert second.read() == rig.new
        second.close()

    def test_confirm_and_rollback_with_nothing_pending_change_nothing(self, rig: Rig):
        driver = rig.connect()
        driver.confirm()
        driver.rollback()
        driver.confirm()
        assert driver.read() == rig.old
        driver.close()

    def test_rollback_forgets_a_candidate_whose_commit_is_still_under_way(self, rig: Rig):
        first, second = rig.connect(), rig.connect()
        first.stage(rig.new)
        second.rollback()
        with pytest.raises(RejectedError):
            first.commit(confirm_within_s=60)
        assert second.read() == rig.old
        first.close()
        second.close()

    def test_rollback_after_confirmation_keeps_what_was_confirmed(self, rig: Rig):
        driver = rig.connect()
        driver.stage(rig.new)
        driver.commit(confirm_within_s=60)
        driver.confirm()
        driver.rollback()
        assert driver.read() == rig.new
        driver.close()

    def test_staging_again_replaces_the_candidate(self, rig: Rig):
        driver = rig.connect()
        driver.stage(rig.new)
        driver.stage(rig.old)
        driver.commit(confirm_within_s=60)
        assert driver.read() == rig.old
        driver.confirm()
        driver.close()

    def test_way_back_from_a_confirmed_change_is_a_change_like_any_other(self, rig: Rig):
        driver = rig.connect()
        for config in (rig.new, rig.old):
            driver.stage(config)
            driver.commit(confirm_within_s=60)
            driver.confirm()
            assert driver.read() == config
        driver.close()

    def test_refused_candidate_leaves_the_device_as_it_was(self, rig: Rig):
        driver = rig.connect()
        with pytest.raises(RejectedError):
            _stage_and_commit(driver, rig.bad)
        assert driver.read() == rig.old
        driver.stage(rig.new)
        driver.commit(confirm_within_s=60)
        assert driver.read() == rig.new
        driver.rollback()
        driver.close()

    def test_only_targets_without_an_answer_are_unreached(self, rig: Rig):
        driver = rig.connect()
        assert driver.unreached([]) == frozenset()
        assert driver.unreached([rig.reachable, rig.unreachable]) == {rig.unreachable}
        driver.close()

    def test_restart_brings_back_what_was_confirmed_last(self, rig: Rig):
        if rig.restart is None:
            pytest.skip("this device cannot be restarted by a test")
        driver = rig.connect()
        driver.stage(rig.new)
        driver.commit(confirm_within_s=60)
        rig.restart()
        again = rig.connect()
        assert again.read() == rig.old
        again.stage(rig.new)
        again.commit(confirm_within_s=60)
        again.confirm()
        rig.restart()
        assert rig.connect().read() == rig.new


def _stage_and_commit(driver: Driver, config: DeviceConfig) -> None:
    driver.stage(config)
    driver.commit(confirm_within_s=60)


def _eventually_runs(driver: Driver, config: DeviceConfig, rig: Rig) -> None:
    for _ in range(10):
        if driver.read() == config:
            return
        rig.pass_time(0.5)
    assert driver.read() == config
