import pytest
from hearing_script import Conversation, Hold, Prompt, Sound, kinds, only
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.dialog.talking import Profile
from voicebot.hearing.orders import CAREFUL, Ended, EndReason, TurnLimits
from voicebot.hearing.turntaking import Phase


def is_yes_or_no(text: str) -> float:
    return 1.0 if {"да", "нет"} & set(text.split()) else 0.0


def reason_of(happening) -> EndReason:
    assert isinstance(happening.order, Ended)
    return happening.order.reason


# -- the end of a turn --------------------------------------------------------------------------------------------------


def test_a_short_yes_ends_soon_after_it_was_said() -> None:
    talk = Conversation([Sound(1000, 240, "да")], profile=Profile.YES_NO, fit=is_yes_or_no, is_complete=lambda t: t == "да")
    ended = only(talk.run(5000), "ended")
    assert ended.words == "да"
    assert ended.at_ms - 1240 <= 380


def test_a_yes_of_120_ms_is_not_missed() -> None:
    talk = Conversation([Sound(1000, 120, "да")], profile=Profile.YES_NO, fit=is_yes_or_no, is_complete=lambda t: t == "да")
    assert only(talk.run(5000), "ended").words == "да"


def test_words_that_do_not_answer_the_question_wait_longer() -> None:
    answered = Conversation([Sound(1000, 900, "хочу к врачу")], fit=lambda t: 1.0)
    unclear = Conversation([Sound(1000, 900, "там у нас")], fit=lambda t: 0.0)
    fast, slow = (only(talk.run(6000), "ended").at_ms for talk in (answered, unclear))
    assert slow - fast >= 250


def test_nobody_is_interrupted_after_a_preposition() -> None:
    # "хочу к ... (a second of thought) ... терапевту"
    talk = Conversation([Sound(1000, 800, "хочу к"), Sound(2800, 700, "терапевту")], fit=lambda t: 0.9)
    ended = only(talk.run(8000), "ended")
    assert ended.words == "хочу к терапевту"


def test_a_dictated_phone_with_pauses_is_one_turn() -> None:
    groups = ["восемь девятьсот двенадцать", "триста сорок пять", "шестьдесят семь", "восемьдесят девять"]
    sounds, at = [], 500
    for group in groups:
        sounds.append(Sound(at, 900, group))
        at += 900 + 1100
    end = at - 1100
    talk = Conversation(
        sounds, profile=Profile.DIGITS, fit=lambda t: 0.3, is_complete=lambda t: t.endswith("восемьдесят девять")
    )
    ended = only(talk.run(end + 4000), "ended")
    assert ended.words == " ".join(groups)
    assert ended.at_ms - end <= 320  # eleven digits: no reason to wait


def test_an_incomplete_phone_waits_but_not_for_ever() -> None:
    talk = Conversation([Sound(500, 900, "восемь девятьсот двенадцать")], profile=Profile.DIGITS, fit=lambda t: 0.3)
    ended = only(talk.run(8000), "ended")
    assert 1100 <= ended.at_ms - 1400 <= 3000


def test_the_last_word_is_heard_though_partial_results_lag() -> None:
    talk = Conversation([Sound(1000, 1200, "запишите меня на завтра")], fit=lambda t: 0.9)
    assert only(talk.run(5000), "ended").words == "запишите меня на завтра"


def test_the_frames_of_a_turn_tell_when_speech_was() -> None:
    ended = only(Conversation([Sound(1000, 600, "к хирургу")], fit=lambda t: 1.0).run(5000), "ended")
    assert isinstance(ended.order, Ended)
    assert ended.order.start_frame == 50
    assert ended.order.end_frame == 79
    assert not ended.order.is_bargein


# -- sounds that are no speech ------------------------------------------------------------------------------------------


def test_a_cough_is_dropped_and_the_answer_after_it_is_heard() -> None:
    talk = Conversation([Sound(1000, 300), Sound(2500, 400, "завтра")], fit=lambda t: 1.0)
    happenings = talk.run(6000)
    assert kinds(happenings) == ["began", "forgot", "began", "ended"]
    assert only(happenings, "ended").words == "завтра"


