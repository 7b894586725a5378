"""What stands outside of a checked program: a name server, a server with a certificate, and a store that never answers.

They listen on addresses of 127.0.0.0/8 that nothing else uses, and note what they were asked. They show that the C
library within a program resolves names by the root's /etc/resolv.conf, and that TLS roots are found in the root.
"""

import datetime
import http.server
import socket
import socketserver
import ssl
import subprocess
import threading
from pathlib import Path

NAME_SERVER = "127.77.0.53"
SERVICES = "127.77.0.80"
STORE = "store.consentmd.test"
KEYS = "keys.consentmd.test"


def answer_to(query):
    """The name that a DNS query asks for, and the answer: SERVICES for our two names, else "no such name"."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    name, kind, question = ".".join(labels).lower(), query[at + 1 : at + 3], query[12 : at + 5]
    known = name in (STORE, KEYS)
    is_address = known and kind == b"\x00\x01"
    flags = b"\x85\x80" if known else b"\x85\x83"
    head = query[:2] + flags + b"\x00\x01" + (b"\x00\x01" if is_address else b"\x00\x00") + b"\x00\x00\x00\x00"
    record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + socket.inet_aton(SERVICES) if is_address else b""
    return name, head + question + record


def make_certificate(folder):
    """A certificate authority's file and a certificate of KEYS under it, for a day."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=folder, capture_output=True)

    (folder / "names").write_text(f"subjectAltName=DNS:{KEYS}\nbasicConstraints=CA:FALSE\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-days", "1", "-subj", "/CN=image check",
            "-addext", "keyUsage=critical,keyCertSign", "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={KEYS}")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "server.crt", "-days", "1", "-extfile", "names")
    return (folder / "ca.crt").read_text()


class Outside:
    """The three servers. `asked`, `fetched` and `reached` are what they saw."""

    def __init__(self, folder):
        self.asked, self.fetched, self.reached = set(), [], threading.Event()
        self.authority = make_certificate(Path(folder))
        outside = self

        class Names(socketserver.BaseRequestHandler):
            def handle(self):
                query, server = self.request
                name, answer = answer_to(query)
                outside.asked.add(name)
                server.sendto(answer, self.client_address)

        class KeyFile(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outside.fetched.append(self.path)
                body = b'{"keys":[]}'
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        names = socketserver.ThreadingUDPServer((NAME_SERVER, 53), Names)
        keys = http.server.ThreadingHTTPServer((SERVICES, 0), KeyFile)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/server.crt", f"{folder}/server.key")
        keys.socket = context.wrap_socket(keys.socket, server_side=True, do_handshake_on_connect=False)
        self.keys_url = f"https://{KEYS}:{keys.server_address[1]}/certs"
        store = socket.create_server((SERVICES, 0))
        self.store_address = f"{STORE}:{store.getsockname()[1]}"
        for work in (names.serve_forever, keys.serve_forever, lambda: self._hold(store)):
            threading.Thread(target=work, daemon=True).start()

    def _hold(self, store):
        """Takes connections and says nothing: a store that hangs."""
        held = []
        while True:
            held.append(store.accept())
            self.reached.set()

    @staticmethod
    def token():
        """A token of the right shape, signed by a key that KEYS does not have."""
        import base64
        import json

        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

        now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
        claims = {"iss": "https://accounts.google.com", "aud": "https://image-check", "sub": "1", "iat": now, "exp": now + 60}
        return f"{part({'alg': 'RS256', 'kid': 'image-check'})}.{part(claims)}.{part('signature')}"
