"""End of turn: has the speaker finished?"""

from .default import get_end_of_turn_model
from .prosody import WithProsody
from .protocol import EndOfTurnModel
from .silence import SilenceOnly
from .smart_turn import SmartTurnModel, get_smart_turn_model

__all__ = [
    "EndOfTurnModel",
    "SilenceOnly",
    "SmartTurnModel",
    "WithProsody",
    "get_end_of_turn_model",
    "get_smart_turn_model",
]
