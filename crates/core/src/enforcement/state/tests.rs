use proptest::prelude::*;

use super::*;
use crate::enforcement::Caps;
use crate::time::Timestamp;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn at(hours: u64) -> Timestamp {
    Timestamp::from_secs(NOON.as_secs() + hours * 3_600)
}

fn admitting() -> State {
    let flag =
        Flag { enabled: true, who: "seed".to_owned(), why: "new".to_owned(), since_us: NOON, until_us: None };
    State { flag, standing: Standing::default() }
}

fn restriction(scope: &str, grade: Grade, until: Option<u64>) -> Restriction {
    Restriction {
        scope: scope.parse().unwrap(),
        grade,
        caps: Caps::default(),
        why: format!("{grade:?} of {scope}"),
        origin: "m-1".to_owned(),
        since_us: NOON,
        until_us: until.map(at),
    }
}

fn order(change: Change) -> Order {
    Order {
        id: "m-1".to_owned(),
        at_us: NOON,
        who: "aws-budgets".to_owned(),
        why: "because".to_owned(),
        change,
        taken: Vec::new(),
        locks: Vec::new(),
    }
}

fn restrict(more: &[Restriction]) -> Order {
    order(Change::Restrict(more.to_vec()))
}

#[test]
fn a_stop_of_everyone_is_the_flag() {
    let after = admitting().after(&restrict(&[restriction("everyone", Grade::Stop, Some(2))]));

    assert!(!after.flag.admits(at(1)) && after.flag.admits(at(2)));
    assert_eq!((after.flag.who.as_str(), after.flag.why.as_str()), ("aws-budgets", "Stop of everyone"));
    assert!(after.standing.is_empty());
}

#[test]
fn a_lock_of_everyone_is_the_flag_and_stands() {
    let lock = restriction("everyone", Grade::Lock, None);

    let after = admitting().after(&restrict(std::slice::from_ref(&lock)));

    assert!(!after.flag.enabled);
    assert_eq!(after.standing.0, [lock]);
}

#[test]
fn a_second_stop_keeps_the_first_reason_and_the_later_end() {
    let first = admitting().after(&restrict(&[restriction("everyone", Grade::Stop, Some(2))]));
    let mut second = restrict(&[restriction("everyone", Grade::Stop, Some(4))]);
    second.at_us = at(1);
    second.who = "other".to_owned();

    let after = first.after(&second);

    let until = (after.flag.until_us, after.flag.who.as_str());
    assert_eq!(until, (Some(at(4)), "aws-budgets"));
    assert_eq!(after.after(&restrict(&[restriction("everyone", Grade::Stop, Some(3))])), after);
}

#[test]
fn a_person_who_stopped_calls_is_not_outlived_by_a_notice() {
    let stopped = admitting().after(&order(Change::Switch { enabled: false }));

    let after = stopped.after(&restrict(&[restriction("everyone", Grade::Stop, Some(1))]));

    assert_eq!(after, stopped);
}

#[test]
fn a_resume_lifts_all_or_what_it_names() {
    let all = [
        restriction("everyone", Grade::Stop, None),
        restriction("team:acme/search", Grade::Stop, None),
        restriction("everyone", Grade::Cap, None),
    ];
    let held = admitting().after(&restrict(&all));
    let lift = |scope: Option<&str>, grade| {
        held.after(&order(Change::Lift(Lift { scope: scope.map(|scope| scope.parse().unwrap()), grade })))
    };

    let everything = lift(None, None);
    assert!(everything.flag.enabled && everything.standing.is_empty());
    let team = lift(Some("team:acme/search"), None);
    assert_eq!((team.flag.enabled, team.standing.0.len()), (false, 1));
    let caps = lift(None, Some(Grade::Cap));
    assert_eq!((caps.flag.enabled, caps.standing.0.len()), (false, 1));
    assert!(lift(None, Some(Grade::Stop)).flag.enabled);
}

#[test]
fn a_resume_of_what_goes_on_leaves_the_flags_reason() {
    assert_eq!(admitting().after(&order(Change::Lift(Lift::default()))), admitting());
}

proptest! {
    #[test]
    fn no_notice_loosens_the_flag(untils in prop::collection::vec(prop::option::of(0..9_u64), 1..9)) {
        let mut state = admitting();
        let mut stopped_until = Some(0);
        for until in untils {
            state = state.after(&restrict(&[restriction("everyone", Grade::Stop, until.map(|until| until + 1))]));
            stopped_until = stopped_until.zip(until).map(|(one, two)| one.max(two + 1));
        }

        prop_assert_eq!(state.flag.until_us, stopped_until.map(at));
        prop_assert!(!state.flag.admits(NOON));
    }
}
