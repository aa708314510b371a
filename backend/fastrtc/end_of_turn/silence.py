"""The wish to ask no model."""

from __future__ import annotations


class SilenceOnly:
    """In the place of an end-of-turn model: turns end by silence alone."""
