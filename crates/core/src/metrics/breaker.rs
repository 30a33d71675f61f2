//! Breakers as metric data: 0 closed, 1 half-open, 2 open.

use std::collections::BTreeMap;

use super::{Datum, Unit, minute};
use crate::catalogue::Catalogue;
use crate::time::Timestamp;

/// `Breaker.State` of these targets under each model that they serve. Where several targets are one provider to a model, the
/// values stand side by side: the maximum says whether any is open.
#[must_use]
pub fn breaker_states(catalogue: &Catalogue, levels: &BTreeMap<String, u8>, now: Timestamp) -> Vec<Datum> {
    let mut values: BTreeMap<(&str, &str), BTreeMap<u8, u32>> = BTreeMap::new();
    for (alias, model) in &catalogue.models {
        for id in &model.targets {
            if let (Some(level), Some(target)) = (levels.get(id), catalogue.targets.get(id)) {
                let levels = values.entry((&target.provider, alias)).or_default();
                *levels.entry(*level).or_default() += 1;
            }
        }
    }
    let datum = |((provider, model), levels): ((&str, &str), BTreeMap<u8, u32>)| Datum {
        name: "Breaker.State",
        dimensions: vec![("Provider", provider.to_owned()), ("Model", model.to_owned())],
        minute: minute(now),
        unit: Unit::None,
        values: levels.keys().map(|level| f64::from(*level)).collect(),
        counts: levels.values().map(|count| f64::from(*count)).collect(),
    };
    values.into_iter().map(datum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breaker_is_shown_under_every_model_that_its_target_serves() {
        let catalogue: Catalogue =
            serde_json::from_str(include_str!("../../../../config/catalogue.json")).unwrap();
        let levels =
            [("mantle-us-east-1/gpt-5.5".to_owned(), 2), ("mantle-us-east-2/gpt-5.5".to_owned(), 0)].into();

        let data = breaker_states(&catalogue, &levels, Timestamp::from_secs(1_795_348_830));

        let gpt = data.iter().find(|datum| datum.dimensions[1].1 == "gpt-5.5").unwrap();
        assert_eq!(gpt.dimensions, [("Provider", "bedrock".to_owned()), ("Model", "gpt-5.5".to_owned())]);
        assert_eq!((&gpt.values, &gpt.counts), (&vec![0.0, 2.0], &vec![1.0, 1.0]));
        assert_eq!((gpt.minute, gpt.unit), (Timestamp::from_secs(1_795_348_800), Unit::None));
    }
}
