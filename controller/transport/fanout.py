"""The same work on many devices at once."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final, TypeVar

from inventory.errors import SanagaError

WORKERS: Final = 50
Item = TypeVar("Item")
Result = TypeVar("Result")


def for_each_device(
    items: Iterable[Item], work: Callable[[Item], Result], *, workers: int = WORKERS
) -> Generator[tuple[Item, Result | SanagaError], None, None]:
    """Yield every item with what work returned or the SanagaError it raised, as they finish.

    With one worker everything runs in the caller's thread, in order. When the caller is
    interrupted, work that has begun is waited for and the rest is never begun.
    """
    if workers <= 1:
        yield from ((item, _outcome(work, item)) for item in items)
        return
    todo = tuple(items)
    pool = ThreadPoolExecutor(max_workers=max(1, min(workers, len(todo))))
    try:
        futures = {pool.submit(_outcome, work, item): item for item in todo}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        _join(pool)


def _join(pool: ThreadPoolExecutor) -> None:
    """Wait for work that has begun, also when Ctrl-C is struck again meanwhile."""
    try:
        pool.shutdown(wait=True)
    except KeyboardInterrupt:
        # A step still under way must not meet the rollback that follows.
        pool.shutdown(wait=True)
        raise


def _outcome(work: Callable[[Item], Result], item: Item) -> Result | SanagaError:
    try:
        return work(item)
    except SanagaError as error:
        return error
