"""The address Yandex posts to: /alice/SECRET. Whoever does not know it is told that there is nothing."""

import hmac
from collections.abc import Collection

import structlog
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse

from voicebot.channels.alice_protocol import NotAlice, read, write
from voicebot.channels.alice_skill import AliceSkill

log = structlog.get_logger(__name__)

BODY_LIMIT_BYTES = 64 * 1024


def router(skill: AliceSkill, secret: str, skills: Collection[str] = ()) -> APIRouter:
    """`skills`: IDs of the skills that are answered; none given: all that know the secret."""
    found = APIRouter()

    @found.post("/alice/{word}")
    async def answer(word: str, request: Request) -> JSONResponse:
        if not hmac.compare_digest(word.encode(), secret.encode()):
            raise HTTPException(404)
        try:
            asked = read(await _body(request))
        except NotAlice as problem:
            log.warning("alice_request_unfit", problem=problem.message)
            raise HTTPException(400, "not a request of Yandex Dialogs") from None
        if skills and asked.session.skill_id not in skills:
            log.warning("alice_skill_unknown")
            raise HTTPException(403, "this skill is not served here")
        return JSONResponse(write(await skill.answer(asked)))

    return found


async def _body(request: Request) -> bytes:
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > BODY_LIMIT_BYTES:
            raise HTTPException(413)
    return bytes(found)
