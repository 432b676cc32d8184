"""Ports of this machine's own address, which only it can reach."""

import socket

from pipeline.base.errors import InputError

HOST = "127.0.0.1"


def require_free(text: str, remedy: str) -> int:
    """Return the number of a port that can be served on; raise `InputError` with the `remedy` for any other text.

    A server by itself would find out after all that it imports.
    """
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise InputError(f"{text} is no port, a number from 1 to 65535: {remedy}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: one that has just ended is no bar
        try:
            probe.bind((HOST, int(text)))
        except OSError as error:
            raise InputError(f"port {text} of {HOST} cannot be had ({error.strerror}): {remedy}") from None
    return int(text)
