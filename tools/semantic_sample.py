#!/usr/bin/env python3
"""Draws the samples in tests/data/question-pairs; the README there says from what.

usage: semantic_sample.py quora ARCHIVE PAIRS
       semantic_sample.py banking TRAIN TEST PAIRS
PAIRS becomes gzipped lines of kept question, new question and label, with tabs between them. The second draw needs the
environment of tools/semantic_quality.sh, since each new question is paired with the kept one that is nearest.
"""

import collections
import csv
import gzip
import hashlib
import json
import sys
import tarfile

# The least number of pairs of a cluster that is taken.
LEAST = 3
# How many questions of an intent are kept.
KEPT = 10


def write(path, rows):
    text = "".join(f"{kept}\t{new}\t{label}\n" for kept, new, label in rows)
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())
    print(f"{len(rows)} pairs", file=sys.stderr)


def plain(text):
    # Some texts went through CSV once too often: a quotation mark stands there twice.
    return " ".join(text.replace('""', '"').split())


def read_archive(path):
    # A tar archive within gzip, whatever its name says.
    with tarfile.open(path, "r:gz") as archive:
        files = (member for member in archive if member.isfile())
        return json.load(archive.extractfile(next(file for file in files if "/._" not in f"/{file.name}")))


def clusters(pairs):
    """Two pairs with a question in common are in one cluster."""
    parents = {}

    def root(text):
        while parents.setdefault(text, text) != text:
            parents[text] = parents[parents[text]]
            text = parents[text]
        return text

    for one, other, _ in pairs:
        parents[root(one)] = root(other)
    found = collections.defaultdict(list)
    for pair in pairs:
        found[root(pair[0])].append(pair)
    return found.values()


def quora(archive, path):
    pairs = [(plain(row["text_a"]), plain(row["text_b"]), row["label"]) for row in read_archive(archive)]
    degree = collections.Counter(text for one, other, _ in pairs for text in (one, other))
    drawn = [pair for cluster in clusters(pairs) if len(cluster) >= LEAST for pair in cluster]
    # The question that is in more pairs is the kept one. Clusters stay together, and pack well: the replay shuffles.
    write(path, [(b, a, label) if degree[b] > degree[a] else (a, b, label) for a, b, label in drawn])


def banking(train, test, path):
    from embed_questions import embed

    intents = {}
    for file in (train, test):
        with open(file, newline="", encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                intents.setdefault(plain(row["text"]), row["category"])
    by_intent = collections.defaultdict(list)
    for text in sorted(intents, key=lambda text: hashlib.sha256(text.encode()).digest()):
        by_intent[intents[text]].append(text)
    kept = [text for texts in by_intent.values() for text in texts[:KEPT]]
    new = [text for texts in by_intent.values() for text in texts[KEPT:]]
    nearest = (embed(new) @ embed(kept).T).argmax(axis=1)
    pairs = [(kept[place], text) for place, text in zip(nearest, new, strict=True)]
    write(path, [(one, other, int(intents[one] == intents[other])) for one, other in pairs])


if __name__ == "__main__":
    {"quora": quora, "banking": banking}[sys.argv[1]](*sys.argv[2:])
