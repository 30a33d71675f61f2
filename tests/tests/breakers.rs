//! Twenty environments of invoke, and a primary that dies and comes back, with the real binaries, DynamoDB Local and its
//! streams: what the primary is asked meanwhile, and how soon it has all of its share again.
//!
//! The breaker's times come from the catalogue and are a fifth of what is shipped, so five minutes are one here. What they
//! do not govern, from the first failure to the last environment that knows of it, has its ten seconds unscaled.

mod breakers {
    pub(crate) mod fleet;
    pub(crate) mod site;
}

use std::io::Write;
use std::time::Duration;

use breakers::fleet::{Call, Fleet};
use tollgate_aws::clock;
use tollgate_core::time::Timestamp;

const ENVIRONMENTS: usize = 20;

/// The times of the breaker are divided by it.
const FASTER: u64 = 5;

/// From the first failure on, within which the fleet must have learned of it.
const TO_LEARN: Duration = Duration::from_secs(10);

/// How long the primary is dead after that.
const DEAD: Duration = Duration::from_secs(30);

/// Five minutes, scaled.
const TO_RETURN: Duration = Duration::from_secs(300 / FASTER);

/// For so long every call must have gone to the primary.
const ALL: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_primary_is_left_alone_and_gets_all_of_its_share_back() {
    let Some(fleet) = Fleet::open("breakers", ENVIRONMENTS, FASTER).await else { return };
    fleet.wait_for_answers(ENVIRONMENTS * 4).await;

    let died = clock::now();
    fleet.break_primary().await;
    let first_failure = fleet.first_failure(died).await;
    tokio::time::sleep(TO_LEARN + DEAD).await;
    let (from, back) = (first_failure.plus(TO_LEARN), clock::now());
    // Whoever the primary did not answer was answered elsewhere.
    let (asked, would_have) =
        (fleet.asked_primary(from, back).await, fleet.asked_elsewhere(from, back).await);
    fleet.mend_primary().await;
    let returned = until_all_return(&fleet, back).await;
    let calls = fleet.stop().await;

    let failed: Vec<&Call> = calls.iter().filter(|call| call.began >= from && call.has_noticed()).collect();
    say(&format!(
        "{} calls; the dead primary was asked {asked} of {would_have} times; all came back after {} ms",
        calls.len(),
        returned.since(back).as_millis(),
    ));
    assert!(would_have > 100, "{would_have} calls say little");
    assert!(asked * 100 < would_have * 5, "{asked} of {would_have}");
    assert!(returned.since(back) <= TO_RETURN);
    assert!(failed.is_empty(), "callers notice nothing: {failed:?}");
}

/// When the time began in which every call went to the primary again.
async fn until_all_return(fleet: &Fleet, back: Timestamp) -> Timestamp {
    loop {
        let (until, since) = (clock::now(), clock::now().minus(ALL));
        let elsewhere = fleet.asked_elsewhere(since, until).await;
        if since > back && elsewhere == 0 && fleet.asked_primary(since, until).await > ENVIRONMENTS {
            return since;
        }
        let waited = until.since(back);
        assert!(waited < TO_RETURN + ALL, "{elsewhere} calls still go elsewhere after {waited:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn say(line: &str) {
    // Past the test harness: these figures say what was tried, and what came of it.
    drop(writeln!(std::io::stderr(), "{line}"));
}
