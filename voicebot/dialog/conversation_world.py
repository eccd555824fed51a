"""The world of a scripted conversation: the clinic's services, what was booked before, what goes wrong, what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from voicebot.clinic.failures import ServiceFailure
from voicebot.dialog.conversation_files import Conversation, Fault, Given
from voicebot.errors import ConfigurationError
from voicebot.russian.names import PersonName
from voicebot.russian.when import When


class Services(Protocol):
    """The clinic: ClinicServices, or a stand-in. Raises ServiceFailure."""

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Any: ...


class ScriptedFailure(ServiceFailure):
    """A fault of the script, with the script's own code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Done:
    """A service that was carried out in the conversation."""

    service: str
    arguments: Mapping[str, Any]
    value: Any


@dataclass(slots=True)
class World:
    """Stands before the real services: counts calls, lets faults strike, remembers results."""

    conversation: Conversation
    services: Services
    done: list[Done] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _given: list[Any] = field(default_factory=list)

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Any:
        """Carry a service out as the script has it. Raises ServiceFailure."""
        number = self._counts.get(name, 0)
        self._counts[name] = number + 1
        fault = next((one for one in self.conversation.faults if _strikes(one, name, number)), None)
        if fault is not None and fault.error:
            raise ScriptedFailure(fault.error)
        if fault is not None and fault.finds_nothing:
            return ()
        if fault is not None and fault.rival:
            self.services.call("hold", {"slot_id": arguments["slot_id"]}, "R1VAL000", f"rival{number}")
        value = self.services.call(name, arguments, dialog_id, key)
        self.done.append(Done(name, arguments, value))
        return value

    def results(self, service: str) -> list[Any]:
        """What the successful calls of a service gave, in order."""
        return [one.value for one in self.done if one.service == service]

    def prepare(self) -> None:
        """Make the appointments that the conversation begins with, by the services themselves."""
        self._given = [self._give(given, number) for number, given in enumerate(self.conversation.given)]

    def start(self) -> Mapping[str, Any]:
        """The first values of the dialog's variables. After `prepare`."""
        start = self.conversation.start
        if start is None:
            return {}
        about = {} if start.appointment is None else {"appointment_id": self._given[start.appointment].id}
        return about | start.given

    def _give(self, given: Given, number: int) -> Any:
        dialog_id, key = f"G1VEN{number:03d}", f"given{number}"
        when = When(date_from=given.start.date())
        wish = _only(doctor=given.doctor, service=given.service, when=when, limit=30)
        offers = self.services.call("find_slots", wish, dialog_id, key)
        offer = next((one for one in offers if one.start.replace(tzinfo=None) >= given.start), None)
        if offer is None:
            where = f"{self.conversation.name}: given[{number}]"
            raise ConfigurationError(f"{where}: {given.doctor} has nothing free after {given.start}.", "Give another time.")
        self.services.call("hold", {"slot_id": offer.slot_id, "service": offer.service_id}, dialog_id, f"{key}.hold")
        patient = PersonName(given.surname, given.given, given.patronymic)
        phone = given.phone or self.conversation.caller_phone
        booking = _only(
            slot_id=offer.slot_id, service=offer.service_id, patient=patient, phone=phone, birth_date=given.birth_date
        )
        return self.services.call("book", booking, dialog_id, f"{key}.book")


def _only(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _strikes(fault: Fault, service: str, number: int) -> bool:
    return fault.service == service and fault.after <= number < fault.after + fault.times
