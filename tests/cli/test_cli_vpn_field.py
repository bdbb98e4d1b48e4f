"""Joining from the field and inviting, as far as no gateway is needed for it."""

import pytest

from tests.rigs.people.vpn_folder import NGONO


def test_a_code_is_asked_for_and_is_no_argument(sanaga):
    answer = sanaga("vpn", "join", "vpn.example.cm:51830/3YRG-4NMF-3SS9-GFA5-PW24")
    assert (answer.code, answer.out) == (64, "")
    assert "a code is a secret and no argument" in answer.err
    assert "3YRG" not in answer.err
    wrong = "vpn.example.cm:51830/3YRG-4NMF-3SS9-GFA5-PW25\n"
    answer = sanaga("vpn", "join", "--file", "x.conf", stdin=wrong * 3)
    assert answer.code == 64
    assert answer.err.count("a letter or digit is not the one that was said") == 3
    assert "3YRG" not in answer.err
    assert not list(sanaga.folder.glob("x.conf"))


@pytest.mark.parametrize("place", ["there.conf", "no/such/folder/x.conf"])
def test_where_the_file_cannot_be_is_known_before_a_code_is_asked_for(sanaga, place):
    (sanaga.folder / "there.conf").write_text("mine", encoding="utf-8")
    answer = sanaga("vpn", "join", "--file", place, stdin="x\n")
    assert answer.code in {1, 64}
    assert "Code" not in answer.err
    assert place in answer.err
    assert (sanaga.folder / "there.conf").read_text(encoding="utf-8") == "mine"


def test_without_a_gateway_that_takes_devices_in_nobody_is_invited(sanaga, open_):
    answer = sanaga("vpn", "person", "invite", "a-ngono", *NGONO)
    assert (answer.code, answer.out) == (1, "")
    assert "write an enrolment_port, such as 51830" in answer.err
