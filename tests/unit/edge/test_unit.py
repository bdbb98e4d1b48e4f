"""The daemon's unit for systemd: it leaves little of root's power, and systemd reads it."""

import shutil
import subprocess

import pytest

from edge.storage.lock import _NAMESPACES as LOCK
from edge.wireguard.go_process import SOCKETS
from tests.rigs.edge.edge_install import UNIT, unit_capabilities, unit_settings

# On systemd's scale from 0 to 100; an unrestricted root service has 96.
MOST_EXPOSED = 40
systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="this machine has no systemd"
)


def analyze(*words):
    return subprocess.run(
        ["systemd-analyze", *words, str(UNIT)], capture_output=True, text=True, check=False
    )


def test_the_daemon_keeps_what_networks_need_and_nothing_else_of_roots_power():
    assert set(unit_capabilities()) == {
        *("net_admin", "net_raw", "net_bind_service"),
        # The socket of a wireguard-go that an earlier run of the service left.
        "sys_ptrace",
    }


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("ProtectKernelModules", "yes"),
        ("DevicePolicy", "closed"),
        ("StateDirectory", "sanaga/edge"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        # Tunnels outlive a restart.
        ("KillMode", "process"),
    ],
)
def test_setting_is_kept(setting, value):
    assert unit_settings()[setting] == value


def test_what_the_daemon_writes_outside_its_folder_can_be_written():
    said = unit_settings()
    assert said["ReadWritePaths"] == "/run"
    assert LOCK.is_relative_to("/run")
    assert SOCKETS.is_relative_to("/var/run")
    # Settings of the network are in /proc/sys/net, which these two would close.
    assert "ProtectKernelTunables" not in said
    assert "ProcSubset" not in said


@systemd
def test_systemd_reads_it():
    done = analyze("verify", "--man=no")
    assert (done.returncode, done.stderr) == (0, "")


@systemd
def test_systemd_calls_it_little_exposed():
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager")
    assert done.returncode == 0, done.stdout
