//! Claims as the ledger writes them, and the answers that are kept under them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tollgate_aws::answers::DynamoAnswers;
use tollgate_core::budget::Budget;
use tollgate_core::idempotency::{Answered, CLAIM_LASTS, Claim, Claimed, Form, Place, Progress};
use tollgate_core::ports::{Answers, Keeping, Reservation};
use tollgate_core::record::Record;
use tollgate_core::time::Timestamp;

use crate::accounts::{Accounts, NO_LIMIT, NOON, granted, per_day, reserved, reserved_at};

/// Accounts with a table of claims.
struct Desk {
    accounts: Accounts,
    answers: DynamoAnswers,
}

impl Desk {
    async fn open(test: &str) -> Option<Self> {
        let accounts = Accounts::open(test).await?;
        let answers = DynamoAnswers::new(accounts.cache.client.clone(), accounts.cache.name.clone(), None);
        Some(Self { accounts, answers })
    }

    async fn reserve(&self, record: &Record, budget: &Budget) -> Reservation {
        let claim = claim_at(&record.request_id, record.created_us).write(record.created_us);
        self.accounts.reserve_with(record, budget, Some(claim)).await.unwrap()
    }

    async fn progress(&self) -> Progress {
        self.answers.find(ID).await.unwrap().unwrap().progress
    }

    async fn drop(self) {
        self.accounts.drop().await;
    }
}

const ID: &str = "idem#ab";

fn claim_at(request_id: &str, now: Timestamp) -> Claim {
    Claim {
        id: ID.to_owned(),
        fingerprint: "cd".to_owned(),
        request_id: request_id.to_owned(),
        expires_at: now.plus(CLAIM_LASTS).as_secs(),
    }
}

fn running(request_id: &str) -> Claimed {
    Claimed { claim: claim_at(request_id, NOON), progress: Progress::Running }
}

fn answered(body: Bytes) -> Answered {
    Answered { status: 200, form: Form::Events, target: Some("bedrock/gpt".to_owned()), body }
}

/// Bytes that no compression makes shorter.
fn noise(length: usize) -> Bytes {
    let mut random = fastrand::Rng::with_seed(7);
    (0..length).map(|_| random.u8(..)).collect()
}

#[tokio::test]
async fn a_claim_is_written_with_its_reservation_and_keeps_others_out() {
    let Some(desk) = Desk::open("idempotency-claim").await else { return };

    assert_eq!(desk.reserve(&reserved("r-1", 100), &NO_LIMIT).await, granted(&reserved("r-1", 100)));
    let second = desk.reserve(&reserved("r-2", 100), &NO_LIMIT).await;

    assert_eq!(second, Reservation::Claimed(claim_at("r-1", NOON)));
    assert_eq!(desk.answers.find(ID).await.unwrap(), Some(running("r-1")));
    assert_eq!(desk.accounts.record("r-2").await, None);
    assert_eq!(desk.accounts.spent(&reserved("r-1", 0)).await, Some((100, 100)));
    assert_eq!(desk.answers.find("idem#other").await.unwrap(), None);
    desk.drop().await;
}

#[tokio::test]
async fn what_the_budget_refuses_claims_nothing_and_what_is_claimed_hears_of_no_budget() {
    let Some(desk) = Desk::open("idempotency-refused").await else { return };

    let refused = desk.reserve(&reserved("r-1", 100), &per_day(150)).await;
    assert_eq!(refused, granted(&reserved("r-1", 100)));
    let other = Claim { id: "idem#other".to_owned(), ..claim_at("r-2", NOON) };
    let refused = desk
        .accounts
        .reserve_with(&reserved("r-2", 100), &per_day(150), Some(other.write(NOON)))
        .await
        .unwrap();
    let claimed = desk.reserve(&reserved("r-3", 100), &per_day(150)).await;

    assert!(matches!(refused, Reservation::Refused(_)));
    assert_eq!(desk.answers.find("idem#other").await.unwrap(), None);
    assert_eq!(claimed, Reservation::Claimed(claim_at("r-1", NOON)));
    desk.drop().await;
}

#[tokio::test]
async fn exactly_once_of_sixty_four_calls_at_once_under_one_key_one_is_reserved() {
    let Some(desk) = Desk::open("idempotency-race").await else { return };
    let calls: Vec<_> = (0..64).map(|call| reserved(&format!("r-{call}"), 100)).collect();

    let answers = join_all(calls.iter().map(|call| desk.reserve(call, &NO_LIMIT))).await;

    assert_eq!(answers.iter().filter(|answer| matches!(answer, Reservation::Granted(_))).count(), 1);
    let holder = desk.answers.find(ID).await.unwrap().unwrap();
    for answer in &answers {
        let is_expected = match answer {
            Reservation::Granted(_) | Reservation::Contended => true,
            Reservation::Claimed(by) => *by == holder.claim,
            Reservation::Refused(_) => false,
        };
        assert!(is_expected, "{answer:?}");
    }
    assert_eq!(desk.accounts.charged().await, 100);
    assert_eq!(desk.accounts.spent(&calls[0]).await, Some((100, 100)));
    desk.drop().await;
}

