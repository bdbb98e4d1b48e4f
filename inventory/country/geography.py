"""Distances on the globe, and the delay that a medium adds over them."""

from math import asin, ceil, cos, radians, sin, sqrt
from typing import Final

from inventory.model import Place

EARTH_RADIUS_KM: Final = 6371.0088
# 4.897 us per km one way at 1550 nm (mapyourtech.com); the other two are proposals: cable follows
# roads, and an active hop adds a part of a millisecond.
FIBRE_MS_PER_KM: Final = 0.004897
CABLE_FACTOR: Final = 1.4
FIBRE_HOP_MS: Final = 0.15
# Radio travels at the speed of light; a hop of 50 km that adds 0.5 ms is a proposal.
RADIO_MS_PER_KM: Final = 0.003336
RADIO_HOP_KM: Final = 50.0
RADIO_HOP_MS: Final = 0.5


def great_circle_km(a: Place, b: Place) -> float:
    """Return the distance between two places over the globe, in km (haversine)."""
    south, north = radians(a.latitude), radians(b.latitude)
    east = radians(b.longitude - a.longitude)
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(half))


def fibre_delay_ms(distance_km: float) -> float:
    """Return the one-way delay of fibre between places so far apart, in ms."""
    return round(distance_km * CABLE_FACTOR * FIBRE_MS_PER_KM + FIBRE_HOP_MS, 2)


def microwave_delay_ms(distance_km: float) -> float:
    """Return the one-way delay of a chain of microwave hops, in ms."""
    hops = max(1, ceil(distance_km / RADIO_HOP_KM))
    return round(distance_km * RADIO_MS_PER_KM + hops * RADIO_HOP_MS, 2)
