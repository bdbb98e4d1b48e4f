"""What a router's programs say to syslog, on its way to the NOC."""

from controller.polling.syslog import parse_message
from simulations.devices.log_forwarder import relayed

SAID = b"<30>Nov 30 15:00:00 bgpd[7]: [M7Q4P-46WDR] %ADJCHANGE: neighbor 172.20.0.3 Up\n"


def test_a_message_gets_the_name_of_the_host_that_sends_it():
    sent = relayed(SAID, "mora-r1")
    assert sent.startswith(b"<30>Nov 30 15:00:00 mora-r1 bgpd[7]: ")
    read = parse_message(sent)
    assert (read.host, read.app, read.severity) == ("mora-r1", "bgpd", 6)
    assert read.text.endswith("%ADJCHANGE: neighbor 172.20.0.3 Up")


def test_one_of_another_form_goes_on_as_it_is():
    assert relayed(b"<30>no time\0", "mora-r1") == b"<30>no time"
