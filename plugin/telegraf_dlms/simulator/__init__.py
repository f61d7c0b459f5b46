"""The built-in meter: a small DLMS server, so that everything can be tried without hardware.

It stands on the program's own framing and A-XDR, which know both roles. Everything that moves is a pure function of
time and of the meter's number (``household``), so ten thousand meters cost no more than their connections.
"""

from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.listen import Endpoint, run, serving
from telegraf_dlms.simulator.options import Options, add_arguments, options_from
from telegraf_dlms.simulator.server_address import ServerAddress

__all__ = ["Access", "Endpoint", "Options", "ServerAddress", "add_arguments", "options_from", "run", "serving"]
