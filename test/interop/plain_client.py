"""A client that is nats-py and json, nothing of ours, at an installation that serves. Run with the `base` Python environment."""
import asyncio
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import nats  # noqa: E402
from serving import ServingTest  # noqa: E402


class PlainClientTest(ServingTest):

    def talk(self, conversation):
        """What `conversation(client)` returns; 100 s at most."""
        async def connected():
            client = await nats.connect(self.url)
            try:
                return await asyncio.wait_for(conversation(client), 100)
            finally:
                await client.close()
        return asyncio.run(connected())
