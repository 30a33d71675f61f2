//! What docs/BENCHMARKS.md says of the semantic cache, kept true: labelled question pairs are replayed with the
//! similarities that were measured once, so that neither a model nor Python is needed.

#[path = "../examples/semantic_quality/replay.rs"]
mod replay;
