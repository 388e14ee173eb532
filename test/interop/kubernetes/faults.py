"""A proxy before the API server that does what networks and busy servers do: cuts and stalls watches, answers 410, 429 and 500, or
is not there at all. Plain HTTP towards the client, TLS towards the server."""
import http.client
import http.server
import json
import ssl
import threading
import time

GONE = json.dumps({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired",
                                               "message": "too old resource version", "code": 410}}).encode() + b"\n"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def work(self):
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy.bytes_out += len(body) + len(self.path) + sum(len(k) + len(v) + 4 for k, v in self.headers.items())
        watch = "watch=true" in self.path
        with proxy.lock:
            proxy.counts[watch] += 1
            fault = None if proxy.down else proxy.fault(watch, self.path, proxy.counts[watch])
            if fault:
                proxy.done.append(fault)
        if proxy.down:
            self.close_connection = True
            return
        if isinstance(fault, int):
            self.refuse(fault)
        elif fault == "gone":
            self.start(200)
            self.part(GONE)
            self.part(b"")
        else:
            self.forward(body, watch, fault)

    def refuse(self, code):
        text = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "on purpose", "code": code}).encode()
        self.send_response(code)
        if code == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def start(self, code):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def part(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def forward(self, body, watch, fault):
        proxy = self.server.proxy
        link = http.client.HTTPSConnection("127.0.0.1", proxy.port, context=proxy.context, timeout=40)
        headers = {k: v for k, v in self.headers.items() if k in ("Authorization", "Content-Type", "Accept")}
        link.request(self.command, self.path, body or None, headers)
        answer = link.getresponse()
        self.start(answer.status)
        begin, sent = time.monotonic(), 0
        try:
            while data := answer.read1(65536):
                if proxy.down or (watch and fault == "cut" and sent > 0):
                    self.wfile.write(b"ff\r\nhalf a li")  # a chunk that never ends
                    self.close_connection = True
                    return
                if watch and fault == "stall":
                    time.sleep(max(0, 5 - (time.monotonic() - begin)))
                self.part(data)
                proxy.bytes_in += len(data)
                sent += len(data)
            self.part(b"")
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            link.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = work

    def log_message(self, *_):
        pass


class Proxy:
    """`fault(watch, path, number)` says what happens to the number-th watch or call: nothing, a status, "gone", "cut", "stall"."""

    def __init__(self, folder, fault=lambda watch, path, number: None):
        self.port = int((folder / "url").read_text().strip().rsplit(":", 1)[1])
        self.context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        self.fault, self.down, self.done, self.counts, self.lock = fault, False, [], {True: 0, False: 0}, threading.Lock()
        self.bytes_in = self.bytes_out = 0  # of bodies and request lines
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.proxy = True, self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        token = (folder / "token").read_text().strip()
        self.kubeconfig = folder / f"proxied{self.server.server_address[1]}"
        self.kubeconfig.write_text(
            "current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
            f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{self.server.server_address[1]}'}}}}]\n"
            f"users: [{{name: u, user: {{token: {token}}}}}]\n")

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
