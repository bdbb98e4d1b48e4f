"""Faults of a running edge: what is wrong now, part by part, and the journal's note of each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.storage.journal import Note, in_words
from inventory.errors import EdgeError


class FaultRegister:
    """Faults by the name of the part that has them; a fault stands until its part works again.

    further returns faults that parts keep themselves; a part without a fault gives nothing.
    """

    def __init__(self, note: Note, further: Callable[[], tuple[str, ...]]) -> None:
        self._note = note
        self._further = further
        self._by_part: dict[str, str] = {}

    def __contains__(self, part: str) -> bool:
        """Return whether a part has a fault."""
        return part in self._by_part

    def current(self) -> tuple[str, ...]:
        """Return what is wrong now, in words."""
        return tuple(filter(None, (*self._by_part.values(), *self._further())))

    def register(self, part: str, error: EdgeError | OSError) -> None:
        """Let a part have a fault, without a note in the journal."""
        self._by_part[part] = in_words(error)

    def clear(self, part: str) -> None:
        """Let a part have no fault."""
        self._by_part.pop(part, None)

    @contextmanager
    def scope(self, part: str) -> Iterator[None]:
        """Turn an error of a part into a fault; a fault that is new goes into the journal."""
        try:
            yield
        except (EdgeError, OSError) as error:
            words = in_words(error)
            if self._by_part.get(part) != words:
                self._note("fault", words)
            self._by_part[part] = words
        else:
            self.clear(part)
