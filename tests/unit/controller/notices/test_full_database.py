"""A database that is full: nobody is told of what is not recorded, and later everybody once."""

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from controller.notices.model import Limits
from tests.rigs.notices.notice_rig import MAIL, NoticeRig, person, subscribed

MANY = 60


@pytest.fixture
def rig(tmp_path):
    policy = subscribed(person(contacts=[MAIL]))
    made = NoticeRig(tmp_path / "notices.sqlite", replace(policy, limits=Limits(notices=2 * MANY)))
    yield made
    made.close()


def hold_to(engine, pages):
    """Let the file have so many pages at most, in all connections from now on."""

    def limit(connection, *_rest):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "connect", limit)
    engine.dispose()
    return limit


def test_who_is_to_be_told_is_told_once_there_is_room_and_once(rig):
    for number in range(1, MANY + 1):
        rig.write(number)
    limit = hold_to(rig.engine, 1)
    with pytest.raises(OperationalError, match="full"):
        rig.turn()
    told = len(rig.said())
    assert told < MANY
    event.remove(rig.engine, "connect", limit)
    hold_to(rig.engine, 1_000_000)
    rig.turn(1)
    rig.turn(1)
    assert Counter(rig.said()) == Counter(f"opened {number}" for number in range(1, MANY + 1))
