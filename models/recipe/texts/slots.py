# ruff: noqa: SIM905 - word tables read better as one string
"""What the `<slots>` of the templates stand for: inflected lists and random dates, times, people and numbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cached_property
from importlib.resources import files

import pymorphy3

from . import numerals as n
from . import people

MONTHS_GENITIVE = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()
MONTHS = "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь".split()
MONTHS_PREPOSITIONAL = "январе феврале марте апреле мае июне июле августе сентябре октябре ноябре декабре".split()
WEEKDAYS = "понедельник вторник среда четверг пятница суббота воскресенье".split()
WEEKDAYS_ACCUSATIVE = "понедельник вторник среду четверг пятницу субботу воскресенье".split()
WEEKDAYS_GENITIVE = "понедельника вторника среды четверга пятницы субботы воскресенья".split()
NEXT = ["следующий понедельник", "следующий вторник", "следующую среду", "следующий четверг", "следующую пятницу",
        "следующую субботу", "следующее воскресенье"]  # fmt: skip
THIS = ["этот понедельник", "этот вторник", "эту среду", "этот четверг", "эту пятницу", "эту субботу",
        "это воскресенье"]  # fmt: skip
LETTERS = "а бэ вэ гэ дэ е ё жэ зэ и ка эль эм эн о пэ эр эс тэ у эф ха цэ че ша ща ы э ю я".split()
_GRAMMEMES = {"nom": "nomn", "gen": "gent", "dat": "datv", "acc": "accs", "ins": "ablt"}


def data_lines(name: str) -> list[str]:
    """The lines of a data file, without comments and empty ones."""
    text = (files(__package__) / "data" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def data_files(prefix: str) -> list[str]:
    """Names of the data files that begin so."""
    return sorted(path.name for path in (files(__package__) / "data").iterdir() if path.name.startswith(prefix))


def data_words(name: str) -> list[str]:
    return [word for line in data_lines(name) for word in line.split()]


class Inflector:
    """Case forms of short noun phrases by pymorphy3, whose guesses are held to masculine animate nouns."""

    def __init__(self) -> None:
        self._morph = pymorphy3.MorphAnalyzer(lang="ru")

    def phrase(self, phrase: str, case: str, number: str = "sing") -> str:
        """Adjectives and the first noun are inflected; what follows the noun stays."""
        words, noun_seen = [], False
        for word in phrase.split():
            words.append(word if noun_seen else self._word(word, case, number))
            noun_seen = noun_seen or not word.endswith(("ый", "ий", "ой"))
        return " ".join(words)

    def _word(self, word: str, case: str, number: str) -> str:
        adjective = word.endswith(("ый", "ий", "ой"))
        for parse in self._morph.parse(word):
            if (adjective and {"ADJF", "PRTF"} & parse.tag.grammemes) or (not adjective and "NOUN" in parse.tag):
                animate = {"anim"} if adjective and case == "acc" else set()
                form = parse.inflect({_GRAMMEMES[case], number} | animate)
                if form and not adjective and case == "acc" and number == "sing":
                    form = parse.inflect({"gent", number})  # a doctor is animate whatever the dictionary says
                if form:
                    return form.word
        return word

    def is_known(self, word: str) -> bool:
        return self._morph.word_is_known(word)

    def lexeme(self, word: str) -> list[str]:
        """Every form of a word's most probable reading but participles, gerunds and short comparatives."""
        unwanted = {"PRTF", "PRTS", "GRND", "COMP", "Supr"}
        lexeme = self._morph.parse(word)[0].lexeme
        return [form.word for form in lexeme if not unwanted & form.tag.grammemes]


