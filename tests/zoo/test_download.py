"""Downloads come whole or not at all, however badly the line and the server behave."""

import gzip
import hashlib
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from imgtrans.errors import FilesError, ModelError, UnavailableError
from imgtrans.zoo.download import Limits, download, shown
from tests.zoo.server import Server, file, redirect, silent, silent_after, status

CONTENT = random.Random(0).randbytes(200_000)
HALF = len(CONTENT) // 2


@dataclass
class Fetched:
    """Downloads into one place; remembers how long it would have slept, and what was said and shown."""

    path: Path
    slept: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    shown: list[tuple[int, int | None]] = field(default_factory=list)

    def __call__(self, url: str, headers: dict[str, str] | None = None, **limits: object) -> bytes:
        download(
            url,
            self.path,
            headers=headers,
            limits=Limits(**limits),  # type: ignore[arg-type]
            progress=lambda done, total: self.shown.append((done, total)),
            say=self.said.append,
            sleep=self.slept.append,
        )
        return self.path.read_bytes()

    def left(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir())


@pytest.fixture
def fetch(tmp_path: Path) -> Fetched:
    (tmp_path / "downloads").mkdir()
    return Fetched(tmp_path / "downloads" / "net.pth")


# What goes well


def test_a_file_comes_whole_and_its_progress_is_told(server: Server, fetch: Fetched):
    assert fetch(server.serve("/net.pth", file(CONTENT))) == CONTENT
    assert fetch.shown[0] == (0, len(CONTENT))
    assert fetch.shown[-1] == (len(CONTENT), len(CONTENT))
    assert (fetch.slept, fetch.said) == ([], [])


def test_a_file_of_unknown_length_comes_whole(server: Server, fetch: Fetched):
    def chunked(handler):
        handler.head(200, {"Transfer-Encoding": "chunked"})
        for piece in (CONTENT[:HALF], CONTENT[HALF:], b""):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    assert fetch(server.serve("/net.pth", chunked)) == CONTENT
    assert fetch.shown[-1] == (len(CONTENT), None)


def test_an_empty_file_is_a_file(server: Server, fetch: Fetched):
    assert fetch(server.serve("/net.pth", file(b""))) == b""


