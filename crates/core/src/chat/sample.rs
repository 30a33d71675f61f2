//! What the tests of this dialect share.

use crate::catalogue::{Catalogue, Target};
pub(super) use crate::parameter::Rules;

/// A target with these rules.
pub(super) fn target(parameters: Rules) -> Target {
    let catalogue: Catalogue = serde_json::from_str(include_str!("../../../../config/catalogue.json"))
        .unwrap_or_else(|error| panic!("{error}"));
    let target = catalogue.targets["mantle-us-east-1/gpt-5.5"].clone();
    Target { model_id: "provider.m".to_owned(), parameters, ..target }
}
