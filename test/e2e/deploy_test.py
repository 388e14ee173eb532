"""Units, Compose file and server configurations in deploy/: every command line is one that the program takes."""
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest

import yaml

from serving import SERVER
from sextant import EXIT_BAD_INPUT, EXIT_OK, ROOT, SextantTest

DEPLOY = ROOT / "deploy"
ROLES = {"OBSERVER", "CLIENT", "AGENT", "SERVE"}  # of roles.conf
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


class Deploy(SextantTest):
    def settings(self, arguments, **environment):
        """What `config show` says of a command line: value and origin by option."""
        shown = self.run_to_end("config", "show", "--json", *arguments, environment=environment)
        return {x["option"]: (x["value"], x["from"]) for x in json.loads(shown.stdout)}

    def test_units_start_what_the_program_takes(self):
        self.assertEqual([x.stem for x in UNITS], ["sextant-agent", "sextant-load", "sextant-serve"])
        for unit in UNITS:
            section = configparser.ConfigParser(strict=False, interpolation=None)
            section.read(unit)
            words = shlex.split(section["Service"]["ExecStart"])
            self.assertEqual(words[0], "/usr/bin/sextant")
            told = self.settings(words[1:], SEXTANT_CONFIG_FILE=str(DEPLOY / "systemd" / "config.yaml"))
            self.assertEqual(told["nats"][0], "nats://127.0.0.1:4222")
            self.assertIn("config.yaml:", told["nats"][1])
            self.assertEqual(told["output-dir"][0], "/var/lib/" + section["Service"]["StateDirectory"])
            for line in unit.read_text().splitlines():
                self.assertNotRegex(line, r"^Environment=|PASSWORD=|TOKEN=", "a secret has no place in a unit")

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not on this machine")
    def test_systemd_understands_the_units(self):
        for unit in UNITS:
            copy = self.folder / unit.name
            copy.write_text(unit.read_text().replace("/usr/bin/sextant", "/bin/true"))
            checked = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False)
            self.assertNotRegex(checked.stderr, rf"{unit.name}.*", checked.stderr)

    def test_compose_starts_what_the_program_takes(self):
        compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
        ours = {name: service for name, service in compose["services"].items() if service["image"] == "sextant"}
        self.assertEqual(set(ours), {"serve", "node-one", "node-two"})
        for name, service in ours.items():
            self.assertEqual(service["entrypoint"], ["sextant"])
            variables = {key: re.sub(r"\$\{.*\}", "s3cret", value) for key, value in service["environment"].items()}
            told = self.settings(service["command"], **variables)
            self.assertEqual(told["nats"], ("nats://nats:4222", "environment SEXTANT_NATS"))
            self.assertEqual(told["nats-token"], ("***", "environment NATS_TOKEN"))
            self.assertNotIn("ports", service)
            if name.startswith("node"):
                self.assertEqual(told["node-name"][0], name)
        self.assertNotIn("ports", compose["services"]["nats"])

    def test_server_configurations_are_understood_by_the_server(self):
        for name in ("server", "cluster", "compose"):
            file = DEPLOY / "nats" / f"{name}.conf"
            variables = {name: "s3cret" for name in re.findall(r"\$([A-Z_]+)", file.read_text()) if name not in ROLES}
            checked = subprocess.run([SERVER, "-t", "-c", file], capture_output=True, text=True, check=False, env={**os.environ, **variables})
            self.assertEqual(checked.returncode, 0, f"{file.name}: {checked.stderr}")

    def test_config_show_starts_nothing_and_lists_every_error(self):
        file = self.folder / "own.yaml"
        file.write_text("pool: a\nagent:\n  gpus: many\n  gpuz: 1\n")
        wrong = self.run_to_end("config", "show", "agent", "--config-file", file, "--roles", "search", expect=EXIT_BAD_INPUT,
                                environment={"SEXTANT_LOG_LEVEL": "loud"})
        for part in (":3:3: agent.gpus", ":4:3: agent.gpuz", "--roles", "SEXTANT_LOG_LEVEL", "4 errors; nothing was started"):
            self.assertIn(part, wrong.stderr)
        self.run_to_end("config", "show", "agent", "--config-file", self.folder / "missing.yaml", expect=EXIT_BAD_INPUT)
        self.run_to_end("config", "show", "load", expect=EXIT_BAD_INPUT)
        table = self.run_to_end("config", "show", "serve", "--gpus=0", expect=EXIT_OK).stdout
        self.assertRegex(table, r"gpus +0 +flag --gpus")
        # The same file is what the command itself reads.
        started = self.run_to_end("agent", "--config-file", file, expect=EXIT_BAD_INPUT)
        self.assertIn("agent.gpus", started.stderr)


if __name__ == "__main__":
    unittest.main()
