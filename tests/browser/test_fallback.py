"""Where WebRTC finds no way, sound goes by a WebSocket on the page's own port."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from .calls import STEP_MS, Call
from .conftest import Serve

pytestmark = pytest.mark.browser
LIVE = ("listening", "hearing", "thinking", "speaking")

NO_WAY = """
() => {
  const plain = RTCPeerConnection;
  window.RTCPeerConnection = class extends plain {
    constructor(configuration) {
      super({ ...configuration, iceServers: [], iceTransportPolicy: "relay" });
    }
  };
}
"""
"""No candidate at all: as behind a firewall that lets only the page's port through."""

LOUDEST_HZ = """
() => new Promise((resolve) => {
  const { client } = document.querySelector(".fastrtc").fastrtcCall;
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(client.remoteStream).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const look = () => {
    analyser.getFloatFrequencyData(bins);
    const top = bins.reduce((best, db, i) => (db > bins[best] ? i : best), 0);
    if (bins[top] > -50) resolve((top * context.sampleRate) / analyser.fftSize);
    else requestAnimationFrame(look);
  };
  look();
})
"""


async def test_a_turn_goes_both_ways_by_websocket(serve: Serve, page: Page) -> None:
    """Without it, nobody behind a strict firewall could talk to the bot."""
    await page.add_init_script(f"({NO_WAY})()")
    call = Call(page)
    await call.open(serve("tests/browser/apps/tone.py"))
    await call.start()
    # WebRTC has 7 s to find a way.
    await expect(page.get_by_test_id("route")).to_be_visible(timeout=STEP_MS)
    await call.becomes(*LIVE)
    await call.becomes("speaking")
    assert abs(await page.evaluate(LOUDEST_HZ) - 440) < 12
    await call.stop()
    await call.becomes("ended")


async def test_without_a_second_way_the_first_error_is_told(
    serve: Serve, page: Page
) -> None:
    """Without it, a page under ssr_mode would try a WebSocket that Node swallows."""
    await page.add_init_script(f"({NO_WAY})()")
    call = Call(page)
    await call.open(serve("tests/browser/apps/tone.py", "ssr"))
    await call.start()
    await call.becomes("failed")
    assert "No way to the server" in await call.says()
