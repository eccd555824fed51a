"""/api/openapi.json: what the interface for programs is, for those who have a key (OpenAPI 3.1)."""

from functools import cache
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.openapi.utils import get_openapi

from voicebot import __version__
from voicebot.accounts.roles import Role
from voicebot.desk.api.routes import router as operations
from voicebot.desk.context import ready_login_of

router = APIRouter(prefix="/api")
_ABOUT = """Reading what the robot did: dialogs, the operators' queue, figures, bookings.

Each request brings a key: `Authorization: Bearer vb_...` (`voicebot users add-key NAME ROLE --only SCOPE`). The tag of an
operation is the scope it needs, /audio needs the scope `audio`. At most 50 requests a second a key; every reading is audited.
Times are ISO 8601 with an offset. Phone numbers are masked for roles that do not need them."""


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """The description."""
    login = ready_login_of(request)
    if not (login.is_program or login.role is Role.ADMIN):
        raise HTTPException(403, "Описание видят программы с ключом и администратор.")
    return description()


@cache
def description() -> dict[str, Any]:
    """Return the description of /api/v1: always the same one, not to be changed."""
    found = get_openapi(
        title="Voicebot", version=__version__, openapi_version="3.1.0", description=_ABOUT, routes=operations.routes
    )
    found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"key": []}]
    for path in found["paths"].values():
        for operation in path.values():
            operation["operationId"] = operation["operationId"].split("_api_v1_")[0]
            # FastAPI describes its own answer to a wrong request; ours is Problem.
            if operation["responses"].get("422", {}).get("description") == "Validation Error":
                operation["responses"]["422"] = operation["responses"]["403"] | {
                    "description": "Something of the request is wrong."
                }
    for name in ("HTTPValidationError", "ValidationError"):
        found["components"]["schemas"].pop(name, None)
    return found
