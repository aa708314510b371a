"""FFmpeg's own WHIP muxer: `python whip_sender.py URL SECONDS CERTIFICATE KEY`.

In a process of its own because PyAV keeps the interpreter's lock while the muxer
connects, and the server it connects to could not answer. With a certificate of ours
because an FFmpeg with GnuTLS makes one for the curve secp224r1, which OpenSSL refuses.

Sends a tone and a plain picture: Opus in stereo, H.264 in constrained baseline. Says
"connected" once it is.
"""

from __future__ import annotations

import sys
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np

RATE_HZ, FPS = 48_000, 30
TONE_HZ = 440.0
BLUE_BGR = (230, 30, 30)
SIZE = (240, 320)


def send(url: str, seconds: float, certificate: str, key: str) -> None:
    """Send in real time, then hang up."""
    options = {"cert_file": certificate, "key_file": key}
    with av.open(url, "w", format="whip", options=options) as container:
        video = _video(container)
        audio: Any = container.add_stream("libopus", rate=RATE_HZ, layout="stereo")
        audio.bit_rate = 96_000
        container.start_encoding()
        print("connected", flush=True)
        began_s = time.perf_counter()
        samples = 0
        for number in range(round(seconds * FPS)):
            for packet in video.encode(_picture(number)):
                container.mux(packet)
            while samples / RATE_HZ < (number + 1) / FPS:
                for packet in audio.encode(_sound(samples)):
                    container.mux(packet)
                samples += 960
            time.sleep(max(0.0, began_s + number / FPS - time.perf_counter()))


def _video(container: Any) -> Any:
    options = {"preset": "ultrafast", "tune": "zerolatency", "bf": "0", "g": "30"}
    video = container.add_stream("libx264", rate=FPS, options=options)
    video.height, video.width = SIZE
    video.pix_fmt = "yuv420p"
    video.codec_context.profile = "Baseline"
    return video


def _picture(number: int) -> Any:
    frame = av.VideoFrame.from_ndarray(
        np.full((*SIZE, 3), BLUE_BGR, np.uint8), format="bgr24"
    )
    frame.pts, frame.time_base = number, Fraction(1, FPS)
    return frame


def _sound(first: int) -> Any:
    times = (first + np.arange(960)) / RATE_HZ
    wave = (12_000 * np.sin(2 * np.pi * TONE_HZ * times)).astype(np.int16)
    packed = np.repeat(wave, 2).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, "s16", "stereo")
    frame.sample_rate = RATE_HZ
    frame.pts, frame.time_base = first, Fraction(1, RATE_HZ)
    return frame


if __name__ == "__main__":
    send(sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4])