#[tokio::test]
async fn a_claim_stands_for_a_day_and_then_makes_room() {
    let Some(desk) = Desk::open("idempotency-expiry").await else { return };
    desk.reserve(&reserved("r-1", 100), &NO_LIMIT).await;
    desk.answers.keep(&claim_at("r-1", NOON), &answered(Bytes::from_static(b"old"))).await.unwrap();
    let last = NOON.plus(CLAIM_LASTS - Duration::from_secs(1));
    let late = NOON.plus(CLAIM_LASTS);

    let within = desk.reserve(&reserved_at("r-2", 100, last), &NO_LIMIT).await;
    let beyond = desk.reserve(&reserved_at("r-3", 100, late), &NO_LIMIT).await;

    assert!(matches!(within, Reservation::Claimed(_)));
    assert!(matches!(beyond, Reservation::Granted(_)));
    let standing = desk.answers.find(ID).await.unwrap().unwrap();
    assert_eq!(standing, Claimed { claim: claim_at("r-3", late), progress: Progress::Running });
    desk.drop().await;
}

#[tokio::test]
async fn a_reservation_whose_reply_was_lost_holds_its_own_claim() {
    let Some(desk) = Desk::open("idempotency-lost").await else { return };

    for _ in 0..2 {
        assert_eq!(desk.reserve(&reserved("r-1", 100), &NO_LIMIT).await, granted(&reserved("r-1", 100)));
    }

    assert_eq!(desk.accounts.spent(&reserved("r-1", 0)).await, Some((100, 100)));
    desk.drop().await;
}

#[tokio::test]
async fn an_answer_is_kept_by_the_call_that_holds_the_claim_as_often_as_it_tries() {
    let Some(desk) = Desk::open("idempotency-keep").await else { return };
    desk.reserve(&reserved("r-1", 100), &NO_LIMIT).await;
    let answer = answered(Bytes::from_static(b"data: \xff\x00\n\n"));

    assert_eq!(desk.answers.keep(&claim_at("r-2", NOON), &answer).await.unwrap(), Keeping::Lost);
    assert_eq!(desk.progress().await, Progress::Running);
    for _ in 0..2 {
        assert_eq!(desk.answers.keep(&claim_at("r-1", NOON), &answer).await.unwrap(), Keeping::Done);
    }

    let Progress::Done(kept) = desk.progress().await else { panic!("not kept") };
    assert_eq!((kept.status, kept.form, &kept.target), (200, Form::Events, &answer.target));
    assert_eq!(desk.answers.body(&kept).await.unwrap(), Some(answer.body));
    desk.drop().await;
}

#[tokio::test]
async fn a_claim_is_freed_by_its_own_call_while_it_has_no_answer() {
    let Some(desk) = Desk::open("idempotency-free").await else { return };
    desk.reserve(&reserved("r-1", 100), &NO_LIMIT).await;

    desk.answers.free(ID, "r-2").await.unwrap();
    assert_eq!(desk.progress().await, Progress::Running);
    desk.answers.free(ID, "r-1").await.unwrap();
    desk.answers.free(ID, "r-1").await.unwrap();
    assert_eq!(desk.answers.find(ID).await.unwrap(), None);
    let late = desk.answers.keep(&claim_at("r-1", NOON), &answered(Bytes::new())).await.unwrap();
    assert_eq!(late, Keeping::Lost);

    desk.reserve(&reserved("r-3", 100), &NO_LIMIT).await;
    desk.answers.keep(&claim_at("r-3", NOON), &answered(Bytes::new())).await.unwrap();
    desk.answers.free(ID, "r-3").await.unwrap();
    assert!(matches!(desk.progress().await, Progress::Done(_)));
    desk.drop().await;
}

#[tokio::test]
async fn the_longest_answer_fits_its_item_and_without_a_bucket_a_longer_one_is_not_kept() {
    let Some(desk) = Desk::open("idempotency-long").await else { return };
    desk.reserve(&reserved("r-1", 100), &NO_LIMIT).await;
    let claim = claim_at("r-1", NOON);

    let longer = answered(noise(300 * 1024 + 1));
    assert_eq!(desk.answers.keep(&claim, &longer).await.unwrap(), Keeping::TooLarge);
    assert_eq!(desk.progress().await, Progress::Running);
    let longest = answered(noise(299 * 1024));
    assert_eq!(desk.answers.keep(&claim, &longest).await.unwrap(), Keeping::Done);

    let Progress::Done(kept) = desk.progress().await else { panic!("not kept") };
    assert!(matches!(kept.place, Place::Inline(_)));
    assert_eq!(desk.answers.body(&kept).await.unwrap(), Some(longest.body));
    desk.drop().await;
}
