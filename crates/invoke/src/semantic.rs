//! The semantic cache in front of the providers: looks for a kept answer to a question that means the same, once the exact
//! cache had none and the call is reserved. Whatever is down, slow or garbled on the way is a miss.

mod embedder;
mod hit;
mod verify;

use std::time::Duration;

use futures_util::future::{join, join_all};
use tollgate_core::budget::Amount;
use tollgate_core::cache::{CacheKey, Question, replay};
use tollgate_core::error::Error;
use tollgate_core::ports::{Granted, Near, Neighbour};
use tollgate_core::request::Request;
use tollgate_core::routing::Named;
use tollgate_core::semantic::admission::{Verdict, verdict};
use tollgate_core::semantic::evidence::{Histogram, Pool};
use tollgate_core::semantic::exclusion::{exclusion, last_turn};
use tollgate_core::semantic::features::Features;
use tollgate_core::semantic::likeness::{Likeness, likeness};
use tollgate_core::semantic::looked::{Finding, Looked};
use tollgate_core::semantic::policy::{Mode, SemanticPolicy};
use tollgate_core::semantic::score::score;
use tollgate_core::semantic::similarity::Similarity;

use self::embedder::Embedder;
pub(crate) use self::hit::SemanticHit;
use self::verify::Comparing;
use crate::arrival::{Arrival, Serving};
use crate::exact::{Hit, within_time};
use crate::gateway::Gateway;
use crate::reserve::Reserving;
use crate::settings::Documents;

/// A longer question is not compared with others.
const MAX_QUESTION_BYTES: usize = 8 * 1024;

/// Vectors, entries and evidence that take longer than this are a miss.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);

/// How many of the nearest questions are looked at: the nearest may differ in a name, and the next one not.
const NEIGHBOURS: u8 = 3;

/// What it takes to look for questions that mean the same.
pub(crate) struct Looking {
    policy: SemanticPolicy,
    embedder: Embedder,
    question: Question,
    text: String,
    /// The evidence that its pairs add to: of one route of one tenant, by one embedding model.
    pool: String,
    /// What its embedding may cost.
    bound: Amount,
}

/// What a call knows of the questions near its own.
#[derive(Default)]
pub(crate) struct Nearby {
    /// What is reserved for the question's embedding.
    pub(crate) held: Amount,
    /// What embeddings have cost, of the question and of answers that were compared.
    pub(crate) embedded: Amount,
    /// An embedding model did not say what it counted.
    pub(crate) is_estimated: bool,
    /// Kept with the answer, so that others can be compared with it.
    pub(crate) question: Option<Question>,
    /// What the ledger is told.
    pub(crate) looked: Option<Looked>,
    /// Where the question is, once it is known.
    vector: Option<Vec<f32>>,
    comparing: Option<Comparing>,
}

/// A kept answer that comes into question.
struct Candidate {
    key: CacheKey,
    similarity: Similarity,
    apart: u8,
    histogram: Histogram,
    /// Its answer's words, to be compared with the model's.
    words: Option<String>,
    expires_at: u64,
    hit: Hit,
}

impl Gateway {
    /// What it takes to look for questions that mean the same as this call's, if its route, its caller and the question
    /// itself want that.
    pub(crate) fn looking(
        &self,
        (arrival, request): (&Arrival, &Request),
        documents: &Documents,
    ) -> Option<Looking> {
        self.vectors.as_ref()?;
        let Named { name, route } = documents.routing.route(&arrival.query(&request.model));
        let policy = route.cache.semantic.clone()?;
        if exclusion(request, &policy, arrival.directive.is_personal).is_some() {
            return None;
        }
        let text = last_turn(request).filter(|text| text.len() <= MAX_QUESTION_BYTES)?;
        let embedder = Embedder::of(documents, arrival, &policy.embedding)?;
        let partition = self.asked(arrival, request, documents, |asked| asked.partition())?;
        let question = Question { partition, features: Features::of(&text) };
        let bound = embedder.bound(&text)?;
        let pool = format!("{}/{name}/{}", arrival.caller.tenant, policy.embedding);
        Some(Looking { policy, embedder, question, text, pool, bound })
    }

    /// Reserves a call together with the embeddings that it needs; without them where only they are too much.
    pub(crate) async fn reserve_with(
        &self,
        call: (&Arrival, &Request),
        reserving: Reserving<'_>,
        looking: &mut Option<Looking>,
    ) -> Result<Granted, Error> {
        let embeds = looking.as_ref().map(|looking| looking.bound);
        match self.reserve(call, Reserving { embeds, ..reserving.clone() }).await {
            Err(Error::InsufficientQuota(_) | Error::FlowExceeded(_)) if embeds.is_some() => {
                *looking = None;
                self.reserve(call, reserving).await
            }
            reserved => reserved,
        }
    }

