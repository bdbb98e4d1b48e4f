"""Sessions as a state machine, against a plain model of who should be let in at each moment."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accounts.directory import set_enabled, set_grants
from accounts.errors import AccountsError
from accounts.factors.totp import STEP_S
from accounts.roles import STEP_UP_S, Grant
from accounts.signing_in.own_account import change_password
from accounts.signing_in.second_factors import TotpCode
from accounts.signing_in.sessions import end_session, sign_out
from accounts.signing_in.sign_in import check_password_step, second_step
from accounts.signing_in.step_up import identify, step_up
from database.engine import open_engine
from tests.rigs.accounts.service import CATALOGUE, PASSWORD, Service, new_service, without_disk

NAMES = ("m.sali", "b.oumar")
SCOPES = ("", "north", "north/mora")


class SessionMachine(RuleBasedStateMachine):
    """People sign in, step up, leave, are disabled and moved, while time passes."""

    service: Service

    @initialize()
    def start(self):
        self.folder = Path(tempfile.mkdtemp())
        self.engine = without_disk(open_engine(self.folder / "accounts.db"))
        self.service = new_service(self.engine)
        self.chief = self.service.first()
        self.people = {name: self.service.invite(self.chief, name, "viewer") for name in NAMES}
        # The model: what each token of a session opens, and which tokens must open nothing. Tokens
        # are random: one is drawn by when it came, so that the same draws do the same again.
        self.open: dict[str, dict[str, Any]] = {}
        self.dead: set[str] = set()
        self.pending: list[tuple[str, str]] = []
        self.enabled = dict.fromkeys(NAMES, True)
        self.grants = dict.fromkeys(NAMES, Grant("viewer", ""))
        for name, person in self.people.items():
            self._opened(name, person.token, stepped_up_s=None)
            self.open[person.token]["seen_s"] = self._first_seen(person.token)

    def _first_seen(self, text):
        assert self.service.known(text)
        return self.service.now_s

    def _opened(self, name, text, stepped_up_s):
        now_s = self.service.now_s
        self.open[text] = {
            "name": name, "began_s": now_s, "seen_s": now_s, "stepped_up_s": stepped_up_s,
        }  # fmt: skip

    def _close(self, chosen):
        for text in [one for one, told in self.open.items() if chosen(one, told)]:
            del self.open[text]
            self.dead.add(text)

    def _expire(self):
        times, now_s = self.service.realm.times, self.service.now_s
        self._close(
            lambda _, told: (
                now_s >= told["seen_s"] + times.session_idle_s
                or now_s >= told["began_s"] + times.session_s
            )
        )

    @rule(seconds=st.sampled_from([1, 30, 61, 400, 3600, 7300, 50_000]))
    def pass_time(self, seconds):
        self.service.now_s += seconds
        self._expire()

    @rule(name=st.sampled_from(NAMES))
    def give_password(self, name):
        self.service.now_s += STEP_S
        self._expire()
        person = self.people[name]
        try:
            begun = check_password_step(
                self.service.realm, name, PASSWORD, person.visitor, self.service.now_s
            )
        except AccountsError:
            assert not self.enabled[name]
            return
        assert self.enabled[name]
        self.pending.append((name, begun.token.text))
        self.dead.add(begun.token.text)

    @precondition(lambda self: self.pending)
    @rule(right=st.booleans())
    def give_code(self, right):
        name, text = self.pending[-1]
        self.service.now_s += STEP_S
        self._expire()
        person = self.people[name]
        code = self.service.code(person.secret) if right else TotpCode("000000")
        try:
            entered = second_step(
                self.service.realm, text, code, person.visitor, self.service.now_s
            )
        except AccountsError:
            return
        assert right
        assert self.enabled[name]
        self.pending.pop()
        self._opened(name, entered.session.text, self.service.now_s)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def use(self, data):
        text = data.draw(st.sampled_from(tuple(self.open)))
        found = identify(self.service.realm, text, self.service.now_s)
        assert found
        told = self.open[text]
        if self.service.now_s - told["seen_s"] >= self.service.realm.times.noted_every_s:
            told["seen_s"] = self.service.now_s

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def step_up_again(self, data):
        self.service.now_s += STEP_S
        self._expire()
        if not self.open:
            return
        text = data.draw(st.sampled_from(tuple(self.open)))
        told = self.open[text]
        by = self.service.known(text)
        code = self.service.code(self.people[told["name"]].secret)
        token = step_up(self.service.realm, by, code, self.service.now_s)
        self._close(lambda one, _: one == text)
        now_s = self.service.now_s
        self.open[token.text] = {**told, "seen_s": now_s, "stepped_up_s": now_s}

    @precondition(lambda self: self.open)
    @rule(data=st.data(), others=st.booleans())
    def leave(self, data, others):
        text = data.draw(st.sampled_from(tuple(self.open)))
        if others:
            self._as_chief(
                lambda by: (
                    end_session(
                        self.service.realm,
                        by,
                        self.service.known(text).credential,
                        now_s=self.service.now_s,
                        because="test",
                    )
                    if text in self.open
                    else None
                )
            )
        else:
            sign_out(self.service.realm, text)
        self._close(lambda one, _: one == text)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def set_password_again(self, data):
        text = data.draw(st.sampled_from(tuple(self.open)))
        told, now_s = self.open[text], self.service.now_s
        by = self.service.known(text)
        fresh = told["stepped_up_s"] is not None and now_s - told["stepped_up_s"] <= STEP_UP_S
        try:
            change_password(self.service.realm, by, PASSWORD, PASSWORD, now_s)
        except AccountsError:
            assert not fresh
            return
        assert fresh
        self._close(lambda one, other: other["name"] == told["name"] and one != text)
        self.pending = [one for one in self.pending if one[0] != told["name"]]

    @rule(name=st.sampled_from(NAMES), enabled=st.booleans())
    def switch(self, name, enabled):
        self._as_chief(
            lambda by: self.service.in_transaction(
                set_enabled,
                by,
                name,
                enabled=enabled,
                catalogue=CATALOGUE,
                now_s=self.service.now_s,
                because="test",
            )
        )
        self.enabled[name] = enabled
        if not enabled:
            self._close(lambda _, told: told["name"] == name)
            self.pending = [one for one in self.pending if one[0] != name]

    @rule(
        name=st.sampled_from(NAMES),
        role=st.sampled_from(["viewer", "operator"]),
        scope=st.sampled_from(SCOPES),
    )
    def move(self, name, role, scope):
        self._as_chief(
            lambda by: self.service.in_transaction(
                set_grants,
                by,
                name,
                [Grant(role, scope)],
                catalogue=CATALOGUE,
                now_s=self.service.now_s,
                because="test",
            )
        )
        self.grants[name] = Grant(role, scope)

    def _as_chief(self, act):
        by = self.service.principal(self.chief)
        self._expire()
        act(by)

    @invariant()
    def tokens_open_what_the_model_says(self):
        if not hasattr(self, "folder"):
            return
        # Looking must not count as use, so that the model's time of use holds.
        moment = self.service.now_s
        for text, told in self.open.items():
            found = identify(self.service.realm, text, min(moment, told["seen_s"] + 59))
            assert found, told
            assert found.account.name == told["name"]
            assert found.grants == (self.grants[told["name"]],)
            assert found.stepped_up_s == told["stepped_up_s"] or told["stepped_up_s"] is None
        for text in self.dead:
            assert identify(self.service.realm, text, moment) is None

    def teardown(self):
        if hasattr(self, "folder"):
            self.service.realm.passwords.close()
            self.engine.dispose()
            shutil.rmtree(self.folder)


SessionMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=25)
TestSessions = SessionMachine.TestCase