class Slots:
    """Draws a random filling for a slot by its name."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lists = {
            name.strip(): [item.strip() for item in rest.split("|")]
            for name, rest in (line.split(":", 1) for line in data_lines("lists.txt"))
        }
        self.services = [[cell.strip() for cell in line.split("|")] for line in data_lines("services.txt")]
        self.surnames = data_words("surnames.txt")
        self.men = data_words("names_male.txt")
        self.women = data_words("names_female.txt")
        self.short_names = data_words("names_short.txt")

    def draw(self, name: str) -> str:
        if name in self.lists:
            return self.rng.choice(self.lists[name])
        maker: Callable[[], str] | None = getattr(self, "slot_" + name, None)
        if maker is not None:
            return maker()
        kind, _, case = name.rpartition("_")
        if kind == "spec":
            return self.rng.choice(self.specialities[case])
        if kind == "serv":
            return self.rng.choice(self.services)[{"acc": 0, "nom": 1, "gen": 2}[case]]
        if kind == "doctor":
            return self._person(case, doctor=True)
        raise KeyError(f"no such slot: {name}")

    # --- specialities

    @cached_property
    def specialities(self) -> dict[str, list[str]]:
        """By case; the head word of a line is four times as frequent as its everyday names."""
        inflector = Inflector()
        table: dict[str, list[str]] = {case: [] for case in _GRAMMEMES}
        for line in data_lines("specialities.txt"):
            head, _, rest = line.partition("|")
            phrases = [head.strip()] * 3 + [alias.strip() for alias in rest.split(",") if alias.strip()]
            for case in table:
                table[case] += [inflector.phrase(phrase, case) for phrase in phrases]
        return table

    # --- people

    def _person(self, case: str, *, doctor: bool = False, female: bool | None = None) -> str:
        """Surname, given name, patronymic in some usual order."""
        rng, index = self.rng, people.CASES.index(case)
        female = rng.random() < 0.5 if female is None else female
        surname_forms = people.surname_female if female else people.surname_male
        surname = (surname_forms(rng.choice(self.surnames)) or ["иванов"] * 6)[index]
        given_forms = people.given_female if female else people.given_male
        given = given_forms(rng.choice(self.women if female else self.men))[index]
        patronymic = given_forms(self._patronymic(female))[index]
        orders = [surname, f"{surname} {given} {patronymic}", f"{given} {patronymic}", f"{given} {surname}",
                  f"{given} {patronymic} {surname}", f"{surname} {given}"]  # fmt: skip
        return rng.choices(orders, [6, 3, 4, 1, 1, 1] if doctor else [2, 6, 2, 3, 2, 3])[0]

    def _patronymic(self, female: bool) -> str:
        while True:
            if (name := people.patronymic(self.rng.choice(self.men), female=female)) is not None:
                return name

    def slot_person(self) -> str:
        return self._person("nom")

    def slot_person_m(self) -> str:
        return self._person("nom", female=False)

    def slot_person_f(self) -> str:
        return self._person("nom", female=True)

    def slot_surname_nom(self) -> str:
        surname = self.rng.choice(self.surnames)
        return surname if self.rng.random() < 0.5 else (people.surname_female(surname) or [surname])[0]

    def slot_given(self) -> str:
        return self.rng.choice(self.men + self.women)

    def slot_short(self) -> str:
        return self.rng.choice(self.short_names)

    def slot_patr(self) -> str:
        return self._patronymic(self.rng.random() < 0.5)

    def slot_given_patr(self) -> str:
        female = self.rng.random() < 0.5
        return f"{self.rng.choice(self.women if female else self.men)} {self._patronymic(female)}"

    def slot_init(self) -> str:
        return f"{self.rng.choice(LETTERS)} {self.rng.choice(LETTERS)}"

    def slot_letters(self) -> str:
        return " ".join(self.rng.choices(LETTERS, k=self.rng.randint(3, 6)))

    # --- numbers

    def slot_digit(self) -> str:
        return self.rng.choice(n.UNITS[:10])

    def slot_digits(self) -> str:
        rng = self.rng
        if rng.random() < 0.6:
            return " ".join(rng.choices(n.UNITS[:10], k=rng.randint(2, 7)))
        return " ".join(self._pair() for _ in range(rng.randint(2, 4)))

    def _pair(self) -> str:
        number = self.rng.randint(0, 99)
        return f"ноль {n.UNITS[number]}" if number < 10 else n.cardinal(number)

    def slot_number(self) -> str:
        rng = self.rng
        top = rng.choice([20, 99, 99, 400, 999, 9999])
        number = rng.randint(0, top)
        return n.cardinal(number - number % 50 if top > 999 else number, feminine=rng.random() < 0.15)

    def slot_num_small(self) -> str:
        return n.cardinal(self.rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 20, 30, 40]),
                          feminine=self.rng.random() < 0.3)  # fmt: skip

    def slot_phone(self) -> str:
        rng = self.rng
        code = rng.choice([n.cardinal(rng.randint(900, 999)), n.cardinal(rng.choice([495, 499, 812, 800])),
                           " ".join(["девять", *rng.choices(n.UNITS[:10], k=2)])])  # fmt: skip
        head = rng.choice(["восемь", "восемь", "плюс семь", "семь", ""])
        style = rng.random()
        if style < 0.6:
            tail = f"{n.cardinal(rng.randint(100, 999))} {self._pair()} {self._pair()}"
        elif style < 0.85:
            tail = " ".join(rng.choices(n.UNITS[:10], k=7))
        else:
            tail = " ".join(self._pair() for _ in range(3))
        return f"{head} {code} {tail}".strip()

    def slot_age(self) -> str:
        rng = self.rng
        if rng.random() < 0.15:
            return rng.choice(["полгода", "полтора года", "год", "годик", "два месяца", "шесть месяцев", "год и три",
                               "восемь месяцев", "семь месяцев", "месяц", "две недели"])  # fmt: skip
        years = rng.randint(1, 95)
        return f"{n.cardinal(years)} {n.plural(years, 'год', 'года', 'лет')}"

    # --- dates and times

    def slot_date_day(self) -> str:
        rng, day, month = self.rng, self.rng.randint(1, 31), self.rng.choice(MONTHS_GENITIVE)
        form = rng.choice(["neuter", "neuter", "genitive"])
        return f"{n.ordinal(day, form)} {rng.choice([month, month, month, 'числа'])}"

    def slot_date_gen(self) -> str:
        return f"{n.ordinal(self.rng.randint(1, 31), 'genitive')} {self.rng.choice([*MONTHS_GENITIVE, 'числа'])}"

    def slot_wday_nom(self) -> str:
        return self.rng.choice(WEEKDAYS)

    def slot_wday_acc(self) -> str:
        return self.rng.choice(WEEKDAYS_ACCUSATIVE)

    def slot_wday_gen(self) -> str:
        return self.rng.choice(WEEKDAYS_GENITIVE)

    def slot_wday_acc_v(self) -> str:
        day = self.rng.choice(WEEKDAYS_ACCUSATIVE + NEXT + THIS)
        return ("во " if day.startswith("вторник") else "в ") + day

    def slot_date_any(self) -> str:
        rng = self.rng
        day = rng.randint(1, 31)
        return rng.choice([
            self.slot_date_day, self.slot_date_day, self.slot_wday_acc_v, self.slot_wday_acc_v,
            lambda: "на " + rng.choice(WEEKDAYS_ACCUSATIVE + NEXT), lambda: rng.choice(WEEKDAYS),
            lambda: rng.choice(WEEKDAYS_ACCUSATIVE), lambda: "на " + n.ordinal(day),
            lambda: n.ordinal(day, rng.choice(["neuter", "genitive"])), lambda: "на " + self.slot_date_day(),
            lambda: rng.choice(["сегодня", "завтра", "послезавтра", "на завтра", "на сегодня", "на послезавтра"]),
            lambda: "в " + rng.choice(MONTHS_PREPOSITIONAL), lambda: rng.choice(MONTHS),
            lambda: f"{rng.choice(WEEKDAYS)} {self.slot_date_day()}", lambda: self.draw("when_word"),
            lambda: f"в {rng.choice(['начале', 'конце', 'середине'])} {rng.choice(MONTHS_GENITIVE)}",
            lambda: f"{rng.choice(['до', 'после', 'с', 'кроме'])} {rng.choice(WEEKDAYS_GENITIVE)}",
        ])()  # fmt: skip

    def slot_time_clock(self) -> str:
        """A time of day without a preposition."""
        rng, hour = self.rng, self.rng.randint(7, 20)
        minute = rng.choice([0, 0, 0, 10, 15, 20, 30, 30, 40, 45, 50, 5, 25, 35, 55])
        short = hour if hour <= 12 else hour - 12
        part = "утра" if hour < 12 else "дня" if hour < 17 else "вечера"
        noun = n.plural(hour, "час", "часа", "часов")
        short_noun = n.plural(short, "час", "часа", "часов")
        spoken = n.cardinal(short) if short > 1 else "час"
        minutes = "ноль ноль" if not minute else f"ноль {n.UNITS[minute]}" if minute < 10 else n.cardinal(minute)
        return rng.choice([
            f"{n.cardinal(hour)} {noun}", f"{n.cardinal(hour)} {minutes}", f"{n.cardinal(hour)} {minutes}",
            f"{n.cardinal(hour)} {noun} {n.cardinal(minute or 30, feminine=True)} минут",
            f"{n.cardinal(short)} {short_noun} {part}", f"{spoken} {part}", spoken, n.cardinal(hour),
            f"{spoken} {n.cardinal(minute or 30)}",
        ])  # fmt: skip

    def slot_time_any(self) -> str:
        rng, hour = self.rng, self.rng.randint(1, 12)
        to_hour = n.ordinal(hour, "genitive")
        lacking = rng.choice(["пяти", "десяти", "пятнадцати", "двадцати", "двадцати пяти", "четверти"])
        return rng.choice([
            lambda: "в " + self.slot_time_clock(), lambda: "в " + self.slot_time_clock(), self.slot_time_clock,
            lambda: "на " + self.slot_time_clock(), lambda: f"в половине {to_hour}", lambda: f"пол {to_hour}",
            lambda: f"в пол {to_hour}", lambda: f"половина {to_hour}",
            lambda: f"без {lacking} {n.cardinal(hour) if hour > 1 else 'час'}",
            lambda: f"{rng.choice(['четверть', 'десять минут', 'двадцать минут', 'пять минут'])} {to_hour}",
            lambda: f"часов в {n.cardinal(hour)}", lambda: f"часа в {rng.choice(['два', 'три', 'четыре'])}",
            lambda: f"{rng.choice(['после', 'до', 'около', 'не позже', 'не раньше'])} {self.slot_clock_gen()}",
            lambda: f"{rng.choice(['к', 'часам к'])} {n.DATIVE[hour]}",
            lambda: rng.choice(["утром", "днём", "вечером", "с утра", "после обеда", "в полдень", "полдень", "в час"]),
        ])()  # fmt: skip

    def slot_clock_gen(self) -> str:
        hour = self.rng.randint(1, 20)
        noun = "часа" if hour == 1 else "часов"
        return self.rng.choice([n.GENITIVE[hour] if hour > 1 else "часа", f"{n.GENITIVE[hour]} {noun}",
                                f"половины {n.ordinal(min(hour, 12), 'genitive')}"])  # fmt: skip

    def slot_clock_ins(self) -> str:
        return n.INSTRUMENTAL[self.rng.randint(1, 20)]

    def slot_when_for(self) -> str:
        return self.rng.choice([self.slot_date_day(), self.rng.choice(WEEKDAYS_ACCUSATIVE + NEXT), "завтра", "сегодня",
                                "послезавтра", "утро", "вечер", "следующую неделю", "эту неделю"])  # fmt: skip

    def slot_when(self) -> str:
        return self.rng.choice([self.slot_date_any, self.slot_date_any, lambda: self.draw("when_word"),
                                lambda: self.slot_date_any() + " " + self.slot_time_any()])()  # fmt: skip

    def slot_birthdate(self) -> str:
        rng = self.rng
        year, day, month = rng.randint(1930, 2026), rng.randint(1, 31), rng.randint(1, 12)
        two = year % 100
        if year < 2000:
            century = rng.choice(["тысяча девятьсот ", "тысяча девятьсот ", ""])
            words = century + n.ordinal(two, "genitive")
        else:
            words = "двухтысячного" if not two else "две тысячи " + n.ordinal(two, "genitive")
        first = n.ordinal(day, rng.choice(["genitive", "neuter", "genitive"]))
        date = f"{first} {MONTHS_GENITIVE[month - 1]}"
        if rng.random() < 0.15:
            date = f"{first} {n.ordinal(month, 'genitive')}"
        return rng.choice([f"{date} {words} года", f"{date} {words}", f"{words} года", date, f"{date} {n.cardinal(two)}"])
