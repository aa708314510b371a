"""Both sides of a call on one tape, recorded in the page."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Page

RECORD = """
() => {
  const plain = RTCPeerConnection;
  const media = navigator.mediaDevices;
  const ask = media.getUserMedia.bind(media);
  const tape = (window.tape = { rate_hz: 0, blocks: [] });
  let context, merger;
  const attach = (stream, channel) => {
    if (!context) {
      context = new AudioContext({ sampleRate: 48000 });
      tape.rate_hz = context.sampleRate;
      merger = context.createChannelMerger(2);
      const recorder = context.createScriptProcessor(1024, 2, 1);
      recorder.onaudioprocess = ({ inputBuffer }) => {
        const block = new Int16Array(2 * inputBuffer.length);
        for (const side of [0, 1]) {
          const samples = inputBuffer.getChannelData(side);
          for (let i = 0; i < samples.length; i += 1)
            block[2 * i + side] = Math.max(-1, Math.min(1, samples[i])) * 32767;
        }
        tape.blocks.push(block);
      };
      merger.connect(recorder).connect(context.destination);
    }
    context.createMediaStreamSource(stream).connect(merger, 0, channel);
  };
  media.getUserMedia = async (constraints) => {
    const stream = await ask(constraints);
    attach(stream, 0);
    return stream;
  };
  window.RTCPeerConnection = class extends plain {
    constructor(...args) {
      super(...args);
      this.addEventListener("track", ({ track }) =>
        attach(new MediaStream([track]), 1));
    }
  };
}
"""

READ = """
() => {
  let text = "";
  for (const block of window.tape.blocks) {
    const bytes = new Uint8Array(block.buffer);
    for (let i = 0; i < bytes.length; i += 4096)
      text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return btoa(text);
}
"""

SECONDS = "(s) => window.tape.blocks.length * 1024 / window.tape.rate_hz > s"
RATE_HZ = 48_000


async def record(page: Page) -> None:
    """Before the page is opened: let it record its calls."""
    await page.add_init_script(f"({RECORD})()")


async def rewind(page: Page) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """What the user and the bot said until now, int16 (n,) at 48 kHz each."""
    data = base64.b64decode(await page.evaluate(READ))
    both = np.frombuffer(data, "<i2").reshape(-1, 2)
    return both[:, 0], both[:, 1]
