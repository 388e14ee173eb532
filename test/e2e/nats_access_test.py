#!/usr/bin/env python3
"""Servers that let in only whom they know, over TLS: the right secret works, a wrong one is refused with its cause, and no
secret is ever shown. The certificates and keys are made by openssl for each test."""
import base64
import json
import os
import pathlib
import re
import subprocess
import unittest

from sextant import EXIT_BAD_INPUT, EXIT_FAILED, SAMPLES, SextantTest, wait_until
from serving import SERVER

SECRET = "s3cret-Zq81kf-of-this-test"


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **more).stdout


def authority(folder, name):
    """Key and self-signed certificate of an authority."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", key, "-out", certificate)
    return key, certificate


def certificate(folder, name, issuer, host):
    """Key and certificate for a host, signed by an authority."""
    key, request, out, extra = (folder / f"{name}.{end}" for end in ("key", "csr", "pem", "ext"))
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    extra.write_text(f"subjectAltName={host}\n")
    openssl("x509", "-req", "-in", request, "-CA", issuer[1], "-CAkey", issuer[0], "-CAcreateserial", "-days", "2", "-extfile", extra, "-out", out)
    return key, out


class Nkey:
    """An Ed25519 key in the text form of NATS, and the tokens that it signs."""

    PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}

    def __init__(self, folder, name, kind):
        self.file, self.prefix = folder / f"{name}.ed25519", self.PREFIXES[kind]
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.file)
        self.seed_bytes = openssl("pkey", "-in", self.file, "-outform", "DER")[-32:]
        public = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-32:]
        self.public = self.text(bytes([self.prefix]) + public)
        self.seed = self.text(bytes([(18 << 3) | (self.prefix >> 5), (self.prefix & 31) << 3]) + self.seed_bytes)

    @staticmethod
    def text(data):
        crc = 0
        for byte in data:  # CRC-16/XMODEM
            crc ^= byte << 8
            for _ in range(8):
                crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
        return base64.b32encode(data + crc.to_bytes(2, "little")).decode().rstrip("=")

    def token(self, subject, name, facts):
        part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
        claims = {"jti": name, "iat": 1700000000, "iss": self.public, "name": name, "sub": subject, "nats": {**facts, "version": 2}}
        signed = part({"typ": "JWT", "alg": "ed25519-nkey"}) + "." + part(claims)
        source = self.file.with_suffix(".input")
        source.write_text(signed)
        signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", source)
        return signed + "." + base64.urlsafe_b64encode(signature).decode().rstrip("=")


class NatsAccess(SextantTest):
    def setUp(self):
        super().setUp()
        self.server = None

    def tearDown(self):
        if self.server:
            self.server.kill()
            self.server.wait(10)
        # What the program wrote anywhere: output, logs, results.
        for file in self.folder.rglob("*"):
            if file.is_file() and file.suffix in (".out", ".err", ".log", ".json", ".yaml", ".jsonl", ".html"):
                self.assertNotIn(SECRET, file.read_text(errors="replace"), file)
        super().tearDown()

    def serve_nats(self, config):
        """Starts a server with a configuration; `self.port` says where."""
        file = self.folder / "server.conf"
        file.write_text(f'listen: "127.0.0.1:-1"\nports_file_dir: "{self.folder}"\njetstream {{ store_dir: "{self.folder}/nats" }}\n{config}')
        self.server = subprocess.Popen([SERVER, "-c", file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ports = self.folder / f"nats-server_{self.server.pid}.ports"
        self.assertTrue(wait_until(lambda: ports.is_file() and re.search(r"[\d.]+:(\d+)", ports.read_text()), 10))
        self.port = re.search(r"[\d.]+:(\d+)", ports.read_text()).group(1)

    def let_in(self, url, *options, **environment):
        """A whole estimated profile through the server: streams, leases, work, answer."""
        out = self.folder / "served"
        self.run_to_end("profile", SAMPLES / "qwen3-32b.yaml", "--nats", url, "--mode", "estimated", "--output-dir", out, *options,
                        environment=environment)
        self.assertTrue((out / "sextant_result.json").is_file())

    def kept_out(self, url, cause, *options, code=EXIT_FAILED, **environment):
        program = self.run_to_end("list", "--nats", url, *options, expect=code, seconds=30, environment=environment)
        self.assertRegex(program.stderr, cause)
        self.assertNotIn(SECRET, program.stderr + program.stdout)
        return program.stderr

    def test_tls_server_is_verified(self):
        good, other = authority(self.folder, "good"), authority(self.folder, "other")
        key, cert = certificate(self.folder, "server", good, "DNS:localhost,IP:127.0.0.1")
        self.serve_nats(f'tls {{ cert_file: "{cert}", key_file: "{key}" }}\n')
        url = f"tls://127.0.0.1:{self.port}"
        self.let_in(url, "--nats-ca", good[1])
        self.kept_out(url, "verify failed|[Cc]ertificate", "--nats-ca", other[1])
        self.kept_out(url, "verify failed|[Cc]ertificate")  # the authorities of this machine do not know it
        self.kept_out(f"nats://127.0.0.1:{self.port}", "verify failed|[Cc]ertificate|[Ss]ecure", NATS_CA=str(other[1]))

    def test_certificate_of_another_host_is_refused(self):
        good = authority(self.folder, "good")
        key, cert = certificate(self.folder, "elsewhere", good, "DNS:elsewhere.example")
        self.serve_nats(f'tls {{ cert_file: "{cert}", key_file: "{key}" }}\n')
        self.kept_out(f"tls://127.0.0.1:{self.port}", "verify failed|[Cc]ertificate|mismatch", "--nats-ca", good[1])

    def test_server_asks_for_a_client_certificate(self):
        good = authority(self.folder, "good")
        key, cert = certificate(self.folder, "server", good, "IP:127.0.0.1")
        own_key, own_cert = certificate(self.folder, "client", good, "DNS:client")
        self.serve_nats(f'tls {{ cert_file: "{cert}", key_file: "{key}", ca_file: "{good[1]}", verify: true }}\n')
        url = f"tls://127.0.0.1:{self.port}"
        self.let_in(url, "--nats-ca", good[1], "--nats-cert", own_cert, "--nats-key", own_key)
        self.kept_out(url, "cannot connect", "--nats-ca", good[1])

    def test_user_and_password(self):
        self.serve_nats(f'authorization {{ user: worker, password: "{SECRET}" }}\n')
        url = f"nats://127.0.0.1:{self.port}"
        self.let_in(url, NATS_USER="worker", NATS_PASSWORD=SECRET)
        self.kept_out(url, "[Aa]uthorization", NATS_USER="worker", NATS_PASSWORD=SECRET + "x")
        self.kept_out(url, "[Aa]uthorization")
        # A URL with a secret is for files and the environment: command lines are read by everybody.
        self.assertIn("***@", self.kept_out(f"nats://worker:{SECRET}x@127.0.0.1:{self.port}", "read by everybody", code=EXIT_BAD_INPUT))
        hidden = self.run_to_end("list", expect=EXIT_FAILED, environment={"SEXTANT_NATS": f"nats://worker:{SECRET}x@127.0.0.1:{self.port}"})
        self.assertRegex(hidden.stderr, r"\*\*\*@.*[Aa]uthorization")
        self.assertNotIn(SECRET, hidden.stderr)

    def test_token(self):
        self.serve_nats(f'authorization {{ token: "{SECRET}" }}\n')
        url = f"nats://127.0.0.1:{self.port}"
        self.let_in(url, NATS_TOKEN=SECRET)
        self.kept_out(url, "[Aa]uthorization", NATS_TOKEN=SECRET + "x")

    def test_credentials_file(self):
        limits = {key: -1 for key in ("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage", "disk_storage",
                                      "streams", "consumer")}
        operator, system, account = (Nkey(self.folder, name, kind) for name, kind in
                                     (("operator", "operator"), ("system", "account"), ("account", "account")))
        granted = {"type": "account", "limits": {**limits, "wildcards": True}, "default_permissions": {"pub": {}, "sub": {}}}
        without_storage = {**granted, "limits": {key: value for key, value in granted["limits"].items()
                                                 if key not in ("mem_storage", "disk_storage", "streams", "consumer")}}
        tokens = {"operator": operator.token(operator.public, "operator", {"type": "operator", "system_account": system.public}),
                  "system": operator.token(system.public, "system", without_storage),
                  "account": operator.token(account.public, "account", granted)}
        (self.folder / "operator.jwt").write_text(tokens["operator"])
        self.serve_nats(f'operator: "{self.folder}/operator.jwt"\nsystem_account: {system.public}\nresolver: MEMORY\nresolver_preload: {{\n'
                        f'  {system.public}: {tokens["system"]}\n  {account.public}: {tokens["account"]}\n}}\n')

        def credentials(name, issuer):
            user = Nkey(self.folder, name, "user")
            token = issuer.token(user.public, name, {"type": "user", "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1})
            file = self.folder / f"{name}.creds"
            file.write_text(f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
                            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")
            return file

        url = f"nats://127.0.0.1:{self.port}"
        self.let_in(url, "--nats-creds", credentials("worker", account))
        self.kept_out(url, "[Aa]uthorization", NATS_CREDS=str(credentials("stranger", Nkey(self.folder, "stranger-account", "account"))))

    def test_wrong_settings_are_refused_all_at_once(self):
        empty = self.folder / "empty.pem"
        empty.write_text("")
        stderr = self.kept_out(f"http://worker:{SECRET}@127.0.0.1:1", "6 errors", "--nats-ca", "/nowhere/ca.pem", "--nats-cert", empty,
                               code=EXIT_BAD_INPUT, NATS_PASSWORD=SECRET)
        for part in (r"--nats: found http://\*\*\*@127.0.0.1:1", "--nats-ca", "--nats-cert", "NATS_PASSWORD", "--nats-key|given alone"):
            self.assertRegex(stderr, part)
        # Where no server is asked, its variables do not matter.
        self.run_to_end("profile", SAMPLES / "qwen3-32b.yaml", "--dry-run", "--output-dir", self.folder / "dry",
                        environment={"NATS_CA": "/nowhere/ca.pem"})


if __name__ == "__main__":
    unittest.main()
