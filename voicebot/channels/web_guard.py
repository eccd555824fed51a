"""Who may talk to the chat, and how much: origins, and limits by patient and by network address."""

from collections import Counter
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.requests import HTTPConnection

from voicebot.settings import Settings


class Guard:
    """Counts in memory: each process its own."""

    def __init__(self, settings: Settings) -> None:
        web = settings.channels.web
        self._origins = frozenset(origin.lower() for origin in web.origins)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._messages = RateLimitItemPerMinute(settings.channels.messages_per_minute, 1)
        self._hellos = RateLimitItemPerMinute(web.hellos_per_minute, 1)
        self._voice = RateLimitItemPerMinute(web.voice_notes_per_minute, 1)
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
        return self._limiter.hit(self._messages, "message", address)

    def may_send_voice(self, host: str) -> bool:
        """Likewise a voice note, by network address: hearing costs the most."""
        return self._limiter.hit(self._voice, "voice", host)

    def may_begin(self, host: str) -> bool:
        """Likewise a connection or a poll, by network address."""
        return self._limiter.hit(self._hellos, "hello", host)

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
