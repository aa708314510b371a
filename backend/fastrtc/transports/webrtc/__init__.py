"""WebRTC on aiortc; the only place that imports it."""

from .ice import RTCConfigurationCallable
from .signalling import IceOptions, WebRTCDoor

__all__ = ["IceOptions", "RTCConfigurationCallable", "WebRTCDoor"]
