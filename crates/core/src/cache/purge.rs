//! Purges: what was kept before a moment is not served any more. Nothing is looked for and nothing deleted: whoever reads an
//! entry asks the purges, which every environment knows within seconds.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cache::entry::About;
use crate::cache::template::Template;
use crate::name::Name;
use crate::time::Timestamp;

/// How far a purge reaches into the future: answers of calls that come before all environments know of it go too, and the
/// clock of whoever purges may be late.
const REACH: Duration = Duration::from_secs(5);

/// Nothing is kept for longer, so that a purge need not be remembered for longer.
pub const LONGEST_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// More would make every look-up slow.
const MOST: usize = 1_000;

/// The purges that entries may still fall under.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purges {
    /// In no order.
    #[serde(default)]
    pub purges: Vec<Purge>,
}

/// Takes out what was asked before a moment and has all that is selected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    /// What it takes out.
    #[serde(flatten)]
    pub selection: Selection,
    /// Entries whose calls came up to this moment, in microseconds.
    pub before_us: Timestamp,
    /// Who asked for it.
    pub who: String,
}

/// What a purge takes out; everything, where nothing is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Entries of a tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Name>,
    /// Answers to calls that named a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Answers to calls made from any version of a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Name>,
    /// Answers to calls made from one version of a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_version: Option<Template>,
    /// Entries with a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Name>,
    /// The entry of one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// There are more purges than every look-up can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are {MOST} purges already: purge something wider, such as a tenant or a model, which takes their place"
)]
pub struct TooMany;

impl Purges {
    /// Whether an entry must not be served any more.
    #[must_use]
    pub fn cover(&self, key: &str, about: &About) -> bool {
        self.purges.iter().any(|purge| about.asked_us <= purge.before_us && purge.selection.has(key, about))
    }

    /// With one purge more, asked for `now`, and without those that nothing can fall under any more or that it makes
    /// needless.
    pub fn with(&self, selection: Selection, who: &str, now: Timestamp) -> Result<Self, TooMany> {
        let needed = |purge: &&Purge| {
            now < purge.before_us.plus(LONGEST_KEPT) && !selection.takes_all_of(&purge.selection)
        };
        let mut purges: Vec<Purge> = self.purges.iter().filter(needed).cloned().collect();
        if purges.len() >= MOST {
            return Err(TooMany);
        }
        purges.push(Purge { selection, before_us: now.plus(REACH), who: who.to_owned() });
        Ok(Self { purges })
    }
}

impl Selection {
    fn has(&self, key: &str, about: &About) -> bool {
        let labels = &about.labels;
        let of_template =
            |wanted: &Name| labels.template.as_ref().is_some_and(|template| template.name == *wanted);
        self.tenant.as_ref().is_none_or(|tenant| *tenant == labels.tenant)
            && self.model.as_ref().is_none_or(|model| *model == labels.model)
            && self.template.as_ref().is_none_or(of_template)
            && self.template_version.as_ref().is_none_or(|wanted| labels.template.as_ref() == Some(wanted))
            && self.tag.as_ref().is_none_or(|tag| labels.tags.contains(tag))
            && self.key.as_ref().is_none_or(|wanted| wanted == key)
    }

    /// Whether whatever the other takes out is taken out by this one, too.
    fn takes_all_of(&self, other: &Self) -> bool {
        let ours = self.named();
        ours.is_subset(&other.named())
    }

    fn named(&self) -> BTreeSet<(&'static str, String)> {
        let template = self.template_version.as_ref().map(ToString::to_string);
        let named = [
            ("tenant", self.tenant.as_ref().map(Name::to_string)),
            ("model", self.model.clone()),
            ("template", self.template.as_ref().map(Name::to_string)),
            ("template version", template),
            ("tag", self.tag.as_ref().map(Name::to_string)),
            ("key", self.key.clone()),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl std::fmt::Display for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named: Vec<String> =
            self.named().into_iter().map(|(name, value)| format!("{name} \"{value}\"")).collect();
        if named.is_empty() { f.write_str("everything") } else { f.write_str(&named.join(" and ")) }
    }
}

#[cfg(test)]
mod tests;
