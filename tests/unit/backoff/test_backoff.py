from datetime import timedelta

from libs.backoff import Backoff

BACKOFF = Backoff(first_pause=timedelta(seconds=5), max_pause=timedelta(hours=4), jitter=0.2)


def test_pause_triples_with_each_attempt_up_to_the_limit():
    pauses = [BACKOFF.pause_after(attempts).total_seconds() for attempts in range(10)]
    assert pauses == [5, 5, 15, 45, 135, 405, 1215, 3645, 10935, 14400]
    assert BACKOFF.pause_after(10_000) == timedelta(hours=4)


def test_jitter_shortens_or_lengthens_the_pause():
    assert BACKOFF.pause_after(1, chance=0) == timedelta(seconds=4)
    assert BACKOFF.pause_after(1, chance=1) == timedelta(seconds=6)
