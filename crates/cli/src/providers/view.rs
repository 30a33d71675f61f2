//! How targets are shown.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_core::breaker::{Breaker, State};
use tollgate_core::catalogue::Target;
use tollgate_core::health::Tally;
use tollgate_core::time::Timestamp;

use crate::screen::{Column, Table, thousands, write_fields};

/// A target, its breaker, and what became of the calls of the last minute.
#[derive(Debug, Serialize)]
pub(super) struct TargetView {
    target: String,
    provider: String,
    state: &'static str,
    /// The share of the calls that it may get.
    admits_percent: u8,
    since: Option<String>,
    /// When a probe may go out, or is given up.
    until: Option<String>,
    cause: Option<&'static str>,
    forced: Option<ForcedView>,
    calls: u64,
    errors_percent: u64,
    throttled: u64,
    p95_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
struct ForcedView {
    who: String,
    why: String,
    since: String,
}

impl TargetView {
    pub(super) fn of(id: &str, target: &Target, breaker: &Breaker, tally: &Tally, now: Timestamp) -> Self {
        let forced = breaker.forced.as_ref().map(|forced| ForcedView {
            who: forced.who.clone(),
            why: forced.why.clone(),
            since: forced.since_us.to_string(),
        });
        let until = match breaker.state {
            State::Closed | State::HalfOpen { probe_until_us: None } => None,
            State::Open { until_us } => Some(until_us),
            State::HalfOpen { probe_until_us } => probe_until_us,
        };
        Self {
            target: id.to_owned(),
            provider: target.provider.clone(),
            state: ["closed", "half-open", "open"][usize::from(breaker.level()).min(2)],
            admits_percent: breaker.share(&target.breaker, now),
            since: (breaker.revision > 0).then(|| breaker.since_us.to_string()),
            until: until.filter(|_| forced.is_none()).map(|until| until.to_string()),
            cause: breaker.cause.filter(|_| breaker.level() > 0).map(|cause| cause.as_str()),
            forced,
            calls: tally.calls,
            errors_percent: tally.error_percent(),
            throttled: tally.throttled,
            p95_ms: tally.p95_us.map(|us| us / 1_000),
        }
    }

    fn state_text(&self) -> String {
        match &self.forced {
            Some(_) => format!("{} (forced)", self.state),
            None if self.state == "half-open" => format!("{} ({} %)", self.state, self.admits_percent),
            None => self.state.to_owned(),
        }
    }

    fn why(&self) -> String {
        match (&self.forced, self.cause) {
            (Some(forced), _) => format!("{}: {}", forced.who, forced.why),
            (None, cause) => cause.unwrap_or_default().to_owned(),
        }
    }

    fn p95_text(&self) -> String {
        self.p95_ms.map(|ms| format!("{} ms", thousands(ms))).unwrap_or_default()
    }
}

impl Display for TargetView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.why();
        write_fields(
            f,
            &[
                ("target", Some(self.target.clone())),
                ("provider", Some(self.provider.clone())),
                ("state", Some(self.state_text())),
                ("since", self.since.clone()),
                ("until", self.until.clone()),
                ("why", Some(why).filter(|why| !why.is_empty())),
                ("calls", Some(format!("{} in the last window", thousands(self.calls)))),
                (
                    "errors",
                    Some(format!("{} %, {} throttled", self.errors_percent, thousands(self.throttled))),
                ),
                ("p95", Some(self.p95_text()).filter(|text| !text.is_empty())),
            ],
        )
    }
}

/// All targets of the catalogue.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct TargetList(pub(super) Vec<TargetView>);

impl Display for TargetList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Column::{Left, Right};
        let columns = [
            Left("TARGET"),
            Left("PROVIDER"),
            Left("STATE"),
            Right("CALLS"),
            Right("ERRORS"),
            Right("P95"),
            Left("SINCE"),
            Left("WHY"),
        ];
        let mut table = Table::new(columns);
        for view in &self.0 {
            table.push([
                view.target.clone(),
                view.provider.clone(),
                view.state_text(),
                thousands(view.calls),
                format!("{} %", view.errors_percent),
                view.p95_text(),
                view.since.clone().unwrap_or_default(),
                view.why(),
            ]);
        }
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::breaker::Forced;
    use tollgate_core::catalogue::Catalogue;
    use tollgate_core::outcome::Cause;

    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

    fn list() -> TargetList {
        let catalogue: Catalogue =
            serde_json::from_str(include_str!("../../../../config/catalogue.json")).unwrap();
        let (id, target) = catalogue.targets.first_key_value().unwrap();
        let until_us = NOON.plus(std::time::Duration::from_secs(15));
        let open = Breaker {
            state: State::Open { until_us },
            since_us: NOON,
            revision: 1,
            cause: Some(Cause::Timeout),
            ..Breaker::default()
        };
        let returning = Breaker { state: State::HalfOpen { probe_until_us: None }, ..open.clone() };
        let word = Forced {
            is_open: false,
            who: "ann".to_owned(),
            why: "it is all we have".to_owned(),
            since_us: NOON,
        };
        let forced = Breaker { forced: Some(word), ..open.clone() };
        let tally = Tally { calls: 1_200, failed: 90, p95_us: Some(1_234_567), ..Tally::default() };
        let breakers = [Breaker::default(), open, returning, forced];
        TargetList(breakers.iter().map(|breaker| TargetView::of(id, target, breaker, &tally, NOON)).collect())
    }

    #[test]
    fn a_list_says_state_rates_and_why() {
        insta::assert_snapshot!(list(), @r"
        TARGET                            PROVIDER  STATE            CALLS  ERRORS       P95  SINCE                 WHY
        invoke-us-east-1/cohere-embed-v4  bedrock   closed           1,200     7 %  1,234 ms
        invoke-us-east-1/cohere-embed-v4  bedrock   open             1,200     7 %  1,234 ms  2026-11-22T12:00:00Z  timeout
        invoke-us-east-1/cohere-embed-v4  bedrock   half-open (5 %)  1,200     7 %  1,234 ms  2026-11-22T12:00:00Z  timeout
        invoke-us-east-1/cohere-embed-v4  bedrock   closed (forced)  1,200     7 %  1,234 ms  2026-11-22T12:00:00Z  ann: it is all we have
        ");
    }

    #[test]
    fn one_target_says_until_when_it_is_left_alone() {
        insta::assert_snapshot!(list().0[1], @r"
        target    invoke-us-east-1/cohere-embed-v4
        provider  bedrock
        state     open
        since     2026-11-22T12:00:00Z
        until     2026-11-22T12:00:15Z
        why       timeout
        calls     1,200 in the last window
        errors    7 %, 0 throttled
        p95       1,234 ms
        ");
    }
}
