//! How a call is shown: times and dollars for people, nothing left out.

mod semantic;

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_core::name::Name;
use tollgate_core::record::{Decision, End, Record, Try};
use tollgate_core::semantic::millionths::Millionths;
use tollgate_core::time::{Day, Timestamp};

use self::semantic::Semantic;
use crate::screen::{thousands, write_fields};
use crate::usd::Usd;

/// A record of the ledger.
#[derive(Debug, Serialize)]
pub(crate) struct Call {
    request_id: String,
    state: &'static str,
    created_at: String,
    /// While open: when it is overdue.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_at: Option<String>,
    forgotten_at: String,
    day: Day,
    key_id: Name,
    user: Name,
    team: Name,
    tenant: Name,
    model: String,
    target: Option<String>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    cache: &'static str,
    attempts: u32,
    /// How each request to a target ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tries: Vec<String>,
    /// How often one went on with what another had begun to say.
    #[serde(skip_serializing_if = "is_never")]
    continued: u32,
    /// Targets that their breakers kept it from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kept_from: Vec<String>,
    /// Why the first target was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    /// What its caller said of the answer, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<Millionths>,
    reserved_usd: Usd,
    charged_usd: Usd,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    end: Option<Ended>,
}

#[derive(Debug, Serialize)]
struct Ended {
    ended_at: String,
    outcome: String,
    provider: Option<String>,
    tokens: Tokens,
    estimated: bool,
    saved_usd: Usd,
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic: Option<Semantic>,
    latency_ms: u64,
    first_token_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Tokens {
    input: u64,
    cached: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
}

impl Call {
    pub(crate) fn of(record: Record) -> Self {
        Self {
            request_id: record.request_id,
            state: record.state.as_str(),
            created_at: record.created_us.to_string(),
            deadline_at: record.state.is_open().then(|| record.deadline_us.to_string()),
            forgotten_at: Timestamp::from_secs(record.expires_at).to_string(),
            day: record.day,
            key_id: record.key_id,
            user: record.user,
            team: record.team,
            tenant: record.tenant,
            model: record.model,
            target: record.target,
            stream: record.stream,
            trace_id: record.trace_id,
            cache: record.cache.as_str(),
            attempts: record.attempts,
            tries: record.tries.iter().map(try_text).collect(),
            continued: record.continued,
            kept_from: record.kept_from,
            decision: record.decision,
            rating: record.rating,
            reserved_usd: Usd(record.reserved_nanos),
            charged_usd: Usd(record.charged_nanos),
            end: record.end.map(Ended::of),
        }
    }
}

fn decision_text(decision: &Decision) -> String {
    let route = if decision.route.is_empty() { "default" } else { &decision.route };
    let (version, reason) = (decision.version, decision.reason.as_str());
    let scores: Vec<String> =
        decision.scores.iter().map(|score| format!("{} {}", score.target, score.total)).collect();
    let scores = if scores.is_empty() { String::new() } else { format!(": {}", scores.join(", ")) };
    format!("{reason}{scores} (route {route}, routing version {version})")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_never(times: &u32) -> bool {
    *times == 0
}

fn try_text(tried: &Try) -> String {
    format!("{} {} after {} ms", tried.target, tried.cause.as_str(), thousands(tried.took_us / 1_000))
}

impl Ended {
    fn of(end: End) -> Self {
        Self {
            ended_at: end.ended_us.to_string(),
            outcome: end.outcome,
            provider: end.provider,
            tokens: Tokens {
                input: end.usage.input,
                cached: end.usage.cached,
                cache_write: end.usage.cache_write,
                output: end.usage.output,
                reasoning: end.usage.reasoning,
            },
            estimated: end.estimated,
            saved_usd: Usd(end.saved_nanos),
            semantic: end.semantic.map(Semantic::of),
            latency_ms: end.latency_us / 1_000,
            first_token_ms: end.first_token_us.map(|us| us / 1_000),
        }
    }

    fn latency_text(&self) -> String {
        let first = self.first_token_ms.map(|ms| format!(", first token after {} ms", thousands(ms)));
        format!("{} ms{}", thousands(self.latency_ms), first.unwrap_or_default())
    }
}

impl Tokens {
    fn text(&self) -> String {
        format!(
            "{} in ({} cached, {} written to cache), {} out ({} reasoning)",
            thousands(self.input),
            thousands(self.cached),
            thousands(self.cache_write),
            thousands(self.output),
            thousands(self.reasoning)
        )
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.end.as_ref();
        let charged = match end {
            Some(end) if end.estimated => format!("{} (estimated: the usage never came)", self.charged_usd),
            Some(_) => self.charged_usd.to_string(),
            None => format!("{} (reserved)", self.charged_usd),
        };
        let attempts = if self.attempts == 1 { "attempt" } else { "attempts" };
        let form = if self.stream { "streamed" } else { "JSON" };
        write_fields(
            f,
            &[
                ("request", Some(self.request_id.clone())),
                ("state", Some(self.state.to_owned())),
                ("outcome", end.map(|end| end.outcome.clone())),
                ("user", Some(format!("{} of {} (tenant {})", self.user, self.team, self.tenant))),
                ("key", Some(self.key_id.to_string())),
                ("model", Some(format!("{} ({form})", self.model))),
                ("target", self.target.clone()),
                ("provider", end.and_then(|end| end.provider.clone())),
                ("cache", Some(format!("{}, {} {attempts}", self.cache, self.attempts))),
                ("tries", Some(self.tries.join(", ")).filter(|text| !text.is_empty())),
                ("spliced", Some(self.continued).filter(|times| *times > 0).map(|times| times.to_string())),
                ("skipped", Some(self.kept_from.join(", ")).filter(|text| !text.is_empty())),
                ("decision", self.decision.as_ref().map(decision_text)),
                ("rating", self.rating.map(|rating| rating.to_string())),
                ("trace", self.trace_id.clone()),
                ("began", Some(self.created_at.clone())),
                ("ended", end.map(|end| end.ended_at.clone())),
                ("overdue", self.deadline_at.clone()),
                ("latency", end.map(Ended::latency_text)),
                ("tokens", end.map(|end| end.tokens.text())),
                ("reserved", Some(self.reserved_usd.to_string())),
                ("charged", Some(charged)),
                ("saved", end.map(|end| end.saved_usd.to_string())),
                ("semantic", end.and_then(|end| end.semantic.as_ref()).map(Semantic::text)),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::budget::{Budget, FlowPolicy};
    use tollgate_core::caller::{Caller, Role};
    use tollgate_core::money::Nanos;
    use tollgate_core::record::{CacheOutcome, Opening};
    use tollgate_core::usage::Usage;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

    fn open() -> Record {
        let name = |text: &str| text.parse().unwrap();
        let caller = Caller {
            key_id: name("k1"),
            user: name("alice"),
            team: name("search"),
            tenant: name("default"),
            role: Role::Caller,
            models: Vec::new(),
            output: tollgate_core::output_policy::OutputPolicy::default(),
            sharing: tollgate_core::cache::Sharing::default(),
            budget: Budget::default(),
            flow: FlowPolicy::default(),
        };
        let opening = Opening {
            request_id: "r-1".to_owned(),
            model: "gpt-5.5".to_owned(),
            stream: true,
            trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
            cache: CacheOutcome::Miss,
            bound: Nanos(250_000_000).into(),
            lane: Some(0),
            now: NOW,
            deadline: NOW.plus(std::time::Duration::from_secs(330)),
            retention_days: 400,
        };
        Record::open(&caller, opening)
    }

    fn settled() -> Record {
        let end = End {
            ended_us: NOW.plus(std::time::Duration::from_millis(1_834)),
            outcome: "ok".to_owned(),
            provider: Some("bedrock".to_owned()),
            usage: Usage { input: 2_000, cached: 1_500, output: 100, reasoning: 40, ..Usage::default() },
            estimated: false,
            response_id: None,
            saved_nanos: Nanos::ZERO,
            saved_tokens: 0,
            semantic: None,
            latency_us: 1_834_567,
            first_token_us: Some(412_000),
        };
        open().sent("mantle-us-east-1/gpt-5.5").settled(Nanos(6_875_000), end)
    }

    #[test]
    fn a_settled_call_is_shown_whole() {
        insta::assert_snapshot!(Call::of(settled()), @"
        request   r-1
        state     settled
        outcome   ok
        user      alice of search (tenant default)
        key       k1
        model     gpt-5.5 (streamed)
        target    mantle-us-east-1/gpt-5.5
        provider  bedrock
        cache     miss, 1 attempt
        trace     0af7651916cd43dd8448eb211c80319c
        began     2026-11-22T12:00:00Z
        ended     2026-11-22T12:00:01.834Z
        latency   1,834 ms, first token after 412 ms
        tokens    2,000 in (1,500 cached, 0 written to cache), 100 out (40 reasoning)
        reserved  $0.25
        charged   $0.006875
        saved     $0.00
        ");
    }

    #[test]
    fn machines_get_decimal_dollars_and_counts() {
        insta::assert_json_snapshot!(Call::of(settled()), @r#"
        {
          "request_id": "r-1",
          "state": "settled",
          "created_at": "2026-11-22T12:00:00Z",
          "forgotten_at": "2027-12-27T12:00:00Z",
          "day": "2026-11-22",
          "key_id": "k1",
          "user": "alice",
          "team": "search",
          "tenant": "default",
          "model": "gpt-5.5",
          "target": "mantle-us-east-1/gpt-5.5",
          "stream": true,
          "trace_id": "0af7651916cd43dd8448eb211c80319c",
          "cache": "miss",
          "attempts": 1,
          "reserved_usd": "0.25",
          "charged_usd": "0.006875",
          "ended_at": "2026-11-22T12:00:01.834Z",
          "outcome": "ok",
          "provider": "bedrock",
          "tokens": {
            "input": 2000,
            "cached": 1500,
            "cache_write": 0,
            "output": 100,
            "reasoning": 40
          },
          "estimated": false,
          "saved_usd": "0",
          "latency_ms": 1834,
          "first_token_ms": 412
        }
        "#);
    }

    #[test]
    fn an_open_call_shows_what_is_reserved_and_when_it_is_overdue() {
        insta::assert_snapshot!(Call::of(open()), @"
        request   r-1
        state     reserved
        user      alice of search (tenant default)
        key       k1
        model     gpt-5.5 (streamed)
        cache     miss, 0 attempts
        trace     0af7651916cd43dd8448eb211c80319c
        began     2026-11-22T12:00:00Z
        overdue   2026-11-22T12:05:30Z
        reserved  $0.25
        charged   $0.25 (reserved)
        ");
    }

    #[test]
    fn an_expired_call_is_said_to_be_estimated() {
        let expired = Call::of(open().sent("t").expired(NOW)).to_string();

        assert!(expired.contains("charged   $0.25 (estimated: the usage never came)"), "{expired}");
    }
}
