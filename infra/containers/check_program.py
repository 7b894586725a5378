"""Runs one program in its assembled root as the image's user, and says what is wrong with it.

    check_program.py PROGRAM VERSION ROOT SEEN PRIVATE     (SEEN: what image_root.py printed; PRIVATE: 1 in a mount
                                                            namespace of its own, where the root becomes read-only)

Prints a line for each finding and `PROGRAM: N checks passed`, or ends with 1.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from check_outside import NAME_SERVER, Outside

# A function's image starts within a request; the operators' program has all functions in it and runs as a job.
MOST_MIB = {"function": 25, "operators": 60}
PATIENCE = 10.0
# A value for each variable that a program may say it needs. It is told only what it asks for.
VALUES = {
    "GOOGLE_CLOUD_PROJECT": "image-check",
    "KEY_FILE": "/tmp/keys.json",
    "BLOBS_DIR": "/tmp/blobs",
    "KMS_KEY_RING": "projects/image-check/locations/us/keyRings/image-check",
    "BLOBS_BUCKET": "image-check-files",
    "CHECKPOINTS_BUCKET": "image-check-checkpoints",
    "TRIGGER_AUDIENCE": "https://image-check",
    "TRIGGER_SERVICE_ACCOUNTS": "push@image-check.iam.gserviceaccount.com",
    "APP_URL": "https://app.consentmd.test",
    "PUBLIC_URL": "https://api.consentmd.test",
}


class Checked:
    """One program's checks."""

    def __init__(self, name, version, root, seen, private):
        self.name, self.version, self.root, self.seen, self.private = name, version, Path(root), seen, private
        self.passed, self.failed = 0, []
        self.work = tempfile.TemporaryDirectory()
        self.log = Path(self.work.name) / "log"
        self.values = VALUES | key_pair(Path(self.work.name))

    def check(self, what, holds, detail=""):
        """Notes one finding; a failure is printed with its detail at once."""
        if holds:
            self.passed += 1
        else:
            self.failed.append(what)
            print(f"{self.name}: FAILED: {what}{': ' + detail.strip()[-1500:] if detail else ''}", flush=True)
        return holds

    def command(self, arguments):
        """The program's command line, as the image's user within the root."""
        user, _, group = self.seen["user"].partition(":")
        return ["setpriv", "--no-new-privs", "chroot", f"--userspec={user}:{group or user}", "--groups=",
                str(self.root), *self.seen["entrypoint"], *arguments]

    def environment(self, more):
        """The image's environment with `more`: nothing of this process's."""
        return {"PATH": os.environ["PATH"], **{k: v for k, v in self.seen["environment"].items() if k != "PATH"}, **more}

    def run(self, arguments, environment):
        """Runs it to its end; one that does not end counts as exit code None."""
        try:
            return subprocess.run(self.command(arguments), env=self.environment(environment), text=True,
                                  capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired as late:
            text = (late.stderr or b"").decode(errors="replace")
            return subprocess.CompletedProcess(late.cmd, None, "", f"did not end within {PATIENCE:.0f} s; {text}")

    def is_operators(self):
        """`consentmd` has subcommands and serves everything; the others serve one function."""
        return self.name == "consentmd"

    def answers_about_itself(self):
        """Size, user, --version and --help."""
        size = self.seen["bytes"]
        most = MOST_MIB["operators" if self.is_operators() else "function"]
        self.check(f"the image is under {most} MiB", size < most << 20, f"{size / (1 << 20):.1f} MiB with its base")
        self.check("the image's user is not root", re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", self.seen["user"]) is not None,
                   f'USER {self.seen["user"]}')
        told = self.run(["--version"], {})
        self.check("--version says name and version", told.returncode == 0 and self.name in told.stdout
                   and self.version in told.stdout, f"exit {told.returncode}: {told.stdout}{told.stderr}")
        told = self.run(["--help"], {})
        words = ["consentmd", "admin"] if self.is_operators() else [self.name, "PLATFORM", "PORT"]
        self.check("--help says what it is and what configures it", told.returncode == 0
                   and all(word in told.stdout for word in words), f"exit {told.returncode}: {told.stdout}{told.stderr}")

    def serving(self):
        """The arguments that make it serve."""
        return ["run"] if self.is_operators() else []

    def says_what_it_needs(self, given):
        """The variables that the program's error names when it has `given` only."""
        told = self.run(self.serving(), given)
        lines = re.findall(r"^\s*- (.*)", told.stdout + told.stderr, flags=re.M)
        named = {match[0] for line in lines if (match := re.search(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", line))}
        return told, named - set(given)

    def configuration(self, outside):
        """The environment of a cloud with emulators, made of what the program asks for; None if that does not do."""
        told, named = self.says_what_it_needs({"PLATFORM": "google"})
        names_some = told.returncode not in (0, None) and "GOOGLE_CLOUD_PROJECT" in named
        if not self.check("without configuration it ends and names the variables", names_some,
                          f"exit {told.returncode}: {told.stdout}{told.stderr}"):
            return None
        given = {
            "PLATFORM": "google", "HOST": "127.0.0.1", "LOG": "info",
            "FIRESTORE_EMULATOR_HOST": outside.store_address, "PUBSUB_EMULATOR_HOST": outside.store_address,
            "TRIGGER_AUDIENCE": self.values["TRIGGER_AUDIENCE"], "TRIGGER_JWKS_URL": outside.keys_url,
            "TRIGGER_SERVICE_ACCOUNTS": self.values["TRIGGER_SERVICE_ACCOUNTS"], "TRUSTED_PROXIES": "0",
        }
        # The listening port is taken, so that a complete configuration ends too, by an error that names no variable.
        with socket.create_server(("127.0.0.1", 0)) as taken:
            given["PORT"] = str(taken.getsockname()[1])
            for _ in range(4):
                told, named = self.says_what_it_needs(given)
                if not named & set(self.values):
                    break
                given |= {name: self.values[name] for name in named if name in self.values}
        complete = not named and "PORT" in told.stderr
        wants = f"VALUES has nothing for {sorted(named)}: " if named else ""
        if not self.check("it takes a complete configuration", complete, f"exit {told.returncode}: {wants}{told.stderr}"):
            return None
        return given

    def serve(self, environment, within, to_the_end=True):
        """Starts it, does `within(port)` when it lives, and ends it by SIGTERM unless it is enough to have seen it live."""
        port = free_port()
        log = self.log.open("w")
        child = subprocess.Popen(self.command(self.serving()), env=self.environment(environment | {"PORT": str(port)}),
                                 stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            lives = eventually(lambda: ask(port, "/health/live") == 200 or child.poll() is not None)
            lives = lives and child.poll() is None
            if not self.check("it answers 200 on /health/live", lives, self.log.read_text()):
                return
            owner = os.stat(f"/proc/{child.pid}").st_uid
            self.check("it runs as the image's user", str(owner) == self.seen["user"].partition(":")[0], f"uid {owner}")
            within(port)
            if not to_the_end:
                return
            child.send_signal(signal.SIGTERM)
            try:
                code = child.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                code = None
            self.check("it ends on SIGTERM with 0", code == 0, f"exit {code}: {self.log.read_text()}")
        finally:
            child.kill()
            child.wait()
            log.close()

    def reaches_outside(self, outside, port):
        """A name is resolved and connected to, and a server is trusted by the root's certificates alone."""
        token = Outside.token()
        ask(port, "/triggers/schedules/image-check", token)
        self.check("it finds CA certificates, and trusts a server by them", outside.fetched == ["/certs"],
                   f"the server of {outside.keys_url} was asked for {outside.fetched}; names asked: {outside.asked}")
        # The store never answers; what counts is that it was found by its name.
        ask(port, "/health/ready", patience=0.5)
        self.check("it resolves names by /etc/resolv.conf", eventually(outside.reached.is_set),
                   f"nobody connected to {outside.store_address}; names asked: {sorted(outside.asked)}")

    def all(self):
        """Every check."""
        outside = Outside(self.work.name)
        (self.root / "etc/resolv.conf").write_text(f"nameserver {NAME_SERVER}\noptions attempts:1 timeout:2\n")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        certificates = self.root / "etc/ssl/certs/ca-certificates.crt"
        if certificates.is_file():
            certificates.write_text(certificates.read_text() + outside.authority)
        self.close_root()
        self.answers_about_itself()
        given = self.configuration(outside)
        if given is None:
            return
        if self.is_operators():
            # In the cloud it runs commands; to serve is for one machine. There it would look for its tenants first.
            self.serve(given, lambda port: self.reaches_outside(outside, port), to_the_end=False)
            # It has begun when it says how to stop it: before that it makes the demo clinic.
            self.serve({"PLATFORM": "local", "HOST": "127.0.0.1", "DATA_DIR": "/tmp/data"}, lambda _: self.check(
                "it says that it serves", eventually(lambda: "Ctrl-C stops it" in self.log.read_text()), self.log.read_text()))
        else:
            self.serve(given, lambda port: self.reaches_outside(outside, port))

    def close_root(self):
        """Makes the root read-only, but for an empty /tmp, as Cloud Run and `docker run --read-only --tmpfs` do."""
        if not self.private:
            print(f"{self.name}: no mount namespace here: the root is not mounted read-only; it belongs to root", flush=True)
            return
        for arguments in (["--bind", self.root, self.root], ["-o", "remount,bind,ro", self.root],
                          ["-t", "tmpfs", "-o", "mode=1777,size=64m", "tmpfs", self.root / "tmp"]):
            subprocess.run(["mount", *arguments], check=True)
        try:
            (self.root / "written").touch()
            writable = True
        except OSError:
            writable = False
        self.check("the root is read-only", not writable)


def key_pair(folder):
    """A signing key and the list of the keys that verify, made for this run."""
    def openssl(*arguments):
        return subprocess.run(["openssl", *arguments], check=True, cwd=folder, capture_output=True, text=True).stdout

    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "signing.pem")
    return {"SIGNING_KEY_PEM": (folder / "signing.pem").read_text(),
            "VERIFYING_KEYS_PEM": openssl("pkey", "-in", "signing.pem", "-pubout")}


def free_port():
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def ask(port, path, token=None, patience=PATIENCE):
    """The status of a request: POST with a token, else GET; None where nobody answers in time."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers, data=b"" if token else None)
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def eventually(holds):
    """Whether it comes to hold within PATIENCE."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


if __name__ == "__main__":
    _, name, version, root, seen, private = sys.argv
    checked = Checked(name, version, root, json.loads(seen), private == "1")
    checked.all()
    size = f'{checked.seen["bytes"] / 1e6:.1f} MB'
    if checked.failed:
        sys.exit(f"{name}: {len(checked.failed)} of {checked.passed + len(checked.failed)} checks FAILED ({size})")
    print(f"{name}: {checked.passed} checks passed ({size})", flush=True)
