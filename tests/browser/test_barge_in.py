"""A recorded voice talks over the bot, in a real browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import async_playwright

from fastrtc.audio import resample
from tests.support.recordings import recording

from .calls import Call
from .conftest import Serve, launch, write_wav
from .tape import RATE_HZ, SECONDS, record, rewind

pytestmark = pytest.mark.browser

QUESTION = "asterisk/conf-getpin"
INTERRUPTION = "asterisk/conf-kicked"
TALKS_AFTER_S = 3.0
"""From the end of the question to the interruption: the bot talks by then."""
WORD_S = 0.3


def said(name: str) -> NDArray[np.int16]:
    """A recording without the silence around it, int16 (n,) at 48 kHz."""
    rate_hz, samples = recording(name)
    samples = resample(samples, rate_hz, RATE_HZ)[0]
    heard = np.flatnonzero(np.abs(samples.astype(np.int32)) > 600)
    return samples[heard[0] : heard[-1]]


def loud_ms(samples: NDArray[np.int16], threshold: float) -> NDArray[np.intp]:
    """The milliseconds in which it is loud."""
    size = RATE_HZ // 1000
    windows = samples[: samples.size // size * size].reshape(-1, size)
    rms = np.sqrt(np.mean(np.square(windows.astype(np.float64)), axis=1))
    return np.flatnonzero(rms > threshold)


def likeness(tape: NDArray[np.int16], word: NDArray[np.int16]) -> float:
    """The best correlation, 0 to 1, of a word with any part of a tape."""
    a, b = tape[::3].astype(np.float64), word[::3].astype(np.float64)
    size = 1 << (a.size + b.size).bit_length()
    product = np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size))
    matches = np.fft.irfft(product, size)[: a.size - b.size]
    energy = np.concatenate(([0.0], np.cumsum(a**2)))
    norms = np.sqrt((energy[b.size :] - energy[: -b.size])[: matches.size] * (b @ b))
    return float(np.max(matches / np.maximum(norms, 1.0)))


async def test_a_recorded_voice_silences_the_bot_and_is_heard_from_its_first_word(
    serve: Serve, tmp_path: Path
) -> None:
    """Without it users must wait for the end of every answer, and say it twice."""
    question, interruption = said(QUESTION), said(INTERRUPTION)
    room = np.random.default_rng(2).normal(0, 8, 12 * RATE_HZ).astype(np.int16)
    quiet = room[: int(1.5 * RATE_HZ)], room[: int(TALKS_AFTER_S * RATE_HZ)], room
    write_wav(
        tmp_path / "voice.wav",
        np.concatenate((quiet[0], question, quiet[1], interruption, quiet[2])),
    )
    async with async_playwright() as playwright:
        browser = await launch(playwright, f"{tmp_path / 'voice.wav'}%noloop")
        page = await browser.new_page()
        await record(page)
        call = Call(page)
        await call.open(serve("tests/browser/apps/interrupted.py"))
        await call.start()
        await call.becomes("speaking")
        length_s = (question.size + 2 * interruption.size) / RATE_HZ
        await page.wait_for_function(SECONDS, arg=length_s + 8, timeout=60_000)
        user, bot = await rewind(page)
        await browser.close()

    # The tape's own times: the user's last piece of speech is the interruption.
    user_ms, bot_ms = loud_ms(user, 300), loud_ms(bot, 300)
    gaps = np.flatnonzero(np.diff(user_ms) > 1500)
    onset_ms = int(user_ms[gaps[-1] + 1])
    ends = bot_ms[np.flatnonzero(np.diff(bot_ms) > 300)]
    silent_ms = int(ends[ends > onset_ms - 300][0])
    print(f"the bot was silent {silent_ms - onset_ms} ms after the onset")
    assert (np.abs(bot_ms - (onset_ms - 100)) < 50).any(), "the bot was talking"
    assert silent_ms - onset_ms <= 300

    answer = bot[silent_ms * RATE_HZ // 1000 :]
    first_word = interruption[: int(WORD_S * RATE_HZ)]
    found = likeness(answer, first_word)
    print(f"the first word is in the reply with a likeness of {found:.2f}")
    # The measure itself: what was not said is not found.
    other = likeness(answer, question[: first_word.size])
    print(f"a word that was not said, with {other:.2f}")
    assert found > max(0.5, 1.5 * other)
