"""Reads `gcloud run services describe --format=json` from standard input and prints one thing of it:

    traffic             who serves, as `--to-revisions` takes it: REVISION=PERCENT,...; empty where nobody does
    ingress             who may call: all, internal, internal-and-cloud-load-balancing
    url                 the service's address
    tag-url TAG         the address of the revision that the tag names; empty where there is no such tag
    tag-revision TAG    its name
"""

import json
import sys

service = json.load(sys.stdin)
what = sys.argv[1]
status = service.get("status", {})
traffic = status.get("traffic", [])


def tagged(tag, key):
    """A field of the traffic entry with this tag."""
    return next((entry.get(key, "") for entry in traffic if entry.get("tag") == tag), "")


if what == "traffic":
    shares = {}
    for entry in traffic:
        if entry.get("percent"):
            name = entry["revisionName"]
            shares[name] = shares.get(name, 0) + entry["percent"]
    print(",".join(f"{name}={percent}" for name, percent in sorted(shares.items())))
elif what == "ingress":
    print(service.get("metadata", {}).get("annotations", {}).get("run.googleapis.com/ingress", "all"))
elif what == "url":
    print(status.get("url", ""))
elif what == "tag-url":
    print(tagged(sys.argv[2], "url"))
elif what == "tag-revision":
    print(tagged(sys.argv[2], "revisionName"))
else:
    sys.exit(f"service_state.py does not know '{what}'")
