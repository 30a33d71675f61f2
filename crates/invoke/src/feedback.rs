//! `POST /v1/feedback`: whoever was answered says how good the answer was.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use tollgate_aws::causes::Causes;
use tollgate_core::caller::Caller;
use tollgate_core::error::Error;
use tollgate_core::feedback::{Feedback, Rated};
use tollgate_core::ports::StoreError;
use tollgate_core::record::{Record, State};

use crate::answer::Answer;
use crate::gateway::Gateway;

impl Gateway {
    /// Notes a rating, once. An answer of another team is as unknown as one that never was.
    pub async fn feedback(&self, caller: &Caller, body: &Bytes) -> Result<Answer, Error> {
        let Feedback { request_id, rating } = Feedback::parse(body)?;
        let unknown =
            || Error::invalid("request_id", format!("no call \"{request_id}\" of this team is known"));
        let found = self.records.find(&request_id).await.map_err(|error| unreadable(&error))?;
        let is_theirs = |record: &Record| record.tenant == caller.tenant && record.team == caller.team;
        let record = found.filter(is_theirs).ok_or_else(unknown)?;
        if record.state.is_open() {
            return Err(Error::StillRunning);
        }
        let answered = record.target.as_ref().filter(|_| record.state == State::Settled);
        let Some(target) = answered else {
            return Err(Error::invalid("request_id", format!("the call \"{request_id}\" has no answer")));
        };
        let rated = match record.rating {
            None => {
                self.ratings.rate(&request_id, target, rating).await.map_err(|error| unreadable(&error))?
            }
            Some(before) if before == rating => Rated::Done,
            Some(_) => Rated::Otherwise,
        };
        if rated == Rated::Otherwise {
            return Err(Error::invalid(
                "rating",
                format!("the answer of \"{request_id}\" has a rating already"),
            ));
        }
        let answer =
            json!({"object": "feedback", "request_id": request_id, "rating": rating, "model": record.model});
        Ok(Answer::json(StatusCode::OK, HeaderMap::new(), answer.to_string().into()))
    }
}

fn unreadable(error: &StoreError) -> Error {
    tracing::error!(error = %Causes(error), "ledger unreachable");
    Error::StateUnavailable("the ledger")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::*;

    fn says(rating: &Value) -> Value {
        post("/v1/feedback", json!({"request_id": "r-1", "rating": rating}).to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_rated_once_for_the_target_that_gave_it() {
        let world = World::scripted([answers("a", "stop", Some(usage(3, 1)))]);
        world.call(event("chat")).await;

        let first = world.call(says(&json!(0.25))).await;
        let again = world.call(says(&json!(0.25))).await;
        let other = world.call(says(&json!(1))).await;

        assert_eq!((first.status, again.status), (200, 200));
        assert_eq!(first.json()["rating"], json!(0.25));
        assert_eq!((other.status, &other.json()["error"]["param"]), (400, &json!("rating")));
        assert_eq!(world.ledger.ratings(), [("first/gpt-5.5".to_owned(), 250_000)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_the_callers_own_answer_is_not_known() {
        let world = World::scripted([answers("a", "stop", Some(usage(3, 1)))]);
        world.call(event("chat")).await;
        let mut of_others = says(&json!(1));
        of_others["requestContext"]["authorizer"]["team"] = "others".into();

        let said = world.call(of_others).await;
        let never = world.call(post("/v1/feedback", r#"{"request_id": "r-9", "rating": 1}"#)).await;
        let broken = world.call(post("/v1/feedback", r#"{"request_id": "r-1"}"#)).await;

        assert_eq!((said.status, &said.json()["error"]["param"]), (400, &json!("request_id")));
        assert_eq!((never.status, broken.status), (400, 400));
        assert!(world.ledger.ratings().is_empty());
    }
}
