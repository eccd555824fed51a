from voicebot.logs import _without_words


def test_an_exception_is_logged_by_type_and_place_without_its_words() -> None:
    patient = "Смирнова Анна"
    try:
        raise ValueError(patient)
    except ValueError as error:
        logged = _without_words(None, "error", {"event": "failed", "exc_info": error})
        same = _without_words(None, "error", {"event": "failed", "exc_info": True})
    assert logged["error"] == same["error"] == "ValueError"
    assert "test_logs.py" in logged["error_at"]
    assert patient not in repr(logged) + repr(same)
