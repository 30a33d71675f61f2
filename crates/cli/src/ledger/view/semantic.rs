//! What the semantic cache did for a call, as people and programs read it.

use serde::Serialize;
use tollgate_core::semantic::looked::{Finding, Looked};

use crate::usd::Usd;

#[derive(Debug, Serialize)]
pub(super) struct Semantic {
    finding: Finding,
    entry: Option<String>,
    similarity: Option<String>,
    /// Whether the kept answer says the same as the model's, where both were compared.
    is_right: Option<bool>,
    embedded_usd: Usd,
}

impl Semantic {
    pub(super) fn of(looked: Looked) -> Self {
        Self {
            finding: looked.finding,
            entry: looked.entry.map(|key| key.to_string()),
            similarity: looked.similarity.map(|similarity| similarity.to_string()),
            is_right: looked.is_right,
            embedded_usd: Usd(looked.embedded.nanos),
        }
    }

    pub(super) fn text(&self) -> String {
        let found = match self.finding {
            Finding::Served => "served",
            Finding::WouldServe => "would have been served",
            Finding::Explored => "compared, to learn from it",
            Finding::Nothing => "nothing near enough",
            Finding::Unavailable => "not available in time",
        };
        let near = self.similarity.as_ref().map(|similarity| format!(", similarity {similarity}"));
        let right = self.is_right.map(|is_right| if is_right { ", right" } else { ", wrong" });
        format!(
            "{found}{}{}; embedded for {}",
            near.unwrap_or_default(),
            right.unwrap_or_default(),
            self.embedded_usd
        )
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::budget::Amount;
    use tollgate_core::money::Nanos;
    use tollgate_core::semantic::similarity::Similarity;

    use super::*;

    #[test]
    fn it_says_what_was_found_and_what_that_cost() {
        let looked = Looked {
            finding: Finding::WouldServe,
            entry: None,
            similarity: Some(Similarity::from_millionths(980_000)),
            is_right: Some(false),
            embedded: Amount { nanos: Nanos(140), tokens: 7 },
        };

        let semantic = Semantic::of(looked);

        assert_eq!(
            semantic.text(),
            "would have been served, similarity 0.980000, wrong; embedded for $0.00000014"
        );
        assert_eq!(serde_json::json!(semantic)["finding"], "would-serve");
    }
}
