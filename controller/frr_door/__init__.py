"""The door of an FRR router: what sshd runs there instead of a shell for the controller's key.

It is of the standard library alone (Python 3.9 and newer) and is copied to the router as one file,
which holds this package. It knows a few verbs and answers in one line of JSON; people log in with
keys of their own. A commit arms a guard process on the router first; unless it is confirmed in
time, the guard puts the previous configuration back, whatever became of the connection. The startup
configuration is written by confirm only, so a restart also brings the previous one back.

A configuration may end with a block 'packet-filter', which holds an nftables table in the form of
everything else. FRR never sees it; frr_filter.py loads it, in the same transaction.

sshd starts the door again for every request, so what few requests need of the standard library is
imported where they need it. The package itself is read whole at the start: its file may be replaced
while a guard runs.
"""
