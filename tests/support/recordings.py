"""Recorded human speech that Debian packages carry.

    rate_hz, samples = recording("alsa/Front_Center")

Nothing of it is part of this project. Where a package is not installed the test is
skipped and says which; with `CI=true` it fails, since there it must run.
"""

from __future__ import annotations

import os
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray

Recording = tuple[int, NDArray[np.int16]]
"""`(sample_rate, int16 (1, samples))`."""

RAW_HZ = 16_000


@dataclass(frozen=True)
class _Source:
    """A folder of recordings and the package that brings it."""

    package: str
    folder: Path
    suffix: str


_SOURCES = {
    # A man names loudspeakers, one word or two each; and a burst of noise. 48 kHz.
    "alsa": _Source("alsa-utils", Path("/usr/share/sounds/alsa"), ".wav"),
    # Sentences of a novel, read by a volunteer. 16 kHz.
    "librivox": _Source(
        "pocketsphinx-testdata",
        Path("/usr/share/pocketsphinx/test/data/librivox"),
        ".wav",
    ),
    # Playing cards, named by a man with an accent. 16 kHz.
    "cards": _Source(
        "pocketsphinx-testdata", Path("/usr/share/pocketsphinx/test/data/cards"), ".wav"
    ),
    # "goforward" ("go forward ten meters"), "numbers", "something". 16 kHz.
    "sphinx": _Source(
        "pocketsphinx-testdata", Path("/usr/share/pocketsphinx/test/data"), ".raw"
    ),
    # 560 prompts of a telephone system, spoken by a woman. 16 kHz.
    "asterisk": _Source(
        "asterisk-core-sounds-en-g722",
        Path("/usr/share/asterisk/sounds/en_US_f_Allison"),
        ".g722",
    ),
}

LIBRIVOX = {
    "librivox/sense_and_sensibility_01_austen_64kb-0870": (
        "and mister john dashwood had then leisure to consider how much there might be "
        "prudently in his power to do for them"
    ),
    "librivox/sense_and_sensibility_01_austen_64kb-0880": (
        "he was not an ill disposed young man"
    ),
    "librivox/sense_and_sensibility_01_austen_64kb-0890": (
        "unless to be rather cold hearted and rather selfish is to be ill disposed"
    ),
    "librivox/sense_and_sensibility_01_austen_64kb-0920": (
        "had he married a more amiable woman he might have been made still more "
        "respectable than he was"
    ),
    "librivox/sense_and_sensibility_01_austen_64kb-0930": (
        "he might even have been made amiable himself"
    ),
}
"""What is said in each."""


def recording(name: str) -> Recording:
    """A recording by name; skips or fails the test where it is not installed.

    Args:
        name: `<source>/<file without its ending>`, such as "alsa/Front_Center",
            "librivox/…", "cards/001", "sphinx/goforward" or "asterisk/hello-world".

    Returns:
        A copy that may be changed.
    """
    kind, _, rest = name.partition("/")
    source = _SOURCES[kind]
    path = source.folder / f"{rest}{source.suffix}"
    if not path.is_file():
        _absent(path, source.package)
    rate_hz, samples = _load(path)
    return rate_hz, samples.copy()


def _absent(path: Path, package: str) -> None:
    reason = f"{path} is missing: apt-get install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _load(path: Path) -> Recording:
    if path.suffix == ".wav":
        with wave.open(str(path)) as file:
            rate_hz, data = file.getframerate(), file.readframes(file.getnframes())
    elif path.suffix == ".raw":
        rate_hz, data = RAW_HZ, path.read_bytes()
    else:
        return _decode_g722(path)
    return rate_hz, np.frombuffer(data, "<i2").astype(np.int16).reshape(1, -1)


def _decode_g722(path: Path) -> Recording:
    with av.open(str(path), format="g722") as container:
        frames = [
            cast("NDArray[Any]", frame.to_ndarray())
            for frame in container.decode(audio=0)
        ]
    return RAW_HZ, np.concatenate(frames, axis=1).astype(np.int16, copy=False)
