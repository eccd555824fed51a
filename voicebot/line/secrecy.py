"""TLS for the signalling and SRTP for the sound, as pjsua2 wants them."""

import ssl
from typing import Any

import pjsua2 as pj
import structlog

from voicebot.errors import LineError
from voicebot.settings import Sip

log = structlog.get_logger(__name__)

_HANDSHAKE_MS = 5000


def check_files(sip: Sip) -> None:
    """Raise LineError where the certificate, its key or the CA file cannot be used: the stack would only refuse calls."""
    if sip.transport != "tls":
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(str(sip.certificate), str(sip.private_key), password="")
    except (OSError, ssl.SSLError) as error:
        raise LineError(
            f"sip.certificate and sip.private_key cannot be used: {_why(error)}.",
            "Give PEM files that belong together, the key without a password, readable by this process.",
        ) from None
    if sip.ca_file is not None:
        try:
            context.load_verify_locations(str(sip.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise LineError(f"sip.ca_file cannot be used: {_why(error)}.", "Give a PEM file of certificates.") from None


def secure_transport(config: Any, sip: Sip) -> None:
    """Write the certificate and what peers must show into a TransportConfig: TLS 1.2 or newer."""
    tls = config.tlsConfig
    tls.certFile, tls.privKeyFile = str(sip.certificate), str(sip.private_key)
    # The wheel's OpenSSL knows no 1.3.
    tls.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2 | getattr(pj, "PJ_SSL_SOCK_PROTO_TLS1_3", 0)
    tls.msecTimeout = _HANDSHAKE_MS
    if sip.ca_file is not None:
        tls.CaListFile = str(sip.ca_file)
        tls.verifyServer = tls.verifyClient = tls.requireClientCert = True


def secure_media(config: Any, sip: Sip) -> None:
    """Write into an AccountMediaConfig whether sound is encrypted (RFC 3711, keys by RFC 4568)."""
    config.srtpUse = {
        "off": pj.PJMEDIA_SRTP_DISABLED, "optional": pj.PJMEDIA_SRTP_OPTIONAL, "required": pj.PJMEDIA_SRTP_MANDATORY,
    }[sip.srtp]  # fmt: skip
    config.srtpSecureSignaling = 1 if sip.srtp != "off" and sip.transport == "tls" else 0
    if sip.srtp != "off" and sip.transport != "tls":
        log.warning("keys_of_srtp_are_readable", transport=sip.transport, cure='set sip.transport = "tls"')


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "no certificate or key in it"
    return str(getattr(error, "strerror", "") or type(error).__name__)
