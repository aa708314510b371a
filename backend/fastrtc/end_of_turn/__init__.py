"""End of turn: has the speaker finished, or is it only a pause?"""

from .protocol import EndOfTurnModel
from .smart_turn import SmartTurnModel, get_smart_turn_model

__all__ = ["EndOfTurnModel", "SmartTurnModel", "get_smart_turn_model"]
