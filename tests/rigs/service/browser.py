"""A browser at our API: keeps cookies, names the page that it shows, and has an app for codes."""

import base64
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final

from accounts.audit import Actor
from accounts.factors.totp import STEP_S, code_at
from accounts.signing_in.links import first_administrator_link
from controller.roles import CATALOGUE
from tests.rigs.accounts.service import PASSWORD
from tests.rigs.service.api_bench import ORIGIN, ApiBench
from tests.rigs.service.http_server import Answer

MACHINE: Final = Actor("root", "at the machine")


@dataclass
class Browser:
    """Cookies by name, the origin of the page, and the secret of the person's app."""

    bench: ApiBench
    origin: str | None = ORIGIN
    jar: dict[str, str] = field(default_factory=dict)
    secret: bytes = b""
    codes: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request as the page's script would, and keep the cookies of the answer."""
        answer = self.bench.client.request(
            method, f"/api/v1{path}", body=body, headers={**self.headers(), **headers}
        )
        self.keep(answer)
        return answer

    def headers(self) -> dict[str, str]:
        """Return what a browser adds to a request."""
        sent = {"Origin": self.origin} if self.origin else {}
        if self.jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        return sent

    def keep(self, answer: Answer) -> None:
        """Keep the cookies of an answer, and forget those that it takes back."""
        for line in answer.cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.jar.pop(name, None)
                else:
                    self.jar[name] = morsel.value

    def code(self) -> str:
        """Return the app's next code, one step after any that was used before."""
        self.bench.clock.ahead_s += STEP_S
        return code_at(self.secret, int(self.bench.clock() // STEP_S))

    def set_up(self, link: str, name: str = "", title: str = "") -> Answer:
        """Make an account by a link, with an app."""
        body = {"link": link, "name": name, "title": title, "password": PASSWORD}
        begun = self.send("POST", "/set-up", body)
        assert begun.status_code == 200, begun.text
        self.secret = base64.b32decode(begun.json()["secret"])
        done = self.send(
            "POST", "/set-up/factor", {"token": begun.json()["token"], "totp": self.code()}
        )
        assert done.status_code == 200, done.text
        self.codes = done.json()["recovery_codes"]
        return done

    def password(self, name: str, password: str = PASSWORD) -> Answer:
        """Send a name and a password."""
        return self.send("POST", "/sign-in", {"name": name, "password": password})

    def sign_in(self, name: str) -> Answer:
        """Sign in with password and app."""
        assert self.password(name).status_code == 200
        return self.send("POST", "/sign-in/factor", {"totp": self.code()})

    def step_up(self) -> Answer:
        """Give the second factor again."""
        return self.send("POST", "/account/step-up", {"totp": self.code()})


def first_administrator(bench: ApiBench, name: str = "a.ngono") -> Browser:
    """Return the browser of the first administrator, who has just given the second factor again."""
    with bench.realm.engine.begin() as connection:
        link = first_administrator_link(connection, CATALOGUE, MACHINE, bench.clock())
    browser = Browser(bench, bench.realm.party.origins[0])
    browser.set_up(link.text, name, "Dr Ngono")
    assert browser.step_up().status_code == 204
    return browser


def invited(bench: ApiBench, chief: Browser, name: str, role: str, scope: str = "") -> Browser:
    """Return the browser of a person whom an administrator invited."""
    asked = {"name": name, "title": name, "grants": [{"role": role, "scope": scope}]}
    chief.step_up()
    answer = chief.send("POST", "/invitations", asked)
    assert answer.status_code == 201, answer.text
    browser = Browser(bench, bench.realm.party.origins[0])
    browser.set_up(answer.json()["code"])
    return browser
