"""What is said in the turn-taking part: synthetic, the same in every run.

Speech comes from eSpeak NG in several voices and speeds, so that its ends are
known. Recorded speech is in `recordings`.
"""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np

from .speech import (
    FRAME_SAMPLES,
    PEAK,
    RATE_HZ,
    WINDOW_SAMPLES,
    Utterance,
    Wave,
    keep,
    loud_windows,
    noise,
    spoken,
    trimmed,
    with_gaps,
)

VOICES = (("en-us", 165), ("en-us+f3", 185), ("en-gb+m3", 200))
"""eSpeak's name of a voice, and how fast it speaks, words a minute."""
BYSTANDER = ("en-gb+f2", 190)
BOT = ("en-us+f4", 175)

SENTENCES = (
    "Could you tell me what the weather will be like tomorrow?",
    "Please read me the last message that I got from my sister.",
    "I would like to change the time of my appointment.",
    "What is the fastest way to get to the airport from here?",
    "There is something wrong with my account.",
    "Turn the lights off in the kitchen.",
    "How much does a ticket to Edinburgh cost?",
    "My order has not arrived yet.",
    "Can I talk to somebody about my bill?",
    "We are looking for a small flat near the river.",
    "Do you know when the museum opens on Sunday?",
    "Remind me to call the dentist at half past nine.",
)
PAUSED = (
    "I would like to book a table, for four people on Friday evening.",
    "When the train gets in, please call me on my mobile.",
    "If it rains tomorrow, we will stay at home and play a game.",
    "Before I decide, I want to hear what the others say.",
    "I was thinking, maybe we could go there together.",
    "Tell my brother, that I will be late for dinner.",
    "On the way home, we stopped at a small shop by the river.",
    "As far as I know, the office opens at nine.",
    "I need some eggs, a bottle of milk and two loaves of bread.",
)
"""Each has one comma: there the voice stays up, since the sentence goes on."""
PAUSES_MS = tuple(range(100, 1000, 100))
WORDS = ("yes", "no", "stop", "two", "okay")
WORD_LENGTHS_MS = (200, 250, 300)
SIGNAL_TO_NOISE_DB = (20, 10, 5)
NOISES = ("white", "babble")
COUGH_LENGTHS_MS = (150, 190, 230, 270, 310, 350)
COUGH_VOICE = 8.0
"""Of a glottal pulse, with noise of 0.3 beside it."""
BYSTANDER_DB = -15.0
"""Of somebody else in the room, beside the user."""
BARGE_INS = (
    "No wait, that is not what I meant at all.",
    "Sorry, I have to stop you there for a moment.",
    "Hold on, could you say that number again please?",
    "Thank you, I have heard enough about this.",
    "Actually I wanted to know something else.",
    "Stop it, please, and listen to what I am saying.",
)
ASIDE = "and then she told me that they had already left for the station by noon"
BOT_TALK = (
    "The weather will be fine for most of the day and a little colder than it was "
    "yesterday with some wind from the west in the late afternoon"
)

LEAD_S = 0.6
"""Of a background before somebody speaks in front of it."""
TAIL_S = 2.6
"""And after; longer than a reply is waited for."""
LONGEST_GAP_S = 0.08
"""Of the bot's talk: what is silent for longer has ended."""


# -- one turn after the other ------------------------------------------------------


@cache
def sentences() -> tuple[Utterance, ...]:
    """Sentences without a pause."""
    return tuple(
        _utterance(f"sentence-{number}", _say(text, *VOICES[number % len(VOICES)]))
        for number, text in enumerate(SENTENCES)
    )


@cache
def paused() -> tuple[Utterance, ...]:
    """Sentences with one pause at a comma, of each length in each voice."""
    made: list[Utterance] = []
    for turn, voice in enumerate(VOICES):
        for number, pause_ms in enumerate(PAUSES_MS):
            # Over the voices, each length comes in three different sentences.
            speech = _say(PAUSED[(number + 3 * turn) % len(PAUSED)], *voice)
            name = f"pause-{pause_ms}-{voice[0]}"
            made.append(_utterance(name, with_gaps(speech, [pause_ms / 1000])))
    return tuple(made)


@cache
def words() -> tuple[Utterance, ...]:
    """Answers of one short word, the shortest of 200 ms."""
    return tuple(
        _utterance(f"word-{word}-{length_ms}", _word(word, voice, length_ms))
        for (voice, _), length_ms in zip(VOICES, WORD_LENGTHS_MS, strict=True)
        for word in WORDS
    )


