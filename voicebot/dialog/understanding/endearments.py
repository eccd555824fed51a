"""Parts of the body as parents and the elderly call them: "ушко болит" is the complaint "ухо болит"."""

_FOND = {
    "ухо": "ушко", "уши": "ушки", "ухе": "ушке", "ушах": "ушках", "глаз": "глазик", "глаза": "глазки", "глазу": "глазике",
    "нос": "носик", "горло": "горлышко", "зуб": "зубик", "зубы": "зубки", "рука": "ручка", "руки": "ручки", "нога": "ножка",
    "ноги": "ножки", "спина": "спинка", "шея": "шейка", "палец": "пальчик", "живот": "животик", "сердце": "сердечко",
}  # fmt: skip


def fondly(phrase: str) -> tuple[str, ...]:
    """Return a complaint with every part of the body called fondly; () where none is named."""
    said = " ".join(_FOND.get(word, word) for word in phrase.split())
    return (said,) if said != phrase else ()
