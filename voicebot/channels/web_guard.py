"""Who may talk to the chat, and how much: origins, and limits by patient and by network address."""

from collections import Counter
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from voicebot.clock import Clock
from voicebot.settings import Settings


class PerMinute:
    """Counts by name in windows of a minute. (The desk's library starts a thread for each name: too dear here.)"""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._window = 0
        self._counts: Counter[str] = Counter()

    def hit(self, name: str) -> bool:
        """Count one more; False when it is too many."""
        window = int(self._clock.monotonic_seconds() // 60)
        if window != self._window:
            self._window = window
            self._counts.clear()
        self._counts[name] += 1
        return self._counts[name] <= self._most


class Guard:
    """Counts in memory: each process its own."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        web = settings.channels.web
        self._origins = frozenset(origin.lower() for origin in web.origins)
        self._messages = PerMinute(settings.channels.messages_per_minute, clock)
        self._hellos = PerMinute(web.hellos_per_minute, clock)
        self._voice = PerMinute(web.voice_notes_per_minute, clock)
        self._most = web.connections_per_host
        self._connections: Counter[str] = Counter()

    def may_come_from(self, connection: HTTPConnection) -> bool:
        """Whether the page that asks may show the chat: one of the settings', or our own. Browsers always tell its origin
        with a WebSocket and a POST; who tells none is no browser that holds a patient's page, and has no business here.
        """
        origin = connection.headers.get("origin", "").lower()
        return origin in self._origins or (
            bool(origin) and urlsplit(origin).netloc == connection.headers.get("host", "").lower()
        )

    def is_foreign(self, connection: HTTPConnection) -> str:
        """The origin that must be named in the answer (CORS); "" for our own pages."""
        origin = connection.headers.get("origin", "")
        return origin if origin.lower() in self._origins else ""

    def may_say(self, address: str) -> bool:
        """Count a message of a patient; False when there were too many."""
        return self._messages.hit(address)

    def may_send_voice(self, host: str) -> bool:
        """Likewise a voice note, by network address: hearing costs the most."""
        return self._voice.hit(host)

    def may_begin(self, host: str) -> bool:
        """Likewise a connection or a poll, by network address."""
        return self._hellos.hit(host)

    def enter(self, host: str) -> bool:
        """Count an open connection; False when this address has too many."""
        if self._connections[host] >= self._most:
            return False
        self._connections[host] += 1
        return True

    def exit(self, host: str) -> None:
        self._connections[host] -= 1
        if self._connections[host] <= 0:
            del self._connections[host]


def host_of(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client is not None else ""
