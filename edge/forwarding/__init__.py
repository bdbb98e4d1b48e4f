"""Routes, rules, marks, duplication and queues of a site's traffic (rtnetlink, tc)."""
