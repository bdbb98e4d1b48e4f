"""What a gateway keeps of invitations, and what it tells whom."""

import pytest

from edge.remote_access import join_messages
from edge.remote_access.join_messages import LARGEST, LONGEST
from edge.remote_access.mailbox import (
    GONE_S,
    JOINING_S,
    LONGEST_S,
    MOST_MESSAGES,
    MOST_OPEN,
    REMEMBERED_S,
    Mailboxes,
    State,
)
from inventory.errors import EdgeError

NAME, KEY = "0011223344556677", bytes(range(32))


@pytest.fixture
def boxes():
    made = Mailboxes()
    made.open(NAME, KEY, 600, 0.0)
    return made


def tended(boxes, until_s):
    """Let time pass in which the desk looks into its mailbox."""
    for second in range(0, int(until_s), 60):
        boxes.look(NAME, 0, [], float(second))


def ask(boxes, now_s=1.0, key=KEY, name=NAME, **body):
    """Return what a device is told; None when it is not answered."""
    asking = join_messages.seal_request(name, key, {"who": "a", "have": 0, **body})
    answer = boxes.answer(asking, now_s)
    return answer and join_messages.open_answer(answer, asking, key)


def test_both_ends_leave_messages_for_each_other_in_order(boxes):
    assert ask(boxes) == {"state": "open", "got": 0, "more": None, "left_s": JOINING_S}
    assert boxes.look(NAME, 0, ["one", "two"], 1.0)["who"] == "a"
    assert ask(boxes)["more"] == "one"
    assert ask(boxes, have=1, say="hello", at=0) == {
        "state": "open", "got": 1, "more": "two", "left_s": JOINING_S,
    }  # fmt: skip
    assert ask(boxes, have=2)["more"] is None
    assert boxes.look(NAME, 0, ["one", "two"], 2.0) == {
        "state": State.OPEN, "who": "a", "said": ["hello"], "rivals": 0, "left_s": JOINING_S - 1,
    }  # fmt: skip


def test_what_is_said_or_left_again_is_kept_once(boxes):
    for _ in range(3):
        assert ask(boxes, say="hello", at=0)["got"] == 1
        boxes.look(NAME, 0, ["one"], 1.0)
    assert ask(boxes, say="far ahead", at=7)["got"] == 1
    boxes.look(NAME, 0, ["other", "two"], 1.0)
    assert [ask(boxes, have=n)["more"] for n in range(3)] == ["one", "two", None]


def test_an_invitation_is_for_the_first_device_alone(boxes):
    boxes.look(NAME, 0, ["secret"], 0.5)
    ask(boxes)
    assert ask(boxes, who="b") == {"state": "taken"}
    assert boxes.look(NAME, 0, [], 1.0)["rivals"] == 1
    assert ask(boxes)["state"] == "open"
    # And what the desk would leave from now on, not knowing of the other one, reaches nobody.
    boxes.look(NAME, 0, ["secret", "file"], 1.0)
    assert ask(boxes, have=1)["more"] is None


def test_who_has_no_right_key_is_not_answered(boxes):
    assert ask(boxes, key=bytes(32)) is None
    assert ask(boxes, name="ff" * 8) is None
    good = join_messages.seal_request(NAME, KEY, {"who": "a", "have": 0})
    for datagram in (b"", b"SNGJ1", good[:-1], good[:20] + b"x" + good[21:], good * 20):
        assert boxes.answer(datagram, 1.0) is None
    assert boxes.look(NAME, 0, [], 1.0)["who"] == ""
    # The control: the same datagram, untouched.
    assert boxes.answer(good, 1.0)


@pytest.mark.parametrize(
    "body",
    [
        {"who": ""},
        {"who": "a" * 65},
        {"who": 7},
        {"have": -1},
        {"have": True},
        {"have": 10**9},
        {"say": "", "at": 0},
        {"say": "x" * (LONGEST + 1), "at": 0},
        {"say": "\x7f" * LONGEST, "at": 0},
        {"say": "x"},
    ],
    ids=range(10),
)
def test_what_makes_no_sense_is_not_answered(boxes, body):
    assert ask(boxes, **body) is None
    assert boxes.look(NAME, 0, [], 1.0)["said"] == []


