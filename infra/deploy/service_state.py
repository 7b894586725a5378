"""Reads `gcloud run services describe --format=json` from standard input and prints one thing of it:

    traffic             who serves, as `--to-revisions` takes it: REVISION=PERCENT,...; empty where nobody does
    ingress             who may call: all, internal, internal-and-cloud-load-balancing
    url                 the service's address
    tag-url TAG         the address of the revision that the tag names; empty where there is no such tag
    tag-revision TAG    its name
    has-tag TAG         yes or no: it is there, or will be
    serves-alone REV    yes or no: this revision has all the traffic, or will have it
"""

import json
import sys

service = json.load(sys.stdin)
what = sys.argv[1]
status = service.get("status", {})
traffic = status.get("traffic", [])
# What was asked for, and may not have come yet.
wanted = service.get("spec", {}).get("traffic", [])


def tagged(tag, key):
    """A field of the traffic entry with this tag."""
    return next((entry.get(key, "") for entry in traffic if entry.get("tag") == tag), "")


def shares(entries):
    """Percent by revision."""
    found = {}
    for entry in entries:
        if entry.get("percent"):
            name = entry.get("revisionName", "the latest")
            found[name] = found.get(name, 0) + entry["percent"]
    return found


if what == "traffic":
    print(",".join(f"{name}={percent}" for name, percent in sorted(shares(traffic).items())))
elif what == "ingress":
    print(service.get("metadata", {}).get("annotations", {}).get("run.googleapis.com/ingress", "all"))
elif what == "url":
    print(status.get("url", ""))
elif what == "tag-url":
    print(tagged(sys.argv[2], "url"))
elif what == "tag-revision":
    print(tagged(sys.argv[2], "revisionName"))
elif what == "has-tag":
    print("yes" if any(entry.get("tag") == sys.argv[2] for entry in traffic + wanted) else "no")
elif what == "serves-alone":
    print("yes" if {sys.argv[2]: 100} in (shares(traffic), shares(wanted)) else "no")
else:
    sys.exit(f"service_state.py does not know '{what}'")
