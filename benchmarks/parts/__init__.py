"""What is measured, one subject a file.

Each gives, for one candidate and one round, a list of values a metric: a single
one where the round is the measurement, one a trial where trials are.
"""
