from voicebot.supervisor import Backoff


def test_quick_deaths_wait_longer_up_to_the_limit() -> None:
    backoff = Backoff(first_seconds=1, limit_seconds=8, healthy_seconds=60)
    assert [backoff.after(0.1) for _ in range(6)] == [1, 2, 4, 8, 8, 8]


def test_a_healthy_life_forgets_the_past() -> None:
    backoff = Backoff(first_seconds=1, limit_seconds=8, healthy_seconds=60)
    backoff.after(0.1)
    backoff.after(0.1)
    assert backoff.after(100) == 1
