"""Lists of people carried out: steps that reach the disk together, one of which fails."""

from dataclasses import replace
from datetime import date

import pytest

from controller.access import people_list
from controller.access.people_list import TOGETHER
from inventory.errors import Location
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar, nowhere
from vpn.people.people_list import ListedDevice, read_people_list
from vpn.wireguard import keys


class Files:
    """Deliveries that are counted; the one to a person fails."""

    def __init__(self, failing=""):
        self.failing, self.drafts, self.files = failing, [], []

    def deliver(self, handover):
        if handover.person.name == self.failing:
            raise OSError("the disk is full")
        self.drafts.append(handover.person.name)

    def written(self):
        self.safe = list(self.drafts)

    def settled(self):
        assert self.drafts == self.safe
        self.files += self.drafts
        self.drafts.clear()

    def withdrawn(self):
        self.drafts.clear()


class Interrupted(Files):
    """Deliveries of which somebody interrupts the second."""

    def deliver(self, handover):
        if self.drafts:
            raise KeyboardInterrupt
        super().deliver(handover)


@pytest.fixture
def registrar(tmp_path):
    opened = make_registrar(tmp_path)
    yield opened
    opened.close()


def listed(number):
    person = replace(NGONO, name=f"p-{number:04}")
    return ListedDevice(person, "tablet", None, Location("people.csv", number + 2))


def names(registrar):
    return [entry.person.name for entry in registrar.members()]


def test_steps_are_done_in_batches_and_files_count_once_their_devices_are_on_record(registrar):
    wanted = [listed(number) for number in range(TOGETHER + 3)]
    steps, files = people_list.plan_list(registrar, wanted, prune=False), Files()
    work = people_list.apply_list(registrar, steps, ACT, files)
    next(work)
    assert len(files.files) == len(names(registrar)) == TOGETHER
    assert len([*work]) == TOGETHER + 2
    assert files.files == names(registrar) == [one.person.name for one in wanted]


def test_step_that_fails_is_taken_back_alone_and_those_before_it_stay(registrar):
    wanted = [listed(number) for number in range(5)]
    steps, files = people_list.plan_list(registrar, wanted, prune=False), Files(failing="p-0003")
    with pytest.raises(OSError, match="the disk is full"):
        [*people_list.apply_list(registrar, steps, ACT, files)]
    assert names(registrar) == files.files == ["p-0000", "p-0001", "p-0002"]
    assert [trace.subject for trace in registrar.store.trail("p-0003")] == []


def test_interruption_within_a_batch_leaves_nothing_of_it(registrar):
    wanted = [listed(number) for number in range(3)]
    steps, files = people_list.plan_list(registrar, wanted, prune=False), Interrupted()
    with pytest.raises(KeyboardInterrupt):
        next(people_list.apply_list(registrar, steps, ACT, files))
    assert names(registrar) == files.files == files.drafts == []


def test_devices_that_bring_their_keys_are_on_record_with_them(registrar):
    key = keys.public_of(keys.generate_private())
    wanted = [replace(listed(0), public_key=key)]
    [
        *people_list.apply_list(
            registrar, people_list.plan_list(registrar, wanted, prune=False), ACT, Files()
        )
    ]
    assert registrar.store.owner(key).device.person == "p-0000"


END, LATER = date(2027, 2, 28), date(2028, 12, 31)
LICENSED = replace(NGONO, licence="ONMC 1", licence_until=LATER, until=LATER)


def changed(registrar, before, text, file="people.csv"):
    """Return somebody as a list leaves them who was on record before."""
    registrar.add(before, "tablet", ACT, nowhere)
    steps = people_list.plan_list(registrar, read_people_list(file, text), prune=False)
    for _ in people_list.apply_list(registrar, steps, ACT, Files()):
        pass
    return registrar.store.entry(before.name).person


@pytest.mark.parametrize("until", [END, None])
def test_absent_column_leaves_the_last_day_alone(registrar, until):
    before = replace(NGONO, until=until)
    text = f"name,title,role,site\n{NGONO.name},Dr N.,{NGONO.role},{NGONO.site}\n"
    assert changed(registrar, before, text) == replace(before, title="Dr N.")


def test_empty_cell_takes_the_last_day_away(registrar):
    text = f"name,title,role,site,until\n{NGONO.name},{NGONO.title},{NGONO.role},{NGONO.site},\n"
    assert changed(registrar, replace(NGONO, until=END), text) == replace(NGONO, until=None)


def test_absent_columns_leave_the_licence_alone(registrar):
    text = f"name,title,role,site\n{NGONO.name},Dr N.,{NGONO.role},{NGONO.site}\n"
    assert changed(registrar, LICENSED, text) == replace(LICENSED, title="Dr N.")


@pytest.mark.parametrize(("until", "becomes"), [(LATER, END), (date(2027, 1, 1), date(2027, 1, 1))])
def test_access_that_ends_with_the_licence_goes_on_doing_so(registrar, until, becomes):
    text = (
        "name,title,role,site,licence_until\n"
        f"{NGONO.name},{NGONO.title},{NGONO.role},{NGONO.site},{END}\n"
    )
    person = changed(registrar, replace(LICENSED, until=until), text)
    assert (person.licence, person.licence_until, person.until) == ("ONMC 1", END, becomes)


@pytest.mark.parametrize(("said", "becomes"), [("", END), (", until: null", None)])
def test_absent_key_of_an_item_leaves_the_last_day_alone(registrar, said, becomes):
    item = f"name: {NGONO.name}, title: Dr N., role: {NGONO.role}, site: {NGONO.site}{said}"
    person = changed(
        registrar, replace(NGONO, until=END), f"people:\n  - {{{item}}}\n", "people.yaml"
    )
    assert person == replace(NGONO, title="Dr N.", until=becomes)


def test_list_that_says_nothing_new_changes_nothing(registrar):
    registrar.add(LICENSED, "tablet", ACT, nowhere)
    text = f"name,title,role,site\n{NGONO.name},{NGONO.title},{NGONO.role},{NGONO.site}\n"
    listed_again = read_people_list("people.csv", text)
    assert people_list.plan_list(registrar, listed_again, prune=False) == ()
