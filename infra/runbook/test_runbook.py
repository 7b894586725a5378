#!/usr/bin/env python3
"""Tests the runbook's programs without a cloud: a gcloud that writes down what it is asked, a Firestore on 127.0.0.1."""
import base64
import datetime
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
GCLOUD = """#!/usr/bin/env python3
import json, os, pathlib, sys
with open(os.environ["ASKED"], "a") as asked:
    asked.write("\\x1f".join(sys.argv[1:]) + "\\n")
if sys.argv[3] == "pull":
    waiting = pathlib.Path(os.environ["PULLED"])
    first, *others = json.loads(waiting.read_text()) or [[]]
    waiting.write_text(json.dumps(others))
    print(json.dumps(first))
if sys.argv[3] == os.environ.get("FAILS"):
    sys.exit("refused")
"""


def envelope(days_ago, number="e1"):
    happened = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days_ago)
    return {
        "id": number, "name": "chats.log-grew", "tenant": "north", "occurredAt": happened.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "lane": "c1", "data": {"chatId": "c1", "happening": {"seq": 7}},
    }


def firestore(value):
    if isinstance(value, dict):
        return {"mapValue": {"fields": {name: firestore(one) for name, one in value.items()}}}
    return {"integerValue": str(value)} if isinstance(value, int) else {"stringValue": value}