@cache
def noisy() -> tuple[Utterance, ...]:
    """Sentences in front of noise that goes on before and after them."""
    made: list[Utterance] = []
    for kind in NOISES:
        for snr_db in SIGNAL_TO_NOISE_DB:
            for number in (0, 4):
                speech = _say(SENTENCES[number], *VOICES[len(made) % len(VOICES)])
                name = f"noise-{kind}-{snr_db}-{number}"
                behind = _noise(kind, _whole_s(speech), _seed(name))
                made.append(_in_front_of(name, speech, behind, -snr_db))
    return tuple(made)


@cache
def two_voices() -> tuple[Utterance, ...]:
    """Sentences while somebody else talks on in the room."""
    made: list[Utterance] = []
    for number, voice in enumerate(VOICES):
        speech = _say(SENTENCES[3 * number + 1], *voice)
        aside = _say(ASIDE, *BYSTANDER)
        behind = np.resize(aside, round(_whole_s(speech) * RATE_HZ))
        name = f"two-voices-{number}"
        made.append(_in_front_of(name, speech, behind, BYSTANDER_DB))
    return tuple(made)


# -- nothing that wants a reply ----------------------------------------------------


@cache
def coughs() -> tuple[Utterance, ...]:
    """Coughs of several lengths."""
    return tuple(
        _utterance(f"cough-{length_ms}", _cough(length_ms, seed=length_ms), 0.8)
        for length_ms in COUGH_LENGTHS_MS
    )


@cache
def noises() -> tuple[Utterance, ...]:
    """Noise alone, as loud as behind the noisy sentences."""
    level = _level(_loud_part(_say(SENTENCES[0], *VOICES[0])) * PEAK)
    made: list[Utterance] = []
    for kind in NOISES:
        for snr_db in SIGNAL_TO_NOISE_DB:
            name = f"only-noise-{kind}-{snr_db}"
            wave = _noise(kind, 3.0, _seed(name))
            made.append(_finish(name, wave * level * _gain(-snr_db), 0.0, 3.0))
    return tuple(made)


# -- over the bot ------------------------------------------------------------------


@cache
def barge_ins() -> tuple[Utterance, ...]:
    """Sentences to talk over the bot with."""
    return tuple(
        _utterance(f"barge-in-{number}", _say(text, *VOICES[number % len(VOICES)]))
        for number, text in enumerate(BARGE_INS)
    )


@cache
def bystanders() -> tuple[Utterance, ...]:
    """Somebody else in the room, as loud as behind the user."""
    speech = _say(ASIDE, *BYSTANDER)
    part = len(speech) // 2
    return tuple(
        _utterance(f"bystander-{n}", half, _gain(BYSTANDER_DB))
        for n, half in enumerate((speech[:part], speech[part:]))
    )


