"""The trials of the turn-taking part: what the user does, and what to make of it.

They run on any `Line`: over WebRTC against a server, or in virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .client.line import LOUD_RMS, Heard, Line, onsets_s, silent_after_s
from .speech import FRAME_S, Utterance

REPLY_WITHIN_S = 2.4
"""After the end of speech; the reply itself lasts 0.5 s."""
NEW_REPLY_S = 0.25
"""No pause within a reply is as long, and none between replies as short."""
BETWEEN_S = 0.9
"""Of quiet before the next turn, in which a second reply would begin."""
LATE_S = 1.5
"""The same where there was no reply yet, which mustn't be taken for the next turn's."""
PATIENCE_S = 10.0
ANSWER_WITHIN_S = 5.0
BOT_TALKS_S = 1.0
"""Before somebody talks over it; its replies begin with 0.5 s of a low tone."""
LISTEN_S = 4.5
"""From the onset of what is said over the bot, whose reply lasts 12 s."""
GAP_S = 0.4
"""The bot's next answer comes after 0.8 s of thought: no pause within an answer is
as long, and no pause between answers as short."""
LOW_TONE_S = 0.6
"""What a reply begins with has passed."""
LOW_TONE_CROSSINGS = range(10, 15)
"""Of 300 Hz within 20 ms; the other tones have 35."""
LOW_TONE_FRAMES = 5
"""So many one after the other are no word."""
WHOLE = 0.95
"""So much of its talk a bot says at least that isn't cut off."""


@dataclass(frozen=True)
class Turn:
    """What became of an utterance.

    Attributes:
        latency_s: from the end of speech to the reply; None when it came early, or
            not at all.
        early: a reply began before the end.
    """

    latency_s: float | None
    early: bool

    @property
    def missed(self) -> bool:
        """There was no reply at all."""
        return self.latency_s is None and not self.early


@dataclass(frozen=True)
class Course:
    """How the bot's reply went on while something else was heard.

    Attributes:
        silent_s: from the onset of that until the bot's last sound; None when it
            wasn't silent in all the time.
        went_on: it said its reply to the end, or is still at it.
        paused_s: its longest silence meanwhile, if it went on.
    """

    silent_s: float | None
    went_on: bool
    paused_s: float


async def turn(line: Line, utterance: Utterance, too_soon_s: float) -> Turn:
    """Say something and wait for the reply.

    Args:
        too_soon_s: after the end of speech; a reply heard sooner was decided on
            before it.
    """
    began_s = await line.say(utterance.frames)
    ended_s = began_s + utterance.end_s
    await line.until(ended_s + too_soon_s)
    answered = await line.until_loud(REPLY_WITHIN_S - too_soon_s)
    await line.until_quiet(BETWEEN_S if answered else LATE_S, PATIENCE_S)
    replies = [
        at_s - ended_s
        for at_s in onsets_s(line.heard, NEW_REPLY_S)
        if began_s + utterance.onset_s < at_s < ended_s + REPLY_WITHIN_S
    ]
    early = bool(replies) and replies[0] < too_soon_s
    return Turn(replies[0] if replies and not early else None, early)


async def stray(line: Line, sound: Utterance) -> bool:
    """Let something be heard that is no turn; whether there was a reply."""
    began_s = await line.say(sound.frames)
    await line.until(began_s + sound.end_s + REPLY_WITHIN_S)
    await line.until_quiet(BETWEEN_S, PATIENCE_S)
    return any(at_s > began_s for at_s in onsets_s(line.heard, NEW_REPLY_S))


async def talk_over(line: Line, question: Utterance, sound: Utterance) -> Course | None:
    """Let something be heard while the bot talks; None when it doesn't."""
    if not await _bot_answers(line, question):
        return None
    await asyncio.sleep(BOT_TALKS_S)
    onset_s = await line.say(sound.frames) + sound.onset_s
    await line.until(onset_s + LISTEN_S)
    return course(line.heard, onset_s, onset_s + LISTEN_S)


async def echo(
    line: Line, question: Utterance, talk: Utterance, leak_db: float
) -> Course | None:
    """Let the bot hear itself while it talks; None when it doesn't.

    Args:
        talk: what the bot says.
        leak_db: how loud it comes back.
    """
    line.leak_db = leak_db
    if not await _bot_answers(line, question):
        return None
    onset_s = line.now_s()
    await line.until(onset_s + talk.end_s + REPLY_WITHIN_S)
    after = [frame for frame in line.heard if frame.at_s > onset_s + LOW_TONE_S]
    last_s = max((f.at_s for f in after if f.rms > LOUD_RMS), default=onset_s)
    whole = last_s - onset_s > WHOLE * talk.end_s
    return Course(
        silent_after_s(after, onset_s + LOW_TONE_S, GAP_S) - onset_s,
        whole and not _begins_anew(after),
        _longest_quiet_s(after, onset_s + LOW_TONE_S, last_s),
    )


async def _bot_answers(line: Line, question: Utterance) -> bool:
    began_s = await line.say(question.frames)
    await line.until(began_s + question.end_s)
    return await line.until_loud(ANSWER_WITHIN_S)


def course(heard: Sequence[Heard], onset_s: float, until_s: float) -> Course:
    """What the bot did from the onset of something said over it."""
    after = [frame for frame in heard if onset_s < frame.at_s <= until_s]
    silent_at_s = silent_after_s(after, onset_s, GAP_S)
    is_silent = until_s - silent_at_s > GAP_S
    loud = [frame for frame in after if frame.rms > LOUD_RMS]
    talks_still = any(frame.at_s > until_s - GAP_S for frame in loud)
    return Course(
        silent_at_s - onset_s if is_silent else None,
        talks_still and not _begins_anew(after),
        _longest_quiet_s(after, onset_s, until_s),
    )


def _begins_anew(heard: Sequence[Heard]) -> bool:
    """Whether there is the low tone that each long reply begins with."""
    run = 0
    for frame in heard:
        low = frame.rms > LOUD_RMS and frame.crossings in LOW_TONE_CROSSINGS
        run = run + 1 if low else 0
        if run == LOW_TONE_FRAMES:
            return True
    return False


def _longest_quiet_s(heard: Sequence[Heard], from_s: float, until_s: float) -> float:
    """The longest time without a loud frame; what a frame lasts doesn't count."""
    loud_s = [f.at_s for f in heard if f.rms > LOUD_RMS and from_s < f.at_s < until_s]
    gaps_s = np.diff([from_s, *loud_s, until_s])
    return max(0.0, float(gaps_s.max()) - FRAME_S)
