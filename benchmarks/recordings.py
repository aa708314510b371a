"""Recorded human speech, where Debian's packages have put it on this machine.

Nothing is fetched and nothing of it is kept in the repository: without the
packages the rows about recorded speech are left out.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import av
import numpy as np
import soxr

from .corpus import PAUSES_MS, in_quiet_room
from .speech import RATE_HZ, Utterance, Wave, trimmed

ALLISON = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
POCKETSPHINX = Path("/usr/share/pocketsphinx/test/data")
ALSA = Path("/usr/share/sounds/alsa")
PACKAGES = "asterisk-core-sounds-en-g722, pocketsphinx-testdata and alsa-utils"
LIBRIVOX = "librivox/sense_and_sensibility_01_austen_64kb-{}.wav"
STUDIO_DB = -30.0
"""Of the loudest 10 ms: where speech ends in a recording with a quiet background."""
ROOM_DB = -24.0
"""The same with a noisy one: what the room and the microphone add at the end of these
recordings lies between -25 and -40 dB, and would be taken for speech."""

DIP_MS = 30
"""The quietest so much is where a pause is put: a gap between words, not a stop."""

# Whole sentences of 1 to 5 s with no pause of 300 ms or more.
FILES: tuple[tuple[Path, float], ...] = (
    (ALLISON / "conf-onlyperson.g722", STUDIO_DB),
    (ALLISON / "vm-nobodyavail.g722", STUDIO_DB),
    (ALLISON / "conf-kicked.g722", STUDIO_DB),
    (ALLISON / "conf-invalidpin.g722", STUDIO_DB),
    (ALLISON / "vm-passchanged.g722", STUDIO_DB),
    (ALLISON / "cannot-complete-as-dialed.g722", STUDIO_DB),
    (ALLISON / "conf-getpin.g722", STUDIO_DB),
    (ALLISON / "transfer.g722", STUDIO_DB),
    (ALLISON / "demo-echodone.g722", STUDIO_DB),
    (ALLISON / "speed-dial-empty.g722", STUDIO_DB),
    (ALLISON / "vm-sorry.g722", STUDIO_DB),
    (ALLISON / "dir-nomatch.g722", STUDIO_DB),
    (ALSA / "Rear_Center.wav", STUDIO_DB),
    (POCKETSPHINX / LIBRIVOX.format("0890"), ROOM_DB),
    (POCKETSPHINX / "cards/001.wav", ROOM_DB),
    (POCKETSPHINX / "cards/002.wav", ROOM_DB),
    (POCKETSPHINX / "cards/003.wav", ROOM_DB),
    (POCKETSPHINX / "cards/005.wav", ROOM_DB),
)
BARGE_INS = (ALLISON / "conf-kicked.g722", ALLISON / "conf-getpin.g722")


@cache
def recorded() -> tuple[Utterance, ...]:
    """Those that are there, at the level of all other speech."""
    found = [(file, floor_db) for file, floor_db in FILES if file.exists()]
    return tuple(_utterance(file, floor_db) for file, floor_db in found)


@cache
def recorded_pauses() -> tuple[Utterance, ...]:
    """The same, each with a pause of 100 to 900 ms in the middle of a phrase.

    It lies where the middle third is quietest: between words, where nobody would take
    the sentence for finished who understands it.
    """
    made: list[Utterance] = []
    for number, (file, floor_db) in enumerate(FILES):
        if file.exists():
            pause_ms = PAUSES_MS[number % len(PAUSES_MS)]
            speech = trimmed(_read(file), 10 ** (floor_db / 20))
            name = f"recorded-pause-{pause_ms}-{file.stem}"
            made.append(in_quiet_room(name, _with_pause(speech, pause_ms), floor_db))
    return tuple(made)


def _with_pause(speech: Wave, pause_ms: float) -> Wave:
    third = len(speech) // 3
    middle = speech[third : 2 * third]
    size = RATE_HZ * DIP_MS // 1000
    energy = np.convolve(middle**2, np.ones(size), "valid")
    at = third + int(energy.argmin()) + size // 2
    pause = np.zeros(round(RATE_HZ * pause_ms / 1000))
    return np.concatenate((speech[:at], pause, speech[at:]))


@cache
def recorded_barge_ins() -> tuple[Utterance, ...]:
    """Some to talk over the bot with."""
    return tuple(_utterance(file, STUDIO_DB) for file in BARGE_INS if file.exists())


def _utterance(file: Path, floor_db: float) -> Utterance:
    return in_quiet_room(f"recorded-{file.stem}", _read(file), floor_db)


def _read(file: Path) -> Wave:
    # Bare G.722 has no header that would say what it is.
    name = "g722" if file.suffix == ".g722" else None
    with av.open(str(file), format=name) as container:
        frames = list(container.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray().ravel() for frame in frames])
    speech = samples.astype(np.float64)
    return soxr.resample(speech, frames[0].sample_rate, RATE_HZ)