@cache
def bot_talk() -> Utterance:
    """What the bot says when its own echo comes back: speech without a pause.

    A low tone of half a second tells its beginning.
    """
    speech = _say(BOT_TALK, *BOT)
    loud = loud_windows(speech)
    size, longest = WINDOW_SAMPLES, round(LONGEST_GAP_S * 100)
    pieces = [
        speech[size * i : size * min(j, i + longest)]
        for i, j in zip(loud, [*loud[1:], loud[-1] + 1], strict=True)
    ]
    tone = 0.7 * np.sin(2 * np.pi * 300 * np.arange(RATE_HZ // 2) / RATE_HZ)
    return _utterance("bot-talk", np.concatenate((tone, *pieces)))


# -- making ------------------------------------------------------------------------


def _say(text: str, voice: str, speed_wpm: int) -> Wave:
    """A text in one piece, at a peak of 1."""
    speech = spoken(text, voice, speed_wpm)
    return speech / np.abs(speech).max()


def _word(word: str, voice: str, length_ms: int) -> Wave:
    """A word at the speed at which it is nearest to that length, not below."""
    tries = [_say(word, voice, speed_wpm) for speed_wpm in range(450, 140, -10)]
    least = length_ms * RATE_HZ // 1000
    return min((t for t in tries if len(t) >= least), key=len)


def _cough(length_ms: int, seed: int) -> Wave:
    """A burst, a weaker flow of air, and the voice in it, as coughs have them.

    Noise and glottal pulses through the resonances of an open mouth; at a peak of 1.
    Voice detectors take its voiced part for speech, as they do with real coughs.
    """
    count = length_ms * RATE_HZ // 1000
    dice = np.random.default_rng(seed)
    t = np.arange(count) / count
    burst, flow = np.exp(-8 * t), np.exp(-(((t - 0.5) / 0.25) ** 2))
    # The voice falls from about 240 Hz; no two pulses are alike.
    phase = np.cumsum((240 - 90 * t) * dice.normal(1, 0.15, count)) / RATE_HZ
    pulses = np.diff(np.floor(phase), prepend=0.0) * dice.uniform(0.5, 1.5, count)
    source = dice.normal(0, 0.3, count) * (burst + 0.3 * flow)
    source += COUGH_VOICE * pulses * flow
    cough = np.fft.irfft(np.fft.rfft(source) * _open_mouth(count), count)
    cough *= np.minimum(1.0, t * length_ms / 8) * np.minimum(
        1.0, (1 - t) * length_ms / 15
    )
    return cough / np.abs(cough).max()


def _open_mouth(count: int) -> Wave:
    """How loud it lets each frequency of so many samples through."""
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    resonances = ((700.0, 130.0, 1.0), (1200.0, 200.0, 0.7), (2600.0, 400.0, 0.4))
    through = np.zeros(hz.size)
    for centre_hz, width_hz, gain in resonances:
        through += gain / (1 + ((hz - centre_hz) / width_hz) ** 2)
    return through


def _noise(kind: str, seconds: float, seed: int) -> Wave:
    """White noise, or pink noise that swells as a crowd does; at an RMS of 1."""
    count = round(seconds * RATE_HZ)
    dice = np.random.default_rng(seed)
    white = dice.normal(size=count)
    if kind == "white":
        return white
    hz = np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 50.0)
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(hz), count)
    # Syllables of many speakers: about 4 a second, never all at once.
    swells = dice.uniform(0.6, 1.4, size=round(seconds * 8) + 2)
    times = np.linspace(0, len(swells) - 1, count)
    babble = pink * np.interp(times, np.arange(len(swells)), swells)
    return babble / _level(babble)


def _in_front_of(name: str, speech: Wave, behind: Wave, behind_db: float) -> Utterance:
    """Speech within a longer background, which is so much louder (in dB)."""
    lead = round(LEAD_S * RATE_HZ)
    level = _level(_loud_part(speech))
    mixed = behind * (level * _gain(behind_db) / _level(behind))
    mixed[lead : lead + len(speech)] += speech
    end_s = LEAD_S + len(speech) / RATE_HZ
    return _finish(name, mixed * PEAK, LEAD_S, end_s)


def _utterance(name: str, speech: Wave, level: float = 1.0) -> Utterance:
    """Speech as it is said in a quiet room."""
    return _finish(name, speech * PEAK * level, 0.0, len(speech) / RATE_HZ)


def in_quiet_room(name: str, speech: Wave, floor_db: float) -> Utterance:
    """A recording of any level, made as loud as all other speech.

    It loses what is fainter than its loudest 10 ms by `floor_db` before and behind.
    """
    speech = trimmed(speech, _gain(floor_db))
    return _utterance(name, speech / np.abs(speech).max())


def _finish(name: str, wave: Wave, onset_s: float, end_s: float) -> Utterance:
    wave = np.pad(wave, (0, -len(wave) % FRAME_SAMPLES))
    heard = wave + noise(len(wave) / RATE_HZ, _seed(name))
    samples = np.clip(heard, -32768, 32767).astype(np.int16)
    keep(f"turns/{name}", samples)
    return Utterance(samples, onset_s, end_s, name)


def _whole_s(speech: Wave) -> float:
    return LEAD_S + len(speech) / RATE_HZ + TAIL_S


def _loud_part(speech: Wave) -> Wave:
    """Speech without its pauses, for its level."""
    whole = len(speech) // WINDOW_SAMPLES * WINDOW_SAMPLES
    windows = speech[:whole].reshape(-1, WINDOW_SAMPLES)
    return windows[loud_windows(speech)].ravel()


def _level(wave: Wave) -> float:
    return float(np.sqrt(np.mean(np.square(wave))))


def _gain(db: float) -> float:
    return 10 ** (db / 20)


def _seed(name: str) -> int:
    return zlib.crc32(name.encode())
