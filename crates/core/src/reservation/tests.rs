use proptest::prelude::*;

use super::*;
use crate::budget::FlowPolicy;
use crate::money::Nanos;
use crate::record::State;
use crate::spend::{Measure, Window};
use crate::write::memory::Memory;
use crate::write::{Table, number};

mod model;

use model::{Op, World, caller, limits, opening};

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

fn amount(nanos: u64, tokens: u64) -> Amount {
    Amount { nanos: Nanos(nanos), tokens }
}

fn call(id: &str, team: &str, bound: u64) -> Record {
    Record::open(&caller("alice", team), opening(id, amount(bound, 1), NOW, 0))
}

/// Runs a taking against tables that nobody else writes; how many transactions it took.
fn run(tables: &mut Memory, mut taking: Taking<'_>) -> (Result<Record, Refusal>, usize) {
    let mut transactions = 0;
    loop {
        match taking.decide() {
            Next::Try(writes) => {
                transactions += 1;
                match tables.transact(&writes) {
                    Ok(()) => return (Ok(taking.into_record()), transactions),
                    Err(failed) => taking.learn(failed).unwrap(),
                }
            }
            Next::Look(dry) => {
                let view = escrow::memory::below(tables, &taking.record().lane().unwrap(), dry);
                match taking.looked(dry, &view) {
                    Ok(recalls) => recalls.iter().for_each(|recall| tables.transact(recall).unwrap()),
                    Err(refusal) => return (Err(refusal), transactions),
                }
            }
            Next::Refuse(refusal) => return (Err(refusal), transactions),
        }
    }
}

fn reserve(tables: &mut Memory, limits: &Limits, record: Record) -> (Result<Record, Refusal>, usize) {
    run(tables, Taking::new(None, record, limits, None, NOW))
}

