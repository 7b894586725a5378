"""What a plan makes, read from its text. Used by terraform-check.sh.

  table NAME=PLAN...      resources to be made, by type, a column for each plan
  grow FOLDER             declares a handler, a schedule, an index, a function and a topic more in copies of the generated files
  grown BEFORE AFTER      fails unless the second plan has exactly what these need, beside all that the first has
"""

import collections
import json
import pathlib
import re
import sys

MADE = re.compile(r"^  # (\S+) will be created$", re.MULTILINE)


def made(path):
    """The addresses of what the plan makes."""
    addresses = MADE.findall(pathlib.Path(path).read_text())
    if not addresses:
        sys.exit(f"{path}: no plan that makes anything")
    return addresses


def kind(address):
    """module.a["b.c"].google_x.y["k.l"] is a google_x; keys may have dots in them."""
    plain = re.sub(r'\["[^"]*"\]|\[\d+\]', "", address)
    return plain.split(".")[-2]


def table(columns):
    plans = {}
    for column in columns:
        name, path = column.split("=", 1)
        plans[name] = collections.Counter(kind(address) for address in made(path))
    kinds = sorted(set().union(*plans.values()))
    width = max(map(len, kinds))
    print(f"{'to be made, by type':{width}}" + "".join(f"{name:>7}" for name in plans))
    for one in kinds:
        print(f"{one:{width}}" + "".join(f"{counts[one]:>7}" for counts in plans.values()))
    print(f"{'all':{width}}" + "".join(f"{sum(counts.values()):>7}" for counts in plans.values()))


def change(path, edit):
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value, indent=2))


def grow(folder):
    folder = pathlib.Path(folder)

    def functions(all_functions):
        model = next(one for one in all_functions.values() if not one["sockets"])
        all_functions["pharmacy"] = {**model, "needs": ["documents", "events", "keys", "files"]}

    def events(all_events):
        all_events["topics"].append("events-pharmacy")
        all_events["subscriptions"]["pharmacy-note-signed"] = {
            "function": "pharmacy", "topic": "events-pharmacy", "event": "pharmacy.ordered",
            "path": "/triggers/events/pharmacy-note-signed",
        }
        all_events["schedules"]["pharmacy-remind"] = {
            "function": "pharmacy", "cron": "0 6 * * *", "path": "/triggers/schedules/pharmacy-remind", "deadlineSeconds": 60,
        }

    def firestore(settings):
        fields = [{"path": "state", "order": "ASCENDING"}, {"path": "at", "order": "DESCENDING"}]
        settings["indexes"]["orders-state-at-desc"] = {"collection": "orders", "nested": False, "fields": fields}
        settings["unindexed"].append({"collection": "orders", "nested": False, "field": "_write"})
        settings["ttl"].append({"collection": "orders", "nested": False})

    change(folder / "functions.json", functions)
    change(folder / "events.json", events)
    change(folder / "firestore.json", firestore)


# What the declarations of `grow` have to make, for dev's one tenant.
WANTED = {
    'module.function["pharmacy"].google_cloud_run_v2_service.this',
    'module.function["pharmacy"].google_service_account.this',
    'module.function["pharmacy"].google_project_iam_member.this["documents"]',
    'module.function["pharmacy"].google_kms_key_ring_iam_member.this["use"]',
    'module.function["pharmacy"].google_storage_bucket_iam_member.this["files"]',
    'module.function["pharmacy"].google_cloud_run_v2_service_iam_member.invoker["gateway"]',
    'module.function["pharmacy"].google_cloud_run_v2_service_iam_member.invoker["triggers"]',
    'google_service_account_iam_member.deployer_uses["pharmacy"]',
    'module.pubsub.google_pubsub_topic.events["events-pharmacy"]',
    'module.pubsub.google_pubsub_topic_iam_binding.publishers["events-pharmacy"]',
    'module.pubsub.google_pubsub_subscription.push["pharmacy-note-signed"]',
    'module.pubsub.google_pubsub_topic.dead_letters["pharmacy"]',
    'module.scheduler.google_cloud_scheduler_job.this["pharmacy-remind"]',
    'module.firestore["demo-clinic"].google_firestore_index.this["orders-state-at-desc"]',
    'module.firestore["demo-clinic"].google_firestore_field.this["orders/_write"]',
    'module.firestore["demo-clinic"].google_firestore_field.this["orders/_expireAt"]',
    'module.observability.google_monitoring_slo.availability["pharmacy"]',
    'module.observability.google_monitoring_slo.latency["pharmacy"]',
}


def grown(before, after):
    before, after = set(made(before)), set(made(after))
    lost, new = sorted(before - after), after - before
    missing = sorted(WANTED - new)
    other = sorted(one for one in new if "pharmacy" not in one and "orders" not in one)
    for title, addresses in (("no longer made", lost), ("not made", missing), ("made for no reason", other)):
        for address in addresses:
            print(f"{title}: {address}")
    if lost or missing or other:
        sys.exit(1)
    print(f"Grown: a function, a handler, a topic, a schedule and an index more are {len(new)} resources more, without an edit of HCL")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"table": lambda: table(arguments), "grow": lambda: grow(*arguments), "grown": lambda: grown(*arguments)}[command]()