class Replay(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        program = self.folder / "gcloud"
        program.write_text(GCLOUD)
        program.chmod(0o755)
        self.environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "ASKED": str(self.folder / "asked"), "PULLED": str(self.folder / "pulled")}

    def pulled(self, *envelopes):
        """What the first pull answers; every other finds nothing."""
        self.pulled_in_rounds(envelopes)

    def pulled_in_rounds(self, *rounds):
        (self.folder / "pulled").write_text(json.dumps([self.letters(*one) for one in rounds]))

    def letters(self, *envelopes):
        return [{
            "ackId": f"ack-{one['id']}",
            "message": {
                "messageId": one["id"],
                "data": base64.b64encode(json.dumps(one).encode()).decode(),
                "attributes": {"CloudPubSubDeadLetterSourceSubscription": one.get("for", "realtime-fan-out"), "CloudPubSubDeadLetterSourceDeliveryCount": "30"},
            },
        } for one in envelopes]

    def replay(self, *arguments, **more):
        command = [sys.executable, str(HERE / "replay.py"), *arguments, "--project=p"]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment | more)

    def asked(self):
        asked = self.folder / "asked"
        return [line.split("\x1f") for line in asked.read_text().splitlines()] if asked.exists() else []

    def test_dead_letters_are_shown_and_nothing_changes(self):
        self.pulled(envelope(1))
        done = self.replay("letters", "--function=realtime")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("waits", done.stdout)
        self.assertIn("1 found, 0 published again", done.stdout)
        self.assertNotIn("chatId", done.stdout)
        self.assertEqual([one[2] for one in self.asked()], ["pull"] * 3)
        self.assertIn("dead-letters-realtime", self.asked()[0])

    def test_dead_letters_are_published_as_they_were_and_then_taken_off(self):
        self.pulled(envelope(1))
        done = self.replay("letters", "--function=realtime", "--publish")
        self.assertEqual(done.returncode, 0, done.stderr)
        publish, ack = (one for one in self.asked() if one[2] != "pull")
        self.assertEqual(publish[:4], ["pubsub", "topics", "publish", "events-chats"])
        message = next(one for one in publish if one.startswith("--message="))
        self.assertEqual(json.loads(message.removeprefix("--message=")), envelope(1) | {"occurredAt": json.loads(message.removeprefix("--message="))["occurredAt"]})
        self.assertIn("--attribute=event=chats.log-grew,tenant=north,eventId=e1", publish)
        self.assertEqual((ack[2], ack[-1]), ("ack", "--ack-ids=ack-e1"))

    def test_what_could_not_be_published_stays(self):
        self.pulled(envelope(1))
        done = self.replay("letters", "--function=realtime", "--publish", FAILS="publish")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual([one[2] for one in self.asked()], ["pull", "publish"])

    def test_what_others_may_do_twice_is_refused(self):
        self.pulled(envelope(29.5, "old"), envelope(28.5, "young"))
        done = self.replay("letters", "--function=realtime", "--publish")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("2 found, 1 published again, 1 too old", done.stdout)
        self.assertEqual([one[-1] for one in self.asked() if one[2] == "ack"], ["--ack-ids=ack-young"])

    def test_another_handlers_letters_are_left(self):
        self.pulled(envelope(1))
        done = self.replay("letters", "--function=realtime", "--handler=realtime-read", "--publish")
        self.assertIn("0 found", done.stdout)
        self.assertEqual([one[2] for one in self.asked()], ["pull"] * 3)

    def test_what_is_too_old_or_anothers_does_not_hide_the_rest(self):
        others = [envelope(1, f"b{number}") | {"for": "realtime-read"} for number in range(100)]
        self.pulled_in_rounds([envelope(40, f"a{number}") for number in range(100)], others, [], [envelope(1, "e1"), envelope(1, "e2"), envelope(1, "e3")])
        done = self.replay("letters", "--function=realtime", "--handler=realtime-fan-out", "--limit=2", "--publish")
        self.assertIn("102 found, 2 published again, 100 too old", done.stdout)
        self.assertIn("there may be more", done.stdout)
        self.assertEqual([one[-1] for one in self.asked() if one[2] == "ack"], ["--ack-ids=ack-e1", "--ack-ids=ack-e2"])

    def test_what_comes_back_meanwhile_is_taken_once(self):
        self.pulled_in_rounds([envelope(1)], [envelope(1)], [envelope(1)], [envelope(1)])
        done = self.replay("letters", "--function=realtime")
        self.assertIn("1 found", done.stdout)
        self.assertEqual([one[2] for one in self.asked()], ["pull"] * 3)

    def firestore_with(self, *pages):
        """A Firestore that answers with these pages, by their number as the token; and what it was asked."""
        seen = []

        class Server(http.server.BaseHTTPRequestHandler):
            def answer(self):
                seen.append((self.command, self.path))
                number = int(self.path.partition("&pageToken=")[2].removeprefix("page%2F") or 0)
                page = {"documents": pages[number]}
                if number + 1 < len(pages):
                    page["nextPageToken"] = f"page/{number + 1}"
                body = json.dumps(page if self.command == "GET" else {}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_DELETE = answer

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"127.0.0.1:{server.server_port}", seen

    def parked(self, event):
        parked = {"event": event, "handler": "notifications-message", "reason": "no such chat", "at": "2026-01-01T00:00:00.000Z"}
        name = f"projects/p/databases/north/documents/lake.parked/{event['id']}_notifications-message"
        return {"name": name, "fields": firestore(parked)["mapValue"]["fields"]}

    def test_parked_events_are_published_and_removed(self):
        document = self.parked(envelope(1))
        host, seen = self.firestore_with([document])
        done = self.replay("parked", "--database=north", "--prefix=lake.", "--publish", FIRESTORE_EMULATOR_HOST=host)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(seen, [
            ("GET", "/v1/projects/p/databases/north/documents/lake.parked?pageSize=100"), ("DELETE", f"/v1/{document['name']}"),
        ])
        message = next(one for one in self.asked()[0] if one.startswith("--message="))
        self.assertEqual(json.loads(message.removeprefix("--message="))["data"], envelope(1)["data"])

    def test_old_parked_events_do_not_hide_new_ones(self):
        host, seen = self.firestore_with([self.parked(envelope(40, "a1"))], [], [self.parked(envelope(1, "e1"))])
        done = self.replay("parked", "--database=north", "--prefix=lake.", "--limit=1", FIRESTORE_EMULATOR_HOST=host)
        self.assertIn("2 found, 0 published again, 1 too old", done.stdout)
        collection = "/v1/projects/p/databases/north/documents/lake.parked?pageSize=100"
        self.assertEqual([path for _, path in seen], [collection, f"{collection}&pageToken=page%2F1", f"{collection}&pageToken=page%2F2"])


class Costs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for part in ("infra/runbook", "terraform/generated", "terraform/environments", "terraform/modules/edge"):
            shutil.copytree(HERE.parent.parent / part, self.root / part, ignore=shutil.ignore_patterns("tests", "__pycache__"))
        (self.root / "shared").mkdir()
        shutil.copy(HERE.parent.parent / "shared/README.md", self.root / "shared")

    def check(self):
        command = [sys.executable, str(self.root / "infra/runbook/costs.py"), "--check"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def replace(self, path, old, new):
        text = (self.root / path).read_text()
        self.assertIn(old, text)
        (self.root / path).write_text(text.replace(old, new, 1))

    def test_the_tables_are_those_that_are_computed(self):
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_dearer_call_is_noticed(self):
        self.replace("shared/README.md", "| a chart | 1 | 1 | 1 | 5 | 1 |", "| a chart | 1 | 1 | 1 | 6 | 1 |")
        self.assertIn("costs.py --write", self.check().stderr)

    def test_another_price_is_noticed(self):
        self.replace("infra/runbook/prices.json", '"usd": 0.06', '"usd": 0.07')
        self.assertIn("costs.py --write", self.check().stderr)

    def test_keys_of_our_own_for_storage_are_noticed(self):
        self.replace("terraform/environments/prod.tfvars", "own_storage_keys = false", "own_storage_keys = true")
        self.assertIn("costs.py --write", self.check().stderr)

    def test_a_new_call_wants_its_measurement(self):
        self.replace("shared/README.md", "| a chart | 1", "| a graph | 1")
        self.assertIn("a graph", self.check().stderr)


if __name__ == "__main__":
    unittest.main()
