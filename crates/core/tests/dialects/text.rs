//! Fixtures, and texts that read the same whatever order JSON objects keep.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tollgate_core::sse::{DONE, SseDecoder};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dialects/fixtures").join(name)
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of the fixtures with this extension in a folder, in their order, without it.
pub(crate) fn fixtures(folder: &str, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let names: Vec<String> =
        names.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{folder}: {error}"));
    let ending = format!(".{extension}");
    let mut names: Vec<_> =
        names.iter().filter_map(|name| name.strip_suffix(&ending).map(str::to_owned)).collect();
    names.sort();
    names
}

pub(crate) fn value(json: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(json)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(json)));
    value.sort_all_objects();
    value
}

/// One member a line.
pub(crate) fn pretty(json: &[u8]) -> String {
    serde_json::to_string_pretty(&value(json)).expect("a value is JSON")
}

/// The data of a provider's events up to `[DONE]`, as the adapter takes them.
pub(crate) fn data_of(sse: &[u8]) -> Vec<Vec<u8>> {
    let events = SseDecoder::default().feed(sse).expect("no event is too long");
    events.iter().take_while(|data| *data != DONE).map(|data| data.to_vec()).collect()
}

/// Frames for a client, one a line: the event's name, where it has one, and its data.
pub(crate) fn lines(frames: &[u8]) -> String {
    let frames = std::str::from_utf8(frames).expect("frames are UTF-8");
    let mut lines = String::new();
    for frame in frames.split_terminator("\n\n") {
        for line in frame.lines() {
            match line.split_once(": ") {
                Some(("event", name)) => lines.push_str(&format!("{name} ")),
                Some(("data", "[DONE]")) => lines.push_str("[DONE]"),
                Some(("data", data)) => lines.push_str(&value(data.as_bytes()).to_string()),
                _ => panic!("{line}"),
            }
        }
        lines.push('\n');
    }
    lines
}

/// Compares with a file in `snapshots`.
pub(crate) fn compare(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
