"""Lists in pages: a cursor names the last item that was given, so that changes skip nothing."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from fastapi import Depends, Query

from controller.api.problems import ProblemError

LONGEST_PAGE: Final = 500
USUAL_PAGE: Final = 100

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list is asked for."""

    cursor: Annotated[str | None, Query(max_length=500)] = None
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = USUAL_PAGE


PageParameters: TypeAlias = Annotated[PageRequest, Depends()]


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, how many there are in all, and where the next page begins; None at the end."""

    items: Sequence[Item]
    total: int
    next: str | None

    def json(self, shown: Callable[[Item], Mapping[str, Any]]) -> dict[str, Any]:
        """Return the page with its items as shown."""
        return {
            "items": [shown(item) for item in self.items],
            "total": self.total,
            "next": self.next,
        }


def page_of(items: Sequence[Item], key: Callable[[Item], Any], asked: PageRequest) -> Page[Item]:
    """Return the items after a cursor; items are in the order of key, which no two share.

    Raises ProblemError when the cursor is none of ours.
    """
    start, limit = _start(items, key, asked.cursor) if asked.cursor else 0, asked.limit
    given = items[start : start + limit]
    more = start + limit < len(items)
    return Page(given, len(items), _cursor(key(given[-1])) if more else None)


def _start(items: Sequence[Item], key: Callable[[Item], Any], cursor: str) -> int:
    try:
        return bisect_right(items, _last_key(cursor), key=key)
    except (Error, ValueError, TypeError, msgspec.MsgspecError):
        advice = "'cursor' is none of ours; take 'next' of the page before, or leave it out"
        raise ProblemError(HTTPStatus.BAD_REQUEST, advice) from None


def _cursor(key: str | int) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _last_key(cursor: str) -> str | int:
    text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return msgspec.json.decode(text, type=str | int)
