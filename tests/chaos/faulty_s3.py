"""An S3 server (moto's) behind a proxy that fails some of its calls, as servers under load do.

Of the calls that fail, most are answered 503 and not passed on; of the rest the connection is cut,
before the server has got the call, or after it has done what was asked, so that nobody learns of
it.

Of the objects that are to be deleted together, some stay: S3 answers such a call 200, and names in
its answer those that it has not deleted.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from moto.server import ThreadedMotoServer

BUSY = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>ServiceUnavailable</Code>'
    b"<Message>Please try again</Message></Error>"
)
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
SHARE_CUT = 0.3
"""Of the calls that fail, those whose connection is cut."""

_NOT_FORWARDED = ("connection", "transfer-encoding", "keep-alive", "expect")


@dataclass
class FaultyS3:
    """Addresses of the server and of the proxy, and what the proxy does and has seen.

    Attributes
    ----------
    fails : float
        Share of the calls that fail, and of the objects deleted together that stay.
    refused : str
        End of the path of an object that cannot be written while this is set.
    stays : list of str
        Parts of the keys of objects that stay when they are deleted with others, each part once.
    stayed : int
        How often an object stayed.
    puts : list of str
        Paths of the objects that were written, in order.
    """

    direct: str
    faulty: str
    fails: float = 0.0
    refused: str = ""
    stays: list[str] = field(default_factory=list)
    stayed: int = 0
    draw: random.Random = field(default_factory=random.Random)
    puts: list[str] = field(default_factory=list)
    calls: int = 0
    failed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, command: str, path: str) -> str:
        """Draw what happens to a call: nothing, ``busy``, ``cut`` or ``cut after``."""
        place = path.partition("?")[0]
        if self.refused and command == "PUT" and place.endswith(self.refused):
            return "busy"
        with self.lock:
            self.calls += 1
            if self.draw.random() >= self.fails:
                return ""
            self.failed += 1
            if self.draw.random() >= SHARE_CUT:
                return "busy"
            return self.draw.choice(("cut", "cut after"))

    def staying(self, keys: list[str]) -> list[str]:
        """Draw which of the objects that are deleted together stay."""
        with self.lock:
            chosen = [key for key in keys if self._stays(key)]
            self.stayed += len(chosen)
        return chosen

    def _stays(self, key: str) -> bool:
        part = next((part for part in self.stays if part in key), None)
        if part is not None:
            self.stays.remove(part)
        return part is not None or self.draw.random() < self.fails


@contextlib.contextmanager
def faulty_s3() -> Iterator[FaultyS3]:
    """Start both, on ports of this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3 = FaultyS3(f"http://{host}:{port}", "")
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _handler(s3, host, port))
    proxy.daemon_threads = True
    s3.faulty = f"http://127.0.0.1:{proxy.server_address[1]}"
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield s3
    finally:
        proxy.shutdown()
        proxy.server_close()
        server.stop()


def _handler(s3: FaultyS3, host: str, port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = s3.fault(self.command, self.path)
            if fault == "busy":
                self.reply(503, [("Content-Type", "application/xml")], BUSY)
                return
            if fault == "cut":
                self.cut()
                return
            if self.command == "POST" and self.path.endswith("?delete"):
                status, headers, content = self.delete(body)
            else:
                status, headers, content = self.forward(body)
            if self.command == "PUT" and status < 300:
                s3.puts.append(self.path.split("?")[0])
            if fault == "cut after":
                self.cut()
                return
            self.reply(status, headers, content)

        def delete(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            asked = ET.fromstring(body)
            objects = {each[0].text or "": each for each in asked if each.tag.endswith("Object")}
            staying = s3.staying(list(objects))
            if not staying:
                return self.forward(body)
            for key in staying:
                asked.remove(objects[key])
            if len(staying) < len(objects):
                self.forward(ET.tostring(asked, default_namespace=NAMESPACE))
            return 200, [("Content-Type", "application/xml")], _not_deleted(staying)

        def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(host, port, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_FORWARDED}
            headers |= {"Content-Length": str(len(body))} if body else {}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, answer.getheaders(), content

        def reply(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            length = str(len(content))
            for name, value in headers:
                if name.lower() == "content-length":
                    length = value  # of a HEAD, whose content is not sent
                elif name.lower() not in _NOT_FORWARDED:
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def cut(self) -> None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815

    return Handler


def _not_deleted(keys: list[str]) -> bytes:
    """Write what S3 answers to a call that has deleted some objects, and not these."""
    answer = ET.Element("DeleteResult", xmlns=NAMESPACE)
    for key in keys:
        error = ET.SubElement(answer, "Error")
        for name, text in (("Key", key), ("Code", "InternalError"), ("Message", "Try again")):
            ET.SubElement(error, name).text = text
    return ET.tostring(answer, encoding="utf-8", xml_declaration=True)
