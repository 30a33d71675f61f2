//! Sticky assignment: a user stays with a provider while weights stand, and who is moved by a change of weights is moved
//! only towards a provider whose share has grown.
//!
//! It is weighted rendezvous hashing: each provider draws a number for the user, scaled by its weight, and the best one
//! wins. A change of one weight changes one number, so no two of the others ever change places.

#![expect(clippy::float_arithmetic, reason = "a logarithm scales the draws, and nothing is counted by them")]

use sha2::{Digest, Sha256};

use super::Weight;
use crate::name::Name;

/// The provider that `user` is with in this experiment; none where no weight is above zero.
pub(super) fn assign<'a>(
    providers: impl Iterator<Item = (&'a str, Weight)>,
    experiment: &str,
    user: &Name,
) -> Option<&'a str> {
    let drawn = providers.filter(|(_, weight)| weight.millionths() > 0).map(|(name, weight)| {
        let wait = -uniform(experiment, user, name).ln() / weight.as_f64();
        (name, wait)
    });
    drawn.min_by(|one, other| one.1.total_cmp(&other.1)).map(|(name, _)| name)
}

/// Uniform between 0 and 1, both excluded, and always the same.
fn uniform(experiment: &str, user: &Name, provider: &str) -> f64 {
    let digest = Sha256::digest(format!("{experiment}/{user}/{provider}").as_bytes());
    let (head, _) = digest.split_at(4);
    let number = head.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    (f64::from(number) + 0.5) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weight(text: &str) -> Weight {
        serde_json::from_str(text).unwrap()
    }

    fn provider<'a>(weights: &[(&'a str, Weight)], user: u32) -> &'a str {
        assign(weights.iter().copied(), "exp", &user.to_string().parse().unwrap()).unwrap()
    }

    #[test]
    fn a_hundred_thousand_users_follow_the_weights_and_only_those_move_who_must() {
        let before = [("first", weight("0.8")), ("second", weight("0.2"))];
        let after = [("first", weight("0.7")), ("second", weight("0.3"))];
        let mut on_first = 0_i32;
        let mut moved = 0_i32;
        for user in 0..100_000 {
            let (was, is) = (provider(&before, user), provider(&after, user));
            on_first += i32::from(was == "first");
            moved += i32::from(was != is);
            assert!(was == is || (was, is) == ("first", "second"), "user {user}: {was} → {is}");
        }

        assert!((79_500..=80_500).contains(&on_first), "{on_first}");
        assert!((9_500..=10_500).contains(&moved), "{moved}");
    }

    #[test]
    fn what_has_no_weight_gets_nobody() {
        let weights = [("first", weight("0")), ("second", weight("1"))];

        assert!((0..1_000).all(|user| provider(&weights, user) == "second"));
        assert_eq!(assign([("first", weight("0"))].into_iter(), "", &"u".parse().unwrap()), None);
    }

    proptest! {
        #[test]
        fn a_weight_that_grows_takes_users_and_gives_none(
            weights in proptest::collection::vec(1_u32..1_000, 2..6),
            grows in any::<prop::sample::Index>(),
            by in 1_u32..1_000,
            user in 0_u32..10_000,
        ) {
            let names = ["a", "b", "c", "d", "e"];
            let before: Vec<_> = names.into_iter().zip(weights.iter().map(|one| weight(&one.to_string()))).collect();
            let mut after = before.clone();
            let grown = grows.index(after.len());
            after[grown].1 = weight(&(weights[grown] + by).to_string());

            let (was, is) = (provider(&before, user), provider(&after, user));

            prop_assert!(was == is || is == names[grown], "{} → {}", was, is);
        }
    }
}
