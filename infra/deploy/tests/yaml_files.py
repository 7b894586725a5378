"""Checks cloudbuild.yaml and infra/compose.yaml as far as that goes without the services that read them. Prints a line for
each check: what is checked, a tab, and what was found wrong (nothing where it is well)."""

import re
import subprocess
import sys
from pathlib import Path

try:
    import yaml
except ImportError:
    sys.exit("these checks need PyYAML: install python3-yaml")

# https://cloud.google.com/build/docs/build-config-file-schema; only what is used here.
STEP_KEYS = {"id", "name", "entrypoint", "args", "env", "waitFor"}
TOP_KEYS = {"steps", "images", "substitutions", "options", "timeout"}
GIVEN = {"PROJECT_ID", "COMMIT_SHA", "BUILD_ID"}
# https://github.com/compose-spec/compose-spec; only what is used here.
SERVICE_KEYS = {"image", "restart", "command", "ports", "healthcheck", "profiles"}


def finding(what, wrong):
    """One line; `wrong` is a list of what is wrong."""
    print(f"{what}\t{'; '.join(map(str, wrong))}")


def programs():
    """The programs that become images."""
    told = subprocess.run(["infra/containers/programs.sh"], capture_output=True, text=True, check=True)
    return sorted(told.stdout.split())


def cloud_build():
    """Structure, order, substitutions and images of cloudbuild.yaml."""
    text = Path("cloudbuild.yaml").read_text()
    build = yaml.safe_load(text)
    steps = build["steps"]
    finding("cloudbuild.yaml: its keys are known", sorted(set(build) - TOP_KEYS))
    finding("cloudbuild.yaml: its steps' keys are known", [set(step) - STEP_KEYS for step in steps if set(step) - STEP_KEYS])
    ids = [step.get("id") for step in steps]
    finding("cloudbuild.yaml: every step has a name of its own", [name for name in ids if not name or ids.count(name) > 1])
    before, wrong = set(), []
    for step in steps:
        wrong += [f"{step['id']} waits for {other}" for other in step.get("waitFor", []) if other != "-" and other not in before]
        before.add(step["id"])
    finding("cloudbuild.yaml: what a step waits for is a step before it", wrong)
    finding("cloudbuild.yaml: every step says what it waits for", [step["id"] for step in steps if not step.get("waitFor")])
    # The test step's shell has its own variables in none but the shell's built-in way, so every $NAME is Cloud Build's.
    used = set(re.findall(r"(?<!\$)\$\{?([A-Z_][A-Z0-9_]*)", re.sub(r"^\s*#.*$", "", text, flags=re.M)))
    declared = set(build["substitutions"])
    finding("cloudbuild.yaml: substitutions that are used are declared", sorted(used - declared - GIVEN))
    finding("cloudbuild.yaml: substitutions that are declared are used", sorted(declared - used))
    scripts = [arg for step in steps for arg in step.get("args", []) if arg.startswith("infra/")]
    finding("cloudbuild.yaml: the scripts it calls are there", [script for script in scripts if not Path(script).is_file()])
    named = sorted(re.fullmatch(r"\$\{_REGION\}-docker\.pkg\.dev/\$PROJECT_ID/\$\{_REPOSITORY\}/([a-z-]+):\$COMMIT_SHA", image)[1]
                   for image in build["images"])
    finding("cloudbuild.yaml: its images are the programs", sorted(set(named) ^ set(programs())))
    finding("cloudbuild.yaml: provenance is wanted", [] if build["options"].get("requestedVerifyOption") == "VERIFIED" else ["no"])
    lock = re.search(r"^LOCK_STALE_SECONDS=(\d+)$", Path("infra/deploy/lock.sh").read_text(), re.M)[1]
    finding("cloudbuild.yaml: its timeout is when a lock is stale", [] if build["timeout"] == f"{lock}s" else [build["timeout"], lock])
    last = {step["id"]: step.get("waitFor") for step in steps}
    finding("cloudbuild.yaml: nothing is pushed before the tests passed", [] if "test" in last["push"] else last["push"])
    finding("cloudbuild.yaml: nothing is deployed before it is pushed", [] if last["deploy"] == ["sbom"] and last["sbom"] == ["push"] else [last])


def compose():
    """Structure of infra/compose.yaml, and that nothing listens beyond this machine."""
    file = yaml.safe_load(Path("infra/compose.yaml").read_text())
    services = file["services"]
    wrong = [f"{name}: {set(service) - SERVICE_KEYS}" for name, service in services.items() if set(service) - SERVICE_KEYS]
    finding("compose.yaml: its services' keys are known", wrong)
    finding("compose.yaml: every service has an image", [name for name, service in services.items() if not service.get("image")])
    ports = [port for service in services.values() for port in service.get("ports", [])]
    finding("compose.yaml: its ports are this machine's only", [port for port in ports if not port.startswith("127.0.0.1:")])


cloud_build()
compose()
