//! Keeping to the quotas of providers, so that a few callers with huge caps do not starve all others.

use std::time::Duration;

use tollgate_aws::causes::Causes;
use tollgate_core::budgets::team_name;
use tollgate_core::ports::Drawn;
use tollgate_core::quota::Draw;

use crate::arrival::Serving;
use crate::attempt::Sent;
use crate::gateway::Gateway;
use crate::plan::Step;

/// A bucket that takes longer than this to answer is as good as none.
const PATIENCE: Duration = Duration::from_millis(500);

impl Gateway {
    /// What an attempt takes of its target's quota, where we keep to one. All but the first are failover.
    pub(crate) fn draw(&self, serving: &Serving, step: &Step, number: usize) -> Option<Draw> {
        let caller = &serving.arrival.caller;
        let account = serving.tenant.role_arn.as_ref().map_or("own", |_| caller.tenant.as_str());
        step.target.quota.map(|_| Draw {
            target: step.id.clone(),
            account: account.to_owned(),
            team: team_name(&caller.tenant, &caller.team),
            tokens: step.quota_tokens,
            is_failover: number > 1,
            now: (self.options.clock)(),
        })
    }

    /// A bucket that cannot be reached stops nobody.
    pub(crate) async fn take_quota(&self, step: &Step, draw: Option<&Draw>) -> Drawn {
        let (Some(quota), Some(draw)) = (&step.target.quota, draw) else { return Drawn::Taken };
        match tokio::time::timeout(PATIENCE, self.quotas.draw(draw, quota)).await {
            Ok(Ok(drawn)) => drawn,
            Ok(Err(error)) => {
                tracing::warn!(error = %Causes(&error), "quota unreadable");
                Drawn::Taken
            }
            Err(_) => {
                tracing::warn!("quota too slow");
                Drawn::Taken
            }
        }
    }

    /// Gives back what was not used of the target's quota.
    pub(crate) async fn give_quota_back(&self, sent: &Sent, used: u64) {
        let (Some(quota), Some(draw)) = (&sent.step.target.quota, &sent.draw) else { return };
        let Some(write) = draw.give_back(quota, used, (self.options.clock)()) else { return };
        if let Err(error) = self.quotas.give_back(write).await {
            tracing::warn!(error = %Causes(&error), "quota not given back");
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::settings::Document;

    use crate::testing::*;

    /// The first target admits so many tokens a minute; nobody else serves its model.
    fn with_quota(turns: impl Into<Vec<Turn>>, tokens: u64) -> World {
        let world = World::scripted(turns);
        let mut documents = world.settings.documents.lock().unwrap();
        let text = documents.as_mut().unwrap().get_mut(&Document::Catalogue).unwrap();
        let mut catalogue: serde_json::Value = serde_json::from_str(text).unwrap();
        catalogue["targets"]["first/gpt-5.5"]["quota"] = serde_json::json!({"tokens_per_minute": tokens});
        *text = catalogue.to_string();
        drop(documents);
        world
    }

    fn fresh() -> serde_json::Value {
        with_header("chat", "Cache-Control", "no-store")
    }

    #[tokio::test(start_paused = true)]
    async fn over_the_quota_the_next_target_is_asked_and_nothing_is_charged_for_the_first() {
        let said = |text| answers(text, "stop", Some(usage(1, 99)));
        let world = with_quota([said("a"), said("b"), said("c")], 260);

        let first = world.call(fresh()).await;
        let second = world.call(fresh()).await;
        let third = world.call(fresh()).await;

        assert_eq!((first.status, second.status, third.status), (200, 200, 200));
        assert_eq!(third.header("x-tollgate-provider"), "second");
        assert_eq!(third.header("x-tollgate-attempts"), "2");
        let models: Vec<_> = world.model.calls().into_iter().map(|call| call.model_id).collect();
        assert_eq!(models, ["first.model", "first.model", "second.model"]);
        world.ledger.check_balance();
    }

    #[tokio::test(start_paused = true)]
    async fn over_every_quota_the_caller_is_told_when_to_come_back() {
        let world = with_quota([answers("a", "stop", Some(usage(1, 99)))], 150);
        world.settings.documents.lock().unwrap().as_mut().unwrap().insert(
            Document::Routing,
            serde_json::json!({"default": {"providers": {"first": 1}, "failover_order": []}}).to_string(),
        );

        assert_eq!(world.call(fresh()).await.status, 200);
        let said = world.call(fresh()).await;

        assert_eq!((said.status, said.code().as_str()), (503, "provider_unavailable"));
        assert!(said.json()["error"]["message"].as_str().unwrap().contains("over our share of its quota"));
        assert!((1..=60).contains(&said.header("retry-after").parse::<u32>().unwrap()));
        assert_eq!(world.model.calls().len(), 1);
        world.ledger.check_balance();
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_cannot_be_reached_stops_nobody() {
        for mood in [Mood::Down, Mood::Silent] {
            let said = |text| answers(text, "stop", Some(usage(1, 99)));
            let world = with_quota([said("a"), said("b")], 150);
            world.call(fresh()).await;

            world.ledger.set_mood("draw", mood);

            assert_eq!(world.call(fresh()).await.header("x-tollgate-provider"), "first", "{mood:?}");
        }
    }
}
