"""What can keep a benchmark from running."""


class BenchmarkError(Exception):
    """A measurement can't be made; the message says what to do."""
