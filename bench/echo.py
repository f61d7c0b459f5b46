"""A peer as small as one can be: it answers each WRAPPER get-request with the same value, and knows no meter at all.

A program of its own: ``python -m bench.echo`` says at which port of 127.0.0.1 it is, serves one connection after the
other, and ends with its standard input.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Final

#: get-response-normal, a double-long-unsigned; the invoke-id comes from the request.
_HEAD: Final = bytes.fromhex("0001000100100009C401")
_VALUE: Final = bytes.fromhex("000600BC614E")
#: Where the invoke-id-and-priority is, behind the header of the WRAPPER.
_INVOKE_ID: Final = 10


def main() -> None:
    """Serve until standard input ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stderr.write(f"listening on 127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stderr.flush()
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        os.read(0, 1)


def _serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while request := connection.recv(4096):
                connection.sendall(_HEAD + request[_INVOKE_ID : _INVOKE_ID + 1] + _VALUE)


if __name__ == "__main__":
    main()
