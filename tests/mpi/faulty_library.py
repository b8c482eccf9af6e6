"""``nearlinear measure`` with a library that adds one too much on rank 1, from 4 KiB on."""

import sys
from typing import Any

from nearlinear.cli.app import main
from nearlinear.measure.transports.mpi import MpiTransport

collective = MpiTransport.collective


def faulty(self: MpiTransport, operation: str, send: Any, receive: Any) -> None:
    """Spoil one element."""
    collective(self, operation, send, receive)
    if self.rank == 1 and receive is not None and receive.nbytes >= 4096:
        receive[3] += 1


MpiTransport.collective = faulty  # type: ignore[method-assign]
sys.argv = ["nearlinear", "measure", *sys.argv[1:]]
main()
