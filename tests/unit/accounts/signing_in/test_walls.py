"""Walls: what a code opens, for how long, who makes and ends it, and what the audit says of it."""

import re

import pytest

from accounts.audit import read_entries
from accounts.directory import set_enabled
from accounts.errors import (
    NotAllowedError,
    NotThereError,
    SignInRefusedError,
    StepUpNeededError,
    UnfitError,
    WaitError,
)
from accounts.factors.throttle import Visitor
from accounts.roles import STEP_UP_S, Origin, allows, visible
from accounts.signing_in.sessions import end_session, list_sessions
from accounts.signing_in.step_up import identify, step_up
from accounts.signing_in.walls import (
    LASTS_S,
    WallWish,
    end_wall,
    list_walls,
    make_wall_code,
    pair_wall,
)
from tests.rigs.accounts.service import CATALOGUE, Service, at_once, refusals

SCREEN = Visitor("192.0.2.40", agent="Chromium")


def known(service, text):
    return identify(service.realm, text, service.now_s)


def code(service, by, title="NOC room", scope="north", right="look"):
    wish = WallWish(title, "overview", scope, right, "fr")
    return make_wall_code(service.realm, by, wish, now_s=service.now_s, because="new screen")


def pair(service, typed, visitor=SCREEN):
    return pair_wall(service.realm, typed, visitor, service.now_s)


def wall(service, by, **wish):
    return pair(service, code(service, by, **wish).text).token.text


def walls(service, by):
    return service.read(list_walls, by, service.realm, service.now_s)


def entries(service, subject):
    return [one.what for one in service.read(lambda db: list(read_entries(db, subject=subject)))]


def test_a_code_is_short_to_type_and_pairs_one_screen_once(service, chief):
    made = code(service, service.principal(chief))
    assert re.fullmatch(r"[A-Z0-9]{4}-[A-Z0-9]{4}", made.text)
    assert made.text not in repr(made)
    paired = pair(service, made.text.lower().replace("-", " "))
    assert paired.language == "fr"
    assert known(service, paired.token.text).credential == made.id
    with pytest.raises(SignInRefusedError, match="make another one"):
        pair(service, made.text)


def test_of_two_screens_with_one_code_one_is_paired(service, chief):
    text = code(service, service.principal(chief)).text
    visitors = [Visitor(f"192.0.2.{n}") for n in range(3)]
    answers = at_once(*(lambda one=one: pair(service, text, one) for one in visitors))
    assert len(refusals(answers)) == 2


def test_a_code_lasts_for_minutes(service, chief):
    text = code(service, service.principal(chief)).text
    service.now_s += LASTS_S
    with pytest.raises(SignInRefusedError):
        pair(service, text)
    other = code(service, service.principal(chief))
    service.now_s += LASTS_S - 1
    assert pair(service, other.text)


def test_codes_are_not_guessed(service, chief):
    made = code(service, service.principal(chief))
    for _ in range(6):
        with pytest.raises(SignInRefusedError):
            pair(service, "AAAA-AAAA")
    service.now_s += 1
    with pytest.raises(WaitError):
        pair(service, made.text)
    assert pair(service, made.text, Visitor("192.0.2.41"))


def test_a_wall_sees_one_scope_and_changes_nothing(service, chief):
    found = known(service, wall(service, service.principal(chief)))
    assert (found.origin, found.view, found.stepped_up_s) == (Origin.WALL, "overview", None)
    places = {"a": "north/mora", "b": "south/kribi", "c": ""}
    assert visible(found, "look", places) == {"a"}
    assert not any(allows(found, right, "north/mora") for right in ("mute", "apply", "manage"))
    with pytest.raises(NotAllowedError):
        step_up(service.realm, found, service.code(chief.secret), service.now_s)
    with pytest.raises(NotAllowedError):
        code(service, found)
    for end in (end_session, end_wall):
        with pytest.raises(NotAllowedError):
            end(service.realm, found, found.credential, now_s=service.now_s, because="x")
    assert service.read(list_sessions, found, service.realm, service.now_s) == ()
    assert walls(service, found) == ()


def test_a_wall_lasts_while_it_asks_and_a_day_beyond(service, chief):
    text = wall(service, service.principal(chief))
    for _ in range(40):
        service.now_s += service.realm.times.wall_idle_s - 1
        assert known(service, text)
    service.now_s += service.realm.times.wall_idle_s
    assert known(service, text) is None


def test_walls_and_codes_are_listed_and_ended_and_all_of_it_is_audited(service, chief):
    by = service.principal(chief)
    text = wall(service, by)
    waiting = code(service, by, title="Corridor", scope="")
    found = {one.title: one for one in walls(service, by)}
    shown, other = found["NOC room"], found["Corridor"]
    assert (shown.scope, shown.view, shown.account) == ("north", "overview", chief.name)
    assert (shown.address, shown.seen_s, shown.code_until_s) == ("192.0.2.40", service.now_s, None)
    assert (other.seen_s, other.code_until_s) == (None, waiting.expires_s)
    for one in found.values():
        end_wall(service.realm, by, one.id, now_s=service.now_s, because="moved")
    assert walls(service, by) == ()
    assert known(service, text) is None
    with pytest.raises(SignInRefusedError):
        pair(service, waiting.text)
    assert entries(service, f"wall {shown.id}") == ["wall.make", "wall.pair", "wall.end"]
    for number in (shown.id, "", "\0", "\ud800"):
        with pytest.raises(NotThereError, match="no such wall"):
            end_wall(service.realm, by, number, now_s=service.now_s, because="x")


def test_walls_of_others_are_for_those_who_manage_them(service, chief):
    operator = service.principal(service.invite(chief, "m.sali", "operator", "north"))
    text = wall(service, operator, scope="north/mora")
    (mine,) = walls(service, operator)
    assert walls(service, service.principal(chief)) == (mine,)
    stranger = service.principal(service.invite(chief, "v.eto", "viewer"))
    assert walls(service, stranger) == ()
    with pytest.raises(NotThereError):
        end_wall(service.realm, stranger, mine.id, now_s=service.now_s, because="x")
    assert known(service, text)
    by = service.principal(chief)
    end_wall(service.realm, by, mine.id, now_s=service.now_s, because="left")
    assert known(service, text) is None


def test_a_wall_shows_no_more_than_whoever_made_it_may_see(service, chief):
    by = service.principal(service.invite(chief, "m.sali", "operator", "north"))
    for wish in ({"scope": ""}, {"right": "apply"}, {"scope": "south"}):
        with pytest.raises(NotAllowedError):
            code(service, by, **wish)
    for title in ("", " ", "two\nlines", "x" * 81):
        with pytest.raises(UnfitError, match="one line"):
            code(service, by, title=title)
    assert known(service, wall(service, by, scope="north/mora"))


def test_a_wall_and_its_code_end_with_the_account(service, chief):
    operator = service.invite(chief, "m.sali", "operator")
    by = service.principal(operator)
    text, waiting = wall(service, by), code(service, by)
    with service.realm.engine.begin() as connection:
        set_enabled(
            connection, service.principal(chief), "m.sali",
            enabled=False, catalogue=CATALOGUE, now_s=service.now_s, because="left",
        )  # fmt: skip
    assert known(service, text) is None
    with pytest.raises(SignInRefusedError):
        pair(service, waiting.text)


def test_a_code_is_made_after_a_fresh_second_factor_alone(service: Service, chief):
    service.now_s += STEP_UP_S * 2
    with pytest.raises(StepUpNeededError):
        code(service, known(service, chief.token))
