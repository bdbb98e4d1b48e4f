"""The verbs lab and demo, found by the command sanaga through entry points."""
