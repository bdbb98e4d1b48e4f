"""Files of new devices: whatever is killed or lost at whichever moment, each device gets one."""

from contextlib import suppress
from dataclasses import replace

import pytest

from controller.access import drafts, people_list
from controller.access.drafts import DRAFT, Drafts, file_name, reserved, take_up, unfiled_devices
from inventory.errors import AccessError, Location
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar
from vpn.model import PersonDevice
from vpn.people.people_list import ListedDevice
from vpn.wireguard import keys, parser
from vpn.wireguard.config import render_config


@pytest.fixture
def registrar(tmp_path):
    opened = make_registrar(tmp_path / "state")
    yield opened
    opened.close()


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def text(handover):
    return render_config(handover.files["yaounde-e1"])


def listed(number, key=None):
    person = replace(NGONO, name=f"p-{number}")
    return ListedDevice(person, "tablet", key, Location("people.csv", number + 2))


def applied(registrar, out, wanted, sink=None):
    with reserved(out):
        take_up(registrar, out)
        unfiled = unfiled_devices(registrar, out)
        steps = people_list.plan_list(registrar, wanted, prune=False, unfiled=unfiled)
        sink = sink or Drafts(registrar.store.unfiled, out, text)
        return [step.verb for step in people_list.apply_list(registrar, steps, ACT, sink)]


def assert_all_have_files(registrar, out):
    configs = [parser.parse_config(file.read_text(), str(file)) for file in out.iterdir()]
    found = {keys.public_of(one.private_key) for one in configs if one.private_key}
    assert found == {one.public_key for e in registrar.store.entries() for one in e.in_use}
    assert unfiled_devices(registrar, None) == ()


class Killed(Exception):  # noqa: N818 - no error, but the end of a process
    """The process is gone."""


class Dying(Drafts):
    """Drafts of a process that is killed when its devices are on record; some drafts are lost."""

    lost = 0

    def settled(self):
        for draft in list(self._drafts)[: self.lost]:
            draft.unlink()
        raise Killed

    def withdrawn(self):
        raise AssertionError("they are on record")


def test_a_folder_belongs_to_one_process_at_a_time_whose_drafts_nobody_touches(registrar, out):
    with reserved(out):
        (out / f"x{DRAFT}").write_text("the draft of a living process")
        with pytest.raises(AccessError, match="another 'sanaga vpn person apply' writes there"):
            applied(registrar, out, [listed(0)])
        assert (out / f"x{DRAFT}").exists()
    assert registrar.store.entries() == ()
    assert applied(registrar, out, [listed(0)]) == ["add"]
    assert_all_have_files(registrar, out)


def test_a_folder_that_was_made_for_nothing_is_taken_away(tmp_path):
    with suppress(Killed), reserved(tmp_path / "a"):
        raise Killed
    assert not (tmp_path / "a").exists()
    with reserved(None):
        pass


def test_drafts_of_a_process_that_was_killed_become_files(registrar, out):
    wanted = [listed(number) for number in range(3)]
    with pytest.raises(Killed):
        applied(registrar, out, wanted, Dying(registrar.store.unfiled, out, text))
    assert {file.suffix for file in out.iterdir()} == {DRAFT}
    assert applied(registrar, out, wanted) == []
    assert_all_have_files(registrar, out)


def test_devices_whose_drafts_are_lost_are_reported_and_get_other_keys(registrar, out):
    wanted = [listed(number) for number in range(3)]
    dying = Dying(registrar.store.unfiled, out, text)
    dying.lost = 2
    with pytest.raises(Killed):
        applied(registrar, out, wanted, dying)
    lost = unfiled_devices(registrar, None)
    assert [one.person for one in lost] == ["p-0", "p-1"]
    assert "p-0's tablet and p-1's tablet are on record without a file" in drafts.without_file(lost)
    assert applied(registrar, out, wanted) == ["rotate", "rotate"]
    assert_all_have_files(registrar, out)


def test_a_draft_that_vanishes_is_told_after_the_others_are_files(registrar, out):
    class Robbed(Drafts):
        def written(self):
            super().written()
            (out / f"p-1-tablet.conf{DRAFT}").unlink()

    wanted = [listed(number) for number in range(3)]
    sink = Robbed(registrar.store.unfiled, out, text)
    with pytest.raises(AccessError, match="p-1's tablet is on record without a file"):
        applied(registrar, out, wanted, sink)
    assert sorted(file.name for file in out.iterdir()) == ["p-0-tablet.conf", "p-2-tablet.conf"]
    assert applied(registrar, out, wanted) == ["rotate"]
    assert_all_have_files(registrar, out)


def test_devices_of_a_process_that_lives_are_not_taken_for_lost(registrar, out):
    class Watched(Drafts):
        def settled(self):
            # Another process asks, in the moment between record and file.
            self.seen = unfiled_devices(registrar, None)
            super().settled()

    sink = Watched(registrar.store.unfiled, out, text)
    assert applied(registrar, out, [listed(0)], sink) == ["add"]
    assert sink.seen == ()


def test_a_key_that_a_person_renews_is_no_longer_missing(registrar, out):
    dying = Dying(registrar.store.unfiled, out, text)
    dying.lost = 1
    with pytest.raises(Killed):
        applied(registrar, out, [listed(0)], dying)
    registrar.rotate("p-0", None, ACT, lambda _: None)
    assert unfiled_devices(registrar, None) == ()


@pytest.mark.parametrize(
    ("person", "device", "name"),
    [
        ("a-ngono", "tablet", "a-ngono-tablet.conf"),
        ("marie-essomba", "tablet", "marie-essom-123.conf"),
        ("a-very-long-name-", "t", "a-very-long-123.conf"),
    ],
)
def test_names_of_files_are_names_of_interfaces(person, device, name):
    assert file_name(PersonDevice(person, device, 123, "")) == name
    assert len(name.removesuffix(".conf")) <= 15
