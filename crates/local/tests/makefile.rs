//! What `make` tells a newcomer.

use std::path::{Path, PathBuf};
use std::process::Command;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const TARGETS: [&str; 11] =
    ["help", "run", "up", "down", "test", "chaos", "check", "build", "deploy", "clean", "watch"];

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn explains_each_target_in_one_line() {
    // A make that runs these tests must not hand its own flags on.
    let output = Command::new("make").current_dir(checkout()).env_clear().env("PATH", PATH).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();

    let lines: Vec<&str> = printed.lines().skip(1).collect();
    let names: Vec<&str> = lines.iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, TARGETS);
    for line in lines {
        assert!(line.split_whitespace().count() >= 3, "{line}");
    }
}

#[test]
fn refuses_an_environment_that_there_is_not() {
    let output = Command::new("tools/deploy.sh").arg("live").current_dir(checkout()).output().unwrap();

    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "ENV is dev, staging or prod, not live\n");
}

#[test]
fn names_what_is_missing_and_where_to_get_it() {
    let output = Command::new("/bin/sh")
        .args(["tools/need.sh", "cargo", "python3", "node"])
        .current_dir(checkout())
        .env("PATH", "/nowhere")
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for (program, place) in
        [("cargo", "rustup.rs"), ("Python 3.11", "python.org"), ("Node.js 20", "nodejs.org")]
    {
        assert!(said.lines().any(|line| line.contains(program) && line.contains(place)), "{said}");
    }
}
