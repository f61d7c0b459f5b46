"""Short names with what others wrote: our READ at a meter of theirs, and their client at our meter."""

from __future__ import annotations

import json
import socket
import subprocess

import fetch
import parts
import pytest

from simulator_client import aarq_sn
from telegraf_dlms.apdu import entry_selection
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.read import read, read_list
from telegraf_dlms.short_names import OBJECT_LIST, attribute_name, parse_object_list
from telegraf_dlms.wrapper import WrapperFraming

pytestmark = pytest.mark.real

NO_VARIABLE = 8
ROWS = 96


class Connection:
    """A conversation's driver on a socket, in an association with short names."""

    def __init__(self, port, max_pdu_size):
        self.socket = socket.create_connection(("127.0.0.1", port), parts.PATIENCE)
        self.framing = WrapperFraming(client=16, server=1)
        self.aare = self.run(self.framing.exchange(aarq_sn(max_pdu_size=max_pdu_size)))
        self.objects = parse_object_list(self.run(read(self.framing, OBJECT_LIST)))

    def run(self, conversation):
        try:
            octets = next(conversation)
            while True:
                self.socket.sendall(octets)
                octets = conversation.send(self.socket.recv(65536))
        except StopIteration as end:
            return end.value

    def name(self, class_id, code, attribute=2):
        return attribute_name(self.objects[class_id, parse_obis(code)].base_name, attribute)


@pytest.fixture(params=[1200, 128], ids=["large PDUs", "small PDUs"])
def connection(request, foreign_wrapper_meter):
    opened = Connection(foreign_wrapper_meter, request.param)
    with opened.socket:
        yield opened


def test_a_foreign_meter_accepts_with_the_vaa_name_of_short_names(connection):
    assert connection.aare[-2:] == bytes.fromhex("FA00")


def test_values_of_a_foreign_meter(connection):
    asked = [connection.name(1, "0.0.96.1.0.255"), NO_VARIABLE, connection.name(3, "1.0.1.8.0.255")]
    (_, serial), refused, (_, energy) = connection.run(read_list(connection.framing, asked))
    assert (serial, energy) == (b"PYD0000000001", 12345678)
    assert isinstance(refused, DataRefused)
    assert refused.result == 4
    assert connection.run(read(connection.framing, asked[2])) == 12345678


@pytest.mark.parametrize("selection", [b"", entry_selection(1, ROWS)], ids=["whole", "by entry"])
def test_a_profile_of_a_foreign_meter_in_blocks(connection, selection):
    buffer = connection.name(7, "1.0.99.1.0.255")
    rows = connection.run(read(connection.framing, buffer, selection=selection))
    assert [row[1] for row in rows] == [1000 + 7 * number for number in range(ROWS)]


@pytest.fixture(scope="module", params=["wrapper", "hdlc"])
def endpoint(request, foreign_wrapper_meter):  # the foreign meter's package is that of the client
    with parts.built_in_meter("--interface", request.param, "--short-names", "--password", "12345678") as meter:
        scheme = "tcp" if request.param == "wrapper" else "tcp+hdlc"
        yield f"{scheme}://127.0.0.1:{parts.listening(meter)}"


def foreign_client(endpoint, *arguments):
    """Run the pydlms-client's command on our meter; return what it prints."""
    command = [fetch.PYDLMS.path, fetch.PYDLMS.path.with_name("pydlms"), "--json", *arguments]
    options = ["--short-names", "--auth", "lls", "--password", "12345678", endpoint]
    ended = subprocess.run([*command, *options], capture_output=True, text=True, timeout=parts.PATIENCE, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_foreign_client_lists_our_meters_objects(endpoint):
    listed = foreign_client(endpoint, "list")
    assert {"1.0.1.8.0.255", "0.0.40.0.0.255", "1.0.99.1.0.255"} <= {found["obis"] for found in listed}


def test_a_foreign_client_reads_our_meters_rows(endpoint):
    assert len(foreign_client(endpoint, "profile", "--obis", "1.0.99.1.0.255", "--last", "5")) == 5
