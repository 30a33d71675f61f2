//! The models that a key may name, as OpenAI lists them.

use http::{HeaderMap, StatusCode};
use serde_json::json;
use tollgate_core::caller::Caller;
use tollgate_core::catalogue;
use tollgate_core::error::Error;
use tollgate_core::time::Timestamp;

use crate::answer::Answer;
use crate::gateway::Gateway;
use crate::plan::check_model;

impl Gateway {
    /// `GET /v1/models`: what this key may name.
    pub async fn models(&self, caller: &Caller, now: Timestamp) -> Result<Answer, Error> {
        let documents = self.settings.documents(now).await?;
        let models = documents.catalogue.models.iter().filter(|(alias, _)| caller.may_use(alias));
        let data: Vec<_> = models.map(|(alias, model)| describe(alias, model)).collect();
        let body = json!({"object": "list", "data": data}).to_string();
        Ok(Answer::json(StatusCode::OK, HeaderMap::new(), body.into()))
    }

    /// `GET /v1/models/{id}`.
    pub async fn model(&self, alias: &str, caller: &Caller, now: Timestamp) -> Result<Answer, Error> {
        let documents = self.settings.documents(now).await?;
        check_model(&documents, caller, alias)?;
        let model = documents.catalogue.models.get(alias);
        let model = model.ok_or_else(|| Error::ModelNotFound(alias.to_owned()))?;
        let body = describe(alias, model).to_string();
        Ok(Answer::json(StatusCode::OK, HeaderMap::new(), body.into()))
    }
}

/// A model as OpenAI lists it.
fn describe(alias: &str, model: &catalogue::Model) -> serde_json::Value {
    json!({"id": alias, "object": "model", "created": model.created, "owned_by": model.owned_by})
}
