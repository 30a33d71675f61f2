//! What calls cost, by the shipped prices.

use tollgate_core::catalogue::Prices;
use tollgate_core::completion::Glimpse;
use tollgate_core::money::Nanos;
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

use crate::pairs::{PASS, RESPONSES, prices, real};

/// In nano-dollars.
pub(crate) fn cost(target: &str, seen: &Glimpse) -> u64 {
    let usage = seen.usage.unwrap_or_else(|| panic!("{target} counted nothing"));
    cost_of(&prices(), target, &usage, seen.service_tier.as_deref().unwrap_or("default"))
}

fn cost_of(prices: &Prices, target: &str, usage: &Usage, tier: &str) -> u64 {
    let price = prices.at(real(target), Timestamp::from_secs(1_795_392_000));
    let Nanos(cost) = price.unwrap_or_else(|| panic!("{target} has no price")).cost(usage, tier);
    cost
}

#[test]
fn the_long_price_begins_above_272_000_tokens_of_input() {
    let usage = |input, cached, cache_write| Usage { input, cached, cache_write, output: 1, reasoning: 0 };

    // 271,000 × 5,500 + 1,000 × 550 + 33,000
    assert_eq!(cost_of(&prices(), PASS, &usage(272_000, 1_000, 0), "default"), 1_491_083_000);
    // 271,001 × 11,000 + 1,000 × 1,100 + 49,500
    assert_eq!(cost_of(&prices(), PASS, &usage(272_001, 1_000, 0), "default"), 2_982_160_500);
    // Cached and written tokens count to the length: 1 × 11,000 + 200,000 × 1,100 + 100,000 × 13,750 + 49,500
    assert_eq!(cost_of(&prices(), RESPONSES, &usage(300_001, 200_000, 100_000), "default"), 1_595_060_500);
}

#[test]
fn what_a_target_without_a_price_for_writing_wrote_costs_as_input() {
    let usage = Usage { input: 3_000, cached: 1_000, cache_write: 1_500, output: 10, reasoning: 4 };

    // 2,000 × 5,500 + 1,000 × 550 + 10 × 33,000
    assert_eq!(cost_of(&prices(), PASS, &usage, "default"), 11_880_000);
}
