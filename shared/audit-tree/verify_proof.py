#!/usr/bin/env python3
"""Checks an answer of GET /api/v1/audit-logs/{entryId}/proof: verify_proof.py proof.json"""
import base64, hashlib, json, sys

def sha256(data): return hashlib.sha256(data).digest()
def need(holds, what): holds or sys.exit("BAD: " + what)

proof = json.load(open(sys.argv[1], encoding="utf-8"))
index, size, node = proof["index"], proof["treeSize"], bytes.fromhex(proof["leafHash"])
if proof["leaf"] is not None:  # exactly what was hashed: the whole entry, for those who may see it
    need(sha256(b"\x00" + proof["leaf"].encode()) == node, "the entry is not the one that was sealed")
    need(json.loads(proof["leaf"])["id"] == proof["entryId"], "the leaf is another entry's")
need(0 <= index < size, "there is no such entry in the tree")
at, last = index, size - 1  # RFC 9162, section 2.1.3.2
for sibling in map(bytes.fromhex, proof["path"]):
    need(last > 0, "the path is too long")
    if at & 1 or at == last:
        node = sha256(b"\x01" + sibling + node)
        while at and not at & 1:
            at, last = at >> 1, last >> 1
    else:
        node = sha256(b"\x01" + node + sibling)
    at, last = at >> 1, last >> 1
need(last == 0 and node.hex() == proof["root"], "the path does not lead to the root")
# The checkpoint is a JWS (ES256). Check its signature with any JOSE library and the key "kid" of /.well-known/jwks.json.
payload = proof["checkpoint"].split(".")[1]
said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
need((said["size"], said["root"]) == (size, proof["root"]), "the checkpoint signs another tree")
print(f"OK: entry {proof['entryId']} is number {index} of {size} in the log of {said['tenant']}, sealed at {said['at']}")
