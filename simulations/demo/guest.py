"""Somebody at the NOC's pages without a browser: signs in by the link, reads, presses buttons."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from time import monotonic
from typing import Final, Self
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from markupsafe import escape

from inventory.errors import LabError
from simulations.netns.waiting import pause

HOME: Final = "/"
_LABORATORY: Final = "/laboratory"
_ANSWER_WITHIN_S: Final = 30.0
_SHOWN_WITHIN_S: Final = 30.0
_AGAIN_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Guest:
    """A session at the pages; origin is their scheme, host and port."""

    origin: str
    opener: OpenerDirector

    @classmethod
    @contextmanager
    def entered(cls, link: str) -> Iterator[Self]:
        """Sign in by a one-time link. Raises LabError when it is not accepted."""
        parts = urlsplit(link)
        opener = build_opener(HTTPCookieProcessor(CookieJar()))
        guest = cls(f"{parts.scheme}://{parts.netloc}", opener)
        guest.send(parts.path, {"token": parts.fragment})
        yield guest
        opener.close()

    def read(self, path: str) -> str:
        """Return a page. Raises LabError when it is refused."""
        return self._answer(Request(f"{self.origin}{path}"))  # noqa: S310 - our own service

    def send(self, path: str, fields: Mapping[str, str]) -> str:
        """Send a form, and return the page that follows. Raises LabError when it is refused."""
        body = urlencode(fields).encode()
        headers = {"Origin": self.origin}
        return self._answer(Request(f"{self.origin}{path}", body, headers))  # noqa: S310 - ours

    def act(self, kind: str, circuit: str) -> None:
        """Press a button of a circuit on the laboratory's page. Raises LabError."""
        self.send(_LABORATORY, {"act": kind, "circuit": circuit})

    def demand(self, path: str, text: str) -> None:
        """Wait until a page shows a text. Raises LabError when it does not in time."""
        deadline_s = monotonic() + _SHOWN_WITHIN_S
        while str(escape(text)) not in self.read(path):
            if monotonic() > deadline_s:
                raise LabError(f"{self.origin}{path} does not show {text!r}")
            pause(_AGAIN_S)

    def _answer(self, request: Request) -> str:
        try:
            with self.opener.open(request, timeout=_ANSWER_WITHIN_S) as answer:
                text: str = answer.read().decode()
        except HTTPError as error:
            raise LabError(f"{request.full_url}: the service answers {error.code}") from error
        return text
