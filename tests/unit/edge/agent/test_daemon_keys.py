"""What a daemon takes up of its keys at the start, whatever lies beside them."""

import asyncio
from contextlib import contextmanager
from dataclasses import replace

import pytest

from edge.agent.daemon import Daemon
from edge.clock import current_moment
from edge.identity import keyring, private_key
from edge.identity.device import KEY, Identity
from edge.keys import rotation_state
from edge.storage import atomic
from tests.rigs.edge.edge_policies import edge_policy
from vpn import key_text
from vpn.wireguard.keys import generate_pair


@pytest.fixture
def folder(tmp_path):
    private_key.ensure_private_key(tmp_path / KEY, generate_pair)
    return tmp_path


@contextmanager
def started(folder, identity=None):
    """Give a daemon that has taken up its keys, and has no kernel to put them into."""
    made = Daemon(
        folder,
        identity or Identity("kolofata-e1", private_key.read_private_key(folder / KEY)),
        current_moment,
    )
    try:
        made.open_keys()
        yield made
    finally:
        asyncio.run(made.close())


def moved(folder):
    """Return a policy for another key than the first, which all tunnels have, and the record."""
    policy = replace(edge_policy(), key=keyring.make_next_key(folder, first(folder)))
    with started(folder) as daemon:
        own = daemon.rotation.take(policy, daemon.dataplane.ring).own
    assert set(own.values()) == {policy.key}
    return policy, (folder / rotation_state.FILE).read_bytes()


def first(folder):
    return key_text.public_text(private_key.read_private_key(folder / KEY))


def test_a_file_that_does_not_open_takes_no_key_away_and_changes_no_record(folder):
    policy, record = moved(folder)
    stray = folder / keyring.KEYS / "stray"
    stray.touch(mode=0o600)
    with started(folder) as daemon:
        assert daemon.dataplane.ring.keys() == {first(folder), policy.key}
        own = daemon.rotation.take(policy, daemon.dataplane.ring).own
        assert own == dict.fromkeys(policy.tunnels, policy.key)
        assert any(
            str(stray) in fault and "remove it" in fault for fault in daemon.faults.current()
        )
        # Whoever asks for a key gets one all the same.
        assert keyring.make_next_key(folder, policy.key) not in daemon.dataplane.ring
        daemon.learn_keys()
        assert len(daemon.dataplane.ring) == 3
        stray.unlink()
        daemon.learn_keys()
        assert daemon.faults.current() == ()
    assert (folder / rotation_state.FILE).read_bytes() == record


def test_a_draft_that_a_kill_left_behind_is_gone_after_the_start_and_no_fault(folder):
    policy, record = moved(folder)
    draft = folder / keyring.KEYS / f".{'0' * 16}-{'0' * 32}"
    draft.touch(mode=0o600)
    with started(folder) as daemon:
        assert daemon.faults.current() == ()
        assert not draft.exists()
        daemon.rotation.take(policy, daemon.dataplane.ring)
    assert (folder / rotation_state.FILE).read_bytes() == record


def test_tunnels_keep_their_keys_in_the_record_when_no_key_opens(folder):
    policy, record = moved(folder)
    identity = Identity("kolofata-e1", private_key.read_private_key(folder / KEY))
    (folder / KEY).rename(folder / "away")
    with started(folder, identity) as daemon:
        assert any("key: not there; restore it" in fault for fault in daemon.faults.current())
        daemon.rotation.take(policy, daemon.dataplane.ring)
    assert (folder / rotation_state.FILE).read_bytes() == record


def test_a_device_that_was_enrolled_anew_goes_by_its_new_key_and_names_what_to_remove(folder):
    moved(folder)
    (former,) = (folder / keyring.KEYS).iterdir()
    (folder / KEY).unlink()
    private_key.ensure_private_key(folder / KEY, generate_pair)
    policy = replace(edge_policy(), key=first(folder))
    with started(folder) as daemon:
        daemon.rotation.take(policy, daemon.dataplane.ring)
        assert daemon.rotation.fault == ""
        assert set(daemon.rotation.status()["waiting"]) == set(policy.tunnels)
        (fault,) = daemon.faults.current()
        assert str(former) in fault


def test_a_record_that_cannot_be_read_is_told_and_no_tunnel_is_without_a_key(folder):
    (folder / rotation_state.FILE).mkdir()
    policy = edge_policy()
    with started(folder) as daemon:
        assert any("Is a directory" in fault for fault in daemon.faults.current())
        own = daemon.rotation.take(policy, daemon.dataplane.ring).own
        assert own == dict.fromkeys(policy.tunnels, first(folder))


def test_further_keys_that_lie_in_clear_are_sealed_at_the_start(folder, monkeypatch):
    private, public = generate_pair()
    (folder / keyring.KEYS).mkdir()
    file = folder / keyring.KEYS / ("0" * 16)
    file.touch(mode=0o600)
    file.write_text(private.reveal())

    def full(*_args, **_how):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(atomic, "replace", full)
        with started(folder) as daemon:
            assert public in daemon.dataplane.ring
            assert any(f"{file}: lies in clear" in fault for fault in daemon.faults.current())
    with started(folder) as daemon:
        assert public in daemon.dataplane.ring
        assert daemon.faults.current() == ()
    assert private.reveal() not in file.read_text()
