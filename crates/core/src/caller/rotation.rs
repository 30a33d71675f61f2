//! A key's succession: a new key with the same rights, and an end for the old one that grace puts off.

use std::time::Duration;

use crate::caller::{KeyRecord, KeyStatus};
use crate::name::Name;
use crate::time::Timestamp;

/// Why a key gets no successor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationRefusal {
    /// It was taken back for good.
    #[error("it is revoked; create a new key instead")]
    Revoked,
    /// It does not work for now, and its successor would.
    #[error("it is suspended; resume it first")]
    Suspended,
    /// It no longer works.
    #[error("it has expired; create a new key instead")]
    Expired,
    /// It has a successor already: a second one would inherit what is left of the grace.
    #[error("it was replaced by {0}; rotate that one")]
    Replaced(Name),
}

/// Both keys as they are after a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The old key, which ends after the grace.
    pub old: KeyRecord,
    /// The new key.
    pub new: KeyRecord,
}

impl KeyRecord {
    /// The old key with its end and the new one in its place.
    ///
    /// The new key keeps the old one's own expiry, to the second: a rotation changes a secret, and never prolongs what
    /// was granted until a day. For the same reason grace never outlasts that expiry.
    pub fn rotate(&self, key_id: Name, grace: Duration, now: Timestamp) -> Result<Rotated, RotationRefusal> {
        if let Some(refusal) = self.rotation_refusal(now) {
            return Err(refusal);
        }
        // Rounded up, so that no caller is short of a part of a second of the grace.
        let end = now.plus(grace).as_micros().div_ceil(1_000_000);
        let old = Self {
            expires_at: Some(self.expires_at.map_or(end, |own| own.min(end))),
            replaced_by: Some(key_id.clone()),
            ..self.clone()
        };
        let new =
            Self { key_id, replaces: Some(self.key_id.clone()), created_at: now.to_string(), ..self.clone() };
        Ok(Rotated { old, new })
    }

    fn rotation_refusal(&self, now: Timestamp) -> Option<RotationRefusal> {
        match self.status {
            KeyStatus::Revoked => Some(RotationRefusal::Revoked),
            KeyStatus::Suspended => Some(RotationRefusal::Suspended),
            KeyStatus::Active if !self.is_valid(now) => Some(RotationRefusal::Expired),
            KeyStatus::Active => self.replaced_by.clone().map(RotationRefusal::Replaced),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::caller::tests::record;
    use crate::key::tag::{Tag, collect};
    use crate::rate::RatePolicy;

    const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);
    const DAY: Duration = Duration::from_secs(86_400);

    fn id(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_new_key_may_what_the_old_one_may_and_each_names_the_other() {
        let old = KeyRecord {
            rate: RatePolicy { interval_us: 7, burst: 3, requests_per_day: Some(9) },
            tags: collect(["app=x".parse::<Tag>().unwrap()]).unwrap(),
            ..record()
        };

        let rotated = old.rotate(id("k2"), DAY, NOW).unwrap();

        let created_at = NOW.to_string();
        let expected =
            KeyRecord { key_id: id("k2"), replaces: Some(old.key_id.clone()), created_at, ..old.clone() };
        assert_eq!(rotated.new, expected);
        let expires_at = Some(NOW.as_secs() + 86_400);
        assert_eq!(rotated.old, KeyRecord { expires_at, replaced_by: Some(id("k2")), ..old });
    }

    #[test]
    fn a_rotation_never_prolongs_what_was_granted_until_a_day() {
        let own = NOW.as_secs() + 60;
        let old = KeyRecord { expires_at: Some(own), ..record() };

        let rotated = old.rotate(id("k2"), DAY, NOW).unwrap();

        assert_eq!((rotated.old.expires_at, rotated.new.expires_at), (Some(own), Some(own)));
    }

    #[test]
    fn a_key_that_does_not_work_gets_no_successor() {
        let refusal = |record: KeyRecord| record.rotate(id("k3"), DAY, NOW).unwrap_err();
        let with = |status| KeyRecord { status, ..record() };

        assert_eq!(refusal(with(KeyStatus::Revoked)), RotationRefusal::Revoked);
        assert_eq!(refusal(with(KeyStatus::Suspended)), RotationRefusal::Suspended);
        let expired = KeyRecord { expires_at: Some(NOW.as_secs()), ..record() };
        assert_eq!(refusal(expired), RotationRefusal::Expired);
        let replaced = record().rotate(id("k2"), DAY, NOW).unwrap().old;
        assert_eq!(refusal(replaced), RotationRefusal::Replaced(id("k2")));
    }

    #[test]
    fn a_chain_of_rotations_keeps_one_working_key_past_every_grace() {
        let second = record().rotate(id("k2"), DAY, NOW).unwrap();
        let third = second.new.rotate(id("k3"), Duration::ZERO, NOW).unwrap();

        let later = NOW.plus(DAY);

        let valid = [&second.old, &third.old, &third.new].map(|key| key.is_valid(later));
        assert_eq!(valid, [false, false, true]);
        assert_eq!(third.new.replaces, Some(id("k2")));
    }

    proptest! {
        /// Grace holds until its last microsecond, and is over a second later at most.
        #[test]
        fn grace_holds_and_ends(
            start in 1_700_000_000_000_000_u64..1_900_000_000_000_000,
            grace in 0_u64..=2_592_000,
            own in proptest::option::of(1_u64..5_000_000),
        ) {
            let (now, grace) = (Timestamp::from_micros(start), Duration::from_secs(grace));
            let own = own.map(|secs| now.as_secs() + secs);
            let old = KeyRecord { expires_at: own, ..record() };

            let Rotated { old: retired, new } = old.rotate(id("k2"), grace, now).unwrap();

            let is_own = |at: Timestamp| own.is_none_or(|own| at.as_secs() < own);
            let last = now.plus(grace).minus(Duration::from_micros(1));
            prop_assert_eq!(grace.is_zero() || retired.is_valid(last), grace.is_zero() || is_own(last));
            prop_assert!(!retired.is_valid(now.plus(grace).plus(Duration::from_secs(1))));
            for after in [Duration::ZERO, grace, grace * 2] {
                prop_assert_eq!(new.is_valid(now.plus(after)), is_own(now.plus(after)));
            }
        }
    }
}
