"""Words for parts of the day: "утром", "после работы", "ближе к вечеру", "в любое время"."""

from datetime import time

from voicebot.russian.text import listed

LUNCH = time(13)
#: Words for a part of the day, [from, to).
PARTS = {
    "утром": (None, time(12)),
    "утречком": (None, time(12)),
    "утро": (None, time(12)),
    "утреннее": (None, time(12)),
    "утренние": (None, time(12)),
    "днем": (time(12), time(17)),
    "дневное": (time(12), time(17)),
    "вечером": (time(17), None),
    "вечерком": (time(17), None),
    "утра": (None, time(12)),
    "утренних": (None, time(12)),
    "дневные": (time(12), time(17)),
    "вечер": (time(17), None),
    "вечеру": (time(16), None),
    "вечера": (time(17), None),
    "вечернее": (time(17), None),
    "вечерние": (time(17), None),
    "ночью": (time(22), None),
}
#: After "по": when one can, or when it hurts ("по ночам" only hurts).
HABITS = {"утрам": (None, time(12)), "вечерам": (time(17), None)}
PART_PHRASES: tuple[tuple[tuple[str, ...], tuple[time | None, time | None]], ...] = tuple(
    (tuple(phrase.split()), part)
    for phrase, part in (
        ("рано утром", (None, time(10))),
        ("утром пораньше", (None, time(10))),
        ("пораньше утром", (None, time(10))),
        ("утром рано", (None, time(10))),
        ("пораньше с утра", (None, time(10))),
        ("с утра рано", (None, time(10))),
        ("рано с утра", (None, time(10))),
        ("раннее утро", (None, time(10))),
        ("к открытию", (None, time(10))),
        ("с утречка", (None, time(12))),
        ("с утречка пораньше", (None, time(10))),
        ("утречком пораньше", (None, time(10))),
        ("в утро", (None, time(12))),
        ("с самого утра", (None, time(10))),
        ("с утра пораньше", (None, time(10))),
        ("с утра", (None, time(12))),
        ("самое утро", (None, time(10))),
        ("поздно вечером", (time(19), None)),
        ("вечером попозже", (time(19), None)),
        ("попозже вечером", (time(19), None)),
        ("вечером поздно", (time(19), None)),
        ("поздний вечер", (time(19), None)),
        ("самое позднее время", (time(18), None)),
        ("самое позднее", (time(18), None)),
        ("к закрытию", (time(18), None)),
        ("под конец дня", (time(16), None)),
        ("первой половине дня", (None, LUNCH)),
        ("первую половину дня", (None, LUNCH)),
        ("первая половина дня", (None, LUNCH)),
        ("второй половине дня", (LUNCH, None)),
        ("вторую половину дня", (LUNCH, None)),
        ("вторая половина дня", (LUNCH, None)),
        ("середине дня", (time(11), time(15))),
        ("начале дня", (None, time(10))),
        ("конце дня", (time(16), None)),
        ("концу дня", (time(16), None)),
        ("конец дня", (time(16), None)),
        ("после работы", (time(18), None)),
        ("после рабочего дня", (time(18), None)),
        ("после школы", (time(14), None)),
        ("после уроков", (time(14), None)),
        ("до работы", (None, time(9))),
        ("перед работой", (None, time(9))),
        ("перед обедом", (time(11), LUNCH)),
        ("ближе к обеду", (time(11), LUNCH)),
        ("ближе к вечеру", (time(16), None)),
        ("под вечер", (time(16), None)),
        ("обеденное время", (time(12), time(14))),
        ("обеденный перерыв", (time(12), time(14))),
    )
)
LUNCH_WORDS = listed("обед обеда обеду обедом")
ANY_PHRASES = tuple(
    tuple(phrase.split())
    for phrase in (
        "любое время",
        "время любое",
        "любое удобное время",
        "любой час",
        "в течение дня",
        "весь день",
        "целый день",
        "в течении дня",
        "время не важно",
        "время неважно",
        "время не имеет значения",
        "какое угодно время",
        "во сколько угодно",
    )
)
