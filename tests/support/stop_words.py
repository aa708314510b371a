"""Bots that sleep until they hear their name, and who transcribes for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from fastrtc import ReplyOnStopWords
from fastrtc.testing import Conversation, LoudnessModel
from tests.support.handlers import tone
from tests.support.tone_words import Ears, understood


class Bot:
    """What its reply function was told, and the handler around it."""

    def __init__(self, reply_s: float = 0.5) -> None:
        self.told: list[str] = []
        self.audio: list[Any] = []
        self._reply_s = reply_s

    def reply(self, audio: Any) -> Iterator[Any]:
        self.audio.append(audio)
        self.told.append(understood(audio))
        yield 24_000, tone(self._reply_s)

    def handler(
        self, ears: Any = None, words: Any = ("computer",), **options: Any
    ) -> ReplyOnStopWords:
        options = {"model": LoudnessModel(), "stt_model": ears, **options}
        return ReplyOnStopWords(self.reply, words, **options)

    def spotting(self, spotter: Any, words: Any = (), **options: Any) -> Any:
        return self.handler(None, words, spotter=spotter, **options)


def stopwords(talk: Conversation) -> list[float]:
    return [message.at_s for message in talk.messages if message.type == "stopword"]


def errors(talk: Conversation) -> list[str]:
    return [message.data for message in talk.messages if message.type == "error"]


class SlowEars(Ears):
    """Transcribes behind a slow network."""

    def __init__(self, *delays_s: float) -> None:
        super().__init__()
        self.delays_s = list(delays_s)
        self.under_way = self.most_at_once = 0

    async def stt(self, audio: Any) -> Any:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await asyncio.sleep(
                self.delays_s.pop(0) if len(self.delays_s) > 1 else self.delays_s[0]
            )
        finally:
            self.under_way -= 1
        return super().stt(audio)
