"""What the fall of the voice says of the end of a turn.

At the end of a statement the voice falls to the bottom of its range ("final lowering":
Liberman and Pierrehumbert 1984); where a sentence goes on it stays above it. At the end
of a question it may rise, as it may where a sentence goes on: not falling says nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..audio import mono_float32
from .log_mel import SAMPLE_RATE_HZ
from .pitch import STEP_SAMPLES, Pitches, pitch
from .protocol import EndOfTurnModel

HEARD_S = 3
"""So much of the turn's end is listened to; its pitch in the last 2 s of speech."""
RANGE_STEPS = 200
FALL_OCTAVES = 3 / 12
"""The end lies so far below what was said before: by three semitones."""
FALL_SOFT_OCTAVES = 0.5 / 12
FLOOR_SOFT_OCTAVES = 0.25 / 12
"""And at the bottom of the range. How soft the two limits are."""
FLOOR_PERCENT = 8
"""So many of the lowest steps are below what counts as the bottom."""
LOWERED_LOGITS = 4.0
"""What a voice that has fallen adds to the logit of a model's probability: a judgement
of 0.05 becomes 0.74, one below 0.04 stays below 0.7.

Where it is from: all prompts of Debian's asterisk-core-sounds that are one sentence, in
English and French (the weight of a logistic regression, relative to that of Smart
Turn's logit, is 7 and 9 there, 3 in Spanish, 27 with eSpeak). Less than that, so that a
model that is sure is not outvoted: a hesitation, too, is low.
"""
SPEECH_DB, VOICE_DB = -26.0, -24.0
"""Below the loudest 10 ms: what is speech, and what is loud enough for its pitch."""
ROOM_POWER = 1e-7
"""Of a quiet room, mean square of full scale 1."""
PERIODIC = 0.7
TAIL_STEPS, END_STEPS, LEAST_STEPS = 25, 8, 15
"""The fall happens in the last 250 ms, and ends in the last 80 ms of voice. Less than
150 ms of voice is too little to know its range."""
NEIGHBOURS = 7
ERROR_OCTAVES, OCTAVE_UP = 0.25, 0.75


class WithProsody:
    """An end-of-turn model's opinion, and that of the voice's fall.

    With Smart Turn, at the least threshold that catches 95 % of the finished sentences:
    the share of sentences cut at a low in the phrase, or at a short pause inside, that
    are taken for finished, without and with; and the area under the ROC curve. Prompts
    of four speakers, and eSpeak's sentences cut at a comma; 96 ms after Silero's end
    of speech. The limits below were chosen on the first three and eSpeak.

        English     121 + 164      43 -> 32 %     .847 -> .868
        French      119 + 178      60 -> 23 %     .871 -> .931
        Spanish      99 + 152      43 -> 44 %     .824 -> .840
        Italian     119 + 150      31 -> 29 %     .899 -> .918
        Russian     117 + 146      56 -> 43 %     .836 -> .882
        eSpeak      135 +  99      93 -> 65 %     .629 -> .797

    With the threshold of 0.7, of the sentences of the first three 8 % instead of 34 %
    have to wait, and 27 % instead of 14 % of the cut ones are taken for finished.
    Nothing changes for questions that end high, and for words of under 150 ms of voice.
    It costs 0.4 to 0.9 ms of CPU.

    Args:
        model: gives the probability that the voice adds to. Its calls stay what they
            were, and so do its errors.
    """

    def __init__(self, model: EndOfTurnModel) -> None:
        self._model = model

    def warmup(self) -> None:
        """Run the model once."""
        self._model.warmup()

    def end_of_turn(self, audio: tuple[int, NDArray[np.int16]]) -> float:
        """The probability, 0 to 1, that the speaker has finished.

        Args:
            audio: `(sample_rate, samples)`, int16 of shape (1, n): the turn with the
                pause at its end. The fall is looked for in its last 3 s.

        Returns:
            What the model returned where the voice has not fallen, and NaN where the
            model did.
        """
        probability = float(self._model.end_of_turn(audio))
        rate_hz, samples = audio
        # Where the model is sure of an end, or doesn't know, nothing can be added.
        if not 0.0 < probability < 1.0:
            return probability
        heard = mono_float32(
            (rate_hz, samples[..., -HEARD_S * rate_hz :]), SAMPLE_RATE_HZ
        )
        logit = math.log(probability / (1.0 - probability))
        return _sigmoid(logit + LOWERED_LOGITS * final_lowering(heard))


