"""The other end of the line: many cheap callers, and one that listens closely."""
