"""Audio, texts and events over one WebSocket, where WebRTC can't pass."""

from .door import WebSocketDoor

__all__ = ["WebSocketDoor"]
