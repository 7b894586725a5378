"""ROUGE of the notes that the example `notes` wrote: rouge.py visits.csv notes.jsonl (needs PyPI rouge-score)."""

import csv
import json
import statistics
import sys

from rouge_score import rouge_scorer

csv.field_size_limit(10**9)
kinds = ["rouge1", "rouge2", "rougeLsum"]
scorer = rouge_scorer.RougeScorer(kinds, use_stemmer=False)
visits = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))
notes = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")]
scores = []
for visit, note in zip(visits, notes, strict=True):
    text = "\n".join(text for section in note["sections"] for text, _ in section["sentences"])
    scores.append(scorer.score(visit["note"], text))
print(len(scores), "visits", {kind: round(100 * statistics.mean(s[kind].fmeasure for s in scores), 2) for kind in kinds})
