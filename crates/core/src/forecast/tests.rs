use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn at(text: &str, hour: u64) -> Timestamp {
    day(text).begin().plus(Duration::from_secs(hour * 3_600))
}

fn sums(of: &[(&str, i64)]) -> BTreeMap<Day, i64> {
    of.iter().map(|(text, sum)| (day(text), *sum)).collect()
}

#[test]
fn what_is_left_costs_the_mean_of_its_weekdays() {
    // Four weeks in which workdays cost 100 and weekends 10, up to Wednesday, 25 November.
    let mut past = BTreeMap::new();
    let mut one = day("2026-10-28");
    while one <= day("2026-11-24") {
        past.insert(one, if one.of_week() < 5 { 100 } else { 10 });
        one = one.next();
    }
    past.insert(day("2026-11-25"), 30);

    let seen = forecast(&past, at("2026-11-25", 12));

    let settled = 17 * 100 + 7 * 10 + 30;
    // The rest of Wednesday, then Thursday, Friday, the weekend and Monday.
    let rest = 70 + 100 + 100 + 10 + 10 + 100;
    assert_eq!(
        seen,
        Forecast {
            settled: Nanos(settled),
            month_end: Nanos(settled + rest),
            method: Method::Weekdays,
            days: 28
        }
    );
}

#[test]
fn a_young_scope_is_judged_by_all_its_complete_days() {
    let past = sums(&[("2026-11-24", 100), ("2026-11-26", 50), ("2026-11-27", 10)]);

    let seen = forecast(&past, at("2026-11-27", 12));

    // Three complete days, one of which cost nothing: 50 a day, rounded up; 40 of today are still to come.
    assert_eq!((seen.method, seen.days), (Method::RecentDays, 3));
    assert_eq!(seen.month_end, Nanos(160 + 40 + 3 * 50));
}

#[test]
fn a_first_day_is_judged_by_its_pace() {
    let past = sums(&[("2026-11-28", 60)]);

    let seen = forecast(&past, at("2026-11-28", 12));
    assert_eq!((seen.method, seen.month_end), (Method::Pace, Nanos(120 + 2 * 120)));

    let in_its_first_minute = forecast(&past, at("2026-11-28", 0));
    assert_eq!(in_its_first_minute.month_end, Nanos(3 * 60 * 24));
}

#[test]
fn who_spends_nothing_is_expected_to_spend_nothing() {
    let seen = forecast(&BTreeMap::new(), at("2026-11-28", 12));

    assert_eq!((seen.method, seen.month_end, seen.settled), (Method::Nothing, Nanos(0), Nanos(0)));
}

#[test]
fn last_month_is_looked_at_and_not_counted() {
    let past: BTreeMap<_, _> = (1..=28).map(|back| (day("2026-12-01").before(back), 7)).collect();

    let seen = forecast(&past, at("2026-12-01", 0));

    assert_eq!((seen.settled, seen.month_end), (Nanos(0), Nanos(31 * 7)));
    assert_eq!(first_day(day("2026-12-01")), day("2026-11-03"));
    assert_eq!(first_day(day("2026-12-31")), day("2026-12-01"));
}

/// A moment of some day of two years, and the sums of up to five weeks before it and of its own day.
fn histories() -> impl Strategy<Value = (Timestamp, BTreeMap<Day, i64>)> {
    (0..730_i64, 0..DAY_SECS, btree_map(0..36_i64, -1_000..1_000_000_000_000_i64, 0..36)).prop_map(
        |(offset, second, sums)| {
            let today = day("2026-01-01").before(-offset);
            let sums = sums.into_iter().map(|(back, sum)| (today.before(back), sum)).collect();
            (today.begin().plus(Duration::from_secs(second)), sums)
        },
    )
}

proptest! {
    #[test]
    fn a_forecast_is_never_below_what_is_settled((now, sums) in histories()) {
        let seen = forecast(&sums, now);

        prop_assert!(seen.month_end >= seen.settled);
        prop_assert!(seen.days <= 28);
    }

    #[test]
    fn who_spends_more_on_a_day_is_expected_to_spend_no_less((now, mut sums) in histories(), more in 0..1_000_000_i64, which in any::<prop::sample::Index>()) {
        prop_assume!(!sums.is_empty());
        let before = forecast(&sums, now);
        let chosen = *sums.keys().nth(which.index(sums.len())).unwrap();
        *sums.get_mut(&chosen).unwrap() += more;

        prop_assert!(forecast(&sums, now).month_end >= before.month_end);
    }

    #[test]
    fn even_spend_is_forecast_to_the_nano_dollar(offset in 0..730_i64, each in 0..1_000_000_000_000_i64, age in 1..36_i64) {
        let today = day("2026-01-01").before(-offset);
        let sums: BTreeMap<_, _> = (0..=age).map(|back| (today.before(back), each)).collect();
        let seen = forecast(&sums, today.begin().plus(Duration::from_secs(80_000)));

        let counted = (0..=age).filter(|back| today.before(*back) >= today.first_of_month()).count();
        let left = days_after(today).count();
        let expected = u64::try_from(each).unwrap() * u64::try_from(counted + left).unwrap();
        prop_assert_eq!(seen.month_end, Nanos(expected));
    }

    #[test]
    fn an_evening_of_the_last_day_adds_that_day_only(each in vec(0..1_000_000_i64, 29)) {
        let today = day("2026-11-30");
        let sums: BTreeMap<_, _> = (0..).zip(&each).map(|(back, sum)| (today.before(back), *sum)).collect();
        let seen = forecast(&sums, at("2026-11-30", 23));

        let mean = u64::try_from(each[7] + each[14] + each[21] + each[28]).unwrap().div_ceil(4);
        let rest = mean.saturating_sub(u64::try_from(each[0]).unwrap());
        prop_assert_eq!(seen.month_end, seen.settled.plus(Nanos(rest)));
    }
}
