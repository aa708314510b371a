"""The one error of making shipped files."""

from __future__ import annotations


class ShippedFileError(Exception):
    """A file to ship could not be made; the text says what to install or do."""
