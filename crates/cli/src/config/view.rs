//! How documents, versions and the head are shown.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_aws::config_store::{Change, Version};
use tollgate_core::enforcement::Standing;
use tollgate_core::settings::Head;

use crate::config::documents::{self, Origin};
use crate::flag::FlagView;
use crate::screen::write_fields;

/// What a seed did.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Seeded(Vec<SeededDocument>);

#[derive(Debug, Serialize)]
struct SeededDocument {
    document: &'static str,
    version: u64,
    version_before: Option<u64>,
    changed: bool,
}

impl Seeded {
    pub(crate) fn of(changes: &[Change]) -> Self {
        let row = |change: &Change| SeededDocument {
            document: documents::name(change.document),
            version: change.version,
            version_before: change.before,
            changed: change.before != Some(change.version),
        };
        Self(changes.iter().map(row).collect())
    }
}

impl Display for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.0.iter().map(|row| {
            let words = match row.version_before {
                None => format!("version {} (new)", row.version),
                Some(_) if !row.changed => format!("version {} (unchanged)", row.version),
                Some(before) => format!("version {} (was {before})", row.version),
            };
            (row.document, Some(words))
        });
        write_fields(f, &fields.collect::<Vec<_>>())
    }
}

/// Versions of a document.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct History(Vec<VersionRow>);

#[derive(Debug, Serialize)]
struct VersionRow {
    version: u64,
    written: String,
    bytes: usize,
    in_force: bool,
}

impl History {
    pub(crate) fn of(versions: &[Version], in_force: u64) -> Self {
        let row = |version: &Version| VersionRow {
            version: version.version,
            written: version.written_us.to_string(),
            bytes: version.text.len(),
            in_force: version.version == in_force,
        };
        Self(versions.iter().map(row).collect())
    }
}

impl Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.0 {
            let mark = if row.in_force { ", in force" } else { "" };
            writeln!(f, "version {}, written {}, {} bytes{mark}", row.version, row.written, row.bytes)?;
        }
        if self.0.is_empty() { writeln!(f, "no version was kept") } else { Ok(()) }
    }
}

/// What a check found, where it found no fault.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    catalogue: String,
    prices: String,
    routing: String,
    budgets: String,
    enforcement: String,
    models: usize,
    targets: usize,
    experiments: usize,
    limited_scopes: usize,
    rules: usize,
    targets_without_price: Vec<String>,
}

impl Checked {
    pub(crate) fn of(checked: &documents::Checked) -> Self {
        let [catalogue, prices, routing, budgets, enforcement] =
            checked.origins.each_ref().map(|origin| match origin {
                Origin::Shipped => "shipped".to_owned(),
                Origin::Stored => "stored".to_owned(),
                Origin::File(path) => path.display().to_string(),
            });
        let is_unpriced = |id: &&String| !checked.prices.targets.contains_key(*id);
        Self {
            catalogue,
            prices,
            routing,
            budgets,
            enforcement,
            models: checked.catalogue.models.len(),
            targets: checked.catalogue.targets.len(),
            experiments: checked.routing.experiments.len(),
            limited_scopes: checked.budgets.limited_scopes(),
            rules: checked.enforcement.rules().count(),
            targets_without_price: checked.catalogue.targets.keys().filter(is_unpriced).cloned().collect(),
        }
    }
}

impl Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = [
            format!("models: {}, targets: {}", self.models, self.targets),
            format!("targets without a price: {}", self.targets_without_price.len()),
            format!("experiments: {}", self.experiments),
            format!("limited scopes: {}", self.limited_scopes),
            format!("rules: {}", self.rules),
        ];
        let [catalogue, prices, routing, budgets, enforcement] = sizes;
        write_fields(
            f,
            &[
                ("catalogue", Some(format!("{} ({catalogue})", self.catalogue))),
                ("prices", Some(format!("{} ({prices})", self.prices))),
                ("routing", Some(format!("{} ({routing})", self.routing))),
                ("budgets", Some(format!("{} ({budgets})", self.budgets))),
                ("enforcement", Some(format!("{} ({enforcement})", self.enforcement))),
            ],
        )?;
        for target in &self.targets_without_price {
            writeln!(f, "note: {target} has no price, so calls of it will be refused")?;
        }
        writeln!(f, "No fault.")
    }
}

/// The head as calls read it.
#[derive(Debug, Serialize)]
pub(crate) struct HeadView {
    catalogue: u64,
    prices: u64,
    routing: u64,
    budgets: u64,
    purges: u64,
    enforcement: u64,
    flag: FlagView,
    standing: Standing,
}

impl HeadView {
    pub(crate) fn of(head: Head) -> Self {
        Self {
            catalogue: head.catalogue,
            prices: head.prices,
            routing: head.routing,
            budgets: head.budgets,
            purges: head.purges,
            enforcement: head.enforcement,
            standing: head.standing,
            flag: FlagView::of(head.flag),
        }
    }
}

impl Display for HeadView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |version: u64| Some(format!("version {version}"));
        write_fields(
            f,
            &[
                ("catalogue", version(self.catalogue)),
                ("prices", version(self.prices)),
                ("routing", version(self.routing)),
                ("budgets", version(self.budgets)),
                ("enforcement", version(self.enforcement)),
                ("restrictions", Some(self.standing.0.len().to_string())),
                ("flag", Some(self.flag.to_string())),
            ],
        )
    }
}

/// A document, laid out to be read and edited.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Text(pub(crate) serde_json::Value);

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}
