#!/usr/bin/env python3
"""What calls and a clinic cost on Google Cloud: computes the tables of costs.md.

    costs.py            prints the tables
    costs.py --write    puts them into costs.md
    costs.py --check    exits 1 where costs.md differs from what is computed

Read are: the measured budgets in shared/README.md, the functions and schedules in terraform/generated, the instances in
terraform/environments/prod.tfvars, Cloud Armor's rules in terraform/modules/edge/armor.tf, and here prices.json (Google's
prices), measured.json (CPU time) and assumptions.json (everything that is guessed, by name).
"""
import json
import math
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TERRAFORM = ROOT / "terraform"
FIRST_FREE_CALLS, FREE_LOG_GIB, FREE_JOBS = 2_000_000, 50, 3


def wrong(what):
    raise SystemExit(f"costs.py: {what}")


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


PRICES = read_json(HERE / "prices.json")["prices"]
MEASURED = read_json(HERE / "measured.json")["calls"]
ASSUMED = read_json(HERE / "assumptions.json")


def usd(price, amount):
    return PRICES[price]["usd"] * amount / PRICES[price]["per"]


def budgets():
    """The table of shared/README.md: by call, queries, gets, commits, documents read and written."""
    text = (ROOT / "shared/README.md").read_text(encoding="utf-8")
    head = "| call | queries | gets | commits | documents read | written |"
    if head not in text:
        wrong(f"shared/README.md has no table that begins with {head}")
    found = {}
    for line in text.split(head, 1)[1].splitlines()[2:]:
        if not line.startswith("|"):
            break
        name, *numbers = (cell.strip() for cell in line.strip("|").split("|"))
        found[name] = dict(zip(("queries", "gets", "commits", "read", "written"), map(int, numbers), strict=True))
    for source, names in (("measured.json", MEASURED), *(
        (f"assumptions.json's {part}", ASSUMED["clinic"][part]) for part in ("per_staff_day", "per_active_patient")
    )):
        if set(names) != set(found):
            wrong(f"{source} and the table of shared/README.md have other calls: {sorted(set(names) ^ set(found))}")
    return found


class Call:
    """What one call uses."""

    def __init__(self, name, read, written, deleted, cpu_ms, round_trips, pushes=0, publishes=0):
        self.name, self.read, self.pushes, self.publishes = name, read, pushes, publishes
        self.written = written
        # What expires is deleted some day, and is paid for then.
        self.deleted = deleted + ASSUMED["expiring"].get(name, 0)
        self.cpu_ms = cpu_ms
        # Cloud Run counts begun tenths of a second of the instance, here as if nobody else were using it.
        requests = pushes or 1
        each = (cpu_ms + round_trips * ASSUMED["round_trip_ms"]) / requests
        self.requests, self.billed_s = requests, requests * math.ceil(each / 100) / 10

    def firestore(self):
        return usd("firestore_read", self.read) + usd("firestore_write", self.written) + usd("firestore_delete", self.deleted)

    def run(self):
        memory_gib = 0.5
        return (
            usd("run_cpu", self.billed_s) + usd("run_memory", self.billed_s * memory_gib) + usd("run_request", self.requests)
        )

    def way(self):
        """Gateway, Cloud Armor, load balancer and the internet; for handlers Pub/Sub."""
        if self.pushes:
            return usd("pubsub", 1000 * (self.pushes + self.publishes))
        out, back = ASSUMED["request_kib"] / 2**20, ASSUMED["response_kib"] / 2**20
        return (
            usd("gateway_call", 1) + usd("armor_request", 1) + usd("load_balancer_data", out + back) + usd("internet", back)
        )

    def total(self):
        return self.firestore() + self.run() + self.way()


def all_calls(table):
    found = {}
    for name, cost in table.items():
        # Firestore counts a document for each question, also where it finds none.
        read = max(cost["read"], cost["queries"] + cost["gets"])
        deleted = ASSUMED["deletes"].get(name, 0)
        trips = cost["queries"] + cost["gets"] + cost["commits"]
        found[name] = Call(name, read, cost["written"] - deleted, deleted, MEASURED[name]["cpu_ms"], trips)
    after = ASSUMED["handlers"]
    whole, own = MEASURED[after["of"]], table[after["of"]]
    read = max(0, whole["read_with_handlers"] - own["read"])
    changed = max(0, whole["written_with_handlers"] - own["written"])
    # Their CPU time is in the call's own: both ran in one process. Three reads or commits one after the other in each.
    found[after["name"]] = Call(
        after["name"], read, changed - after["deletes"], after["deletes"], 0, 3 * after["pushes"], after["pushes"],
        after["publishes"],
    )
    return found


