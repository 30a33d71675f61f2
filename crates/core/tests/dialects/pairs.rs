//! Who speaks to whom.

use tollgate_core::catalogue::{Catalogue, Prices, Target, Wire};
use tollgate_core::dialect::Dialect;

pub(crate) const PASS: &str = "mantle-us-east-1/gpt-5.5";
pub(crate) const RESPONSES: &str = "runtime-openai-us-east-1/gpt-5.6-sol";
pub(crate) const CONVERSE: &str = "runtime-us-east-1/gpt-5.6-sol";
pub(crate) const CLAUDE: &str = "runtime-us-east-1/claude-sonnet-4.5";
pub(crate) const CONVERSE_OSS: &str = "runtime-us-east-1/gpt-oss-120b";
pub(crate) const INVOKE: &str = "invoke-us-east-1/gpt-oss-120b";
/// GPT-5.5 behind an endpoint that speaks chat only, as many servers do.
pub(crate) const CHAT: &str = "mantle-us-east-1/gpt-5.5 (chat only)";
/// gpt-oss behind such an endpoint.
pub(crate) const CHAT_OSS: &str = "mantle-us-east-1/gpt-oss-120b (chat only)";

const CHAT_ONLY: &str = " (chat only)";

pub(crate) fn target(id: &str) -> Target {
    let catalogue: Catalogue = serde_json::from_str(include_str!("../../../../config/catalogue.json"))
        .expect("the shipped catalogue is one");
    let mut target = catalogue.targets[real(id)].clone();
    if let (true, Wire::Openai { dialects, .. }) = (id.ends_with(CHAT_ONLY), &mut target.wire) {
        *dialects = vec![Dialect::Chat];
    }
    target
}

pub(crate) fn prices() -> Prices {
    serde_json::from_str(include_str!("../../../../config/prices.json")).expect("the shipped prices are ones")
}

/// The id in the catalogue.
pub(crate) fn real(id: &str) -> &str {
    id.strip_suffix(CHAT_ONLY).unwrap_or(id)
}
