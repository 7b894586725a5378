#!/usr/bin/env python3
"""Publishes again what was put aside: dead letters of a function, or parked events of a tenant.

    replay.py letters --project P --function chats                    shows what waits; changes nothing
    replay.py letters --project P --function chats --publish          publishes it again and takes it off
    replay.py parked --project P --database first-clinic [--prefix lakeside.] [--publish]

`--handler NAME` takes what this handler (and subscription) failed on; `--limit N` stops after so many that it took, 100 unless
said; what another handler failed on and what is too old do not count. An event
goes to its topic `events-<family>`, whence every handler of it hears it once more: those that had it know by their `effects`,
which are kept for 30 days. So what happened 29 days ago or earlier is refused. Nothing of an event's contents is shown but
names and ids. It wants gcloud, signed in.
"""
import argparse
import base64
import datetime
import json
import os
import subprocess
import urllib.parse
import urllib.request

OLDEST = datetime.timedelta(days=29)
ROUND = 100


def gcloud(*arguments):
    done = subprocess.run(["gcloud", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"gcloud {' '.join(arguments[:3])} failed: {done.stderr.strip()}")
    return done.stdout


class Letter:
    """One event that waits, by whom it was refused, and how it is taken off."""

    def __init__(self, envelope, handler, reason, take_off):
        self.envelope, self.handler, self.reason, self.take_off = envelope, handler, reason, take_off

    def is_too_old(self, now):
        happened = datetime.datetime.fromisoformat(self.envelope["occurredAt"].replace("Z", "+00:00"))
        return now - happened >= OLDEST

    def shown(self):
        about = self.envelope
        return f"{about['occurredAt']}  {about['name']}  {about['id']}  tenant {about['tenant']}  {self.handler}  {self.reason}"

    def publish(self, project):
        about = self.envelope
        family = about["name"].split(".", 1)[0]
        gcloud(
            "pubsub", "topics", "publish", f"events-{family}", f"--project={project}", f"--message={json.dumps(about)}",
            f"--attribute=event={about['name']},tenant={about['tenant']},eventId={about['id']}",
        )


def letters(options):
    """Dead letters; they come back after ten minutes unless they are taken off, so each pull brings others."""
    subscription = f"dead-letters-{options.function}"
    seen, rounds_without = set(), 0
    # Pub/Sub may answer with nothing though something waits; twice is taken for the end.
    while rounds_without < 2:
        pulled = gcloud("pubsub", "subscriptions", "pull", subscription, f"--project={options.project}", f"--limit={ROUND}", "--format=json")
        fresh = [one for one in json.loads(pulled or "[]") if one["message"]["messageId"] not in seen]
        seen.update(one["message"]["messageId"] for one in fresh)
        rounds_without = 0 if fresh else rounds_without + 1
        yield from (letter(one, subscription, options) for one in fresh)


def letter(one, subscription, options):
    """A dead letter as `pull` tells it."""
    message, ack = one["message"], one["ackId"]
    attributes = message.get("attributes", {})
    envelope = json.loads(base64.b64decode(message["data"]))
    handler = attributes.get("CloudPubSubDeadLetterSourceSubscription", "?")
    tries = attributes.get("CloudPubSubDeadLetterSourceDeliveryCount", "?")
    take_off = ("pubsub", "subscriptions", "ack", subscription, f"--project={options.project}", f"--ack-ids={ack}")
    return Letter(envelope, handler, f"given up after {tries} attempts", lambda: gcloud(*take_off))


def plain(value):
    """A value of Firestore's REST API as JSON."""
    (kind, inner), = value.items()
    if kind == "mapValue":
        return {name: plain(one) for name, one in inner.get("fields", {}).items()}
    if kind == "arrayValue":
        return [plain(one) for one in inner.get("values", [])]
    return int(inner) if kind == "integerValue" else inner


def parked(options):
    """Parked events of a tenant, from its database."""
    emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")
    server = f"http://{emulator}" if emulator else "https://firestore.googleapis.com"
    token = "owner" if emulator else gcloud("auth", "print-access-token").strip()

    def ask(method, path):
        request = urllib.request.Request(f"{server}/v1/{path}", method=method, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")

    database = urllib.parse.quote(f"projects/{options.project}/databases/{options.database}")
    collection, after = f"{database}/documents/{urllib.parse.quote(options.prefix)}parked?pageSize={ROUND}", ""
    while True:
        page = ask("GET", collection + after)
        for document in page.get("documents", []):
            fields = {name: plain(value) for name, value in document["fields"].items()}
            name = urllib.parse.quote(document["name"])
            yield Letter(fields["event"], fields["handler"], fields["reason"], lambda name=name: ask("DELETE", name))
        if not page.get("nextPageToken"):
            return
        after = f"&pageToken={urllib.parse.quote(page['nextPageToken'], safe='')}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sources = parser.add_subparsers(dest="source", required=True)
    from_letters, from_parked = sources.add_parser("letters"), sources.add_parser("parked")
    from_letters.add_argument("--function", required=True)
    from_parked.add_argument("--database", required=True)
    from_parked.add_argument("--prefix", default="")
    for one in (from_letters, from_parked):
        one.add_argument("--project", required=True)
        one.add_argument("--handler")
        one.add_argument("--limit", type=int, default=ROUND)
        one.add_argument("--publish", action="store_true")
    options = parser.parse_args()
    now = datetime.datetime.now(datetime.timezone.utc)
    found = published = old = 0
    for one in letters(options) if options.source == "letters" else parked(options):
        if options.handler and one.handler != options.handler:
            continue
        found += 1
        if one.is_too_old(now):
            old += 1
            print("TOO OLD  " + one.shown())
            continue
        if options.publish:
            # Published first: what happens twice is harmless, what happens never is not.
            one.publish(options.project)
            one.take_off()
            published += 1
        print(("published  " if options.publish else "waits  ") + one.shown())
        if found - old >= options.limit:
            print(f"that is --limit {options.limit}: there may be more")
            break
    print(f"{found} found, {published} published again, {old} too old to be replayed")
    if old:
        raise SystemExit("What is too old would be done twice by the handlers that had it: see infra/runbook/events.md")


if __name__ == "__main__":
    main()
