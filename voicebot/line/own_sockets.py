"""This process's UDP sockets by their ports: the stack tells nobody of them, the system does (proc(5), Linux)."""

import contextlib
import os
import socket
from collections.abc import Collection

_FOLDER = "/proc/self/fd"
_NO_UDP = -1


class OwnSockets:
    """Looks for sockets. Of many only those are asked for their port that were not seen before."""

    def __init__(self) -> None:
        self._ports: dict[str, int] = {}  # by the system's name for a socket, which no other has while it lives

    def of(self, ports: Collection[int]) -> list[socket.socket]:
        """Return copies of those bound to one of `ports`. To be closed soon: a copy keeps its port."""
        found: list[socket.socket] = []
        seen: dict[str, int] = {}
        # Not by pathlib: hundreds of descriptors are looked at for each call, and calls wait meanwhile.
        for descriptor in _descriptors():
            with contextlib.suppress(OSError):  # closed meanwhile
                name = os.readlink(f"{_FOLDER}/{descriptor}")  # noqa: PTH115
                if not name.startswith("socket:") or name in seen:
                    continue
                port = self._ports.get(name, 0)
                if not port or port in ports:
                    copy = socket.socket(fileno=os.dup(int(descriptor)))
                    port = _udp_port(copy)
                    if port in ports:
                        found.append(copy)
                    else:
                        copy.close()
                seen[name] = port
        self._ports = seen
        return found


def _descriptors() -> list[str]:
    try:
        return os.listdir(_FOLDER)  # noqa: PTH208
    except OSError:
        return []  # no Linux


def _udp_port(sock: socket.socket) -> int:
    """Return the port that it is bound to; 0: not yet."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_DGRAM:
        return _NO_UDP
    return int(sock.getsockname()[1])
