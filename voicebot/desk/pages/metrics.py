"""/metrics for Prometheus: by a key with the scope `metrics`, or from the networks of `http.metrics_allow`; nobody else."""

from ipaddress import ip_address, ip_network

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from prometheus_client.exposition import choose_encoder

from voicebot.accounts.roles import Scope
from voicebot.accounts.sessions import Login
from voicebot.desk.context import CurrentDesk, Desk, address_of
from voicebot.desk.metrics import Metrics

router = APIRouter()
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@router.get("/metrics")
def metrics(request: Request, desk: CurrentDesk) -> Response:
    """All figures, in the text format or OpenMetrics, as the scraper likes."""
    login: Login | None = getattr(request.state, "login", None)
    if not (login is not None and login.may(Scope.METRICS)) and not _is_neighbour(request, desk):
        raise HTTPException(403 if login is not None else 401, "Нужен ключ с областью metrics.")
    own: Metrics = request.app.state.metrics
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(own.registry), media_type=content_type)


def _is_neighbour(request: Request, desk: Desk) -> bool:
    """Whether it comes from an allowed network. Behind a proxy that we do not trust every request would seem to."""
    http = desk.settings.http
    if not http.trusted_proxies and any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ip_address(address_of(request))
    except ValueError:
        return False
    return any(address in ip_network(network) for network in http.metrics_allow)
