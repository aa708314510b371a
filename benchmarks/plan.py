"""How much is measured: in full, or quickly."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """Numbers of trials and lengths of measurements.

    Attributes:
        rounds: how often the candidates take turns.
        import_runs: of each import.
        echo_bursts: a round.
        load_s: how long a load is measured.
        settle_s: how long it runs before that.
        probes: sessions that converse at the same time, each on its own.
        turns: utterances a probe and round.
        interruptions: a probe and round.
        ramp: numbers of sessions to try.
        ramp_turns: utterances a probe at each of them.
        corpus_step: in the turn-taking part, each so many-th trial is made.
        timed_probes: its sessions at a time where replies are timed.
        counted_probes: the same where they are only counted.
        lag_after_s: how long a slow video function runs before its lag is measured.
        video_ramp: numbers of small video sessions to try.
    """

    rounds: int
    import_runs: int
    echo_bursts: int
    load_s: float
    settle_s: float
    probes: int
    turns: int
    interruptions: int
    ramp: tuple[int, ...]
    ramp_turns: int
    corpus_step: int
    timed_probes: int
    counted_probes: int
    lag_after_s: float
    video_ramp: tuple[int, ...]

    def with_rounds(self, rounds: int) -> Plan:
        """The same with another number of rounds."""
        return replace(self, rounds=rounds)


FULL = Plan(
    rounds=3,
    import_runs=3,
    echo_bursts=8,
    load_s=5.0,
    settle_s=2.0,
    probes=2,
    turns=5,
    interruptions=1,
    ramp=(20, 35, 50, 75, 100, 150),
    ramp_turns=3,
    corpus_step=1,
    timed_probes=3,
    counted_probes=6,
    lag_after_s=10.0,
    video_ramp=(5, 10, 15, 20, 25, 30, 40, 50),
)
QUICK = Plan(
    rounds=1,
    import_runs=1,
    echo_bursts=6,
    load_s=4.0,
    settle_s=1.5,
    probes=2,
    turns=3,
    interruptions=1,
    ramp=(20, 50, 75),
    ramp_turns=2,
    corpus_step=4,
    timed_probes=4,
    counted_probes=7,
    lag_after_s=6.0,
    video_ramp=(5, 10, 20, 30, 40),
)
SESSIONS = 10
"""Of the loads whose cost is measured."""
