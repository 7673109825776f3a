"""Where messages may go: looked up once, judged, and dialled at the very address."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from serving.doctor import examine
from serving.interventions.delivery.dispatch import http_client
from serving.interventions.delivery.targets import Bounded, Reach, TargetRefused, is_public
from serving.interventions.delivery.webhook import Delivery, Endpoint, Message, notify
from serving.settings_service import WebhookSettings
from tests.serving.conftest import Shop

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOTICE = Message("m-1", "score.withdrawn", "{}")
PUBLIC, INSIDE, CLOUD = "93.184.215.14", "10.1.2.3", "169.254.169.254"


class Resolver:
    """Answers with each list in turn, and the last one for ever: as a rebinding name server."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Receiver:
    """Remembers where it was dialled and answers 204."""

    def __init__(self, *, refusing: str = "") -> None:
        self.requests: list[httpx.Request] = []
        self.refusing = refusing
        self.client = httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host == self.refusing:
            raise httpx.ConnectError("refused")
        return httpx.Response(204)


def send(receiver: Receiver, reach: Reach, url: str = "https://crm.example:8443/hook") -> Delivery:
    endpoint = Endpoint(url, b"s" * 32, reach=reach)
    return notify(receiver.client, endpoint, NOTICE, home_kind="production", now=NOW)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255",
        "::", "::1", "::8.8.8.8", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "2001:db8::1", "2001::1", "3fff::1", "5f00::1", "100::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    ],
)  # fmt: skip
def test_addresses_that_are_nobodys_on_the_internet(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("127.0.0.1", True), (INSIDE, True), ("fd00::1", True), ("::1", True), (CLOUD, False),
     ("fe80::1", False), ("0.0.0.0", False), ("224.0.0.1", False)],
)  # fmt: skip
def test_allow_private_opens_networks_and_no_cloud_credentials(address: str, allowed: bool) -> None:
    assert Reach(private=True).allows(ip_address(address), home_kind="production") == allowed


METADATA = ["fd00:ec2::254", "100.100.100.200", "fd20:ce::254", CLOUD, "::ffff:100.100.100.200"]


@pytest.mark.parametrize("address", METADATA)
def test_clouds_credentials_lie_in_no_private_network(address: str) -> None:
    assert not Reach(private=True).allows(ip_address(address), home_kind="production")
    wide = Reach.stated(tuple(map(ip_network, ("fc00::/7", "100.64.0.0/10", "169.254.0.0/16"))))
    assert not wide.allows(ip_address(address), home_kind="production")


def test_they_are_reached_where_the_very_address_is_named() -> None:
    named = Reach.stated((ip_network("fd00:ec2::254/128"),))
    assert named.allows(ip_address("fd00:ec2::254"), home_kind="production")


@pytest.mark.parametrize(("address", "allowed"), [(INSIDE, True), ("10.2.0.1", False)])
def test_networks_may_be_named_one_by_one(address: str, allowed: bool) -> None:
    reach = Reach.stated((ip_network("10.1.0.0/16"),))
    assert reach.allows(ip_address(address), home_kind="production") == allowed


@pytest.mark.parametrize("home_kind", ["demo", "evaluation"])
@pytest.mark.parametrize("address", [PUBLIC, INSIDE])
def test_a_home_that_is_not_in_production_reaches_this_machine_alone(
    address: str, home_kind: str
) -> None:
    assert not Reach(private=True).allows(ip_address(address), home_kind=home_kind)


def test_the_address_that_was_judged_is_the_one_that_is_dialled() -> None:
    receiver, resolver = Receiver(), Resolver([PUBLIC], [CLOUD])
    assert send(receiver, Reach(resolve=resolver)).outcome == "delivered"
    assert [each.url.host for each in receiver.requests] == [PUBLIC]
    assert resolver.asked == 1


def test_the_receiver_still_hears_its_own_name() -> None:
    receiver = Receiver()
    send(receiver, Reach(resolve=Resolver([PUBLIC])))
    [request] = receiver.requests
    assert request.headers["host"] == "crm.example:8443"
    assert request.extensions["sni_hostname"] == "crm.example"
    assert str(request.url) == f"https://{PUBLIC}:8443/hook"


@pytest.mark.parametrize("answer", [[CLOUD], [INSIDE], ["127.0.0.1"], ["::ffff:10.0.0.1"], ["?"]])
def test_a_name_that_turns_private_gets_nothing(answer: list[str]) -> None:
    """DNS rebinding: the same name was public when the home was set up."""
    receiver, resolver = Receiver(), Resolver([PUBLIC], answer)
    reach = Reach(resolve=resolver)
    outcomes = [send(receiver, reach).outcome for _ in range(2)]
    assert outcomes == ["delivered", "retry"]
    assert len(receiver.requests) == 1


