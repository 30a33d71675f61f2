use proptest::prelude::*;

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn at(hours: u64) -> Timestamp {
    Timestamp::from_secs(NOON.as_secs() + hours * 3_600)
}

fn restriction(scope: &str, grade: Grade, max_output_tokens: Option<u64>, until: Option<u64>) -> Restriction {
    Restriction {
        scope: scope.parse().unwrap(),
        grade,
        caps: Caps { max_output_tokens, ..Caps::default() },
        why: "the budget is spent".to_owned(),
        origin: "m-1".to_owned(),
        since_us: NOON,
        until_us: until.map(at),
    }
}

fn cap(tokens: u64, until: Option<u64>) -> Restriction {
    restriction("everyone", Grade::Cap, Some(tokens), until)
}

fn effect(standing: &Standing, hours: u64) -> Effect {
    standing.effect(&name("acme"), &name("search"), at(hours))
}

#[test]
fn of_two_caps_the_lower_counts_while_it_lasts() {
    let standing = Standing::default().merge(&[cap(500, None), cap(100, Some(2))], NOON);

    let lowest = |hours| effect(&standing, hours).caps.max_output_tokens;
    assert_eq!((lowest(0), lowest(1), lowest(2)), (Some(100), Some(100), Some(500)));
}

#[test]
fn what_another_one_says_already_is_left_out() {
    let long = restriction("team:acme/search", Grade::Stop, None, None);
    let short = restriction("team:acme/search", Grade::Stop, None, Some(3));

    let standing = Standing::default().merge(&[short.clone(), long.clone()], NOON).merge(&[short], NOON);

    assert_eq!(standing.0, [long]);
}

#[test]
fn the_first_of_equal_ones_says_since_when() {
    let later = Restriction { since_us: at(1), origin: "m-2".to_owned(), ..cap(5, None) };

    let standing = Standing::default().merge(std::slice::from_ref(&later), at(1));

    assert_eq!(standing.merge(&[cap(5, None)], at(1)).0, [cap(5, None)]);
    assert_eq!(Standing::default().merge(&[cap(5, None)], NOON).merge(&[later], at(1)).0, [cap(5, None)]);
}

#[test]
fn a_stop_of_some_stops_no_others() {
    let standing =
        Standing::default().merge(&[restriction("team:acme/search", Grade::Stop, None, None)], NOON);

    assert_eq!(effect(&standing, 0).stopped.as_deref(), Some("the budget is spent"));
    assert_eq!(standing.effect(&name("acme"), &name("other"), NOON), Effect::default());
    assert_eq!(standing.effect(&name("other"), &name("search"), NOON), Effect::default());
}

#[test]
fn what_has_ended_is_forgotten() {
    let standing = Standing::default().merge(&[cap(5, Some(1))], NOON);

    assert_eq!(effect(&standing, 1), Effect::default());
    assert!(standing.merge(&[], at(1)).is_empty());
}

#[test]
fn the_largest_head_costs_one_read() {
    let long = "x".repeat(64);
    let widest = |index: usize| Restriction {
        scope: format!("team:{long}/{index}{}", &long[1..]).parse().unwrap(),
        grade: Grade::Stop,
        caps: Caps::default(),
        why: super::super::brief(&"y".repeat(500)),
        origin: "95df01b4-ee98-5cb9-9903-4c221d41eb5e".to_owned(),
        since_us: NOON,
        until_us: Some(at(1)),
    };
    let flag = crate::settings::Flag {
        enabled: false,
        who: "w".repeat(200),
        why: "y".repeat(200),
        since_us: NOON,
        until_us: Some(at(1)),
    };
    let head = crate::settings::Head {
        flag,
        catalogue: u64::MAX,
        prices: u64::MAX,
        routing: u64::MAX,
        budgets: u64::MAX,
        purges: u64::MAX,
        enforcement: u64::MAX,
        standing: Standing((0..MOST_RESTRICTIONS).map(widest).collect()),
    };

    assert!(serde_json::to_string(&head).unwrap().len() < 4_000);
}

#[test]
fn too_many_become_fewer_and_stricter() {
    let teams: Vec<Restriction> =
        (0..9).map(|index| restriction(&format!("team:acme/t{index}"), Grade::Stop, None, None)).collect();

    let standing = Standing::default().merge(&teams, NOON);

    assert_eq!(standing.0.len(), MOST_RESTRICTIONS);
    for index in 0..9 {
        let stopped = standing.effect(&name("acme"), &name(&format!("t{index}")), at(9)).stopped;
        assert!(stopped.is_some(), "t{index}");
    }
}

/// One of few, so that they meet.
fn any_restriction() -> impl Strategy<Value = Restriction> {
    let scope = prop::sample::select(vec!["everyone", "tenant:acme", "team:acme/search"]);
    let tokens = prop::sample::select(vec![Some(10), Some(20), None]);
    let until = prop::sample::select(vec![None, Some(1), Some(5)]);
    (scope, any::<bool>(), tokens, until, 0..4_u64).prop_map(|(scope, stops, tokens, until, since)| {
        let (grade, tokens) = if stops { (Grade::Stop, None) } else { (Grade::Cap, tokens) };
        Restriction {
            since_us: Timestamp::from_secs(since),
            origin: format!("m-{since}"),
            ..restriction(scope, grade, tokens, until)
        }
    })
}

/// What restrictions mean together, said without merging anything.
fn together(all: &[Restriction], team: &str, hours: u64) -> (bool, Caps) {
    let own = all.iter().filter(|one| one.holds(at(hours)) && one.scope.covers(&name("acme"), &name(team)));
    own.fold((false, Caps::default()), |(stops, caps), one| {
        (stops || one.grade >= Grade::Stop, caps.and(one.caps))
    })
}

proptest! {
    #[test]
    fn notices_in_any_order_and_number_leave_the_strictest_state_that_any_asked_for(
        all in prop::collection::vec(any_restriction(), 0..12),
        order in prop::collection::vec(0..12_usize, 0..30),
    ) {
        let (mut standing, mut is_exact) = (Standing::default(), true);
        // Some come twice, in any order; then all that did not come yet.
        for index in order.into_iter().filter(|index| *index < all.len()).chain(0..all.len()) {
            standing = standing.merge(&all[index..=index], NOON);
            is_exact &= standing.0.len() < MOST_RESTRICTIONS;
        }

        for team in ["search", "other"] {
            for hours in [0, 1, 5] {
                let own = standing.effect(&name("acme"), &name(team), at(hours));
                let (stops, caps) = together(&all, team, hours);
                // More than the head holds were joined at some time: then it is at least as strict.
                if is_exact {
                    prop_assert_eq!((own.stopped.is_some(), own.caps), (stops, caps));
                } else {
                    prop_assert!(own.stopped.is_some() >= stops);
                    prop_assert_eq!(own.caps.and(caps), own.caps);
                }
            }
        }
    }

    #[test]
    fn what_stands_does_not_depend_on_the_order(
        all in prop::collection::vec(any_restriction(), 0..6).prop_shuffle(),
    ) {
        let at_once = Standing::default().merge(&all, NOON);
        let one_by_one = all.iter().rev().fold(Standing::default(), |standing, one| {
            standing.merge(std::slice::from_ref(one), NOON)
        });

        prop_assert_eq!(one_by_one, at_once);
    }
}
