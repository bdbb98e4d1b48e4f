"""Benchmarks: ratios and medians from one run, as JSON, a plot and a table; never timed tests."""