def test_of_several_addresses_only_the_good_ones_are_dialled() -> None:
    receiver = Receiver()
    send(receiver, Reach(resolve=Resolver([INSIDE, PUBLIC])))
    assert [each.url.host for each in receiver.requests] == [PUBLIC]


def test_the_next_address_is_tried_when_one_refuses() -> None:
    receiver = Receiver(refusing=PUBLIC)
    sent = send(receiver, Reach(resolve=Resolver([PUBLIC, "2606:4700::1111"])))
    assert sent.outcome == "delivered"
    assert [each.url.host for each in receiver.requests] == [PUBLIC, "2606:4700::1111"]


@pytest.mark.parametrize("written", ["127.1", "2130706433", "0x7f.0.0.1", "localhost."])
def test_other_ways_to_write_this_machine_end_the_same(written: str) -> None:
    receiver = Receiver()
    sent = send(receiver, Reach(), f"https://{written}/hook")
    assert (sent.outcome, receiver.requests) == ("retry", [])


def test_a_name_without_an_address_is_tried_again_later() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror("Name or service not known")

    with pytest.raises(TargetRefused, match="no address"):
        Reach(resolve=unknown).addresses("crm.example", 443, home_kind="production")
    assert send(Receiver(), Reach(resolve=unknown)) == Delivery("retry", None)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (False, False),
        ("true", True),
        (["10.1.0.0/16"], (ip_network("10.1.0.0/16"),)),
        ("10.1.0.0/16, fd00::/8", (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))),
    ],
)
def test_settings_state_it_in_the_file_or_the_environment(stated: object, expected: object) -> None:
    assert WebhookSettings.model_validate({"allow_private": stated}).allow_private == expected


def test_settings_refuse_what_is_no_network() -> None:
    with pytest.raises(ValidationError):
        WebhookSettings.model_validate({"allow_private": ["crm.example"]})


@pytest.mark.parametrize(("allow_private", "outcome"), [("false", "attention"), ("true", "ok")])
def test_doctor_says_whether_messages_may_go_there(
    shop: Shop, allow_private: str, outcome: str
) -> None:
    settings = shop.keepwell.home.settings_file
    stated = f'url = "http://127.0.0.1:9/"\nallow_private = {allow_private}\n'
    settings.write_text(settings.read_text() + f"[webhook]\n{stated}")
    checks = examine(shop.keepwell.home.root, now=NOW)
    assert [each.outcome for each in checks if each.name == "webhook"] == [outcome]


# over real sockets


@pytest.fixture
def dripping() -> Iterator[str]:
    """Give the address of a receiver that answers a byte at a time, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(65_536)
                taken.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                while not stop.wait(0.02):
                    try:
                        taken.sendall(b"a")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"
        stop.set()
        thread.join(timeout=5)


def test_a_receiver_that_drips_does_not_hold_the_courier(dripping: str) -> None:
    endpoint = Endpoint(dripping, b"s" * 32)
    started = time.monotonic()
    with http_client(seconds=0.3) as client:
        sent = notify(client, endpoint, NOTICE, home_kind="demo", now=NOW)
    assert sent == Delivery("retry", None)
    assert time.monotonic() - started < 2


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Give the port of a TLS receiver that is crm.example, and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "crm.example")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("crm.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    held, known = tmp_path / "key.pem", tmp_path / "certificate.pem"
    held.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    known.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(known, held)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            taken, _ = server.accept()
            with taken:
                try:
                    with context.wrap_socket(taken, server_side=True) as secure:
                        secure.recv(65_536)
                        secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                except OSError:  # the sender did not like the certificate
                    return

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1], known
        thread.join(timeout=5)


@pytest.mark.parametrize(
    ("name", "sent"),
    [("crm.example", Delivery("delivered", 204)), ("other.example", Delivery("retry", None))],
)
def test_the_certificate_is_checked_against_the_name_and_not_the_address(
    secured: tuple[int, Path], name: str, sent: Delivery
) -> None:
    port, known = secured
    reach = Reach(private=True, resolve=Resolver(["127.0.0.1"]))
    endpoint = Endpoint(f"https://{name}:{port}/hook", b"s" * 32, reach=reach)
    transport = Bounded(seconds=5, trusted=ssl.create_default_context(cafile=known))
    with httpx.Client(transport=transport, trust_env=False) as client:
        assert notify(client, endpoint, NOTICE, home_kind="production", now=NOW) == sent
