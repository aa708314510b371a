"""Names that programs written for FastRTC import from here."""

from .handlers.reply_on_stopwords import ReplyOnStopWords

__all__ = ["ReplyOnStopWords"]
