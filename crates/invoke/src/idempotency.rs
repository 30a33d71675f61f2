//! Calls under an `Idempotency-Key`: what stands under the key before anything is reserved, the replay of an answer, and
//! what a call leaves behind.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollgate_aws::causes::Causes;
use tollgate_core::budget::Amount;
use tollgate_core::error::Error;
use tollgate_core::idempotency::{Answered, Claim, Claimed, Fate, Form, Kept, Verdict, fate, judge};
use tollgate_core::ports::{Keeping, StoreError};
use tollgate_core::record::{CacheOutcome, Record};
use tollgate_core::request::Request;
use tollgate_core::usage::Usage;

use crate::answer::{Answer, AnswerBody, NO_RETRY, set};
use crate::arrival::Arrival;
use crate::attempt::Sent;
use crate::gateway::{Gateway, name_target};
use crate::settings::Documents;

/// An answer that is not kept by then is given up: what is left of the function's time is for the settlement.
const KEEP_WITHIN: Duration = Duration::from_secs(3);

/// An answer to say once more.
pub(crate) struct Replay {
    /// The call that got it first.
    request_id: String,
    kept: Kept,
    body: Bytes,
}

impl Gateway {
    /// What stands under the call's claim, if it came with a key.
    pub(crate) async fn claimed(&self, arrival: &Arrival) -> Result<Option<Claimed>, Error> {
        let Some(claim) = &arrival.claim else { return Ok(None) };
        self.answers.find(&claim.id).await.map_err(|error| unreadable(&error))
    }

    /// The answer to replay. Where there is none the call may go on, and claim for itself.
    pub(crate) async fn replayable(
        &self,
        arrival: &Arrival,
        claimed: Option<Claimed>,
    ) -> Result<Option<Replay>, Error> {
        let Some(claim) = &arrival.claim else { return Ok(None) };
        let holder = match judge(claimed.as_ref(), claim, arrival.at) {
            Verdict::Held(holder) => holder.to_owned(),
            _ => return self.earlier_answer(arrival, claimed).await,
        };
        let record = self.records.find(&holder).await.map_err(|error| unreadable(&error))?;
        let fate = fate(record.as_ref());
        if fate == Fate::Running {
            return Err(Error::StillRunning);
        }
        // An answer is kept before its record is closed: the claim may have moved on since it was read.
        let claimed = self.claimed(arrival).await?;
        match judge(claimed.as_ref(), claim, arrival.at) {
            Verdict::Held(now) if now == holder && fate == Fate::Lost => Err(Error::AnswerLost(holder)),
            Verdict::Held(now) if now == holder => {
                self.answers.free(&claim.id, &holder).await.map_err(|error| unreadable(&error))?;
                Ok(None)
            }
            _ => self.earlier_answer(arrival, claimed).await,
        }
    }

    async fn earlier_answer(
        &self,
        arrival: &Arrival,
        claimed: Option<Claimed>,
    ) -> Result<Option<Replay>, Error> {
        let (Some(claim), Some(by)) = (&arrival.claim, claimed) else { return Ok(None) };
        match judge(Some(&by), claim, arrival.at) {
            Verdict::Free => Ok(None),
            Verdict::Mismatch | Verdict::Held(_) => Err(refusal(arrival, &by.claim)),
            Verdict::Replay(kept) => {
                let body = self.answers.body(kept).await.map_err(|error| unreadable(&error))?;
                let request_id = by.claim.request_id.clone();
                let body = body.ok_or_else(|| Error::AnswerLost(request_id.clone()))?;
                Ok(Some(Replay { request_id, kept: kept.clone(), body }))
            }
        }
    }

