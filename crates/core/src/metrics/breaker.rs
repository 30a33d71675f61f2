//! Breakers as metric data: 0 closed, 1 half-open, 2 open.

use std::collections::BTreeMap;

use super::{Datum, Unit, minute};
use crate::catalogue::Catalogue;
use crate::time::Timestamp;

/// `Breaker.State` of these targets, under the environment and under each model that they serve. Where several targets are one
/// provider to a model, the values stand side by side: the maximum says whether any is open.
#[must_use]
pub fn breaker_states(
    environment: &str,
    catalogue: &Catalogue,
    levels: &BTreeMap<String, u8>,
    now: Timestamp,
) -> Vec<Datum> {
    let mut values: BTreeMap<Vec<(&'static str, String)>, BTreeMap<u8, u32>> = BTreeMap::new();
    for level in levels.values() {
        let all = values.entry(vec![("Environment", environment.to_owned())]).or_default();
        *all.entry(*level).or_default() += 1;
    }
    for (alias, model) in &catalogue.models {
        for id in &model.targets {
            if let (Some(level), Some(target)) = (levels.get(id), catalogue.targets.get(id)) {
                let of_model = vec![("Provider", target.provider.clone()), ("Model", alias.clone())];
                let levels = values.entry(of_model).or_default();
                *levels.entry(*level).or_default() += 1;
            }
        }
    }
    let datum = |(dimensions, levels): (_, BTreeMap<u8, u32>)| Datum {
        name: "Breaker.State",
        dimensions,
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

        let data = breaker_states("dev", &catalogue, &levels, Timestamp::from_secs(1_795_348_830));

        let gpt = data.iter().find(|datum| datum.dimensions.last().unwrap().1 == "gpt-5.5").unwrap();
        let all = data.iter().find(|datum| datum.dimensions == [("Environment", "dev".to_owned())]).unwrap();
        assert_eq!(gpt.dimensions, [("Provider", "bedrock".to_owned()), ("Model", "gpt-5.5".to_owned())]);
        assert_eq!((&gpt.values, &gpt.counts), (&vec![0.0, 2.0], &vec![1.0, 1.0]));
        assert_eq!((&all.values, &all.counts), (&vec![0.0, 2.0], &vec![1.0, 1.0]));
        assert_eq!((gpt.minute, gpt.unit), (Timestamp::from_secs(1_795_348_800), Unit::None));
    }
}