def calls_table(calls):
    lines = [
        "| 1,000 times | read | written | deleted | CPU s | billed s | Firestore | Cloud Run | way | together |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for call in calls.values():
        counts = (call.read * 1000, call.written * 1000, call.deleted * 1000)
        cpu = f"{call.cpu_ms:.1f}" if call.cpu_ms else "above"
        dollars = (call.firestore(), call.run(), call.way(), call.total())
        lines.append(
            f"| {call.name} | " + " | ".join(f"{count:,.0f}" for count in counts) + f" | {cpu} | {call.billed_s * 1000:,.0f} | "
            + " | ".join(f"${1000 * amount:.4f}" for amount in dollars) + " |"
        )
    return lines


def month_of(cron):
    """How often a schedule runs in a month; the forms of cron that are used here."""
    hours = ASSUMED["hours_per_month"]
    every = re.fullmatch(r"(\*|\*/(\d+)|\d+) \* \* \* \*", cron)
    if not every:
        wrong(f"it does not know how often \"{cron}\" runs: teach month_of")
    if every.group(1) == "*":
        return 60 * hours
    return 60 * hours / int(every.group(2)) if every.group(2) else hours


def instances():
    """The minimum of instances of each function in prod."""
    text = (TERRAFORM / "environments/prod.tfvars").read_text(encoding="utf-8")
    usual = re.search(r"^min_instances\s*=\s*(\d+)", text, re.M)
    if not usual:
        wrong("terraform/environments/prod.tfvars says no min_instances")
    own = dict(re.findall(r"^\s+([a-z-]+)\s*=\s*\{[^}]*min_instances\s*=\s*(\d+)", text, re.M))
    functions = read_json(TERRAFORM / "generated/functions.json")
    return {name: int(own.get(name, usual.group(1))) for name in functions}, functions


def key_count(rings):
    """The keys of production: those for Google's storage are made with `own_storage_keys` only."""
    said = re.search(r"^own_storage_keys\s*=\s*(true|false)", (TERRAFORM / "environments/prod.tfvars").read_text(encoding="utf-8"), re.M)
    if not said:
        wrong("terraform/environments/prod.tfvars does not say own_storage_keys")
    return rings["tenants"] + (rings["storage"] if said.group(1) == "true" else 0)


def memory_gib(text):
    amount = re.fullmatch(r"(\d+)(Mi|Gi)", text)
    if not amount:
        wrong(f"it does not know how much \"{text}\" is")
    return int(amount.group(1)) / (1024 if amount.group(2) == "Mi" else 1)


def fixed_costs():
    """By the month, without a single call: a line's name and dollars."""
    assumed, hours = ASSUMED["fixed"], ASSUMED["hours_per_month"]
    seconds = 3600 * hours
    least, functions = instances()
    idle = held = 0.0
    for name, count in least.items():
        cpu, memory = float(functions[name]["cpu"]), memory_gib(functions[name]["memory"])
        if functions[name]["sockets"]:
            held += count * (usd("run_instance_cpu", seconds * cpu) + usd("run_instance_memory", seconds * memory))
        else:
            idle += count * (usd("run_idle_cpu", seconds * cpu) + usd("run_idle_memory", seconds * memory))
    schedules = read_json(TERRAFORM / "generated/events.json")["schedules"]
    runs = sum(month_of(schedule["cron"]) for schedule in schedules.values())
    run = Call("a schedule", assumed["reads_per_schedule_run"], 0, 0, 0, assumed["reads_per_schedule_run"])
    armor = (TERRAFORM / "modules/edge/armor.tf").read_text(encoding="utf-8")
    rules = len(re.findall(r'"[a-z]+-v33-stable"', armor)) + 2
    keys = key_count(assumed["key_rings"])
    secrets = assumed["secrets"] * assumed["versions_per_secret"] * assumed["secret_places"]
    resting = sum(1 for name in functions if not functions[name]["sockets"])
    # Objectives burn at two speeds, of two conditions each; then the measured alerts, dead letters and uptime checks.
    conditions = 4 * (len(functions) + resting) + 5 + 2 + 3
    return [
        (f"{sum(n for f, n in least.items() if functions[f]['sockets'])} instances for sockets, always on", held),
        (f"{sum(n for f, n in least.items() if not functions[f]['sockets'])} waiting instances of the others", idle),
        (f"{len(schedules)} schedules: {runs:,.0f} runs (one tenant)", runs * (run.run() + run.firestore())),
        ("the jobs themselves", usd("scheduler_job", max(0, len(schedules) - FREE_JOBS))),
        ("load balancer", usd("load_balancer_hour", hours)),
        (f"Cloud Armor: a policy with {rules} rules", usd("armor_policy", 1) + usd("armor_rule", rules)),
        (f"{keys} HSM keys with {assumed['versions_per_key']} version each", usd("kms_hsm_version", keys * assumed["versions_per_key"])),
        (f"{secrets} versions of secrets", usd("secret_version", secrets)),
    ], (f"{conditions} conditions of alerts, once Google charges for them", usd("alert_condition", conditions))


def fixed_table(lines, alerts):
    total = sum(amount for _, amount in lines)
    rows = [f"| {name} | ${amount:.2f} |" for name, amount in [*lines, ("**together**", total), alerts]]
    return ["| a month, before anybody calls | |", "|---|---|", *rows]


def clinic_table(calls, fixed):
    clinic = ASSUMED["clinic"]
    staff_days, active = clinic["staff"] * clinic["working_days"], clinic["active_patients"]
    volumes = {
        name: staff_days * clinic["per_staff_day"][name] + active * clinic["per_active_patient"][name]
        for name in clinic["per_staff_day"]
    }
    after = ASSUMED["handlers"]
    volumes[after["name"]] = volumes[after["of"]]
    requests = sum(count for name, count in volumes.items() if not calls[name].pushes)
    total = {part: sum(count * getattr(calls[name], part)() for name, count in volumes.items()) for part in ("firestore", "run", "way")}
    free_gateway = usd("gateway_call", min(requests, FIRST_FREE_CALLS))
    copies = ASSUMED["fixed"]["backup_copies"]
    stored = clinic["stored_gib"]
    logs = requests * ASSUMED["log_kib_per_request"] / 2**20
    lines = [
        (f"Firestore, for {requests:,} calls and {volumes[after['of']]:,} messages", total["firestore"]),
        ("Cloud Run, for the same", total["run"]),
        (f"gateway, Cloud Armor, data, Pub/Sub (the first {FIRST_FREE_CALLS:,} calls of the gateway are free)", total["way"] - free_gateway),
        (f"{stored} GiB stored, its history and {copies} backups", usd("firestore_storage", stored) + usd("firestore_pitr", stored) + usd("firestore_backup", stored * copies)),
        (f"{clinic['data_key_unwraps']:,} data keys unwrapped", usd("kms_operation", clinic["data_key_unwraps"])),
        (f"{clinic['minutes_with_audit_entries']:,} audit checkpoints, about 12 documents each", usd("gcs_write", clinic["minutes_with_audit_entries"]) + usd("firestore_write", 12 * clinic["minutes_with_audit_entries"])),
        (f"{logs:.1f} GiB of logs (the first {FREE_LOG_GIB} are free)", usd("logging", max(0, logs - FREE_LOG_GIB))),
        ("fixed costs, from above", sum(amount for _, amount in fixed)),
    ]
    together = sum(amount for _, amount in lines)
    rows = [f"| {name} | ${amount:.2f} |" for name, amount in [*lines, ("**together**", together)]]
    return [f"| a clinic of {clinic['patients']:,} patients, a month | |", "|---|---|", *rows]


def prices_table():
    lines = ["| what | price | where | seen in |", "|---|---|---|---|"]
    for price in PRICES.values():
        per = "" if price["per"] == 1 else ("TiB of " if price["per"] == 2**40 else f"{price['per']:,} ")
        amount = f"{price['usd']:.7f}".rstrip("0").rstrip(".")
        lines.append(f"| {per}{price['unit']} | ${amount} | <{price['page']}> | {price['seen']} |")
    return lines


def computed():
    calls = all_calls(budgets())
    fixed, alerts = fixed_costs()
    return {
        "calls": calls_table(calls),
        "fixed": fixed_table(fixed, alerts),
        "clinic": clinic_table(calls, fixed),
        "prices": prices_table(),
    }


def with_tables(text, tables):
    for name, lines in tables.items():
        begin, end = f"<!-- costs:{name} -->", f"<!-- /costs:{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            wrong(f"costs.md has to have {begin} and {end} once each")
        before, rest = text.split(begin)
        text = before + begin + "\n" + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1]
    return text


def main(arguments):
    tables, place = computed(), HERE / "costs.md"
    if arguments == ["--write"]:
        place.write_text(with_tables(place.read_text(encoding="utf-8"), tables), encoding="utf-8")
    elif arguments == ["--check"]:
        text = place.read_text(encoding="utf-8")
        if with_tables(text, tables) != text:
            wrong("costs.md differs from what is computed: run infra/runbook/costs.py --write and look at the difference")
    elif not arguments:
        print("\n\n".join("\n".join(lines) for lines in tables.values()))
    else:
        wrong(f"it takes --write or --check, not {' '.join(arguments)}")


if __name__ == "__main__":
    main(sys.argv[1:])
