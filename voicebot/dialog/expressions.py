"""Conditions and values in dialplans: a small, safe language of names, comparisons and a few functions.

    offers and not choice        count(offers) == 0        transfer_result == 'closed'        weaker(when, search)

Python's grammar, but only the nodes listed here: no calls but the functions below, no private attributes, no imports.
"""

import ast
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from voicebot.errors import ConfigurationError
from voicebot.russian.relative import parse_relative

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: bool(a == b),
    ast.NotEq: lambda a, b: bool(a != b),
    ast.Lt: lambda a, b: bool(a < b),
    ast.LtE: lambda a, b: bool(a <= b),
    ast.Gt: lambda a, b: bool(a > b),
    ast.GtE: lambda a, b: bool(a >= b),
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


def _count(value: Any) -> int:
    return 0 if value is None else len(value)


def _weaker(wish: Any, tried: Any) -> Any:
    """The weaker form of a wish that follows the one tried (None: the first), or None when all were tried."""
    steps = () if wish is None else wish.relaxed()
    if tried is None:
        return steps[0] if steps else None
    following = steps.index(tried) + 1 if tried in steps else len(steps)
    return steps[following] if following < len(steps) else None


def _later_than(offers: Any) -> Any:
    """The moment after the last of some offers, to look on from there."""
    return max(offer.start for offer in offers) + timedelta(minutes=1) if offers else None


def _earliest(offers: Any) -> Any:
    """The moment of the first of some offers."""
    return min(offer.start for offer in offers) if offers else None


def _end_of(visit: Any) -> Any:
    """The moment a visit is over."""
    return visit.start + timedelta(minutes=visit.duration_minutes) if visit else None


def _fits(wish: Any, moment: Any) -> bool:
    """Whether a moment is what a wish for a time means: "в среду в десять" and a visit on Wednesday at ten."""
    return wish is not None and moment is not None and bool(wish.allows(moment))


def _new_time(wish: Any, text: Any, moment: Any) -> Any:
    """The wish for another time than a visit's: what the text tells from it ("на час позже"), else the wish, unless it fits
    the visit itself: "у меня на пятницу, хочу перенести" tells which visit it is.
    """
    other = None if _fits(wish, moment) else wish
    told = parse_relative(text, moment, other) if text and moment is not None else None
    return told or other


def _is_moment(wish: Any) -> bool:
    """Whether a wish names one day and one time of it: "завтра в десять"."""
    return wish is not None and len(wish.dates) == len(wish.times) == 1 and not wish.alternatives


def _begins_after(wish: Any, day: Any) -> bool:
    """Whether all days that a wish for a time names are later than a day."""
    if wish is None or day is None:
        return False
    firsts = [min(one.dates) if one.dates else one.date_from for one in (wish, *wish.alternatives)]
    return all(first is not None and first > day for first in firsts)


def _first(several: Any) -> Any:
    return several[0] if several else None


def _rest(several: Any) -> Any:
    """All but the first; None when nothing is left."""
    return several[1:] or None if several else None


def _nth(several: Any, number: Any) -> Any:
    """The n-th, counted from 1, from the end if negative; None where there is none."""
    if not several or not number or abs(number) > len(several):
        return None
    return several[number - 1 if number > 0 else number]


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "count": _count,
    "weaker": _weaker,
    "later_than": _later_than,
    "earliest": _earliest,
    "end_of": _end_of,
    "fits": _fits,
    "new_time": _new_time,
    "is_moment": _is_moment,
    "begins_after": _begins_after,
    "first": _first,
    "rest": _rest,
    "nth": _nth,
}


@lru_cache(maxsize=2048)
def parse(text: str) -> ast.expr:
    """Parse, or raise ConfigurationError saying what is not allowed."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ConfigurationError(f"the expression {text!r} cannot be read: {error.msg}.", "See docs/dialplans.md.") from None
    for node in ast.walk(tree):
        _check(node, text)
    return tree


def _check(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            raise ConfigurationError(f"{text!r} calls an unknown function.", f"Known: {', '.join(sorted(FUNCTIONS))}.")
    elif isinstance(node, ast.Attribute):
        if node.attr.startswith("_"):
            raise ConfigurationError(f"{text!r} reads a private attribute.", "Use public names only.")
    elif isinstance(node, ast.Constant):
        if not isinstance(node.value, str | int | float | bool | None):
            raise ConfigurationError(f"{text!r} holds a constant of another type.", "Use texts, numbers, True, False, None.")
    elif not isinstance(
        node,
        ast.Name | ast.BoolOp | ast.UnaryOp | ast.Compare | ast.boolop | ast.Not | ast.USub | ast.cmpop | ast.expr_context
        | ast.List | ast.Tuple | ast.IfExp,
    ) or isinstance(node, ast.Is | ast.IsNot):  # fmt: skip
        raise ConfigurationError(f"{text!r} holds {type(node).__name__}, which is not allowed.", "Use simple conditions.")


@lru_cache(maxsize=4096)
def names(text: str) -> tuple[str, ...]:
    """Return the variables an expression reads."""
    return tuple(node.id for node in ast.walk(parse(text)) if isinstance(node, ast.Name) and node.id not in FUNCTIONS)


def evaluate(text: str, lookup: Callable[[str], Any]) -> Any:
    """Return the value; an attribute of None is None, so that `choice.start` may be read before there is a choice."""
    return _value(parse(text), lookup)


def _value(node: ast.expr, lookup: Callable[[str], Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return lookup(node.id)
        case ast.Attribute():
            return attribute(_value(node.value, lookup), node.attr)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, lookup)
        case ast.UnaryOp():
            return -_value(node.operand, lookup)
        case ast.BoolOp(op=ast.And()):
            result: Any = True
            for part in node.values:
                result = _value(part, lookup)
                if not result:
                    return result
            return result
        case ast.BoolOp():
            result = False
            for part in node.values:
                result = _value(part, lookup)
                if result:
                    return result
            return result
        case ast.IfExp():
            return _value(node.body if _value(node.test, lookup) else node.orelse, lookup)
        case ast.List() | ast.Tuple():
            return [_value(part, lookup) for part in node.elts]
        case ast.Compare():
            left = _value(node.left, lookup)
            for operator, part in zip(node.ops, node.comparators, strict=True):
                right = _value(part, lookup)
                if not _COMPARE[type(operator)](left, right):
                    return False
                left = right
            return True
        case ast.Call(func=ast.Name(id=function)):
            return FUNCTIONS[function](*[_value(part, lookup) for part in node.args])
    raise AssertionError(f"unchecked node {type(node).__name__}")  # parse() lets nothing else through


def attribute(value: Any, name: str) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return value.get(name)
    return getattr(value, name, None)
