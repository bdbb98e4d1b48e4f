"""Lists in pages: a cursor names the last item that was given, so that changes skip nothing."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from fastapi import Depends, Query

from controller.api.problems import ProblemError

LONGEST_PAGE: Final = 500
USUAL_PAGE: Final = 100
# What a database takes for a number of a row.
_LARGEST: Final = 2**31 - 1
_NOT_OURS: Final = (Error, ValueError, TypeError, msgspec.MsgspecError)

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


def page_of_rows(
    read: Callable[[int], Iterable[Item]],
    total: int,
    key: Callable[[Item], int],
    asked: PageRequest,
) -> Page[Item]:
    """Return the items after a cursor; read yields those whose key is above a number, in order.

    No more are read than are given. Raises ProblemError when the cursor is none of ours.
    """
    found = list(islice(read(_last_number(asked.cursor)), asked.limit + 1))
    given = found[: asked.limit]
    more = len(found) > asked.limit
    return Page(given, total, _cursor(key(given[-1])) if more else None)


def _start(items: Sequence[Item], key: Callable[[Item], Any], cursor: str) -> int:
    try:
        return bisect_right(items, _last_key(cursor), key=key)
    except _NOT_OURS:
        raise _refused() from None


def _last_number(cursor: str | None) -> int:
    try:
        key = _last_key(cursor) if cursor else 0
    except _NOT_OURS:
        raise _refused() from None
    if not isinstance(key, int) or not 0 <= key <= _LARGEST:
        raise _refused()
    return key


def _refused() -> ProblemError:
    advice = "'cursor' is none of ours; take 'next' of the page before, or leave it out"
    return ProblemError(HTTPStatus.BAD_REQUEST, advice)


def _cursor(key: str | int) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _last_key(cursor: str) -> str | int:
    text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return msgspec.json.decode(text, type=str | int)
