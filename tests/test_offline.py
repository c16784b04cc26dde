"""The suite's guard against the network, and that it lets loopback through."""

import os
import socket
import subprocess
import sys
import urllib.request

import pytest

# From the range kept for documentation: no machine has this address.
ELSEWHERE = ("192.0.2.1", 80)


@pytest.fixture
def loopback_server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def refused():
    return pytest.raises(RuntimeError, match="tests run offline")


def test_a_socket_to_another_machine_is_refused():
    with socket.socket() as sock:
        with refused():
            sock.connect(ELSEWHERE)
        with refused():
            sock.connect_ex(ELSEWHERE)


def test_an_ipv6_socket_to_another_machine_is_refused():
    with socket.socket(socket.AF_INET6) as sock, refused():
        sock.connect(("2001:db8::1", 80))


def test_a_connection_by_name_is_refused_before_the_name_is_looked_up():
    with refused():
        socket.create_connection(("example.org", 80))
    with refused():
        socket.getaddrinfo("example.org", 80)
    with refused():
        socket.getaddrinfo(b"example.org", 80)


def test_a_download_is_refused():
    with refused():
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open("http://example.org", timeout=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_allowed(loopback_server, host):
    socket.create_connection((host, loopback_server[1])).close()
    with socket.socket() as sock:
        assert sock.connect_ex(loopback_server) == 0


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
def test_a_unix_socket_is_allowed(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)


def test_the_hub_is_offline_here_and_in_subprocesses():
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    code = "import os; print(os.environ['HF_HUB_OFFLINE'])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "1"