def final_lowering(samples: NDArray[np.float32]) -> float:
    """Whether the voice has fallen to the bottom of its range.

    Args:
        samples: (n,), 16 kHz, full scale 1; some seconds of one voice, ending with a
            pause.

    Returns:
        1 when it has, 0 when it has not or there is too little voice to tell, as in
        whispered or very short turns and in loud noise.
    """
    at, octaves = _voiced(samples)
    return _fall(at, octaves) if at.size >= LEAST_STEPS else 0.0


def _voiced(
    samples: NDArray[np.float32],
) -> tuple[NDArray[np.intp], Pitches]:
    """Where there is voice: at which steps, and how many octaves above 1 Hz."""
    steps = samples.size // STEP_SAMPLES
    if steps < LEAST_STEPS:
        return np.zeros(0, np.intp), np.zeros(0, np.float32)
    blocks = samples[: steps * STEP_SAMPLES].reshape(steps, STEP_SAMPLES)
    power = np.einsum("ij,ij->i", blocks, blocks, dtype=np.float64) / STEP_SAMPLES
    # A click alone is not the loudest moment of a voice.
    level_db = 10 * np.log10(np.convolve(power, np.ones(3) / 3, "same") + ROOM_POWER)
    loudest_db = np.partition(level_db, -max(1, steps // 50))[-max(1, steps // 50)]
    speech = np.flatnonzero(level_db > loudest_db + SPEECH_DB)
    end = int(speech[-1]) + 1
    begin = max(int(speech[0]), end - RANGE_STEPS)
    loud = begin + np.flatnonzero(level_db[begin:end] > loudest_db + VOICE_DB)
    octaves, periodic = pitch(samples, loud)
    voiced = periodic > PERIODIC
    return _plausible(loud[voiced], octaves[voiced])


def _plausible(
    at: NDArray[np.intp], octaves: Pitches
) -> tuple[NDArray[np.intp], Pitches]:
    """Without single jumps, and without what is an octave too high.

    What is too low stays: voices do break into a creak, above all where they end.
    """
    if at.size < LEAST_STEPS:
        return at, octaves
    padded = np.pad(octaves, NEIGHBOURS // 2, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, NEIGHBOURS)
    usual = np.partition(around, NEIGHBOURS // 2, axis=1)[:, NEIGHBOURS // 2]
    smooth = np.abs(octaves - usual) < ERROR_OCTAVES
    at, octaves = at[smooth], octaves[smooth]
    if at.size:
        lower = octaves < np.median(octaves) + OCTAVE_UP
        at, octaves = at[lower], octaves[lower]
    return at, octaves


def _fall(at: NDArray[np.intp], octaves: Pitches) -> float:
    before = octaves[at <= at[-1] - TAIL_STEPS]
    if before.size < LEAST_STEPS:
        before = octaves
    end = float(np.median(octaves[-END_STEPS:]))
    fallen = float(np.median(before)) - end
    above = end - float(np.percentile(octaves, FLOOR_PERCENT))
    return _sigmoid((fallen - FALL_OCTAVES) / FALL_SOFT_OCTAVES) * _sigmoid(
        -above / FLOOR_SOFT_OCTAVES
    )


def _sigmoid(value: float) -> float:
    # Beyond 30 nothing changes, and at 710 exp() overflows.
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, value))))
