"""The verbs of rehearsal, found by the command sanaga through entry points."""
