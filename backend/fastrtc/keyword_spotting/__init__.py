"""Keyword spotting: engines that hear a few words in a live stream, without text."""

from .protocol import Hit, KeywordSpotter, KeywordStream

__all__ = ["Hit", "KeywordSpotter", "KeywordStream"]
