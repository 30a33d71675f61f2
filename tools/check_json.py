"""Checks that every JSON file under the folders named is valid, and has no key twice in one object.

usage: check_json.py FOLDER...
"""

import json
import pathlib
import sys


def unique(pairs):
    keys = [key for key, _ in pairs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"keys stand there twice: {', '.join(twice)}")
    return dict(pairs)


def fault(path):
    try:
        json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except ValueError as error:
        return f"{path}: {error}"
    return None


def main():
    files = [path for folder in sys.argv[1:] for path in sorted(pathlib.Path(folder).rglob("*.json"))]
    faults = [text for text in map(fault, files) if text]
    print(*faults, f"{len(files)} JSON files checked", sep="\n")
    sys.exit(1 if faults or not files else 0)


if __name__ == "__main__":
    main()
