"""Messages as our codec writes them, checked with someone else's validator (jsonschema) against messages/asyncapi.yaml.

Needs PyYAML and jsonschema. Run: `SEXTANT=BUILD/sextant python asyncapi_check.py`: the test program `test_messages` is
looked for beside it (or named by TEST_MESSAGES) and writes the examples.
"""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


def examples():
    """One filled and one default message per kind."""
    program = os.environ.get("TEST_MESSAGES") or pathlib.Path(os.environ.get("SEXTANT", "sextant")).with_name("test_messages")
    if not os.access(program, os.X_OK):
        sys.exit(f"{program} is not there: build test_messages, or name it by TEST_MESSAGES")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "examples"
        subprocess.run([str(program), "[.examples]"], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, SEXTANT_EXAMPLES=str(path)))
        return [json.loads(line) for line in path.read_text().splitlines()]


class AsyncApi(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.document = yaml.safe_load((ROOT / "messages" / "asyncapi.yaml").read_text())
        cls.examples = examples()

    def errors(self, message):
        schema = {"$ref": f"#/components/schemas/{message['kind']}_message", "components": self.document["components"]}
        return [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(message)]

    def resolve(self, reference):
        at = self.document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]
        return at

    def references(self, at):
        if isinstance(at, dict):
            if "$ref" in at:
                yield at["$ref"]
            for value in at.values():
                yield from self.references(value)
        elif isinstance(at, list):
            for value in at:
                yield from self.references(value)

    def test_every_schema_is_a_schema(self):
        for name, schema in self.document["components"]["schemas"].items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_every_reference_leads_somewhere(self):
        for reference in set(self.references(self.document)):
            with self.subTest(reference):
                self.assertIsInstance(self.resolve(reference), dict)

    def test_every_kind_travels_on_some_channel(self):
        used = {kind for channel in self.document["channels"].values() for kind in channel["messages"]}
        self.assertEqual(used, set(self.document["components"]["messages"]))

    def test_what_the_codec_writes_is_valid(self):
        kinds = {m["kind"] for m in self.examples}
        self.assertEqual(kinds | {"records"}, set(self.document["components"]["messages"]))
        for message in self.examples:
            with self.subTest(message["kind"]):
                self.assertEqual(self.errors(message), [])

    def test_filled_messages_have_no_undocumented_fields(self):
        def unknown(schema, value, path):
            if isinstance(value, dict) and "properties" in schema:
                for key, inner in value.items():
                    if key not in schema["properties"]:
                        yield f"{path}.{key}"
                    else:
                        yield from unknown(schema["properties"][key], inner, f"{path}.{key}")
            elif isinstance(value, list):
                for inner in value:
                    yield from unknown(schema["items"], inner, path + "[]")
        for message in self.examples:
            with self.subTest(message["kind"]):
                schema = self.document["components"]["schemas"][message["kind"]]
                self.assertEqual(list(unknown(schema, message["body"], "body")), [])
                self.assertEqual(list(unknown(self.document["components"]["schemas"]["envelope"],
                                              dict(message, body={}), "")), [])

    def test_damaged_messages_are_invalid(self):
        for message in self.examples:
            with self.subTest(message["kind"]):
                schema = self.document["components"]["schemas"][message["kind"]]
                for name in schema.get("required", []):
                    damaged = copy.deepcopy(message)
                    del damaged["body"][name]
                    self.assertTrue(self.errors(damaged), name + " left out")
                for name in schema["properties"]:
                    damaged = copy.deepcopy(message)
                    damaged["body"][name] = {"text": "object"} if "properties" not in schema["properties"][name] else 1
                    if schema["properties"][name].get("additionalProperties"):
                        damaged["body"][name] = {"number": 1}
                    self.assertTrue(self.errors(damaged), name + " of another type")
                self.assertTrue(self.errors(dict(message, v=2)))
                self.assertTrue(self.errors({k: v for k, v in message.items() if k != "v"}))


if __name__ == "__main__":
    unittest.main()