    /// Looks for a kept answer that may be served. What else is found out goes with the call.
    pub(crate) async fn look_nearby(
        &self,
        serving: &mut Serving,
        looking: Option<Looking>,
        documents: &Documents,
    ) -> Option<SemanticHit> {
        let looking = looking?;
        let mut near =
            Nearby { held: looking.bound, question: Some(looking.question.clone()), ..Nearby::default() };
        let begun = (self.options.clock)();
        let found = self.nearest(serving, &looking, &mut near, documents).await;
        self.span(&serving.arrival, "look-nearby", begun, found.is_none());
        let hit = match found {
            None => {
                near.note(Finding::Unavailable, None);
                None
            }
            Some((None, _)) => {
                near.note(Finding::Nothing, None);
                None
            }
            Some((Some(candidate), pool)) => near.judge(candidate, &pool, looking, (self.options.draw)()),
        };
        serving.near = near;
        hit
    }

    /// The nearest kept answer that could be right, and the evidence of its pool; `None` where that cannot be known in time.
    async fn nearest(
        &self,
        serving: &Serving,
        looking: &Looking,
        near: &mut Nearby,
        documents: &Documents,
    ) -> Option<(Option<Candidate>, Pool)> {
        let Serving { arrival, request, .. } = serving;
        let vectors = self.vectors.as_ref()?;
        let vector = self.embed(serving, &looking.embedder, &looking.text, near).await?;
        let partition = looking.question.partition.as_str();
        let now = (self.options.clock)();
        let asked = Near { partition, vector: &vector, most: NEIGHBOURS, now };
        let learns = looking.policy.mode != Mode::Fixed;
        let found = async {
            let of_pool = async {
                if learns { self.evidence.of_pool(&looking.pool).await } else { Ok(Pool::default()) }
            };
            let (neighbours, pool) = join(vectors.nearest(&asked), of_pool).await;
            let candidates = neighbours?
                .into_iter()
                .map(|neighbour| self.candidate((arrival, request), neighbour, (looking, learns), documents));
            Ok((join_all(candidates).await.into_iter().flatten().next(), pool?))
        };
        let found = within_time("nothing known of near questions", LOOK_TIMEOUT, found).await;
        near.vector = Some(vector);
        found
    }

    /// What stands under a neighbour's key, if this caller may be served it and the words of both questions agree.
    async fn candidate(
        &self,
        call: (&Arrival, &Request),
        Neighbour { key, similarity }: Neighbour,
        (looking, learns): (&Looking, bool),
        documents: &Documents,
    ) -> Option<Candidate> {
        let key = CacheKey::parse(&key)?;
        let of_entry = async {
            if learns { self.evidence.of_entry(key.as_str()).await.ok() } else { Some(Histogram::default()) }
        };
        let now = (self.options.clock)();
        let (standing, histogram) = join(self.cache.read(key.as_str(), now), of_entry).await;
        let entry = standing.ok()?.entry?;
        // The index says so already; but who is served what is not left to an index.
        let kept =
            entry.about.question.as_ref().filter(|kept| kept.partition == looking.question.partition)?;
        let Likeness::Alike { apart } = likeness(&kept.features, &looking.question.features) else {
            return None;
        };
        let words = learns.then(|| replay::words(entry.about.form, &entry.reply, call.1.dialect)).flatten();
        let expires_at = entry.about.expires_at;
        let hit = self.hit(call, &key, documents, Some(entry))?;
        Some(Candidate { key, similarity, apart, histogram: histogram?, words, expires_at, hit })
    }
}

impl Nearby {
    /// Whether answers will be compared, which costs something that nobody knows yet.
    pub(crate) const fn compares(&self) -> bool {
        self.comparing.is_some()
    }

    fn judge(
        &mut self,
        candidate: Candidate,
        pool: &Pool,
        looking: Looking,
        draw: u32,
    ) -> Option<SemanticHit> {
        let Candidate { key, similarity, apart, histogram, words, expires_at, hit } = candidate;
        let Looking { policy, embedder, pool: pool_name, .. } = looking;
        let found = Some((key.clone(), similarity));
        let pair = (Likeness::Alike { apart }, similarity);
        let finding = match verdict(&policy, pair, &histogram, pool, draw) {
            Verdict::Serve if policy.mode != Mode::Shadow => {
                self.note(Finding::Served, found);
                return Some(SemanticHit { key, similarity, hit });
            }
            Verdict::Serve | Verdict::Explore { would_serve: true } => Finding::WouldServe,
            Verdict::Explore { would_serve: false } => Finding::Explored,
            Verdict::Miss => Finding::Nothing,
        };
        if let (Some(words), true) = (words, finding != Finding::Nothing) {
            let score = score(apart, similarity, &histogram, pool);
            self.comparing = Some(Comparing {
                policy,
                embedder,
                entry: key,
                words,
                similarity,
                apart,
                score,
                pool: pool_name,
                expires_at,
            });
        }
        self.note(finding, found);
        None
    }

    fn note(&mut self, finding: Finding, found: Option<(CacheKey, Similarity)>) {
        let (entry, similarity) = found.unzip();
        let embedded = self.embedded;
        self.looked = Some(Looked { finding, entry, similarity, is_right: None, embedded });
    }
}

#[cfg(test)]
mod tests;
