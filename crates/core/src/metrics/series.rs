//! Every metric that this suite emits, so that dashboard and alarms can be held against what there is.

/// Who emits a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emitter {
    /// The emitter, of each call in the ledger.
    Ledger,
    /// The authorizer and invoke, of calls that they refuse.
    Refusals,
    /// Health, of the targets' breakers.
    Health,
    /// The emitter, of itself.
    Itself,
    /// The enforcer.
    Enforcer,
    /// The reconciler.
    Reconciler,
}

/// A metric, and the sets of dimensions that it is emitted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// Who emits it.
    pub emitter: Emitter,
}

impl Series {
    const fn of(emitter: Emitter, name: &'static str) -> Self {
        Self { name, emitter }
    }

    /// The names of the dimensions, set by set.
    #[must_use]
    pub fn dimension_sets(self) -> Vec<&'static [&'static str]> {
        const ENVIRONMENT: &[&str] = &["Environment"];
        const MODEL: &[&str] = &["Provider", "Model"];
        const TEAM: &[&str] = &["Team"];
        const CAUSE: &[&str] = &["Cause"];
        const REASON: &[&str] = &["Reason"];
        match (self.emitter, self.name) {
            (Emitter::Ledger, "Errors.Count") => vec![ENVIRONMENT, MODEL, TEAM, CAUSE],
            (Emitter::Ledger, "Decisions.Count") => vec![ENVIRONMENT, MODEL, TEAM, REASON],
            (Emitter::Ledger, _) => vec![ENVIRONMENT, MODEL, TEAM],
            (Emitter::Health, _) => vec![ENVIRONMENT, MODEL],
            (Emitter::Refusals, _) => vec![ENVIRONMENT, TEAM],
            (Emitter::Itself | Emitter::Enforcer | Emitter::Reconciler, _) => vec![ENVIRONMENT],
        }
    }
}

/// All of them.
pub const ALL: [Series; 30] = [
    Series::of(Emitter::Ledger, "Requests.Count"),
    Series::of(Emitter::Ledger, "Tokens.Input.Total"),
    Series::of(Emitter::Ledger, "Tokens.Output.Total"),
    Series::of(Emitter::Ledger, "Tokens.Cached.Total"),
    Series::of(Emitter::Ledger, "Tokens.PerRequest"),
    Series::of(Emitter::Ledger, "Cost.Estimate.Total"),
    Series::of(Emitter::Ledger, "Cost.PerRequest"),
    Series::of(Emitter::Ledger, "Cache.Hits"),
    Series::of(Emitter::Ledger, "Cache.Misses"),
    Series::of(Emitter::Ledger, "Cache.HitRate"),
    Series::of(Emitter::Ledger, "Cache.Saved.Total"),
    Series::of(Emitter::Ledger, "Cache.SavedTokens.Total"),
    Series::of(Emitter::Ledger, "Cache.WouldServe.Count"),
    Series::of(Emitter::Ledger, "Cache.WouldServe.Wrong"),
    Series::of(Emitter::Ledger, "Latency"),
    Series::of(Emitter::Ledger, "TimeToFirstToken"),
    Series::of(Emitter::Ledger, "Errors.Count"),
    Series::of(Emitter::Ledger, "Decisions.Count"),
    Series::of(Emitter::Health, "Breaker.State"),
    Series::of(Emitter::Refusals, "RateLimited.Count"),
    Series::of(Emitter::Refusals, "Budget.Refused.Count"),
    Series::of(Emitter::Itself, "Emitter.Ambiguous.Count"),
    Series::of(Emitter::Itself, "Emitter.SetAside.Count"),
    Series::of(Emitter::Enforcer, "Enforcer.Unreadable.Count"),
    Series::of(Emitter::Reconciler, "Cost.Forecast.Month"),
    Series::of(Emitter::Reconciler, "Reconcile.Tokens.Difference"),
    Series::of(Emitter::Reconciler, "Reconcile.Cost.Difference"),
    Series::of(Emitter::Reconciler, "Bypass.Calls.Count"),
    Series::of(Emitter::Reconciler, "Canary.Failures.Count"),
    Series::of(Emitter::Reconciler, "Canary.Latency"),
];
