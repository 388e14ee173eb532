"""A real Kubernetes API server with etcd, built once below build/go with Go and its module proxy, started for a test."""
import os
import pathlib
import secrets
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE.parents[2] / "build" / "go" / "bin" / "kube_apiserver"


def program():
    """Path of the server, or nothing with the reason printed. Building takes about five minutes on two cores, once."""
    if PROGRAM.is_file():
        return PROGRAM
    go = shutil.which("go") or ("/usr/local/go/bin/go" if os.path.exists("/usr/local/go/bin/go") else None)
    if not go:
        print("skipped: there is no `go` on this machine to build a Kubernetes API server with")
        return None
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    built = subprocess.run([go, "build", "-trimpath", "-ldflags", "-s -w", "-o", PROGRAM, "."], cwd=HERE / "apiserver",
                           env=environment, capture_output=True, text=True, check=False)
    if built.returncode:
        print("skipped: the Kubernetes API server could not be built here:", built.stderr[-500:])
        return None
    return PROGRAM


class Cluster:
    """A running API server; `folder` gets url, token, ca.crt and kubeconfig."""

    def __init__(self, folder):
        self.folder = folder
        token = secrets.token_hex(16)
        (folder / "token").write_text(token)
        (folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\nlimited-{token},limited,limited\n")
        subprocess.run(["openssl", "genrsa", "-out", folder / "sa.key", "2048"], check=True, capture_output=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"https://127.0.0.1:{port}"
        (folder / "url").write_text(self.url)
        with open(folder / "apiserver.log", "wb") as log:
            self.process = subprocess.Popen([PROGRAM, folder, str(port)], stdout=log, stderr=log)
        self.wait(token)
        self.kubeconfig = self.write_kubeconfig("kubeconfig", token)
        self.limited = self.write_kubeconfig("limited", f"limited-{token}")

    def wait(self, token):
        authority = self.folder / "certs" / "apiserver.crt"
        end = time.monotonic() + 90
        while time.monotonic() < end and self.process.poll() is None:
            try:
                context = ssl.create_default_context(cafile=str(authority))
                request = urllib.request.Request(self.url + "/readyz", headers={"Authorization": "Bearer " + token})
                urllib.request.urlopen(request, context=context, timeout=2).close()
                shutil.copy(authority, self.folder / "ca.crt")
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError((self.folder / "apiserver.log").read_text()[-2000:])

    def write_kubeconfig(self, name, token):
        path = self.folder / name
        path.write_text(f"current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
                        f"clusters: [{{name: c, cluster: {{server: '{self.url}', certificate-authority: ca.crt}}}}]\n"
                        f"users: [{{name: u, user: {{token: {token}}}}}]\n")
        return path

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