def test_after_a_cough_alone_the_caller_is_asked_again_sooner() -> None:
    # It may have been a "да" that the recogniser missed: six seconds of silence would be rude.
    happenings = Conversation([Sound(1000, 300)], noinput_ms=8000).run(12_000)
    ended = only(happenings, "ended")
    assert reason_of(ended) is EndReason.WORDLESS
    assert ended.at_ms <= 1300 + 400 + 2500 + 40


def test_mumbling_without_words_ends_the_turn() -> None:
    ended = only(Conversation([Sound(1000, 1500)]).run(6000), "ended")
    assert reason_of(ended) is EndReason.WORDLESS
    assert ended.words == ""


def test_a_lone_preposition_is_not_an_answer() -> None:
    happenings = Conversation([Sound(1000, 300, "в")]).run(3000)
    assert kinds(happenings) == ["began", "forgot"]


def test_a_burst_without_pitch_is_no_word_whatever_was_recognised() -> None:
    talk = Conversation([Sound(1000, 300, "нет", is_voiced=False)], profile=Profile.YES_NO, fit=is_yes_or_no)
    assert kinds(talk.run(3000)) == ["began", "forgot"]


def test_a_whispered_sentence_is_heard() -> None:
    talk = Conversation([Sound(1000, 1500, "хочу записаться к хирургу", is_voiced=False)], fit=lambda t: 1.0)
    assert only(talk.run(5000), "ended").words == "хочу записаться к хирургу"


def test_a_burst_without_pitch_does_not_interrupt() -> None:
    talk = Conversation([Sound(2000, 350, "стоп", is_voiced=False)], [Prompt(200, 6000)])
    assert kinds(talk.run(6000)) == ["suspected", "dismissed"]


def test_a_click_begins_nothing() -> None:
    assert Conversation([Sound(1000, 40)]).run(3000) == []


def test_music_ends_the_turn_after_five_seconds() -> None:
    ended = only(Conversation([Sound(1000, 20_000)]).run(10_000), "ended")
    assert reason_of(ended) is EndReason.WORDLESS
    assert ended.at_ms - 1000 <= 5100


def test_a_word_found_in_much_music_was_not_said() -> None:
    happenings = Conversation([Sound(1000, 4800, "угу")], fit=lambda t: 1.0).run(9000)
    assert reason_of(only(happenings, "ended")) is EndReason.WORDLESS


def test_a_detector_stuck_in_speech_does_not_hold_the_turn_open() -> None:
    # The caller said three words; the noise after them goes on as loud as speech.
    talk = Conversation([Sound(1000, 900, "хочу к врачу"), Sound(1900, 30_000)], fit=lambda t: 0.9)
    ended = only(talk.run(20_000), "ended")
    assert reason_of(ended) is EndReason.STABLE
    assert ended.words == "хочу к врачу"
    assert ended.at_ms - 1900 <= 3000


def test_endless_talk_ends_after_22_seconds() -> None:
    words = " ".join(f"слово{number}" for number in range(120))
    ended = only(Conversation([Sound(500, 60_000, words)]).run(40_000), "ended")
    assert reason_of(ended) is EndReason.TOO_LONG
    assert ended.at_ms - 500 == pytest.approx(22_000, abs=60)


def test_speech_is_heard_over_steady_noise() -> None:
    noise = Sound(0, 20_000, level_db=-36.0)  # webrtcvad takes it for voice all the time
    talk = Conversation([noise, Sound(4000, 700, "к терапевту", level_db=-20.0)], fit=lambda t: 1.0)
    ended = only(talk.run(9000), "ended")
    assert ended.words == "к терапевту"
    assert ended.at_ms - 4700 <= 800


# -- silence ------------------------------------------------------------------------------------------------------------


def test_silence_counts_from_the_end_of_the_prompt() -> None:
    talk = Conversation(prompts=[Prompt(200, 5000)], noinput_ms=3000)
    assert only(talk.run(10_000), "nothing").at_ms == pytest.approx(5200 + 3000, abs=40)


def test_silence_is_told_once_and_closes_the_question() -> None:
    talk = Conversation([Sound(8000, 500, "алло")], noinput_ms=3000)
    assert kinds(talk.run(12_000)) == ["nothing"]
    assert talk.taker.phase is Phase.IDLE


def test_no_time_passes_on_hold_and_its_music_is_not_heard() -> None:
    talk = Conversation([Sound(2000, 10_000, "музыка играет песня")], holds=[Hold(2000, 10_000)], noinput_ms=3000)
    assert only(talk.run(20_000), "nothing").at_ms == pytest.approx(12_000 + 3000, abs=40)


