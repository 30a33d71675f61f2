use proptest::prelude::*;

use super::*;

const POLICY: Policy = Policy { bisect: true, max_retries: Some(2) };

/// Runs a batch to its end against a function; what was done and what was discarded, in order.
fn run(
    policy: Policy,
    len: usize,
    mut function: impl FnMut(Range<usize>) -> Verdict,
) -> (Vec<usize>, Vec<usize>) {
    let mut remainder = Remainder::whole(len);
    let (mut done, mut discarded) = (Vec::new(), Vec::new());
    while let Some(sent) = remainder.front() {
        let verdict = function(sent.clone());
        match (verdict, remainder.record(policy, verdict)) {
            (_, Step::Discard(slice)) => discarded.extend(slice.range),
            (Verdict::Done, _) => done.extend(sent),
            (Verdict::FailedFrom(index), _) => done.extend(sent.take(index)),
            _ => {}
        }
    }
    (done, discarded)
}

#[test]
fn ends_at_once_when_the_batch_succeeds() {
    let (done, discarded) = run(POLICY, 3, |_| Verdict::Done);

    assert_eq!((done, discarded), (vec![0, 1, 2], vec![]));
}

#[test]
fn has_nothing_to_send_of_an_empty_batch() {
    assert_eq!(Remainder::whole(0).front(), None);
}

#[test]
fn goes_on_at_the_lowest_failed_record() {
    let mut remainder = Remainder::whole(10);

    let step = remainder.record(POLICY, Verdict::FailedFrom(4));

    assert_eq!((step, remainder.front()), (Step::Proceed, Some(4..10)));
}

#[test]
fn halves_a_failed_batch_without_using_up_a_retry() {
    let mut remainder = Remainder::whole(5);

    let sent = [0..5, 0..3, 0..2, 0..1].map(|expected| {
        assert_eq!(remainder.front(), Some(expected));
        remainder.record(POLICY, Verdict::Failed)
    });

    assert_eq!(sent[..3], [Step::Proceed, Step::Proceed, Step::Proceed]);
    assert_eq!(sent[3], Step::Pause(FIRST_PAUSE));
    assert_eq!(remainder.front(), Some(0..1));
}

#[test]
fn gives_up_after_the_first_attempt_and_the_retries() {
    let mut remainder = Remainder::whole(1);

    let steps: Vec<Step> = (0..3).map(|_| remainder.record(POLICY, Verdict::Failed)).collect();

    let given_up = Slice { range: 0..1, invocations: 3, failures: 3, throttles: 0 };
    assert_eq!(steps[..2], [Step::Pause(FIRST_PAUSE), Step::Pause(FIRST_PAUSE * 2)]);
    assert_eq!(steps[2], Step::Discard(given_up));
    assert_eq!(remainder.front(), None);
}

#[test]
fn gives_up_a_whole_batch_that_may_not_be_halved() {
    let policy = Policy { bisect: false, max_retries: Some(0) };

    let (done, discarded) = run(policy, 4, |_| Verdict::Failed);

    assert_eq!((done, discarded), (vec![], vec![0, 1, 2, 3]));
}

#[test]
fn never_gives_up_for_being_throttled() {
    let mut remainder = Remainder::whole(2);

    let steps: Vec<Step> = (0..50).map(|_| remainder.record(POLICY, Verdict::NotInvoked)).collect();

    assert!(steps.iter().all(|step| matches!(step, Step::Pause(_))));
    assert_eq!(steps.last(), Some(&Step::Pause(LONGEST_PAUSE)));
    assert_eq!(remainder.front(), Some(0..2));
}

#[test]
fn retries_for_ever_without_a_limit() {
    let policy = Policy { bisect: false, max_retries: None };
    let mut remainder = Remainder::whole(2);

    let steps: Vec<Step> = (0..1000).map(|_| remainder.record(policy, Verdict::Failed)).collect();

    assert!(steps.iter().all(|step| matches!(step, Step::Pause(_))));
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Done),
        Just(Verdict::Failed),
        Just(Verdict::NotInvoked),
        (0_usize..40).prop_map(Verdict::FailedFrom),
    ]
}

proptest! {
    #[test]
    fn ends_every_record_once_and_in_order(
        len in 0_usize..40,
        bisect: bool,
        max_retries in 0_u32..4,
        verdicts in prop::collection::vec(any_verdict(), 0..200),
    ) {
        let mut script = verdicts.into_iter();
        let mut ended = Vec::new();
        let policy = Policy { bisect, max_retries: Some(max_retries) };
        let mut remainder = Remainder::whole(len);

        while let Some(sent) = remainder.front() {
            let verdict = match script.next().unwrap_or(Verdict::Failed) {
                Verdict::FailedFrom(index) => Verdict::FailedFrom(index % sent.len()),
                other => other,
            };
            match (verdict, remainder.record(policy, verdict)) {
                (_, Step::Discard(slice)) => ended.extend(slice.range),
                (Verdict::Done, _) => ended.extend(sent),
                (Verdict::FailedFrom(index), _) => ended.extend(sent.take(index)),
                _ => {}
            }
        }

        prop_assert_eq!(ended, (0..len).collect::<Vec<_>>());
    }

    #[test]
    fn loses_only_the_poisoned_records_when_it_may_halve(
        len in 1_usize..60,
        poison in prop::collection::btree_set(0_usize..60, 0..8),
        reports: bool,
    ) {
        let poisoned = |sent: Range<usize>| sent.clone().position(|index| poison.contains(&index));

        let (done, discarded) = run(POLICY, len, |sent| match poisoned(sent) {
            None => Verdict::Done,
            Some(first) if reports => Verdict::FailedFrom(first),
            Some(_) => Verdict::Failed,
        });

        let expected: Vec<usize> = poison.iter().copied().filter(|index| *index < len).collect();
        prop_assert_eq!(done.len() + discarded.len(), len);
        prop_assert_eq!(discarded, expected);
    }

    #[test]
    fn pauses_longer_and_longer_up_to_a_limit(nth in 0_u32..100) {
        prop_assert!(pause_after(nth) <= pause_after(nth + 1));
        prop_assert!(pause_after(nth) <= LONGEST_PAUSE);
    }
}
