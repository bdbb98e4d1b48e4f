"""Lists of people, as CSV and YAML, hostile ones too."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.errors import IntentError
from inventory.free_text import holds_key
from vpn.model import Person, PersonDevice
from vpn.people import people_list
from vpn.wireguard import keys

KEY = keys.public_of(keys.generate_private())
CSV = f"""\ufeffName,title,role,site,licence,licence_until,until,device,public_key
a-ngono,"Ngono, A.",oncologist,yaounde,ONMC 1,2027-12-31,,tablet,{KEY}

b-oumarou,B. Oumarou,nurse,mora,,,2027-02-28,,
"""
YAML = f"""people:
  - {{name: a-ngono, title: "Ngono, A.", role: oncologist, site: yaounde, licence: ONMC 1,
     licence_until: 2027-12-31, public_key: "{KEY}"}}
  - {{name: b-oumarou, title: B. Oumarou, role: nurse, site: mora, until: 2027-02-28}}
"""


def said(listed):
    return [(one.person, one.device, one.public_key) for one in listed]


def faults(file, text):
    with pytest.raises(IntentError) as caught:
        people_list.read_people_list(file, text)
    return [str(fault) for fault in caught.value.faults]


def test_both_notations_say_the_same():
    read = people_list.read_people_list("people.csv", CSV)
    assert said(read) == said(people_list.read_people_list("people.yaml", YAML))
    first, second = read
    assert str(first.person.until) == "2027-12-31"
    assert (second.device, second.public_key, second.where.line) == ("tablet", None, 4)


def test_what_a_french_spreadsheet_saves_says_the_same():
    swapped = CSV.translate(str.maketrans(",;", ";,"))
    assert [person.role for person, *_ in said(people_list.read_people_list("p.csv", swapped))] == [
        "oncologist",
        "nurse",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "p.csv:1:1: the file is empty; begin with a line 'name,title,role,site,"),
        ("name,rolle\n", "p.csv:1:1: unknown column 'rolle'; did you mean 'role'?"),
        ("name,name\n", "p.csv:1:1: the column 'name' stands there twice; keep one of them"),
        ("name,title\na\n", "p.csv:2:1: the row has 1 columns and the first line 2"),
        ('name,title\n"a\n', "p.csv:2:1: this is not CSV"),
        ("name,title\na,b\n", "p.csv:2:1: a person lacks 'role'; add"),
    ],
)
def test_faults_of_a_list_are_at_their_line(text, fault):
    assert any(one.startswith(fault) for one in faults("p.csv", text)), faults("p.csv", text)


@pytest.mark.parametrize("text", ["[]", "people: 5", "sites: []", "people: []\nmore: []", "- a"])
def test_what_is_no_list_of_people_is_refused(text):
    assert faults("p.yaml", text)


def test_rows_of_one_person_agree():
    rows = "name,title,role,site,device\na,A,nurse,mora,x\na,A,nurse,maroua,y\n"
    assert faults("p.csv", rows) == [
        "p.csv:3:1: a is somebody else at p.csv:2:1; say the same in all rows of a person"
    ]


def test_a_key_stands_there_once_and_is_never_repeated():
    row = "{0},A,nurse,mora," + KEY + "\n"
    rows = "name,title,role,site,public_key\n" + row.format("a") + row.format("b")
    (fault,) = faults("p.csv", rows)
    assert "this public key is that of another device, at p.csv:2:1" in fault
    secret = keys.generate_private().reveal()[:-2] + "=="
    assert secret not in "".join(faults("p.csv", rows.replace(KEY, secret)))


def test_too_long_a_list_is_refused_before_it_is_read():
    assert "longer than 8 MB" in faults("p.csv", "x" * (people_list.LONGEST + 1))[0]


@given(st.text(max_size=300), st.sampled_from(["p.csv", "p.yaml"]))
def test_any_text_is_read_or_refused(text, file):
    with suppress(IntentError):
        people_list.read_people_list(file, text)


@given(st.lists(st.lists(st.text(max_size=12), min_size=4, max_size=4), max_size=5))
def test_any_rows_are_read_or_refused(rows):
    text = "name,title,role,site\n" + "\n".join(",".join(row) for row in rows)
    with suppress(IntentError):
        assert all(
            one.person.title.isprintable() for one in people_list.read_people_list("p.csv", text)
        )


TITLES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=60)
PEOPLE = st.builds(
    Person,
    st.sampled_from(["a-ngono", "no", "123", "1e5"]),
    TITLES.map(str.strip).filter(bool).filter(lambda text: not holds_key(text)),
    st.sampled_from(["doctor", "yes"]),
    st.sampled_from(["mora", "null"]),
    st.sampled_from(["", "ONMC 1", "2027-01-01", "=1+1"]),
    st.none() | st.dates(),
    st.just(None),
).map(lambda one: replace(one, until=one.licence_until))


@given(
    st.lists(PEOPLE, max_size=4, unique_by=lambda one: one.name), st.sampled_from(["csv", "yaml"])
)
def test_a_list_that_was_written_is_read_as_what_it_was_made_of(people, form):
    pairs = [keys.public_of(keys.generate_private()) for _ in people]
    found = [
        (one, PersonDevice(one.name, "tablet", number, key))
        for number, (one, key) in enumerate(zip(people, pairs, strict=True), 1)
    ]
    text = people_list.people_csv(found) if form == "csv" else people_list.people_yaml(found)
    read = people_list.read_people_list(f"people.{form}", text)
    assert [(one.person, one.device, one.public_key) for one in read] == [
        (person, device.name, device.public_key) for person, device in found
    ]
