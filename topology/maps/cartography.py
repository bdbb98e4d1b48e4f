"""Where things go on a map: projection, room between neighbours, crowded spots, labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, radians, sin
from typing import Final, TypeAlias

from inventory.model import Place

Point: TypeAlias = tuple[float, float]
GOLDEN_ANGLE: Final = pi * (3 - 5**0.5)
MIDDLE_LATITUDE: Final = radians(7.0)  # of Cameroon: shapes are true there
ROUNDS: Final = 60


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        """Return how wide it is."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Return how high it is."""
        return self.top - self.bottom

    def holds(self, point: Point) -> bool:
        """Return whether a point lies inside."""
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top

    def meets(self, other: "Box") -> bool:
        """Return whether two rectangles share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def grown(self, margin: float) -> "Box":
        """Return the rectangle with a margin on all sides."""
        return Box(self.left - margin, self.bottom - margin, self.right + margin, self.top + margin)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A text to be set beside a point; width and height are the text's own."""

    key: str
    text: str
    point: Point
    width: float
    height: float
    gap: float


@dataclass(frozen=True, slots=True)
class Label:
    """A text and the room that was found for it."""

    key: str
    text: str
    box: Box

    @property
    def point(self) -> Point:
        """Return the middle of the room."""
        return (self.box.left + self.box.right) / 2, (self.box.bottom + self.box.top) / 2


def project(place: Place) -> Point:
    """Return a place in degrees of latitude: east is shortened as it is in the middle."""
    return flat(place.longitude, place.latitude)


def flat(longitude: float, latitude: float) -> Point:
    """Return a point in degrees of latitude, as project does."""
    return longitude * cos(MIDDLE_LATITUDE), latitude


def around(points: Sequence[Point]) -> Box:
    """Return the smallest rectangle that holds some points."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return Box(min(xs), min(ys), max(xs), max(ys))


def fit_box(box: Box, ratio: float) -> Box:
    """Return the rectangle grown about its middle to a ratio of width by height."""
    width, height = max(box.width, box.height * ratio), max(box.height, box.width / ratio)
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def spread(points: Mapping[str, Point], room: Mapping[str, float]) -> dict[str, Point]:
    """Push points apart until each has its room (a radius), the roomier ones moving less.

    Points on one spot leave it in a sunflower's pattern, in the order given.
    """
    names = list(points)
    moved = {
        name: _nudged(points[name], number, room[name] / 50) for number, name in enumerate(names)
    }
    reach = 2 * max(room.values(), default=0.0)
    for _ in range(ROUNDS):
        if not sum([_push(moved, pair, room) for pair in list(_near(moved, reach))]):
            break
    return moved


def _nudged(point: Point, number: int, radius: float) -> Point:
    angle = number * GOLDEN_ANGLE
    return point[0] + radius * cos(angle), point[1] + radius * sin(angle)


def _near(points: Mapping[str, Point], reach: float) -> Iterator[tuple[str, str]]:
    """Yield the pairs of points that may be within reach, by a sweep from west to east."""
    ordered = sorted(points, key=lambda name: (points[name], name))
    for index, a in enumerate(ordered):
        for b in ordered[index + 1 :]:
            if points[b][0] - points[a][0] > reach:
                break
            if abs(points[b][1] - points[a][1]) <= reach:
                yield a, b


def _push(points: dict[str, Point], pair: tuple[str, str], room: Mapping[str, float]) -> bool:
    """Move two points apart if they crowd each other; return whether they did."""
    a, b = pair
    (ax, ay), (bx, by) = points[a], points[b]
    apart, wanted = hypot(bx - ax, by - ay), room[a] + room[b]
    if apart >= wanted * 0.999 or apart == 0:
        return False
    step = (wanted - apart) / apart
    share = room[b] ** 2 / (room[a] ** 2 + room[b] ** 2)
    points[a] = (ax - (bx - ax) * step * share, ay - (by - ay) * step * share)
    points[b] = (bx + (bx - ax) * step * (1 - share), by + (by - ay) * step * (1 - share))
    return True


def crowded_sites(points: Mapping[str, Point], distance: float) -> list[tuple[str, ...]]:
    """Return the groups of points in which each is within a distance of another, largest first."""
    group = {name: {name} for name in points}
    for a, b in _near(points, distance):
        if (
            group[a] is not group[b]
            and hypot(points[b][0] - points[a][0], points[b][1] - points[a][1]) <= distance
        ):
            joined = group[a] | group[b]
            for name in joined:
                group[name] = joined
    distinct = {tuple(sorted(members)) for members in group.values() if len(members) > 1}
    return sorted(distinct, key=lambda members: (-len(members), members))


def place_labels(wanted: Sequence[Wanted], taken: Sequence[Box], frame: Box) -> list[Label]:
    """Return a place for each label that has one, the first served first."""
    occupied = list(taken)
    placed: list[Label] = []
    for label in wanted:
        box = _free(label, occupied, frame)
        if box:
            occupied.append(box)
            placed.append(Label(label.key, label.text, box))
    return placed


def _free(label: Wanted, occupied: Sequence[Box], frame: Box) -> Box | None:
    for box in _candidates(label):
        inside = frame.holds((box.left, box.bottom)) and frame.holds((box.right, box.top))
        if inside and not any(box.meets(other) for other in occupied):
            return box
    return None


def _candidates(label: Wanted) -> Iterator[Box]:
    """Yield where a label may stand: right, left, above, below, the corners; then farther out."""
    (x, y), w, h = label.point, label.width, label.height
    for gap in (label.gap, 2 * label.gap):
        slant = gap * 0.7
        for left, bottom in (
            (x + gap, y - h / 2),
            (x - gap - w, y - h / 2),
            (x - w / 2, y + gap),
            (x - w / 2, y - gap - h),
            (x + slant, y + slant),
            (x - slant - w, y + slant),
            (x + slant, y - slant - h),
            (x - slant - w, y - slant - h),
        ):
            yield Box(left, bottom, left + w, bottom + h)
