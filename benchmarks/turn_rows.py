"""The rows of the turn-taking part."""

from __future__ import annotations

from .row import Row, most, p95, total

TURN_ROWS = (
    Row(
        "turn_ms",
        "turns: end of speech to reply p50, ms",
        meaning="synthetic sentences without a pause, in three voices; three "
        "or four conversations at a time",
    ),
    Row("turn_ms", "turns: end of speech to reply p95, ms", p95),
    Row(
        "recorded_ms",
        "turns: end of recorded speech to reply p50, ms",
        meaning="people's recorded sentences from Debian's packages, which end where "
        "they fall 30 dB below their loudest 10 ms (24 dB in noisy recordings)",
    ),
    Row("recorded_ms", "turns: end of recorded speech to reply p95, ms", p95),
    Row("turn_early", "turns: sentences cut off", total, out_of="turn_turns"),
    Row(
        "recorded_early",
        "turns: recorded sentences cut off",
        total,
        out_of="recorded_turns",
    ),
    Row(
        "pause_early",
        "turns: cut off at a pause of 100 to 900 ms",
        total,
        out_of="pause_turns",
        meaning="at the comma of a sentence that goes on: a reply began before its "
        "end, or within the 200 ms after it that no client can hear sooner",
    ),
    Row(
        "recorded_pause_early",
        "turns: recorded, cut off at a pause of 100 to 900 ms",
        total,
        out_of="recorded_pause_turns",
        meaning="recorded sentences, the pause put between two words of a phrase",
    ),
    Row(
        "pause_ms",
        "turns: end of a sentence with a pause to reply p50, ms",
        meaning="of those that weren't cut off",
    ),
    Row("pause_ms", "turns: end of a sentence with a pause to reply p95, ms", p95),
    Row(
        "word_missed",
        "turns: one-word answers not heard",
        total,
        out_of="word_turns",
        meaning="yes, no, stop, two and okay in 200 to 310 ms",
    ),
    Row("word_ms", "turns: end of a one-word answer to reply p50, ms"),
    Row("word_ms", "turns: end of a one-word answer to reply p95, ms", p95),
    Row(
        "noisy_ms",
        "turns: end of speech in noise to reply p50, ms",
        meaning="in front of white noise, and of pink noise that swells as a crowd "
        "does, at 20, 10 and 5 dB",
    ),
    Row("noisy_ms", "turns: end of speech in noise to reply p95, ms", p95),
    Row("noisy_missed", "turns: in noise, no reply", total, out_of="noisy_turns"),
    Row("noisy_early", "turns: in noise, cut off", total, out_of="noisy_turns"),
    Row(
        "voices_missed",
        "turns: no reply while somebody else talks on",
        total,
        out_of="voices_turns",
        meaning="another voice, 15 dB fainter, goes on before, during and after the "
        "user's sentence; no reply within 2.4 s",
    ),
    Row(
        "cough_replies",
        "turns: replies to a cough",
        total,
        out_of="cough_trials",
        meaning="synthetic coughs of 150 to 350 ms, which have some voice in them",
    ),
    Row("noise_replies", "turns: replies to noise", total, out_of="noise_trials"),
    Row(
        "barge_in_ms",
        "turns: bot silent after a barge-in's onset p50, ms",
        meaning="sentences of about 2 s, some recorded, over a bot that talks for "
        "12 s; until the last that is heard of it, 4,500 if it goes on talking",
    ),
    Row("barge_in_ms", "turns: bot silent after a barge-in's onset p95, ms", p95),
    Row(
        "interrupted_wrongly",
        "turns: bot's reply ended by what is no barge-in",
        total,
        out_of="interrupted_wrongly_trials",
        meaning="the sum of the next three rows",
    ),
    Row(
        "cough_over_interrupted",
        "turns: ended by a cough",
        total,
        out_of="cough_over_trials",
    ),
    Row(
        "bystander_interrupted",
        "turns: ended by somebody else's voice",
        total,
        out_of="bystander_trials",
        meaning="15 dB fainter than the user's",
    ),
    Row(
        "bot_echo_interrupted",
        "turns: ended by the bot's own echo",
        total,
        out_of="bot_echo_trials",
        meaning="its words come back 30 or 20 dB fainter and 60 ms late, as they do "
        "without echo cancellation; a reply to them counts too",
    ),
    Row(
        "held_back_ms",
        "turns: longest pause of a bot that went on, ms",
        most,
        meaning="after a cough, another voice or its echo that didn't end its reply",
    ),
    Row("bot_missing", "turns: times there was no bot to talk over", total),
    Row(
        "slow_ms",
        "turns: the same with a reply that takes 400 ms p50, ms",
        meaning="synthetic sentences, and a function that needs so long for its "
        "first audio",
    ),
    Row("slow_ms", "turns: the same with a reply that takes 400 ms p95, ms", p95),
    Row(
        "preempt_ms",
        "turns: and with preemptive replies p50, ms",
        meaning="`AlgoOptions.preemptive_after_ms`, which is off by default",
    ),
    Row("preempt_ms", "turns: and with preemptive replies p95, ms", p95),
    Row("preempt_early", "turns: preemptive replies that came early", total),
)