fn refused(result: Result<Record, Refusal>) -> Exhausted {
    match result {
        Err(Refusal::Budget(exhausted)) => exhausted,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dry_lane_is_granted_a_chunk_and_then_a_call_is_one_transaction() {
    let (mut tables, limits) = (Memory::default(), limits(1_000));

    let (first, transactions) = reserve(&mut tables, &limits, call("r-1", "search", 10));
    assert_eq!((first.is_ok(), transactions), (true, 2));
    let (second, transactions) = reserve(&mut tables, &limits, call("r-2", "search", 10));
    assert_eq!((second.is_ok(), transactions), (true, 1));

    let lane = tables.get(Table::Limits, "lane#acme/search#0#2026-11-22").unwrap();
    assert_eq!((number(&lane, "held"), number(&lane, "room")), (20, 80));
    for scope in ["team#acme/search", "tenant#acme", "org"] {
        let parent = tables.get(Table::Limits, &format!("spend#{scope}#2026-11")).unwrap();
        assert_eq!((number(&parent, "d22"), number(&parent, "month")), (100, 100), "{scope}");
    }
}

#[test]
fn a_dry_parent_calls_unused_escrow_back_from_other_lanes() {
    let (mut tables, limits) = (Memory::default(), limits(100));
    // The whole budget of the organisation lies in the lane of another team.
    reserve(&mut tables, &limits, call("r-1", "ads", 10)).0.unwrap();

    let (taken, _) = reserve(&mut tables, &limits, call("r-2", "search", 90));

    assert!(taken.is_ok());
    let refusal = refused(reserve(&mut tables, &limits, call("r-3", "search", 1)).0);
    assert_eq!(
        (refusal.scope.as_str(), refusal.window, refusal.measure),
        ("org", Window::Day, Measure::Money)
    );
    assert_eq!((refusal.limit, refusal.spent, refusal.needed), (100, 100, 1));
}

#[test]
fn what_is_left_of_a_parent_and_of_the_lane_together_is_enough() {
    let (mut tables, mut limits) = (Memory::default(), limits(100));
    limits.chunk = amount(60, 60);
    reserve(&mut tables, &limits, call("r-1", "search", 10)).0.unwrap();

    let (taken, _) = reserve(&mut tables, &limits, call("r-2", "search", 90));

    assert!(taken.is_ok());
}

#[test]
fn a_shadow_budget_refuses_nothing_and_is_named_in_the_record() {
    let (mut tables, mut limits) = (Memory::default(), limits(1_000));
    limits.parents[0] = Budget { day: Some(Nanos(15)), mode: Mode::Shadow, ..Budget::UNLIMITED };
    limits.user = Budget { day: Some(Nanos(25)), mode: Mode::Shadow, ..Budget::UNLIMITED };

    let shadows: Vec<Vec<String>> = (0..3)
        .map(|id| reserve(&mut tables, &limits, call(&format!("r-{id}"), "search", 10)).0.unwrap().shadowed)
        .collect();

    assert_eq!(shadows[0], Vec::<String>::new());
    assert_eq!(shadows[1], ["team#acme/search"]);
    assert_eq!(shadows[2], ["user#acme/alice", "team#acme/search"]);
    let stored = tables.get(Table::Ledger, "r-2").unwrap();
    assert_eq!(stored["shadowed"], serde_json::json!(["user#acme/alice", "team#acme/search"]));
}

#[test]
fn first_calls_of_a_user_that_nobody_knows_are_counted_like_any() {
    let (mut tables, mut limits) = (Memory::default(), limits(1_000));
    limits.user = Budget { day: Some(Nanos(10)), ..Budget::UNLIMITED };

    assert!(reserve(&mut tables, &limits, call("r-1", "search", 10)).0.is_ok());
    assert_eq!(refused(reserve(&mut tables, &limits, call("r-2", "search", 1)).0).scope, "user#acme/alice");
}

#[test]
fn a_month_is_spent_although_its_day_is_not() {
    let (mut tables, mut limits) = (Memory::default(), limits(1_000));
    limits.parents[2] = Budget { month: Some(Nanos(50)), day: Some(Nanos(1_000)), ..Budget::UNLIMITED };
    let yesterday = Timestamp::from_micros(NOW.as_micros() - 86_400_000_000);
    let before = Record::open(&caller("alice", "search"), opening("r-0", amount(40, 1), yesterday, 0));
    reserve(&mut tables, &limits, before).0.unwrap();

    // Ten are idle in yesterday's lane: they are called back, and no more is there.
    assert!(reserve(&mut tables, &limits, call("r-1", "search", 10)).0.is_ok());
    let refusal = refused(reserve(&mut tables, &limits, call("r-2", "search", 1)).0);
    assert_eq!((refusal.window, refusal.limit, refusal.spent), (Window::Month, 50, 50));
}

#[test]
fn room_of_a_lane_that_is_overdrawn_in_tokens_is_called_back_all_the_same() {
    let (mut tables, limits) = (Memory::default(), limits(100));
    let first = reserve(&mut tables, &limits, call("r-1", "ads", 10)).0.unwrap();
    let over =
        Record { end: first.expired(NOW).end, state: State::Settled, charged_tokens: 500, ..first.clone() };
    tables.transact(&record::close(&first, &over)).unwrap();

    assert!(reserve(&mut tables, &limits, call("r-2", "search", 90)).0.is_ok());
}

#[test]
fn what_comes_back_after_days_goes_to_the_budgets_at_once() {
    let (mut tables, limits) = (Memory::default(), limits(100));
    let late = reserve(&mut tables, &limits, call("r-1", "search", 100)).0.unwrap();
    let days = |days: u64| Timestamp::from_micros(NOW.as_micros() + days * 86_400_000_000);

    tables.transact(&record::close(&late, &late.expired(days(2)))).unwrap();

    let lane = tables.get(Table::Limits, "lane#acme/search#0#2026-11-22").unwrap();
    assert_eq!((number(&lane, "held"), number(&lane, "room")), (0, 0));
    let organisation = tables.get(Table::Limits, "spend#org#2026-11").unwrap();
    assert_eq!((number(&organisation, "d22"), number(&organisation, "month")), (0, 0));
}

#[test]
fn a_changed_limit_resets_nothing() {
    let (mut tables, limits) = (Memory::default(), limits(100));
    reserve(&mut tables, &limits, call("r-1", "search", 60)).0.unwrap();

    let mut lower = limits;
    lower.parents[2].day = Some(Nanos(50));
    assert_eq!(refused(reserve(&mut tables, &lower, call("r-2", "ads", 1)).0).spent, 60);
    let mut higher = limits;
    higher.parents[2].day = Some(Nanos(120));
    assert!(reserve(&mut tables, &higher, call("r-3", "ads", 60)).0.is_ok());
    assert!(reserve(&mut tables, &higher, call("r-4", "ads", 1)).0.is_err());
}

#[test]
fn a_claim_of_somebody_else_admits_nothing() {
    let (mut tables, limits) = (Memory::default(), limits(100));
    let claim = |by: &str| Write {
        table: Table::Cache,
        key: "idem#k".to_owned(),
        checks: vec![crate::write::Check::Absent("cacheKey".to_owned())],
        change: crate::write::Change::Put(
            serde_json::json!({"cacheKey": "idem#k", "by": by}).as_object().unwrap().clone(),
        ),
    };
    let mut first = Taking::new(None, call("r-1", "search", 1), &limits, Some(claim("r-1")), NOW);
    let Next::Try(writes) = first.decide() else { panic!() };
    let failed = tables.transact(&writes).unwrap_err();
    first.learn(failed).unwrap();
    let Next::Try(writes) = first.decide() else { panic!() };
    tables.transact(&writes).unwrap();

    let mut second = Taking::new(None, call("r-2", "search", 1), &limits, Some(claim("r-2")), NOW);
    let Next::Try(writes) = second.decide() else { panic!() };
    let obstacle = second.learn(tables.transact(&writes).unwrap_err()).unwrap_err();

    assert!(matches!(obstacle, Obstacle::Claimed(item) if item["by"] == "r-1"));
    assert_eq!(tables.get(Table::Ledger, "r-2"), None);
}

#[test]
fn a_key_has_so_many_calls_at_the_same_time_and_a_closed_one_makes_place() {
    let (mut tables, limits) = (Memory::default(), limits(1_000));
    let mut caller = caller("alice", "search");
    caller.flow = FlowPolicy { max_concurrent: Some(2), tokens_per_minute: None };
    let open = |id: &str| Record::open(&caller, opening(id, amount(1, 1), NOW, 0));
    let first = reserve(&mut tables, &limits, open("r-1")).0.unwrap();
    reserve(&mut tables, &limits, open("r-2")).0.unwrap();

    let third = reserve(&mut tables, &limits, open("r-3")).0;
    assert_eq!(third, Err(Refusal::Flow(FlowRefusal::Concurrency { limit: 2 })));

    tables.transact(&record::close(&first, &first.expired(NOW))).unwrap();
    assert!(reserve(&mut tables, &limits, open("r-3")).0.is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// `never_over`, `exactly_once` and `no_false_refusal` over any interleaving; [`World`] checks each step.
    #[test]
    fn never_over_exactly_once_and_no_false_refusal(
        seed: u64, org in 1..400_u64, team in 1..300_u64, user in 1..200_u64, chunk in 0..80_u64, lanes in 1..4_u16,
        ops in proptest::collection::vec(any::<Op>(), 1..70),
    ) {
        let mut world = World::new(seed, [user, team, org], chunk, lanes);
        for op in ops {
            world.step(op);
        }
        world.finish();
    }
}