def test_a_turn_cut_by_hold_is_forgotten_and_asked_from_the_start() -> None:
    talk = Conversation(
        [Sound(1000, 3000, "хочу записаться к"), Sound(6000, 500, "терапевту")], holds=[Hold(2000, 3000)], fit=lambda t: 1.0
    )
    happenings = talk.run(9000)
    assert kinds(happenings) == ["began", "forgot", "began", "ended"]
    assert only(happenings, "ended").words == "терапевту"


# -- over the robot's voice ---------------------------------------------------------------------------------------------

OVER = [Prompt(200, 6000, "К какому врачу вас записать?")]


def test_a_word_interrupts_the_robot() -> None:
    talk = Conversation([Sound(2000, 900, "подождите нет")], OVER, fit=lambda t: 1.0)
    happenings = talk.run(8000)
    assert kinds(happenings) == ["suspected", "began", "interrupted", "ended"]
    assert only(happenings, "suspected").at_ms - 2000 <= 160
    ended = only(happenings, "ended")
    assert ended.words == "подождите нет"
    assert isinstance(ended.order, Ended)
    assert ended.order.is_bargein


def test_the_next_prompt_is_interrupted_as_well() -> None:
    sounds = [Sound(2000, 900, "запишите к терапевту"), Sound(9000, 900, "завтра утром")]
    prompts = [Prompt(0, 2800, "чем могу помочь"), Prompt(8000, 4000, "когда вам удобно")]
    happenings = Conversation(sounds, prompts, asked_again_at_ms=8000).run(14_000)
    first, second = (h.at_ms for h in happenings if h.what == "interrupted")
    assert first - 2000 <= 400
    assert second - 9000 <= 500
    assert "dismissed" not in kinds(happenings)
    assert [h.words for h in happenings if h.what == "ended"] == ["запишите к терапевту", "завтра утром"]


def test_a_word_of_250_ms_interrupts_within_300_ms() -> None:
    happenings = Conversation([Sound(2000, 250, "стоп")], OVER).run(8000)
    assert only(happenings, "interrupted").at_ms - 2000 <= 300


@pytest.mark.parametrize("word", ["угу", "ага", "так", "да", "да да", "хорошо", "понятно", "угу ага"])
def test_listening_noises_do_not_interrupt(word: str) -> None:
    happenings = Conversation([Sound(2000, 400, word)], OVER).run(6000)
    assert kinds(happenings) == ["suspected", "dismissed"]


def test_a_listening_noise_followed_by_words_interrupts() -> None:
    happenings = Conversation([Sound(2000, 1400, "угу а можно завтра")], OVER).run(8000)
    assert only(happenings, "interrupted").at_ms - 2000 <= 1300
    assert only(happenings, "ended").words == "угу а можно завтра"


def test_yes_over_a_yes_no_question_is_an_answer() -> None:
    talk = Conversation([Sound(2000, 300, "да")], OVER, profile=Profile.YES_NO, fit=is_yes_or_no)
    happenings = talk.run(8000)
    assert only(happenings, "ended").words == "да"
    assert only(happenings, "interrupted").at_ms - 2300 <= 250


def test_a_cough_does_not_interrupt() -> None:
    assert kinds(Conversation([Sound(2000, 500)], OVER).run(6000)) == ["suspected", "dismissed"]


@pytest.mark.parametrize("echo_db", [-30.0, -20.0, -14.0])
def test_the_robots_own_echo_never_interrupts(echo_db: float) -> None:
    prompts = [Prompt(200 + 5000 * n, 4000, "Назовите вашу фамилию", echo_db=echo_db) for n in range(100)]
    talk = Conversation(prompts=prompts, hears=lambda words: "назовите вашу фамилию", noinput_ms=60_000)
    assert kinds(talk.run(500_000)) == []


def test_loud_echo_at_the_first_word_is_known_by_the_robots_own_words() -> None:
    prompts = [Prompt(200, 4000, "Назовите вашу фамилию", echo_db=-8.0)]
    talk = Conversation(prompts=prompts, hears=lambda words: "назовите вашу", noinput_ms=60_000)
    assert "interrupted" not in kinds(talk.run(4000))


