//! Which shards of a stream may be read: a child holds what came after its parent, so it waits until the parent is done.

use std::collections::HashSet;

/// A shard, as the stream's description lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    /// Its id.
    pub id: String,
    /// The shard that it was split from.
    pub parent: Option<String>,
}

/// The listed shards that nobody has started and whose parent is done, was trimmed, or never was.
pub(super) fn select_ready<'a>(
    listed: &'a [Shard],
    started: &HashSet<String>,
    done: &HashSet<String>,
) -> Vec<&'a Shard> {
    let is_listed = |id: &String| listed.iter().any(|shard| shard.id == *id);
    listed
        .iter()
        .filter(|shard| !started.contains(&shard.id))
        .filter(|shard| {
            shard.parent.as_ref().is_none_or(|parent| done.contains(parent) || !is_listed(parent))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, parent: Option<&str>) -> Shard {
        Shard { id: id.to_owned(), parent: parent.map(str::to_owned) }
    }

    fn ids(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn reads_parents_before_children() {
        let listed = [
            shard("root", None),
            shard("left", Some("root")),
            shard("right", Some("root")),
            shard("leaf", Some("left")),
        ];
        let table: [(&[&str], &[&str], &[&str]); 5] = [
            (&[], &[], &["root"]),
            (&["root"], &[], &[]),
            (&["root"], &["root"], &["left", "right"]),
            (&["root", "left", "right"], &["root", "right"], &[]),
            (&["root", "left", "right"], &["root", "left"], &["leaf"]),
        ];

        for (started, done, expected) in table {
            let ready = select_ready(&listed, &ids(started), &ids(done));

            let names: Vec<&str> = ready.iter().map(|shard| shard.id.as_str()).collect();
            assert_eq!(names, expected, "started {started:?}, done {done:?}");
        }
    }

    #[test]
    fn reads_a_child_whose_parent_was_trimmed() {
        let listed = [shard("child", Some("gone"))];

        assert_eq!(select_ready(&listed, &ids(&[]), &ids(&[])).len(), 1);
    }
}
