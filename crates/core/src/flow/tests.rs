use proptest::prelude::*;

use super::*;
use crate::write::memory::Memory;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn flow(tokens_per_minute: Option<u64>, max_concurrent: Option<u64>) -> Flow {
    let name = |text: &str| text.parse().unwrap();
    let policy = FlowPolicy { tokens_per_minute, max_concurrent };
    Flow::of(&name("acme"), &name("alice"), &name("k"), policy).unwrap()
}

fn item(tables: &Memory, flow: &Flow) -> Item {
    tables.get(Table::Limits, flow.key()).unwrap_or_default()
}

/// Enters as an adapter does: with an empty item first, and then with what stood in the way.
fn enter(tables: &mut Memory, flow: &Flow, tokens: u64, now: Timestamp) -> Result<(), FlowRefusal> {
    let mut seen = Item::new();
    loop {
        let write = flow.enter(&seen, tokens, now)?;
        match tables.transact(&[write]) {
            Ok(()) => return Ok(()),
            Err(mut failed) => seen = failed.remove(0).1.unwrap(),
        }
    }
}

#[test]
fn a_key_without_limits_has_no_flow() {
    let name = |text: &str| text.parse().unwrap();

    assert_eq!(Flow::of(&name("acme"), &name("alice"), &name("k"), FlowPolicy::default()), None);
}

#[test]
fn tpm_race_663_tokens_do_not_pass_a_limit_of_100() {
    let (mut tables, flow) = (Memory::default(), flow(Some(100), None));

    let admitted = (0..17).filter(|_| enter(&mut tables, &flow, 39, NOON).is_ok()).count();

    assert_eq!(admitted, 2);
}

#[test]
fn a_call_that_can_never_be_admitted_is_told_so() {
    let (mut tables, flow) = (Memory::default(), flow(Some(100), None));

    let refusal = enter(&mut tables, &flow, 101, NOON).unwrap_err();

    let standing = TokenStanding { limit: 100, remaining: 100, reset: Duration::ZERO };
    assert_eq!(refusal, FlowRefusal::Tokens { standing, needed: 101, retry_after: None });
}

#[test]
fn what_a_call_did_not_use_can_be_used_by_the_next() {
    let (mut tables, flow) = (Memory::default(), flow(Some(600), Some(1)));
    enter(&mut tables, &flow, 600, NOON).unwrap();
    assert!(enter(&mut tables, &flow, 1, NOON).is_err());

    tables.transact(&[flow.leave((600, 50), NOON, NOON)]).unwrap();

    let standing = flow.standing(&item(&tables, &flow), 0, NOON).unwrap();
    assert_eq!((standing.remaining, standing.reset), (550, Duration::from_secs(5)));
    assert!(enter(&mut tables, &flow, 550, NOON).is_ok());
}

#[test]
fn keys_of_one_user_share_tokens_and_not_places() {
    let name = |text: &str| text.parse().unwrap();
    let policy = FlowPolicy { tokens_per_minute: Some(100), max_concurrent: Some(1) };
    let keys = ["k", "l"].map(|key| Flow::of(&name("acme"), &name("alice"), &name(key), policy).unwrap());
    let mut tables = Memory::default();

    enter(&mut tables, &keys[0], 60, NOON).unwrap();

    assert_eq!(enter(&mut tables, &keys[0], 1, NOON), Err(FlowRefusal::Concurrency { limit: 1 }));
    assert!(matches!(enter(&mut tables, &keys[1], 60, NOON), Err(FlowRefusal::Tokens { .. })));
    assert_eq!(enter(&mut tables, &keys[1], 40, NOON), Ok(()));
}

/// A call: after how long it comes, in milliseconds, what it reserves, what share of it it uses, how long it takes.
type Call = (u64, u64, u64, u64);

/// Runs calls; when each was admitted, and what it used.
fn run(tables: &mut Memory, flow: &Flow, calls: &[Call]) -> Vec<(Timestamp, u64)> {
    let (mut now, mut admitted, mut open) = (NOON, Vec::new(), Vec::new());
    for &(gap, bound, share, time) in calls {
        now = now.plus(Duration::from_millis(gap));
        open.retain(|&(began, ends, tokens): &(Timestamp, Timestamp, (u64, u64))| {
            let is_over = ends <= now;
            if is_over {
                tables.transact(&[flow.leave(tokens, began, ends)]).unwrap();
            }
            !is_over
        });
        if enter(tables, flow, bound, now).is_ok() {
            let used = bound * share / 100;
            admitted.push((now, used));
            open.push((now, now.plus(Duration::from_millis(time)), (bound, used)));
        }
    }
    admitted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_window_sees_more_tokens_used_than_a_minutes_worth_and_the_rate(
        limit in 10..2_000_u64,
        calls in proptest::collection::vec((0..40_000_u64, 0..1_000_u64, 0..=100_u64, 0..90_000_u64), 1..40),
    ) {
        let flow = flow(Some(limit), None);
        let admitted = run(&mut Memory::default(), &flow, &calls);
        for (index, (start, _)) in admitted.iter().enumerate() {
            let mut used = 0;
            for (end, tokens) in &admitted[index..] {
                used += u128::from(*tokens);
                let window = end.since(*start) + MINUTE;
                let allowed = u128::from(limit) * window.as_micros() / MINUTE.as_micros();
                prop_assert!(used <= allowed, "{used} of {allowed}");
            }
        }
    }

    #[test]
    fn a_call_that_waits_as_told_gets_its_tokens(
        limit in 10..2_000_u64,
        calls in proptest::collection::vec((0..20_000_u64, 0..1_000_u64), 1..40),
    ) {
        let (flow, mut tables, mut now) = (flow(Some(limit), None), Memory::default(), NOON);
        for (gap, tokens) in calls {
            now = now.plus(Duration::from_millis(gap));
            match enter(&mut tables, &flow, tokens, now) {
                Ok(()) => {}
                Err(FlowRefusal::Tokens { retry_after: Some(wait), .. }) => {
                    now = now.plus(wait);
                    prop_assert_eq!(enter(&mut tables, &flow, tokens, now), Ok(()));
                }
                Err(refusal) => prop_assert!(tokens > limit, "{:?}", refusal),
            }
        }
    }

    #[test]
    fn never_more_calls_run_than_places(
        places in 1..5_u64, calls in proptest::collection::vec((0..1_000_u64, 0..10_u64, 0..=100_u64, 0..3_000_u64), 1..40),
    ) {
        let (flow, mut tables) = (flow(None, Some(places)), Memory::default());
        let admitted = run(&mut tables, &flow, &calls);
        prop_assert!(!admitted.is_empty());
        let running = number(&item(&tables, &flow), "running_k");
        prop_assert!((0..=i128::from(places)).contains(&running), "{running}");
    }
}
