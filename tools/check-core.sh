#!/bin/sh
# Core decides and does nothing else: no AWS crate, no async runtime, no HTTP client, and no I/O, clock or process in its code.
set -eu

crates=$(cargo tree --package tollgate-core --edges normal --prefix none --format '{p}' | cut -d ' ' -f 1 | sort -u)
forbidden=$(echo "$crates" | grep -E '^(aws[-_]|lambda|tokio|async-std|smol$|hyper|reqwest|tower|rustls)' || true)
if [ -n "$forbidden" ]; then
    echo "tollgate-core depends on:" $forbidden >&2
    exit 1
fi

# Tests, which stand at the end of a file or in a tests.rs, may read fixtures.
uses=$(
    find crates/core/src -name '*.rs' ! -name 'tests.rs' ! -path '*/tests/*' | sort | while read -r file; do
        awk -v file="$file" '
            /^#\[cfg\(test\)\]/ { exit }
            /^ *\/\// { next }
            /std::(fs|net|env|process|thread|os)([^a-z_]|$)|(SystemTime|Instant)::now|std::io::(std|copy|Read|Write)/ {
                print file ":" FNR ": " $0
            }' "$file"
    done
)
if [ -n "$uses" ]; then
    echo "tollgate-core does more than decide:" >&2
    echo "$uses" >&2
    exit 1
fi
