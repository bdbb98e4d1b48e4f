"""Names and short words of the stories about incidents, which begin on a Monday at noon."""

from controller.incidents.model import Health, MaintenanceWindow, NoticeKind, Recurrence, WindowSet

FIBRE = "mora-kolofata-fibre"
CHAIN = "kolofata-waza-fibre"
# 2026-11-30 is a Monday; this is noon in Douala, where the clocks never change.
MONDAY_NOON_S = 1_796_036_400.0
OPENED, CHANGED, ENDED = NoticeKind.OPENED, NoticeKind.CHANGED, NoticeKind.ENDED


def cut(story, name=FIBRE):
    story.hear(*story.dead(name))


def mend(story, name=FIBRE):
    story.hear(*story.dead(name, state=Health.OK))


def kinds(story):
    return [notice.kind for notice in story.notices]


def window(subject, begins, ends, recurrence=Recurrence.ONCE, day="2026-11-30"):
    made = MaintenanceWindow("works", (subject,), recurrence, "Africa/Douala", day, begins, ends)
    return WindowSet(made)
