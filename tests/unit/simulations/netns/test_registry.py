"""What is known on disk about a laboratory, and who its processes are."""

import os
import subprocess
from ipaddress import IPv4Address

import pytest

from inventory.errors import LabError
from simulations.devices.ssh_keys import known_hosts, make_key, merge_known_hosts
from simulations.netns import processes, registry
from simulations.netns.design import draw_blueprint
from simulations.netns.registry import Record
from simulations.netns.waiting import eventually
from tests.factories import hierarchy


@pytest.fixture
def record():
    return Record(draw_blueprint(hierarchy(1, 1, 1)), netem=False, stub="ifb")


@pytest.fixture
def place(tmp_path):
    return registry.lab_folder("lab-1", tmp_path / "labs")


def test_record_is_read_back_as_it_was_written(place, record):
    place.create(record)
    assert place.read() == record


def test_second_laboratory_of_a_name_is_refused(place, record):
    place.create(record)
    with pytest.raises(LabError, match="sanaga lab down lab-1"):
        place.create(record)


def test_missing_laboratory_is_answered_with_those_that_are_up(place, record):
    registry.lab_folder("other", place.root).create(record)
    with pytest.raises(LabError, match="up are: other"):
        place.read()


def test_broken_record_is_told_from_a_missing_one(place, record):
    place.create(record)
    place.record.write_text("{}")
    with pytest.raises(LabError, match="is not ours"):
        place.read()


def test_removal_takes_the_empty_folders_above_along(place, record):
    place.create(record)
    place.remove()
    assert not place.root.exists()
    assert registry.lab_names(place.root) == ()


def test_removal_leaves_other_laboratories_alone(place, record):
    place.create(record)
    registry.lab_folder("other", place.root).create(record)
    place.remove()
    assert registry.lab_names(place.root) == ("other",)


def test_only_one_process_works_on_a_laboratory(place, record):
    place.create(record)
    refused = pytest.raises(LabError, match="another process")
    with registry.locked_registry(place), refused, registry.locked_registry(place):
        pass
    with registry.locked_registry(place):
        assert place.exists()


@pytest.mark.parametrize("name", ["", "a/b", "..", "A", "a b", "-a", "a-", "x" * 41])
def test_names_that_are_no_slugs_never_become_paths(name):
    with pytest.raises(LabError, match="cannot name a laboratory"):
        registry.lab_folder(name)


def test_process_is_itself_only_while_it_lives():
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        process = processes.identify_process(child.pid)
        assert process
        assert process.alive()
        assert not processes.Process(child.pid, process.started + 1).alive()
        processes.kill_processes([process])
        assert not process.alive()
        assert processes.identify_process(child.pid) is None


def test_killing_spares_a_process_that_only_has_the_number():
    me = processes.identify_process(os.getpid())
    assert me
    processes.kill_processes([processes.Process(me.pid, me.started + 1)])
    assert me.alive()


def test_pid_file_that_is_missing_or_half_written_names_nobody(tmp_path):
    assert processes.read_pid(tmp_path / "none") is None
    (tmp_path / "half").write_text("")
    assert processes.read_pid(tmp_path / "half") is None


def test_keys_are_private_to_their_owner_and_openssh_reads_them(tmp_path):
    line = make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    asked = subprocess.run(
        ["ssh-keygen", "-y", "-f", tmp_path / "key"], capture_output=True, text=True, check=True
    )
    assert asked.stdout.split()[:2] == line.split()


def test_known_hosts_bracket_unusual_ports():
    keys = {(IPv4Address("198.18.0.1"), 22): "k1", (IPv4Address("198.18.0.2"), 2222): "k2"}
    assert known_hosts(keys) == "198.18.0.1 k1\n[198.18.0.2]:2222 k2\n"


def test_new_host_keys_replace_old_ones_and_keep_strangers():
    assert merge_known_hosts(["198.18.0.1 old", "192.0.2.1 kept"], "198.18.0.1 new\n") == (
        "192.0.2.1 kept\n198.18.0.1 new\n"
    )


def test_waiting_ends_with_what_did_not_happen():
    with pytest.raises(LabError, match="rain did not happen within 0 s"):
        eventually(lambda: None, within_s=0, what="rain")
    assert eventually(lambda: 7, within_s=0, what="seven") == 7
