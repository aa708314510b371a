"""A call on a page, as a user sees and hears it."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

STEP_MS = 20_000

LISTEN = """
() => {
  const plain = RTCPeerConnection;
  window.heard = { connections: [], loudest_hz: 0, peak: 0, energy: 0 };
  window.RTCPeerConnection = class extends plain {
    constructor(...args) {
      super(...args);
      window.heard.connections.push(this);
      this.addEventListener("track", ({ track }) => {
        if (track.kind !== "audio") return;
        const context = new AudioContext();
        const source = context.createMediaStreamSource(new MediaStream([track]));
        const analyser = context.createAnalyser();
        analyser.fftSize = 8192;
        source.connect(analyser);
        const bins = new Float32Array(analyser.frequencyBinCount);
        setInterval(() => {
          analyser.getFloatFrequencyData(bins);
          const top = bins.reduce((best, db, i) => (db > bins[best] ? i : best), 0);
          if (bins[top] > -50) {
            window.heard.peak = bins[top];
            window.heard.loudest_hz = (top * context.sampleRate) / analyser.fftSize;
          }
        }, 50);
      });
    }
  };
}
"""

STATS = """
async () => {
  const found = { bytes: 0, energy: 0, concealed: 0, sent: 0 };
  for (const pc of window.heard.connections) {
    for (const stat of (await pc.getStats()).values()) {
      if (stat.type === "inbound-rtp") {
        found.bytes += stat.bytesReceived;
        found.energy += stat.totalAudioEnergy ?? 0;
        found.concealed += stat.concealedSamples ?? 0;
      }
      if (stat.type === "outbound-rtp") found.sent += stat.bytesSent;
    }
  }
  return found;
}
"""


DEVICES = """
() => {
  window.asked = [];
  window.opened = [];
  const media = navigator.mediaDevices;
  const ask = media.getUserMedia.bind(media);
  media.getUserMedia = async (constraints) => {
    window.asked.push(["audio", "video"].filter((kind) => constraints[kind]).join());
    const stream = await ask(constraints);
    window.opened.push(...stream.getTracks());
    return stream;
  };
}
"""

SIDES = """
() => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  window.sidesOf = (selector) => {
    const video = document.querySelector(selector);
    if (!video?.videoWidth) return "";
    canvas.width = canvas.height = 8;
    context.drawImage(video, 0, 0, 8, 8);
    return [1, 6].map((x) => {
      const [r, g, b] = context.getImageData(x, 4, 1, 1).data;
      const most = Math.max(r, g, b);
      if (most < 90) return "black";
      return most === r ? "red" : most === g ? "green" : "blue";
    }).join();
  };
}
"""
BIG_PICTURE = "[data-testid=video-stage] > .picture video"
OWN_PICTURE = "[data-testid=self-view] video"


class Call:
    """The call on `page`, or on the part of it that `within` selects."""

    def __init__(self, page: Page, within: str = "body") -> None:
        self.page = page
        self._root = page.locator(within)

    async def open(self, url: str) -> None:
        """Go to the page; what its calls receive is listened to."""
        for script in (LISTEN, DEVICES, SIDES):
            await self.page.add_init_script(f"({script})()")
        await self.page.goto(url)
        await expect(self._root.get_by_test_id("start")).to_be_visible(timeout=STEP_MS)

    async def start(self) -> None:
        """Press the button."""
        await self._root.get_by_test_id("start").click()

    async def stop(self) -> None:
        """Press the other button."""
        await self._root.get_by_test_id("stop").click()

    async def becomes(self, *states: str) -> None:
        """Wait until the call is in one of the states."""
        status = self._root.get_by_test_id("status")
        pattern = "|".join(states)
        await expect(status).to_have_attribute(
            "data-state", _regex(pattern), timeout=STEP_MS
        )

    async def says(self) -> str:
        """The status line."""
        return await self._root.get_by_test_id("status").inner_text()

    async def stats(self) -> dict[str, Any]:
        """What getStats knows of all connections of the page."""
        return await self.page.evaluate(STATS)

    async def heard_hz(self) -> float:
        """The loudest frequency that was received."""
        return await self.page.evaluate("window.heard.loudest_hz")

    async def hears(self, hz: float) -> None:
        """Wait until that is the loudest frequency that is received."""
        await self.page.wait_for_function(
            "(hz) => Math.abs(window.heard.loudest_hz - hz) < 12",
            arg=hz,
            timeout=STEP_MS,
        )

    async def sees(self, sides: str, selector: str = BIG_PICTURE) -> None:
        """Wait until a picture's left and right half are so, such as "red,blue"."""
        await self.page.wait_for_function(
            "([selector, sides]) => window.sidesOf(selector) === sides",
            arg=[selector, sides],
            timeout=STEP_MS,
        )

    async def webrtc_id(self) -> str:
        """The name of the call that goes on, or was the last one."""
        return await self._root.locator(".fastrtc").evaluate(
            "(element) => element.fastrtcCall.client.webrtcId"
        )

    async def asked(self) -> list[str]:
        """The kinds of devices that the page asked for, each time it did."""
        return await self.page.evaluate("window.asked")

    async def open_devices(self) -> int:
        """How many microphones and cameras are on."""
        return await self.page.evaluate(
            "window.opened.filter((track) => track.readyState === 'live').length"
        )


def _regex(pattern: str) -> Any:
    import re

    return re.compile(f"^({pattern})$")