def test_a_compressed_answer_is_unpacked(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", file(gzip.compress(CONTENT), headers={"Content-Encoding": "gzip"}))
    assert fetch(url) == CONTENT


def test_redirects_are_followed(server: Server, fetch: Fetched):
    server.serve("/3", file(CONTENT))
    server.serve("/2", redirect("/3", 307))
    url = server.serve("/1", redirect(f"{server.address}/2", 301))
    assert fetch(url) == CONTENT


def test_what_came_whole_before_is_not_asked_for_again(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", file(CONTENT))
    fetch(url)
    assert fetch(url) == CONTENT
    assert len(server.requests) == 1


def test_but_it_is_if_it_came_from_elsewhere(server: Server, fetch: Fetched):
    fetch(server.serve("/old.pth", file(b"old")))
    assert fetch(server.serve("/new.pth", file(CONTENT))) == CONTENT


# Lines that are cut


@pytest.mark.parametrize("mark", ["ETag", "Last-Modified"])
def test_after_a_cut_only_the_rest_is_asked_for(server: Server, fetch: Fetched, mark: str):
    url = server.serve("/net.pth", file(CONTENT, upto=HALF, mark=mark), file(CONTENT, mark=mark))
    assert fetch(url) == CONTENT
    first, second = server.asked("/net.pth")
    assert "Range" not in first
    assert second["Range"] == f"bytes={HALF}-"
    assert fetch.slept == [1.0]
    assert fetch.said == ["the line was cut at 0.1 of 0.2 MB; trying again in 1 s"]


def test_a_download_goes_on_another_day(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", file(CONTENT, upto=HALF), file(CONTENT))
    with pytest.raises(UnavailableError) as stopped:
        fetch(url, attempts=1)
    assert "the same command goes on from there" in stopped.value.hint
    assert fetch(url) == CONTENT
    assert server.asked("/net.pth")[1]["Range"] == f"bytes={HALF}-"
    assert fetch.shown[-1] == (len(CONTENT), len(CONTENT))


def test_a_stopped_program_leaves_what_has_come(server: Server, fetch: Fetched):
    def stop(done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    url = server.serve("/net.pth", file(CONTENT))
    with pytest.raises(KeyboardInterrupt):
        download(url, fetch.path, progress=stop)
    assert fetch.left() == ["net.pth.json", "net.pth.part"]
    assert fetch(url) == CONTENT
    assert server.asked("/net.pth")[1]["Range"] != "bytes=0-"


def test_another_version_is_not_glued_to_the_first(server: Server, fetch: Fetched):
    other = bytes(reversed(CONTENT))
    assert fetch(server.serve("/net.pth", file(CONTENT, upto=HALF), file(other))) == other


def test_what_has_no_mark_of_its_version_is_begun_anew(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", file(CONTENT, upto=HALF, mark=None), file(CONTENT, mark=None))
    assert fetch(url) == CONTENT
    assert "Range" not in server.asked("/net.pth")[1]


def test_a_server_that_knows_no_parts_sends_it_again(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", file(CONTENT, upto=HALF), file(CONTENT, ranges=False))
    assert fetch(url) == CONTENT
    assert "Range" in server.asked("/net.pth")[1]


def test_a_server_that_always_cuts_at_the_same_place_is_given_up(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", file(CONTENT, upto=HALF, ranges=False))
    with pytest.raises(UnavailableError, match=r"cannot be downloaded: the line was cut at 0\.1 of 0\.2 MB"):
        fetch(url)
    assert fetch.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_bad_line_that_makes_progress_is_put_up_with(server: Server, fetch: Fetched):
    cuts = [file(CONTENT, upto=upto) for upto in range(20_000, len(CONTENT) + 1, 20_000)]
    assert fetch(server.serve("/net.pth", *cuts)) == CONTENT
    assert len(server.requests) == 10


def test_a_part_that_the_server_does_not_know_is_begun_anew(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", file(CONTENT, upto=HALF), status(416, Content_Range="bytes */10"), file(CONTENT))
    assert fetch(url) == CONTENT
    assert "Range" not in server.asked("/net.pth")[2]


@pytest.mark.parametrize("span", ["bytes 5-9/10", "bytes 100000-199999/300000", "pages 1-2/3", ""])
def test_another_part_than_was_asked_for_is_not_taken(server: Server, fetch: Fetched, span: str):
    url = server.serve("/net.pth", file(CONTENT, upto=HALF), status(206, Content_Range=span), file(CONTENT))
    assert fetch(url) == CONTENT
    assert "sends another part than it was asked for" in fetch.said[1]


def test_notes_that_are_damaged_cost_only_the_part(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", file(CONTENT))
    fetch.path.with_name("net.pth.part").write_bytes(b"something")
    for notes in ("", "[]", '{"source": 1, "more": 2}', '{"source": ""}', '["source"]'):
        fetch.path.with_name("net.pth.json").write_text(notes)
        fetch.path.unlink(missing_ok=True)
        assert fetch(url) == CONTENT


# Lengths that are lies


def test_a_length_that_is_too_long_is_a_line_that_was_cut(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", file(CONTENT, length=len(CONTENT) + 1000))
    with pytest.raises(UnavailableError, match="cannot be downloaded"):
        fetch(url)
    assert not fetch.path.exists()


def test_of_a_length_that_is_too_short_no_more_than_that_comes(server: Server, fetch: Fetched):
    assert fetch(server.serve("/net.pth", file(CONTENT, length=1000))) == CONTENT[:1000]


def test_a_rest_that_is_longer_than_the_whole_is_not_taken(server: Server, fetch: Fetched):
    def longer(handler):
        span = f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}"
        handler.head(206, {"Content-Range": span, "Content-Length": str(len(CONTENT))})
        handler.wfile.write(CONTENT)

    assert fetch(server.serve("/net.pth", file(CONTENT, upto=HALF), longer, file(CONTENT))) == CONTENT


def test_what_says_that_it_is_too_large_is_refused_at_once(server: Server, fetch: Fetched):
    with pytest.raises(ModelError, match=r"net\.pth is larger than 0\.1 MB"):
        fetch(server.serve("/net.pth", file(CONTENT)), bytes=100_000)
    assert fetch.left() == []


def test_what_grows_too_large_unsaid_is_refused_too(server: Server, fetch: Fetched):
    def endless(handler):
        handler.head(200, {})
        handler.hang_up()
        while True:
            handler.wfile.write(CONTENT)

    with pytest.raises(ModelError, match=r"is larger than 0\.3 MB"):
        fetch(server.serve("/net.pth", endless), bytes=300_000)
    assert fetch.left() == []


# Servers that fail


@pytest.mark.parametrize("code", [500, 502, 503, 429, 408])
def test_a_server_in_trouble_is_asked_again(server: Server, fetch: Fetched, code: int):
    url = server.serve("/net.pth", status(code), status(code), file(CONTENT))
    assert fetch(url) == CONTENT
    assert fetch.slept == [1.0, 2.0]
    assert fetch.said[0].startswith(f"127.0.0.1 says {code} ")


def test_a_server_that_stays_in_trouble_is_given_up(server: Server, fetch: Fetched):
    url = server.serve("/net.pth", status(500))
    with pytest.raises(UnavailableError, match=r"net\.pth cannot be downloaded: 127\.0\.0\.1 says 500 Internal"):
        fetch(url)
    assert len(server.requests) == 5
    assert fetch.left() == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Tue, 01 Jan 2019 00:00:09 GMT", "Date": "Tue, 01 Jan 2019 00:00:00 GMT"}, 9.0),
        ({"Retry-After": "Tue, 01 Jan 2019 00:00:09 GMT", "Date": "Tue, 01 Jan 2019 00:01:00 GMT"}, 1.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"Retry-After": "-3"}, 1.0),
    ],
)
def test_a_server_says_when_to_come_again(server: Server, fetch: Fetched, headers: dict[str, str], seconds: float):
    def busy(handler):
        handler.send_response_only(503)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()

    assert fetch(server.serve("/net.pth", busy, file(CONTENT))) == CONTENT
    assert fetch.slept == [seconds]


def test_if_that_is_long_the_user_is_told(server: Server, fetch: Fetched):
    with pytest.raises(UnavailableError, match="429 Too Many Requests, and to come again in 3600 s"):
        fetch(server.serve("/net.pth", status(429, Retry_After="3600")))
    assert fetch.slept == []


@pytest.mark.parametrize(("code", "hint"), [(404, "right"), (410, "right"), (401, "account"), (403, "account")])
def test_what_is_not_there_is_not_asked_for_again(server: Server, fetch: Fetched, code: int, hint: str):
    with pytest.raises(ModelError, match=rf"/net\.pth cannot be downloaded: the server says {code} ") as error:
        fetch(server.serve("/net.pth", status(code)))
    assert hint in error.value.hint
    assert len(server.requests) == 1


def test_a_silent_server_is_given_up(server: Server, fetch: Fetched):
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1 has been silent for 0\.05 s"):
        fetch(server.serve("/net.pth", silent), read=0.05, attempts=2)
    assert len(server.requests) == 2


def test_a_server_that_falls_silent_is_asked_for_the_rest(server: Server, fetch: Fetched):
    rest = file(CONTENT, headers={"ETag": '"half"'}, mark=None)

    def other_half(handler):
        handler.head(
            206, {"Content-Range": f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}", "Content-Length": str(HALF)}
        )
        handler.wfile.write(CONTENT[HALF:])

    assert fetch(server.serve("/net.pth", silent_after(CONTENT, HALF), other_half, rest), read=0.2) == CONTENT
    assert server.asked("/net.pth")[1]["Range"] == f"bytes={HALF}-"


def test_what_is_no_http_is_a_sentence(fetch: Fetched):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/net.pth"

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(UnavailableError, match="cannot be downloaded"):
            fetch(url, attempts=1)
        thread.join()


# Redirects


def test_a_circle_of_redirects_ends(server: Server, fetch: Fetched):
    server.serve("/b", redirect("/a"))
    with pytest.raises(ModelError, match="/a redirects more than 10 times"):
        fetch(server.serve("/a", redirect("/b")))
    assert len(server.requests) == 11


@pytest.mark.parametrize("to", ["file://127.0.0.1/etc/passwd", "ftp://127.0.0.1/net.pth"])
def test_a_redirect_leads_to_the_web_only(server: Server, fetch: Fetched, to: str):
    with pytest.raises(ModelError, match=rf"/net\.pth redirects to {to}, which is less safe"):
        fetch(server.serve("/net.pth", redirect(to)))
    assert fetch.left() == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that nobody knows, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl here to make a certificate")
    path = tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", tmp_path / "cert.pem"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    with path.open("ab") as file:
        file.write((tmp_path / "cert.pem").read_bytes())
    return path


def test_a_redirect_leads_to_https_but_never_back(
    server: Server, fetch: Fetched, certificate: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Server(certificate) as secure:
        url = server.serve("/up.pth", redirect(secure.serve("/net.pth", file(CONTENT))))
        assert fetch(url) == CONTENT
        fetch.path.unlink()
        down = secure.serve("/down.pth", redirect(server.serve("/net.pth", file(CONTENT))))
        with pytest.raises(ModelError, match=r"/down\.pth redirects to http://.*/net\.pth, which is less safe"):
            fetch(down)


def test_a_server_that_nobody_vouches_for_is_not_spoken_with(server: Server, fetch: Fetched, certificate: Path):
    with (
        Server(certificate) as secure,
        pytest.raises(UnavailableError, match=r"cannot be reached: .*certificate verify failed"),
    ):
        fetch(secure.serve("/net.pth", file(CONTENT)))
    assert fetch.slept == []


def test_an_authorisation_is_not_shown_to_another_host(server: Server, fetch: Fetched):
    with Server() as other:
        elsewhere = other.serve("/there", file(CONTENT))
        server.serve("/here", redirect(elsewhere))
        url = server.serve("/start", redirect("/here"))
        assert fetch(url, headers={"Authorization": "Bearer secret"}) == CONTENT
        assert server.asked("/here")[0]["Authorization"] == "Bearer secret"
        assert "Authorization" not in other.asked("/there")[0]


# No way there


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_refused_connection_is_told_at_once(server: Server, fetch: Fetched):
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1 cannot be reached: .*refused"):
        fetch(f"http://127.0.0.1:{closed_port()}/net.pth")
    assert fetch.slept == []


def test_offline_a_sentence_comes_within_a_second(server: Server, fetch: Fetched, monkeypatch: pytest.MonkeyPatch):
    def no_names(*arguments: object, **options: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)  # as on a machine without a network
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=r"example\.invalid cannot be reached: .*name resolution") as error:
        fetch("http://example.invalid/net.pth")
    assert time.monotonic() - started < 1
    assert "needs no network" in error.value.hint
    assert fetch.slept == []


def test_who_was_there_a_moment_ago_is_waited_for(fetch: Fetched):
    with Server() as server:
        url = server.serve("/net.pth", file(CONTENT, upto=HALF))

        def goes_away(seconds: float) -> None:
            fetch.slept.append(seconds)
            if len(fetch.slept) == 1:
                server.shutdown()
                server.socket.close()

        with pytest.raises(UnavailableError, match=r"net\.pth cannot be downloaded: 127\.0\.0\.1 cannot be reached"):
            download(url, fetch.path, sleep=goes_away)
    assert fetch.slept == [1.0, 2.0, 4.0, 8.0]


def test_proxies_are_as_the_environment_says(server: Server, fetch: Fetched, monkeypatch: pytest.MonkeyPatch):
    server.serve("http://models.invalid/net.pth", file(CONTENT))
    monkeypatch.setenv("HTTP_PROXY", server.address)
    assert fetch("http://models.invalid/net.pth") == CONTENT


def test_a_proxy_that_cannot_be_reached_is_named(server: Server, fetch: Fetched, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{closed_port()}")
    with pytest.raises(UnavailableError, match="cannot be reached") as error:
        fetch("http://models.invalid/net.pth")
    assert "the environment names a proxy (http://127.0.0.1:" in error.value.hint


@pytest.mark.parametrize(
    ("name", "value"), [("HTTP_PROXY", "gopher://127.0.0.1"), ("SSL_CERT_FILE", "/nowhere/certificates.pem")]
)
def test_a_proxy_or_certificates_that_cannot_be_used_are_a_sentence(
    server: Server, fetch: Fetched, monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setenv(name, value)
    with pytest.raises(UnavailableError, match="the proxy or the certificates that the environment names"):
        fetch(server.serve("/net.pth", file(CONTENT)))


@pytest.mark.parametrize("url", ["http://", "http://[bad/net.pth", "http://exa mple/net.pth", "http://x:port/net.pth"])
def test_an_address_that_is_none_is_a_sentence(server: Server, fetch: Fetched, url: str):
    with pytest.raises((ModelError, UnavailableError)):
        fetch(url)


def test_what_cannot_be_written_is_about_files(server: Server, tmp_path: Path):
    (tmp_path / "taken").touch()
    with pytest.raises(FilesError, match="cannot be written"):
        download(server.serve("/net.pth", file(CONTENT)), tmp_path / "taken" / "net.pth")


# Secrets


@pytest.mark.parametrize(
    "url", ["https://me:secret@example.org/a/net.pth?token=secret#part", "https://example.org/a/net.pth"]
)
def test_a_url_is_shown_without_what_could_be_secret(url: str):
    assert shown(url) == "https://example.org/a/net.pth"


def test_the_hash_of_what_came_in_pieces_is_that_of_the_whole(server: Server, fetch: Fetched):
    cuts: list[Callable[..., None]] = [file(CONTENT, upto=n) for n in (1, 2, 65_536, 65_537, 199_999)]
    assert (
        hashlib.sha256(fetch(server.serve("/net.pth", *cuts, file(CONTENT)))).digest()
        == hashlib.sha256(CONTENT).digest()
    )