@pytest.mark.parametrize("echo_db", [None, -20.0])
def test_the_caller_is_heard_over_echo(echo_db: float | None) -> None:
    prompts = [Prompt(200, 4000, "Назовите вашу фамилию", echo_db=echo_db), Prompt(5000, 4000, "Повторите", echo_db=echo_db)]
    talk = Conversation([Sound(7000, 800, "соедините с оператором")], prompts, noinput_ms=60_000)
    assert only(talk.run(12_000), "interrupted").at_ms - 7000 <= 460


def test_where_interruption_is_not_allowed_the_robot_finishes() -> None:
    happenings = Conversation([Sound(1000, 1000, "соедините с оператором")], OVER, is_bargein_allowed=False).run(6000)
    assert happenings == []


def test_an_answer_in_the_last_moments_of_such_a_prompt_is_heard() -> None:
    talk = Conversation([Sound(5800, 300, "завтра")], OVER, is_bargein_allowed=False, fit=lambda t: 1.0)
    happenings = talk.run(9000)
    assert kinds(happenings) == ["began", "ended"]
    assert only(happenings, "ended").words == "завтра"


@pytest.mark.parametrize("is_bargein_allowed", [True, False])
def test_speech_that_begins_in_the_last_100_ms_of_a_prompt_loses_no_word(is_bargein_allowed: bool) -> None:
    talk = Conversation(
        [Sound(6120, 1200, "хочу к терапевту завтра")], OVER, is_bargein_allowed=is_bargein_allowed, fit=lambda t: 1.0
    )
    happenings = talk.run(10_000)
    ended = only(happenings, "ended")
    assert ended.words == "хочу к терапевту завтра"
    assert "interrupted" not in kinds(happenings)


def test_a_yes_at_the_very_end_of_the_prompt_answers_it() -> None:
    talk = Conversation([Sound(5700, 250, "угу")], OVER, profile=Profile.YES_NO, fit=lambda t: 1.0 if t else 0.0)
    assert only(talk.run(9000), "ended").words == "угу"


def test_a_listening_noise_at_the_end_of_another_prompt_answers_nothing() -> None:
    happenings = Conversation([Sound(5900, 250, "угу"), Sound(7500, 500, "к хирургу")], OVER, fit=lambda t: 1.0).run(10_000)
    assert only(happenings, "ended").words == "к хирургу"


def test_the_tail_of_an_earlier_turn_does_not_cut_the_next_prompt() -> None:
    # "да" ended the turn early, "пожалуйста" comes while the robot already speaks.
    assert "interrupted" not in kinds(Conversation([Sound(500, 600, "пожалуйста")], OVER).run(5000))


def test_a_careful_owner_waits_for_whole_words() -> None:
    # The beginning of "понятно" sounds like a word of its own; whole, it is a listening noise.
    def cut_off(words: str) -> str:
        return words or "куда"

    quick = Conversation([Sound(2000, 320, "понятно")], OVER, hears=cut_off)
    careful = Conversation([Sound(2000, 320, "понятно")], OVER, hears=cut_off, limits=CAREFUL)
    assert "interrupted" in kinds(quick.run(6000))
    assert kinds(careful.run(6000)) == ["suspected", "dismissed"]


# -- always an end ------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 800), st.integers(20, 6000), st.sampled_from(["", "", "да", "угу", "хочу к", "в"]), st.booleans()
        ),
        max_size=25,
    ),
    st.integers(0, 200).map(lambda frames: frames * 20),
    st.floats(-60, -25),
)
def test_every_question_comes_to_an_end(pieces, prompt_ms: int, noise_db: float) -> None:
    sounds, at = [], 0
    for gap, length, words, is_voice in pieces:
        at += gap
        sounds.append(Sound(at, length, words, is_voice=is_voice))
        at += length
    prompts = [Prompt(100, prompt_ms, "Чем могу помочь?", echo_db=-20.0)] if prompt_ms else []
    limits = TurnLimits()
    talk = Conversation(sounds, prompts, noise_db=noise_db)
    happenings = talk.run(100 + prompt_ms + talk.noinput_ms + 2 * limits.longest_ms + 5000)
    ends = [what for what in kinds(happenings) if what in ("ended", "nothing")]
    assert len(ends) == 1
    assert talk.taker.phase is Phase.IDLE
