"""Which prompt is spoken: tapered by count, filtered by condition, shortened by the budget, varied without chance."""

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from voicebot.dialog.schema import Prompt


def choose(prompts: Iterable[Prompt], count: int, holds: Callable[[str], bool]) -> list[Prompt]:
    """Return the prompts for this visit (VoiceXML 2.1, 4.1.6): those of the highest count that is not above `count`."""
    candidates = [prompt for prompt in prompts if prompt.count <= count and holds(prompt.cond)]
    best = max((prompt.count for prompt in candidates), default=0)
    return [prompt for prompt in candidates if prompt.count == best]


def text_of(prompt: Prompt, is_short: bool, spoken: int, seed: str) -> str:
    """Return the words; variants take turns, starting at another one in each dialog."""
    return _variant(prompt.short if is_short and prompt.short is not None else prompt.text, spoken, seed)


def written_of(prompt: Prompt, spoken: int, seed: str, in_writing: Mapping[str, str]) -> str:
    """Return the words for people who read; the same variant as is spoken. `in_writing`: words -> what is written for them."""
    if prompt.written is not None:
        return _variant(prompt.written, spoken, seed)
    text = _variant(prompt.text, spoken, seed)
    return _pattern(tuple(in_writing)).sub(lambda match: in_writing[match.group()], text) if in_writing else text


@cache
def _pattern(several: tuple[str, ...]) -> re.Pattern[str]:
    """Any of some words, the longest first; a word is not found inside another one."""
    return re.compile("|".join(rf"(?<!\w){re.escape(words)}(?!\w)" for words in sorted(several, key=len, reverse=True)))


def _variant(chosen: str | list[str], spoken: int, seed: str) -> str:
    if isinstance(chosen, str):
        return chosen
    return chosen[(zlib.crc32(seed.encode()) + spoken) % len(chosen)]
