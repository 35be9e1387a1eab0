"""Free ports on the loopback interface."""

import socket

from local.places import LOOPBACK


def free_ports(count: int) -> list[int]:
    """`count` different ports that nothing listens on now. Another program may take one before we do; starting then fails and says so."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def accepts_connections(port: int) -> bool:
    """Whether something listens on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
