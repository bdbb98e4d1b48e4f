"""Planning against files of what devices run."""

from controller.frr_door.configuration_text import split
from tests.rigs.controller.small_folder import edit


def shown(text):
    """Return a configuration as vtysh shows it on a router, with the prompts around it."""
    return (
        "mora-r1# show running-config\r\nBuilding configuration...\r\n\r\n"
        "Current configuration:\r\n!\r\nfrr version 8.4.4\r\n"
        + text.replace("!\n", "hostname mora-r1\n!\n", 1).replace("\n", "\r\n")
        + "end\r\nmora-r1# "
    )


def test_what_a_router_showed_may_be_saved_as_it_was_shown(sanaga, small, settled):
    for file in (sanaga.folder / settled).iterdir():
        file.write_bytes(shown(file.read_text()).encode())
    answer = sanaga("plan", small, "--running", settled)
    assert (answer.code, answer.err) == (0, ""), answer.out
    show = sanaga("show", "mora-r1", "--diff", "--dir", small, "--configs", settled)
    assert (show.code, show.out) == (0, "")


def test_a_plan_of_what_routers_showed_changes_what_differs_alone(sanaga, small, settled):
    for file in (sanaga.folder / settled).iterdir():
        file.write_bytes(shown(file.read_text()).encode())
    edit(sanaga, "circuits.yaml", "delay_ms: 0.2", "delay_ms: 0.2\n    description: by the road")
    answer = sanaga("plan", small, "--running", settled)
    assert answer.code == 2, answer.err
    assert "2 of 7 devices to change:" in answer.out
    assert "hostname" not in answer.out
    assert "impact at worst: none" in answer.out


def test_a_missing_or_misnamed_file_is_reported_and_not_taken_for_a_blank_router(
    sanaga, small, settled
):
    folder = sanaga.folder / settled
    (folder / "mora-r1.conf").rename(folder / "mora_r1.conf")
    (folder / "garoua-r1.conf").unlink()
    answer = sanaga("plan", small, "--running", settled)
    assert (answer.code, answer.out) == (4, "")
    assert "there is no mora-r1.conf in settled (is it mora_r1.conf?)" in answer.err
    assert "garoua-r1" in answer.err
    assert "2 of 7 devices cannot be read" in answer.err
    without = ("--without", "garoua-r1", "--without", "mora-r1")
    answer = sanaga("plan", small, "--running", settled, *without)
    assert answer.code == 0
    assert (
        "settled: mora_r1.conf not read, since no device of the intent is called so" in answer.err
    )


def test_an_empty_folder_stands_for_blank_devices_and_says_so(sanaga, small, blank):
    answer = sanaga("plan", small, "--running", blank)
    assert answer.code == 2
    assert "blank is empty, so every device is taken for a blank one" in answer.err


def without_filters(folder):
    """Leave of saved configurations what a router shows of itself, which is no packet filter."""
    for file in folder.iterdir():
        own, table = split(file.read_text())
        assert table
        file.write_bytes(shown(own).encode())


def test_what_routers_show_does_not_tell_of_packet_filters_and_a_note_says_so(
    sanaga, small, settled
):
    without_filters(sanaga.folder / settled)
    answer = sanaga("plan", small, "--running", settled)
    assert answer.code == 0, answer.out
    note = "settled does not tell whether routers filter what passes between segments"
    assert answer.err.count(note) == 1
    show = sanaga("show", "mora-r1", "--diff", "--dir", small, "--configs", settled)
    assert (show.code, show.out) == (0, "")
    assert "does not tell whether mora-r1 filters" in show.err


def test_a_file_that_tells_of_a_packet_filter_is_compared_with_it(sanaga, small, settled):
    mora = sanaga.folder / settled / "mora-r1.conf"
    mora.write_text(mora.read_text().replace("tcp dport 22 counter drop", "tcp dport 22 accept"))
    answer = sanaga("plan", small, "--running", settled)
    assert answer.code == 2
    assert "1 of 7 devices to change:" in answer.out
    assert "mora-r1: what may pass between segments changes" in answer.out
    assert "does not tell" not in answer.err
