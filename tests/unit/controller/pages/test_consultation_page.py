"""The page of a consultation: moves of sound and picture are told once."""

from controller.pages.consultations import moved_together


def move(at, service, circuit="kolofata-leo", reason="fibre is dead"):
    return {"at": at, "service": service, "circuit": circuit, "reason": reason}


def test_what_moved_at_once_for_one_reason_is_one_line():
    found = moved_together(
        [move("09:02", "sound"), move("09:01", "sound"), move("09:02", "picture"),
         move("09:02", "files", "kolofata-lte")]
    )  # fmt: skip
    assert [(one["at"], one["circuit"], one["services"]) for one in found] == [
        ("09:01", "kolofata-leo", ["sound"]),
        ("09:02", "kolofata-leo", ["sound", "picture"]),
        ("09:02", "kolofata-lte", ["files"]),
    ]
    assert moved_together([]) == []
