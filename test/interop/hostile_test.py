"""What a client may send that no client should: hostile ids, subjects, texts; and more requests than can be worked on at once."""
import asyncio
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from nats.errors import MaxPayloadError, NoRespondersError  # noqa: E402
from plain_client import PlainClientTest  # noqa: E402
from serving import submission  # noqa: E402

HOSTILE_IDS = ("..", ".", "*", ">", "a.b", "../../etc/passwd", "/tmp/x", "a/b", "a b", "-rf", "a\nb", "a\0b", "\x1b[31m", "é", "a" * 129,
               "x" * 10_000, "$JS", "%2e%2e", "a;b", "`id`")


class Hostile(PlainClientTest):
    serve_options = ("--max-requests", "400")

    async def ask(self, client, subject, text):
        return json.loads((await client.request("sextant.v1." + subject, text, timeout=10)).data)

    def test_hostile_ids_are_refused_and_make_no_files(self):
        before = {p for p in self.folder.rglob("*") if "nats" not in p.parts}

        async def conversation(client):
            for name in HOSTILE_IDS:
                answer = await self.ask(client, "request.submit", json.dumps(submission(name)).encode())
                self.assertEqual(answer["kind"], "request_refused", name[:60])
                text = json.dumps(answer)
                self.assertIn("1 to 128 letters, digits, '-' and '_'", text)
                self.assertLess(len(text), 2000, "an answer does not repeat whatever it was sent")
                # The same by plain publish: refused, and nothing is told to a subject made of it.
                await client.publish("sextant.v1.request.new", json.dumps(submission(name)).encode())
            for name in ("__", "a/b", "x" * 3000, "-rf"):
                with self.assertRaises(NoRespondersError):
                    await client.request(f"sextant.v1.request.{name}.get", b"{}", timeout=5)
            listed = await self.ask(client, "request.list", b"{}")
            self.assertEqual(listed["body"]["requests"], [])
            # A harmless one still works.
            self.assertEqual((await self.ask(client, "request.submit", json.dumps(submission("good", mode="estimated")).encode()))["kind"],
                             "request_accepted")
        self.talk(conversation)
        after = {p for p in self.folder.rglob("*") if "nats" not in p.parts and "good" not in p.parts and p.suffix not in (".out", ".err", ".log")}
        self.assertEqual(after - before, set())

    def test_messages_that_are_none_are_refused_with_their_place(self):
        deep_document = submission("deep", document="a: " + "[" * 5000 + "]" * 5000)
        deep_json = b'{"v":1,"kind":"submit_request","id":"x","request":"x","body":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        hostile = {
            "no JSON": (b"\xff\xfe{", "message"),
            "empty": (b"", "message"),
            "a list": (b"[]", "message"),
            "another version": (json.dumps({**submission("x"), "v": 99}).encode(), "v"),
            "another kind": (json.dumps({**submission("x"), "kind": "profile_finished"}).encode(), "kind"),
            "deep JSON": (deep_json, "message"),
            "deep YAML": (json.dumps(deep_document).encode(), "document"),
            "an option of the process": (json.dumps(submission("x", kubeconfig="/etc/shadow")).encode(), "options.kubeconfig"),
            "a number that is none": (json.dumps(submission("x", ttft="1e999")).encode(), "options.ttft"),
        }

        async def conversation(client):
            for what, (text, place) in hostile.items():
                answer = await self.ask(client, "request.submit", text)
                self.assertEqual(answer["kind"], "request_refused", what)
                errors = answer["body"]["errors"]
                self.assertTrue(errors and all(e["found"] and e["accepted"] for e in errors), (what, errors))
                self.assertIn(place, " ".join(e["source"] + " " + e.get("path", "") for e in errors), what)
            two = await self.ask(client, "request.submit", json.dumps(submission("x", ttft="fast", itl="-1")).encode())
            self.assertEqual(len(two["body"]["errors"]), 2, "every error at once")
            with self.assertRaises(MaxPayloadError):
                await client.request("sextant.v1.request.submit", b"x" * (client.max_payload + 1), timeout=5)
            # Other subjects of the serve: noise there ends nothing.
            for subject in ("request.list", "request.x.cancel", "request.x.wants", "engine.x.release", "node.local.drain.x", "event.x", "result.x",
                            "work.write", "work.measure.x", "work.deploy.default.1", "records.z.r.k", "request.accepted.x"):
                await client.publish("sextant.v1." + subject, b"\x00" * 100)
                await client.publish("sextant.v1." + subject, deep_json)
            good = json.dumps(submission("good", mode="estimated")).encode()
            self.assertEqual((await self.ask(client, "request.submit", good))["kind"], "request_accepted")
        self.talk(conversation)
        self.run_to_end("watch", "good", "--nats", self.url, seconds=60)
        self.assertTrue(self.serving.running())

    def test_hundreds_wait_are_listed_by_pages_and_further_ones_are_refused_for_now(self):
        async def conversation(client):
            ids = [f"r-{i:03}" for i in range(390)]
            answers = await asyncio.gather(*(self.ask(client, "request.submit", json.dumps(submission(i, mode="estimated")).encode()) for i in ids))
            self.assertEqual({a["kind"] for a in answers}, {"request_accepted"})
            again = await self.ask(client, "request.submit", json.dumps(submission("r-000")).encode())
            self.assertTrue(again["body"]["duplicate"])
            seen, after, pages = [], "", 0
            while True:
                question = {"v": 1, "kind": "list_requests", "id": "q", "request": "", "time": "2026-11-24T00:00:00Z", "body": {"after": after, "limit": 100}}
                page = (await self.ask(client, "request.list", json.dumps(question).encode()))["body"]
                seen += [r["id"] for r in page["requests"]]
                pages += 1
                self.assertEqual(page["total"], 390)
                if not page["more"]:
                    break
                after = seen[-1]
            self.assertEqual((sorted(seen), pages), (ids, 4))
            late = [await self.ask(client, "request.submit", json.dumps(submission(f"late-{i}")).encode()) for i in range(20)]
            refused = [a for a in late if a["kind"] == "request_refused"]
            self.assertEqual(len(refused), 10)
            self.assertIn("same id", refused[0]["body"]["errors"][0]["hint"])
            # An id that waits is taken back at once, long before its turn.
            begun = time.monotonic()
            await client.request("sextant.v1.request.late-0.cancel", json.dumps({**submission("late-0"), "kind": "cancel_request", "body": {}}).encode(), timeout=10)
            self.assertLess(time.monotonic() - begun, 5)
        self.talk(conversation)
        self.assertEqual(len(self.run_to_end("list", "--nats", self.url).stdout.splitlines()), 401)


if __name__ == "__main__":
    unittest.main(verbosity=2)
