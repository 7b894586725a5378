#!/usr/bin/env python3
"""Measures the CPU time of the calls of shared/README.md's table, and prints JSON for cpu.json.

    measure_cpu.py PROGRAM [REPEATS]

PROGRAM is `consentmd`, as images have it (`make release`: target/programs/consentmd). It is started on an empty folder with
SQLite; each call is sent REPEATS times (200 unless said), and the process's CPU time over them is divided by their number.
Work that events set off (fan-out, notifications) happens in the same process: it counts for the call that caused it.
Linux only. Not in it: what Firestore's, Pub/Sub's and KMS' clients cost, in whose place there is SQLite's.
"""
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time

PORT = 18431
PASSWORD = "consentmd-demo"
TICKS = os.sysconf("SC_CLK_TCK")


def ask(method, path, body=None, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status >= 300:
        raise SystemExit(f"{method} {path} answered {answer.status}: {text[:300]!r}")
    return json.loads(text) if text else None


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def store_counts():
    """Documents read and written since the start, handlers' among them."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("store_"))
    return tuple(int(float(values.get(name, 0))) for name in ("store_documents_read_total", "store_documents_written_total"))


def settled(pid):
    """Waits until the process has been idle for a second: what events set off has ended."""
    before = cpu_seconds(pid)
    while True:
        time.sleep(1)
        now = cpu_seconds(pid)
        if now - before < 0.02:
            return now
        before = now


def login(email):
    return ask("POST", "/api/v1/auth/login", {"email": email, "password": PASSWORD})


def calls():
    """The calls by the table's names, each a function without arguments."""
    doctor, nurse, patient = (login(f"{who}@demo.example") for who in ("doctor", "nurse", "patient"))
    token, own = doctor["token"], patient["token"]
    chart = ask("POST", "/api/v1/patients", {"name": "Pat Roe", "dateOfBirth": "1985-03-15"}, token)["id"]
    team = {"name": "Team", "type": "Care Team", "patientId": chart, "participantIds": [nurse["user"]["id"]]}
    chat = ask("POST", "/api/v1/chats", team, token)["id"]
    messages = f"/api/v1/chats/{chat}/messages"
    for number in range(5):
        ask("POST", messages, {"content": f"message {number}"}, token)
    refreshing = {"token": doctor["refreshToken"]}

    def refresh():
        refreshing["token"] = ask("POST", "/api/v1/auth/refresh", {"refreshToken": refreshing["token"]})["refreshToken"]

    vitals = {"heartRate": 72, "systolicBp": 120, "diastolicBp": 80}
    return {
        "sign in": lambda: login("doctor@demo.example"),
        "refresh": refresh,
        "own profile": lambda: ask("GET", "/api/v1/users/me", token=token),
        "my chats (1)": lambda: ask("GET", "/api/v1/chats", token=token),
        "a page of 5 messages": lambda: ask("GET", f"{messages}?limit=5", token=token),
        "my notifications (0)": lambda: ask("GET", "/api/v1/notifications", token=own),
        "my patients (1)": lambda: ask("GET", "/api/v1/patients", token=token),
        "a chart": lambda: ask("GET", f"/api/v1/patients/{chart}", token=token),
        "send a message about a patient": lambda: ask("POST", messages, {"content": "one more"}, token),
        "record vitals": lambda: ask("POST", f"/api/v1/patients/{chart}/vitals", vitals, token),
    }


def main():
    program, repeats = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    with tempfile.TemporaryDirectory() as folder:
        environment = {"DATA_DIR": folder, "PORT": str(PORT), "LOG": "info", "PATH": os.environ.get("PATH", "")}
        for limit in ("", "AUTH_", "UPLOADS_"):
            environment[f"RATE_LIMIT_{limit}PER_MINUTE"] = "0"
        with open(os.path.join(folder, "log"), "wb") as log:
            process = subprocess.Popen([program, "run"], env=environment, stdout=log, stderr=log, cwd=folder)
            try:
                print(json.dumps(measure(process.pid, repeats), indent=2))
            finally:
                process.terminate()
                process.wait(20)


def measure(pid, repeats):
    # The demo accounts are made after the start.
    for attempt in range(100):
        try:
            login("patient@demo.example")
            break
        except (OSError, SystemExit):
            if attempt == 99:
                raise
            time.sleep(0.1)
    found = {}
    for name, call in calls().items():
        call()
        before, read_before = settled(pid), store_counts()
        for _ in range(repeats):
            call()
        spent, read_after = settled(pid) - before, store_counts()
        found[name] = {
            "cpu_ms": round(1000 * spent / repeats, 2),
            "read_with_handlers": round((read_after[0] - read_before[0]) / repeats, 1),
            "written_with_handlers": round((read_after[1] - read_before[1]) / repeats, 1),
        }
        print(name, found[name], file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
