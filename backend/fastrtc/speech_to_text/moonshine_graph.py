"""Greedy decoding with Moonshine's two ONNX graphs.

The library's own class opens its sessions with onnxruntime's default threads, which
spin, and ends every text after 192 tokens; this one does neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._hub import OnnxSession

START_TOKEN, END_TOKEN = 1, 2

DEFAULT_MAX_LEN = 192

Cache = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class DecoderLayout:
    """The sizes of a decoder, on which the shape of its cache depends."""

    layers: int
    heads: int
    head_dim: int

    def empty_cache(self) -> Cache:
        """The cache before the first token, its keys in the order of the outputs."""
        nothing = np.zeros((0, self.heads, 1, self.head_dim), np.float32)
        return {
            f"past_key_values.{layer}.{attention}.{part}": nothing
            for layer in range(self.layers)
            for attention in ("decoder", "encoder")
            for part in ("key", "value")
        }


class MoonshineGraph:
    """The encoder and the decoder of one model. Has no state between calls."""

    def __init__(
        self,
        encoder: OnnxSession,
        decoder: OnnxSession,
        layout: DecoderLayout,
    ) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self._layout = layout
        self._encoder_wants_mask = "attention_mask" in _inputs(encoder)
        self._decoder_wants_mask = "encoder_attention_mask" in _inputs(decoder)

    def generate(
        self, audio: NDArray[np.float32], max_len: int | None = None
    ) -> list[list[int]]:
        """The tokens of one clip, the most likely one at each step.

        Args:
            audio: float32 of shape (1, samples) at 16 kHz.
            max_len: so many tokens at most follow the start token.

        Returns:
            One list that begins with the start token.
        """
        mask = np.ones(audio.shape, np.int64)
        fixed: dict[str, Any] = {"encoder_hidden_states": self._encode(audio, mask)}
        if self._decoder_wants_mask:
            fixed["encoder_attention_mask"] = mask
        cache = self._layout.empty_cache()
        tokens = [START_TOKEN]
        for step in range(DEFAULT_MAX_LEN if max_len is None else max_len):
            inputs: dict[str, Any] = {
                "input_ids": np.array([[tokens[-1]]], np.int64),
                "use_cache_branch": np.array([step > 0]),
                **fixed,
                **cache,
            }
            logits, *present = self.decoder.run(None, inputs)
            tokens.append(int(logits[0, -1].argmax()))
            if tokens[-1] == END_TOKEN:
                break
            for name, value in zip(cache, present, strict=True):
                # What it has of the encoder comes out whole only the first time.
                if step == 0 or ".decoder." in name:
                    cache[name] = value
        return [tokens]

    def _encode(
        self, audio: NDArray[np.float32], mask: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        inputs: dict[str, Any] = {"input_values": audio}
        if self._encoder_wants_mask:
            inputs["attention_mask"] = mask
        return self.encoder.run(None, inputs)[0]


def _inputs(session: OnnxSession) -> set[str]:
    return {node.name for node in session.get_inputs()}
