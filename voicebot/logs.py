"""Structured logs, one JSON object a line when not on a terminal. Nothing personal is ever logged; a test reads them."""

import logging
import sys
import traceback

import structlog

from voicebot.settings import Settings


def _without_words(_logger: object, _name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Replace an exception by its type and place: its message and its local variables may hold what callers said."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else sys.exc_info()[1] if info else None
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        event["error_at"] = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    return event


def configure(settings: Settings, process: str) -> None:
    """Set structlog up for this process."""
    is_terminal = sys.stderr.isatty()
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            _without_words,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    structlog.contextvars.bind_contextvars(process=process)


def quiet() -> None:
    """For commands whose output is for people: only errors are logged."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
