"""Smart Turn v3.2 on onnxruntime.

The weights (BSD-2-Clause) come with the package. The model hears the last seconds of
the turn, words and intonation alike, ending with the beginning of the pause; a shorter
turn is led by silence. See https://github.com/pipecat-ai/smart-turn.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ..audio import mono_float32
from ..errors import ConfigurationError, ModelUnavailableError
from .log_mel import HOP_SAMPLES, MELS, SAMPLE_RATE_HZ, log_mel
from .smart_turn_graph import fitted

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

WEIGHTS = Path(__file__).parent / "weights" / "smart_turn.onnx"
HEARD_S = 4
"""How much of the turn's end the model hears. It was trained on 8 s, and tells finished
sentences from ones cut short as well by 4, in less than half the time. Recorded prompts
in three languages and some of a novel, whole or cut in the middle of a phrase, then 200
ms of a quiet room (268 clips of up to 3.7 s, 198 of 4 to 12 s) or 400 ms (half as
many). The area under the ROC curve, +-.02 and +-.03, and CPU a question, features
included:

    seconds heard           2     3     4     5     8   published graph, 8
    short clips, 200 ms   .912  .905  .904  .907  .908  .858
    long clips, 200 ms    .886  .923  .935  .933  .929  .882
    short clips, 400 ms   .831  .849  .858  .867  .851  .761
    long clips, 400 ms    .861  .913  .912  .917  .903  .862
    CPU ms                      7.9  10.9  14.3  25.3  34
"""
HEARD_SAMPLES = HEARD_S * SAMPLE_RATE_HZ
FRAMES = HEARD_SAMPLES // HOP_SAMPLES

_loading = threading.Lock()


def get_smart_turn_model() -> SmartTurnModel:
    """The process's one Smart Turn model, loaded at the first call.

    Raises:
        ModelUnavailableError: its weights are not in place.
    """
    with _loading:
        return _load()


@lru_cache(maxsize=1)
def _load() -> SmartTurnModel:
    model = SmartTurnModel()
    model.warmup()
    return model


class SmartTurnModel:
    """The model itself; it keeps no state, so any number of sessions share it.

    Raises:
        ModelUnavailableError: its weights are not in place or are another model's.
    """

    def __init__(self) -> None:
        self._session = _open_session(WEIGHTS)

    def warmup(self) -> None:
        """Run once, so that the first real pause is not slow."""
        self(np.zeros((1, MELS, FRAMES), np.float32))

    def end_of_turn(
        self, audio: tuple[int, NDArray[np.int16] | NDArray[np.float32]]
    ) -> float:
        """The probability, 0 to 1, that the speaker has finished.

        Args:
            audio: `(sample_rate, array)`, int16 or float32 (NaN is silence), (n,) or
                (channels, n): the turn with the pause at its end. The last 4 s
                count.

        Returns:
            0 for a clip without a sample.

        Raises:
            ConfigurationError: the array or the rate can't be audio.
        """
        samples = _last_seconds(audio)
        if samples.size == 0:
            return 0.0
        return self(log_mel(samples, HEARD_SAMPLES)[None])

    def __call__(self, features: NDArray[np.float32]) -> float:
        """The same of features, float32 (1, 80, 400)."""
        outputs = self._session.run(None, {"input_features": features})
        # The output is named for logits and holds their sigmoid.
        return float(cast("list[Any]", outputs)[0][0, 0])


def _last_seconds(
    audio: tuple[int, NDArray[np.int16] | NDArray[np.float32]],
) -> NDArray[np.float32]:
    rate_hz = audio[0]
    # What a caller hands over may be anything.
    array: NDArray[Any] = audio[1]
    if array.dtype.name not in {"int16", "float32"} or array.ndim not in (1, 2):
        raise ConfigurationError(
            "end_of_turn() takes int16 or float32 audio of shape (n,) or "
            f"(channels, n), not {array.dtype} of shape {array.shape}"
        )
    if rate_hz <= 0:
        raise ConfigurationError(f"a sample rate is more than 0, not {rate_hz}")
    last: NDArray[Any] = array[..., -HEARD_S * rate_hz :]
    if last.dtype == np.float32:
        last = np.nan_to_num(last, nan=0.0, posinf=1.0, neginf=-1.0)
    return mono_float32((rate_hz, last), SAMPLE_RATE_HZ)


def _open_session(path: Path) -> InferenceSession:
    import onnxruntime

    if not path.exists():
        raise ModelUnavailableError(
            f"The end-of-turn model's weights are missing: {path.name} belongs in "
            f"{path.parent}. Installing the package (pip install -e .) puts it there."
        )
    try:
        model = fitted(path.read_bytes(), FRAMES)
    except (LookupError, ValueError) as error:
        raise ModelUnavailableError(
            f"{path} is damaged or another model's ({error}). Delete it and install "
            "the package again (pip install -e .)."
        ) from error
    options = onnxruntime.SessionOptions()
    # Several sessions ask at once; threads of one call would only get in each
    # other's way, and spin between calls.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model, sess_options=options, providers=["CPUExecutionProvider"]
    )
