//! Reserving what a call may cost and count, from all its scopes or from none, and what its caller hears of that.

use http::HeaderMap;
use tollgate_aws::causes::Causes;
use tollgate_core::budget::Amount;
use tollgate_core::budgets::lane_of;
use tollgate_core::caller::Caller;
use tollgate_core::error::Error;
use tollgate_core::flow::{Flow, FlowRefusal, TokenStanding};
use tollgate_core::ports::{Granted, Reservation, StoreError};
use tollgate_core::rate::reset_text;
use tollgate_core::record::{CacheOutcome, Record};
use tollgate_core::request::Request;
use tollgate_core::reservation::{Limits, Refusal, Taking};
use tollgate_core::write::Item;

use crate::answer::set;
use crate::arrival::Arrival;
use crate::gateway::Gateway;
use crate::idempotency::refusal;

/// What a call reserves, and what is known when it does.
#[derive(Clone)]
pub(crate) struct Reserving<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) bound: Amount,
    /// What its embedding may cost besides, which leaves as soon as it is reserved.
    pub(crate) embeds: Option<Amount>,
    pub(crate) cache: CacheOutcome,
    pub(crate) flow: Option<Item>,
}

impl Gateway {
    /// What the flow of the caller's key holds, where that is worth knowing before a call is tried. What cannot be read
    /// shows when it is tried.
    pub(crate) async fn flow(&self, arrival: &Arrival) -> Option<Item> {
        let Caller { tenant, user, key_id, flow, .. } = &arrival.caller;
        let flow = Flow::of(tenant, user, key_id, *flow).filter(Flow::has_tokens)?;
        self.ledger.flow(flow.key()).await.ok()
    }

    pub(crate) async fn reserve(
        &self,
        (arrival, request): (&Arrival, &Request),
        reserving: Reserving<'_>,
    ) -> Result<Granted, Error> {
        let Reserving { limits, bound, embeds, cache, flow } = reserving;
        let bound = bound.plus(embeds.unwrap_or_default());
        let lane = lane_of(&arrival.request_id, limits.lanes);
        let opening = self.opening(arrival, request, cache, (bound, Some(lane)));
        let claim = arrival.claim.as_ref().map(|claim| claim.write(arrival.at));
        let open = Record::open(&arrival.caller, opening);
        let open = if embeds.is_some() { open.embedding() } else { open };
        let mut taking = Taking::new(None, open, limits, claim, arrival.at);
        if let Some(item) = flow {
            taking.saw_flow(item);
        }
        let begun = (self.options.clock)();
        let reserved = granted(arrival, self.ledger.take(taking).await);
        self.span(arrival, "reserve", begun, reserved.is_err());
        reserved
    }
}

/// The figures of a flow, in OpenAI's form.
pub(crate) fn write_tokens(headers: &mut HeaderMap, tokens: &TokenStanding) {
    set(headers, "x-ratelimit-limit-tokens", &tokens.limit.to_string());
    set(headers, "x-ratelimit-remaining-tokens", &tokens.remaining.to_string());
    set(headers, "x-ratelimit-reset-tokens", &reset_text(tokens.reset));
}

/// What a refusal says of its flow in headers.
pub(crate) fn headers_of(error: &Error) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Error::FlowExceeded(FlowRefusal::Tokens { standing, .. }) = error {
        write_tokens(&mut headers, standing);
    }
    headers
}

/// Only what was reserved is granted; everything else is told to the caller.
pub(crate) fn granted(
    arrival: &Arrival,
    reserved: Result<Reservation, StoreError>,
) -> Result<Granted, Error> {
    match reserved {
        Ok(Reservation::Granted(granted)) => Ok(*granted),
        Ok(Reservation::Refused(Refusal::Budget(exhausted))) => Err(Error::InsufficientQuota(exhausted)),
        Ok(Reservation::Refused(Refusal::Flow(refusal))) => Err(Error::FlowExceeded(refusal)),
        Ok(Reservation::Claimed(by)) => Err(refusal(arrival, &by)),
        Ok(Reservation::Contended) => Err(Error::Contended),
        Err(error) => Err(unreachable_ledger(&error)),
    }
}

pub(crate) fn unreachable_ledger(error: &StoreError) -> Error {
    tracing::error!(error = %Causes(error), "ledger unreachable");
    Error::StateUnavailable("the ledger")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::*;

    /// A chat that no cache answers, of a key with this flow.
    fn chat(flow: &Value) -> Value {
        let mut event = with_header("chat", "Cache-Control", "no-store");
        event["requestContext"]["authorizer"]["flow"] = flow.to_string().into();
        event
    }

    #[tokio::test(start_paused = true)]
    async fn the_headers_say_what_is_left_of_the_minutes_tokens() {
        let turns = ["a", "b"].map(|text| answers(text, "stop", Some(usage(3, 7))));
        let world = World::scripted(turns);
        let bound = event("chat")["body"].as_str().unwrap().len() + 100;
        // A tenth of a second for each token.
        let flow = json!({"tokens_per_minute": 600});

        let first = world.call(chat(&flow)).await;
        let second = world.call(chat(&flow)).await;

        let figures = |said: &Said| {
            ["limit", "remaining", "reset"]
                .map(|of| said.header(&format!("x-ratelimit-{of}-tokens")).to_owned())
        };
        assert_eq!(
            figures(&first),
            ["600".to_owned(), (600 - bound).to_string(), format!("{}s", bound / 10)]
        );
        // The first call used ten tokens, and the rest came back when it ended.
        assert_eq!(figures(&second)[1], (590 - bound).to_string());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_the_minute_does_not_hold_hears_when_it_does() {
        let world = World::scripted([answers("a", "stop", Some(usage(1, 99)))]);
        let bound = event("chat")["body"].as_str().unwrap().len() + 100;
        let flow = json!({"tokens_per_minute": bound + 50});
        assert_eq!(world.call(chat(&flow)).await.status, 200);

        let said = world.call(chat(&flow)).await;

        assert_eq!((said.status, said.code().as_str()), (429, "rate_limit_exceeded"));
        assert_eq!(said.json()["error"]["type"], "tokens");
        assert!((1..=60).contains(&said.header("retry-after").parse::<u32>().unwrap()));
        assert_eq!(said.header("x-ratelimit-limit-tokens"), (bound + 50).to_string());
        let hopeless = world.call(chat(&json!({"tokens_per_minute": 10}))).await;
        assert_eq!((hopeless.status, hopeless.header("retry-after")), (429, ""));
        assert_eq!(hopeless.header("x-should-retry"), "false");
        world.ledger.check_balance();
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_without_a_limit_of_tokens_hears_of_none() {
        let world = World::scripted([answers("a", "stop", Some(usage(1, 1)))]);

        let said = world.call(event("chat")).await;

        assert!(!said.headers.contains_key("x-ratelimit-limit-tokens"));
    }
}
