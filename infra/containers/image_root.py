"""Assembles in a folder what the Dockerfile's last stage would put into an image, without a Docker engine.

    image_root.py DOCKERFILE PROGRAM PROGRAMS_FOLDER ROOT

The stage's own lines are read from the Dockerfile: FROM, COPY, USER, ENTRYPOINT, ENV, WORKDIR. What it inherits is
modelled below, for the one base that is used. An instruction that is not understood is an error, never left out.
Prints what is to be known for running it, as JSON: user, entrypoint, environment, folder, bytes.
"""

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

# What the base brings that programs read: names of users, how names are looked up, CA certificates, an empty /tmp and
# a home. Time zones and the rest of it are counted in `BASE_BYTES` and not made.
BASE = "gcr.io/distroless/static-debian12:nonroot"
# Its publisher says about 2 MiB; counted with room. push.sh measures the real image.
BASE_BYTES = 3_000_000
BASE_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
    "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
BASE_USER = "65532"
HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Read, and without effect on what runs.
WITHOUT_EFFECT = {"LABEL", "EXPOSE", "ARG"}


class Fault(Exception):
    """Something in the Dockerfile or in what it copies; the text says what to do."""


def instructions(text):
    """(INSTRUCTION, rest) for each instruction, continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    for line in filter(None, map(str.strip, joined.splitlines())):
        word, _, rest = line.partition(" ")
        yield word.upper(), rest.strip()


def last_stage(text, program):
    """The instructions of the last stage, after FROM with the base's name, `ARG`s put in."""
    known, stage = {"PROGRAM": program}, []
    for word, rest in instructions(text):
        if word == "ARG" and "=" in rest:
            name, _, value = rest.partition("=")
            known.setdefault(name, value)
        stage = [] if word == "FROM" else stage
        stage.append((word, rest))

    def put_in(match):
        name = match[1] or match[2]
        if name not in known:
            raise Fault(f"the last stage uses ${{{name}}}, which no ARG declares")
        return known[name]

    return [(word, re.sub(r"\$\{(\w+)\}|\$(\w+)", put_in, rest)) for word, rest in stage]


def copy(rest, programs, root):
    """Does one COPY; returns the bytes it added."""
    flags = dict(re.findall(r"--(\w+)=(\S+)", rest))
    paths = [part for part in shlex.split(rest) if not part.startswith("--")]
    if set(flags) - {"from", "chmod"} or len(paths) != 2 or flags.get("from") != "programs":
        raise Fault(f"COPY {rest}: the check knows `COPY --from=programs [--chmod=MODE] SOURCE TARGET` only; extend it")
    source, target = paths
    if not source.startswith("/programs/"):
        raise Fault(f"COPY {rest}: the stage `programs` leaves its work in /programs")
    found = programs / source.removeprefix("/programs/")
    if not found.is_file():
        raise Fault(f"COPY {rest}: {found} is not there: the stage `programs` does not make it")
    place = root / target.lstrip("/")
    place = place / found.name if target.endswith("/") else place
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found, place)
    place.chmod(int(flags.get("chmod", oct(found.stat().st_mode & 0o777)[2:]), 8))
    return place.stat().st_size


def make_base(root):
    """The inherited files."""
    for name, text in BASE_FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    if not HOST_CERTIFICATES.is_file():
        raise Fault(f"{HOST_CERTIFICATES} is not there: install the package ca-certificates")
    certificates = root / "etc/ssl/certs/ca-certificates.crt"
    certificates.parent.mkdir(parents=True)
    shutil.copyfile(HOST_CERTIFICATES, certificates)
    (root / "home/nonroot").mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)


def assemble(dockerfile, program, programs, root):
    """Makes `root` anew and returns what is to be known for running it."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    make_base(root)
    seen = {"user": BASE_USER, "entrypoint": [], "environment": {"PATH": "/bin"}, "folder": "/", "bytes": BASE_BYTES}
    for word, rest in last_stage(dockerfile.read_text(), program):
        if word == "FROM":
            if rest.split()[0] != BASE:
                raise Fault(f"FROM {rest}: the check models {BASE} only; model the new base in {Path(__file__).name}")
        elif word == "COPY":
            seen["bytes"] += copy(rest, programs, root)
        elif word == "USER":
            seen["user"] = rest
        elif word == "ENTRYPOINT":
            seen["entrypoint"] = json.loads(rest)
        elif word == "ENV":
            seen["environment"].update(part.split("=", 1) for part in shlex.split(rest))
        elif word == "WORKDIR":
            seen["folder"] = rest
        elif word not in WITHOUT_EFFECT:
            raise Fault(f"{word} {rest}: the check does not know this instruction; extend it")
    if not seen["entrypoint"]:
        raise Fault("the last stage has no ENTRYPOINT")
    return seen


if __name__ == "__main__":
    os.umask(0o022)
    _, dockerfile, program, programs, root = sys.argv
    try:
        print(json.dumps(assemble(Path(dockerfile), program, Path(programs), Path(root))))
    except Fault as fault:
        sys.exit(f"{dockerfile}: {fault}")
