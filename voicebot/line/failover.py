"""What line does alone when a call has no brain: apology, a human, else goodbye. Pure."""

from enum import Enum, auto


class Step(Enum):
    """What to do next; the caller of Failover does it and says when it is done."""

    APOLOGISE = auto()  # drop what is queued, play the apology
    TRANSFER = auto()  # to the operator, with the dialog ID
    SAY_GOODBYE = auto()
    HANG_UP = auto()
    WAIT = auto()  # a transfer that the brain ordered is under way: let it


class Failover:
    """From the brain's death to a human or a polite end."""

    def __init__(self, *, has_apology: bool, has_goodbye: bool, has_operator: bool, is_transferring: bool) -> None:
        self._has_apology = has_apology
        self._has_goodbye = has_goodbye
        self._has_operator = has_operator
        self._is_transferring = is_transferring
        self.step = Step.WAIT

    def start(self) -> Step:
        """Return the first step."""
        if self._is_transferring:
            return self._go(Step.WAIT)
        return self._apologise()

    def played(self) -> Step:
        """The sound of the current step has left whole."""
        if self.step is Step.APOLOGISE:
            return self._go(Step.TRANSFER if self._has_operator else self._parting())
        if self.step is Step.SAY_GOODBYE:
            return self._go(Step.HANG_UP)
        return self.step

    def transfer_failed(self) -> Step:
        """No human could be had. The brain's own attempt does not count: line makes one itself."""
        if self.step is Step.WAIT:
            return self._apologise()
        return self._go(self._parting())

    def _apologise(self) -> Step:
        if self._has_apology:
            return self._go(Step.APOLOGISE)
        return self._go(Step.TRANSFER if self._has_operator else self._parting())

    def _parting(self) -> Step:
        return Step.SAY_GOODBYE if self._has_goodbye else Step.HANG_UP

    def _go(self, step: Step) -> Step:
        self.step = step
        return step