    /// The same answer once more; it costs nothing, and the ledger says that it was given.
    pub(crate) fn answer_replay(
        self: Arc<Self>,
        arrival: &Arrival,
        request: &Request,
        earlier: Replay,
        documents: &Documents,
    ) -> Answer {
        let Replay { request_id, kept, body } = earlier;
        let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        set(&mut headers, "idempotent-replayed", "true");
        set(&mut headers, "x-tollgate-original-request-id", &request_id);
        set(&mut headers, "x-tollgate-cache", CacheOutcome::Replay.as_str());
        set(&mut headers, "x-tollgate-attempts", "0");
        set(&mut headers, "x-tollgate-cost-usd", "0");
        if status.is_client_error() || status.is_server_error() {
            set(&mut headers, NO_RETRY.0, NO_RETRY.1);
        }
        if let Some(target) = kept.target.as_ref().and_then(|id| documents.catalogue.targets.get(id)) {
            name_target(&mut headers, target);
        }
        let opening = self.opening(arrival, request, CacheOutcome::Replay, (Amount::ZERO, None));
        let open = Record { target: kept.target, ..Record::open(&arrival.caller, opening) };
        let record = open.settled(Amount::ZERO, self.end(arrival, "ok", Usage::default()));
        let answer = match kept.form {
            Form::Json => Answer::json(status, headers, body),
            Form::Events => Answer::events(headers, AnswerBody::Whole(Some(body))),
        };
        answer.then(Box::pin(async move { self.enter(&record).await }))
    }

    /// Keeps what the client got. Where that fails the claim stands as running, and its closed record says that the answer
    /// is lost.
    pub(crate) async fn keep_answer(&self, claim: Option<&Claim>, answered: Option<Answered>) {
        let Some(claim) = claim else { return };
        let Some(answered) = answered else { return log_too_large() };
        match tokio::time::timeout(KEEP_WITHIN, self.answers.keep(claim, &answered)).await {
            Ok(Ok(Keeping::Done)) => {}
            Ok(Ok(Keeping::TooLarge)) => log_too_large(),
            Ok(Ok(Keeping::Lost)) => tracing::error!("the claim was taken over by another call"),
            Ok(Err(error)) => tracing::error!(error = %Causes(&error), "answer not kept for its key"),
            Err(_) => tracing::error!("answer not kept for its key in time"),
        }
    }

    /// Closes a call that failed. What was charged is said again under the same key; what cost nothing leaves the key free,
    /// but only once the ledger knows that it cost nothing.
    pub(crate) async fn close_failed(
        &self,
        claim: Option<&Claim>,
        error: &Error,
        (before, after): (&Record, Record),
    ) {
        let is_free = after.charged() == Amount::ZERO;
        if !is_free {
            let status = error.status().as_u16();
            let answered = Answered { status, form: Form::Json, target: None, body: error.body() };
            self.keep_answer(claim, Some(answered)).await;
        }
        if self.close(before, after).await
            && is_free
            && let Some(claim) = claim
            && let Err(error) = self.answers.free(&claim.id, &claim.request_id).await
        {
            tracing::error!(error = %Causes(&error), "claim not freed; the next call under its key will");
        }
    }
}

impl Sent {
    /// What the client got, to keep it.
    pub(crate) fn answered(&self, form: Form, body: &Bytes) -> Answered {
        let status = StatusCode::OK.as_u16();
        Answered { status, form, target: Some(self.step.id.clone()), body: body.clone() }
    }
}

/// What a call hears that may not go on, because another one holds its claim or did so until a moment ago.
pub(crate) fn refusal(arrival: &Arrival, by: &Claim) -> Error {
    let is_other = |claim: &Claim| claim.fingerprint != by.fingerprint;
    if arrival.claim.as_ref().is_some_and(is_other) {
        Error::IdempotencyKeyReused
    } else {
        Error::StillRunning
    }
}

fn unreadable(error: &StoreError) -> Error {
    tracing::error!(error = %Causes(error), "idempotency key unreadable");
    Error::StateUnavailable("what is known of the Idempotency-Key")
}

fn log_too_large() {
    tracing::info!("the answer is too large to be kept for its key");
}

#[cfg(test)]
mod tests;
