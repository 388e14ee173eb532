"""A plain client in another language: Python's nats-py and json, nothing of ours. Run with the `base` Python environment."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from plain_client import PlainClientTest  # noqa: E402
from serving import submission  # noqa: E402

BAD = "apiVersion: nvidia.com/v1alpha1\nkind: DynamoGraphDeploymentRequest\nmetadata: {name: x}\nspec:\n  backend: vlm\n"


class PlainClient(PlainClientTest):

    async def submit(self, client, message):
        answer = await client.request("sextant.v1.request.submit", json.dumps(message).encode(), timeout=10)
        return json.loads(answer.data)

    async def events(self, client, request):
        """Events from now on, up to the last one."""
        subscription = await client.subscribe(f"sextant.v1.event.{request}")

        async def until_the_end():
            seen = []
            async for message in subscription.messages:
                seen.append(json.loads(message.data))
                if seen[-1]["kind"] in ("profile_finished", "profile_failed"):
                    return seen
        return until_the_end()

    def test_request_reply_then_events_up_to_the_answer(self):
        async def conversation(client):
            events = await self.events(client, "py-1")
            answer = await self.submit(client, submission("py-1", ttft="300"))
            return answer, await events
        answer, events = self.talk(conversation)
        self.assertEqual((answer["v"], answer["kind"], answer["request"]), (1, "request_accepted", "py-1"))
        self.assertEqual(events[-1]["kind"], "profile_finished")
        self.assertTrue(events[-1]["body"]["result"]["feasible"])
        self.assertTrue(all(e["v"] == 1 and e["request"] == "py-1" for e in events))
        self.assertTrue((self.out / "py-1" / "report.html").is_file())

    def test_plain_publish_is_a_submission_too(self):
        async def conversation(client):
            events = await self.events(client, "py-2")
            await client.publish("sextant.v1.request.new", json.dumps(submission("py-2")).encode())
            return await events
        self.assertEqual(self.talk(conversation)[-1]["kind"], "profile_finished")

    def test_late_reader_finds_the_events_in_the_stream(self):
        async def conversation(client):
            events = await self.events(client, "py-late")
            await self.submit(client, submission("py-late"))
            await events
            stream = client.jetstream()
            late = await stream.subscribe("sextant.v1.event.py-late", ordered_consumer=True)
            seen = []
            while not seen or seen[-1]["kind"] != "profile_finished":
                seen.append(json.loads((await late.next_msg(timeout=5)).data))
            return seen
        self.assertGreater(len(self.talk(conversation)), 5)

    def test_refused_with_every_error(self):
        async def conversation(client):
            return await self.submit(client, submission("py-bad", document=BAD, ttft="soon", colour="blue"))
        answer = self.talk(conversation)
        self.assertEqual(answer["kind"], "request_refused")
        paths = [(e["path"], e["found"]) for e in answer["body"]["errors"]]
        text = json.dumps(answer)
        for needle in ("vlm", "soon", "colour", "spec.model"):
            self.assertIn(needle, text, paths)

    def test_refused_publish_tells_on_the_event_subject(self):
        async def conversation(client):
            subscription = await client.subscribe("sextant.v1.event.py-worse")
            await client.publish("sextant.v1.request.new", json.dumps(submission("py-worse", document=BAD)).encode())
            return json.loads((await subscription.next_msg(timeout=10)).data)
        self.assertEqual(self.talk(conversation)["kind"], "request_refused")

    def test_the_same_id_again_is_the_same_request(self):
        async def conversation(client):
            events = await self.events(client, "py-3")
            first = await self.submit(client, submission("py-3"))
            second = await self.submit(client, submission("py-3"))
            await events
            third = await self.submit(client, submission("py-3"))
            listed = json.loads((await client.request("sextant.v1.request.list", b"{}", timeout=10)).data)
            return first, second, third, listed
        first, second, third, listed = self.talk(conversation)
        self.assertFalse(first["body"].get("duplicate", False))
        self.assertTrue(second["body"]["duplicate"])
        self.assertTrue(third["body"]["duplicate"])
        self.assertEqual([r["id"] for r in listed["body"]["requests"]], ["py-3"])

    def test_cancel_and_get(self):
        async def conversation(client):
            events = await self.events(client, "py-4")
            first = await client.subscribe("sextant.v1.event.py-4")
            await self.submit(client, submission("py-4", simulation="live"))
            await first.next_msg(timeout=10)
            running = json.loads((await client.request("sextant.v1.request.py-4.get", b"{}", timeout=10)).data)
            cancel = {"v": 1, "kind": "cancel_request", "id": "c", "request": "py-4", "time": "2026-11-24T00:00:00Z", "body": {}}
            await client.request("sextant.v1.request.py-4.cancel", json.dumps(cancel).encode(), timeout=10)
            return running, (await events)[-1]
        running, last = self.talk(conversation)
        self.assertEqual(running["kind"], "request_summary")
        self.assertEqual((last["kind"], last["body"]["error"]["cause"]), ("profile_failed", "cancelled"))

    def test_nonsense_is_refused_and_harms_nobody(self):
        async def conversation(client):
            answers = []
            for text in (b"", b"{", b"[]", b"\xff\xfe", b"{}", b'{"v":2,"kind":"submit_request"}', b'{"v":1,"kind":"nothing"}',
                         json.dumps({**submission("bad id with blanks")}).encode(), b"[" * 100000):
                answer = await client.request("sextant.v1.request.submit", text, timeout=10)
                answers.append(json.loads(answer.data)["kind"])
            good = await self.submit(client, submission("py-5"))
            return answers, good["kind"]
        answers, good = self.talk(conversation)
        self.assertEqual(set(answers), {"request_refused"})
        self.assertEqual(good, "request_accepted")
        self.assertTrue(self.serving.running())


if __name__ == "__main__":
    unittest.main(verbosity=2)
