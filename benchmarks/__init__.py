"""Measures fastrtc beside FastRTC 0.0.34 and bare aiortc: `python -m benchmarks`.

The three run the same little server (`server_app`) in environments of their own,
in turn, on one core; the client is this process, on another core.
"""
