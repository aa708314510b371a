"""Names that programs written for FastRTC import from here."""

from .handlers.replies import ReplyEnded
from .handlers.reply_on_pause import AppState, ReplyFnGenerator, ReplyOnPause
from .options import AlgoOptions

__all__ = ["AlgoOptions", "AppState", "ReplyEnded", "ReplyFnGenerator", "ReplyOnPause"]
