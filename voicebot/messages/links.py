"""Links to a visit's page in messages: short, signed, good until the visit is over.

A token is the visit's number and eight octets of HMAC, in base64url: sixteen letters. Guessing one takes 2**63 tries on
average, each of them a request that is limited. The key is the database's, so that every process reads what another wrote.
"""

import base64
import hashlib
import hmac
import secrets
import threading

from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.clinic.pin_tables import LinkKeyRow
from voicebot.clock import Clock
from voicebot.settings import Settings
from voicebot.storage.database import Database, insert_missing

PATH = "/v/"
TOKEN_LETTERS = 16
_MAC_OCTETS = 8
_KEY_ID = 1
_PURPOSE = b"voicebot visit link"


class Links:
    """Makes and reads tokens. Safe to use from many threads and processes."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._base = settings.channels.public_url.rstrip("/")
        self._key = b""
        self._lock = threading.Lock()

    @property
    def letters(self) -> int:
        """How long a link is; 0 where there is no public page."""
        return len(self._base) + len(PATH) + TOKEN_LETTERS if self._base else 0

    def link_of(self, appointment_id: int) -> str:
        """The address of a visit's page; "" where there is none (channels.public_url is not set)."""
        return f"{self._base}{PATH}{self.token_of(appointment_id)}" if self._base else ""

    def token_of(self, appointment_id: int) -> str:
        number = appointment_id.to_bytes(4, "big")
        return base64.urlsafe_b64encode(number + self._mac(number)).decode()

    def appointment_of(self, token: str) -> int | None:
        """The visit's number, or None: nobody of us has made that token."""
        if len(token) != TOKEN_LETTERS or not token.isascii():
            return None
        try:
            octets = base64.b64decode(token, altchars=b"-_", validate=True)
        except ValueError:
            return None
        number, mac = octets[:-_MAC_OCTETS], octets[-_MAC_OCTETS:]
        return int.from_bytes(number, "big") if hmac.compare_digest(mac, self._mac(number)) else None

    def _mac(self, number: bytes) -> bytes:
        return hmac.new(self._secret(), _PURPOSE + number, hashlib.sha256).digest()[:_MAC_OCTETS]

    def _secret(self) -> bytes:
        with self._lock:
            if not self._key:
                self._key = bytes.fromhex(self._database.run(self._stored))
            return self._key

    def _stored(self, session: Session) -> str:
        query = select(LinkKeyRow.secret).where(LinkKeyRow.id == _KEY_ID)
        if (found := session.scalar(query)) is None:
            row = {"id": _KEY_ID, "secret": secrets.token_hex(32), "created_at": self._clock.now()}
            insert_missing(session, LinkKeyRow, [row])  # another process may be as quick
            found = session.scalar(query)
        assert found is not None
        return found
