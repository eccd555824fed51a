"""The clinic's services as conversations call them: their typed failures become `Returned.error`."""

from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from voicebot.clinic.failures import ServiceFailure
from voicebot.dialog.talking import Returned
from voicebot.errors import StorageError

log = structlog.get_logger(__name__)


class Services(Protocol):
    """`ClinicServices`, or what stands before them in a rehearsal."""

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Any: ...


class ClinicCalls:
    """Runs services for conversations. Blocks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Returned:
        try:
            return Returned(name, self._services.call(name, arguments, dialog_id=dialog_id, key=key))
        except ServiceFailure as failure:
            return Returned(name, error=failure.code)
        except StorageError as error:
            log.error("clinic database refused", service=name, problem=type(error).__name__)
            return Returned(name, error="unavailable")
