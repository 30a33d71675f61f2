#!/usr/bin/env python3
"""Draws the sample of labelled question pairs in tests/data/question-pairs; its README says from what.

usage: semantic_sample.py SOURCE PAIRS
SOURCE is similiar_qqp_full.json.gz of the GPTCache repository. PAIRS becomes gzipped lines of entry, question and label,
with tabs between them: all pairs of each cluster of at least LEAST pairs. Two pairs with a question in common are in
one cluster. Of a pair, the question that is in more pairs is the entry.
"""

import collections
import gzip
import json
import sys
import tarfile

LEAST = 3


def read(path):
    # The file is a tar archive within gzip, whatever its name says.
    with tarfile.open(path, "r:gz") as archive:
        member = next(member for member in archive if member.isfile() and not member.name.split("/")[-1].startswith("._"))
        return json.load(archive.extractfile(member))


def plain(text):
    # The texts went through CSV once: a quotation mark stands there twice.
    return " ".join(text.replace('""', '"').split())


def clusters(pairs):
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


def main():
    pairs = [(plain(row["text_a"]), plain(row["text_b"]), row["label"]) for row in read(sys.argv[1])]
    degree = collections.Counter(text for one, other, _ in pairs for text in (one, other))
    drawn = [pair for cluster in clusters(pairs) if len(cluster) >= LEAST for pair in cluster]
    lines = []
    for one, other, label in drawn:
        entry, question = (other, one) if degree[other] > degree[one] else (one, other)
        lines.append(f"{entry}\t{question}\t{label}\n")
    # Clusters stay together: their texts are alike, and pack well. The replay shuffles them.
    with open(sys.argv[2], "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write("".join(lines).encode())
    print(f"{len(lines)} pairs", file=sys.stderr)


if __name__ == "__main__":
    main()