def test_answers_belong_to_their_requests_and_are_small(boxes):
    boxes.look(NAME, 0, ["x" * LONGEST], 0.0)
    one, other = (join_messages.seal_request(NAME, KEY, {"who": "a", "have": n}) for n in (0, 1))
    answer = boxes.answer(one, 1.0)
    assert len(answer) <= LARGEST
    assert join_messages.open_answer(answer, one, KEY)
    assert join_messages.open_answer(answer, other, KEY) is None
    assert join_messages.open_answer(one, one, KEY) is None


def test_an_invitation_ends_with_the_desk_that_made_it(boxes):
    boxes.open("ff" * 8, KEY, 600, 0.0)
    for name in (NAME, "ff" * 8):
        boxes.look(name, 0, [], 100.0)
    assert ask(boxes, 100 + GONE_S)["state"] == "withdrawn"
    assert ask(boxes, 100 + GONE_S - 1, name="ff" * 8)["state"] == "open"


def test_invitations_expire_are_remembered_and_then_forgotten(boxes):
    tended(boxes, 600)
    assert ask(boxes, 600.0)["state"] == "expired"
    assert boxes.look(NAME, 0, [], 600.0)["state"] is State.EXPIRED
    assert ask(boxes, 600 + REMEMBERED_S - 1)["state"] == "expired"
    boxes.tend(600 + REMEMBERED_S + 1)
    assert ask(boxes, 600 + REMEMBERED_S + 1) is None
    assert not boxes
    with pytest.raises(EdgeError, match="make another one"):
        boxes.look(NAME, 0, [], 600 + REMEMBERED_S + 1)


def test_a_desk_whose_person_listens_to_words_is_waited_for(boxes):
    ask(boxes, 50.0)
    assert ask(boxes, 50 + GONE_S + 1)["state"] == "open"


def test_whoever_came_in_time_has_time_to_be_let_in(boxes):
    tended(boxes, 600)
    assert ask(boxes, 599.0)["left_s"] == JOINING_S
    tended(boxes, 599 + JOINING_S)
    assert ask(boxes, 599 + JOINING_S - 1)["state"] == "open"
    assert ask(boxes, 599 + JOINING_S)["state"] == "expired"


def test_after_its_end_an_invitation_takes_nothing_and_tells_what_was_left(boxes):
    ask(boxes)
    boxes.look(NAME, 0, ["in"], 1.0)
    boxes.end(NAME, State.DONE, "last", 2.0)
    boxes.end(NAME, State.WITHDRAWN, "later", 3.0)
    boxes.look(NAME, 0, ["in", "last", "more"], 3.0)
    said = ask(boxes, 4.0, say="late", at=0)
    assert (said["state"], said["more"], said["got"]) == ("done", "in", 0)
    assert [ask(boxes, 4.0, have=n)["more"] for n in (1, 2)] == ["last", None]
    assert ask(boxes, 4.0, who="b") == {"state": "taken"}


def test_who_comes_first_after_the_end_is_told_nothing_that_was_left(boxes):
    boxes.look(NAME, 0, ["in"], 1.0)
    boxes.end(NAME, State.WITHDRAWN, "", 2.0)
    assert ask(boxes, 3.0) == {"state": "withdrawn", "got": 0, "more": None, "left_s": 0.0}


def test_an_invitation_is_made_once_and_there_are_not_too_many(boxes):
    with pytest.raises(EdgeError, match="made before"):
        boxes.open(NAME, KEY, 600, 1.0)
    for number in range(MOST_OPEN - 1):
        boxes.open(f"{number:016x}", KEY, 600, 1.0)
    with pytest.raises(EdgeError, match="wait until one has ended"):
        boxes.open("ff" * 8, KEY, 600, 1.0)
    # Ended ones do not count.
    boxes.end(NAME, State.WITHDRAWN, "", 2.0)
    boxes.open("ff" * 8, KEY, 1e9, 2.0)
    assert boxes.look("ff" * 8, 0, [], 2.0)["left_s"] == LONGEST_S


def test_the_desk_leaves_no_more_than_fits(boxes):
    for much in (["x" * (LONGEST + 1)], ["\n" * LONGEST], [""], ["x"] * (MOST_MESSAGES + 1)):
        with pytest.raises(EdgeError, match="more than a mailbox takes"):
            boxes.look(NAME, 0, much, 1.0)
    assert ask(boxes)["more"] is None
