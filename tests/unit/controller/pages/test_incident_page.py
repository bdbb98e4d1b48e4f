"""The page of an incident: the sites that it hurts, by region."""

from controller.pages.incidents import by_region


def site(name, region, people, health="degraded"):
    return {"name": name, "title": name, "region": region, "people": people, "health": health}


def test_regions_with_most_people_are_first_and_in_each_what_stands_worst():
    sites = [
        site("banyo", "CM-AD", 90),
        site("bankim", "CM-AD", 70),
        site("blangoua", "CM-EN", 500),
        site("makary", "CM-EN", 10, "unreachable"),
        site("mora", "CM-EN", None),
        site("nowhere", None, 1),
    ]
    found = [
        (one["name"], one["people"], [s["name"] for s in one["sites"]]) for one in by_region(sites)
    ]
    assert found == [
        ("CM-EN", 510, ["makary", "blangoua", "mora"]),
        ("CM-AD", 160, ["banyo", "bankim"]),
        ("", 1, ["nowhere"]),
    ]
    assert by_region([]) == []
