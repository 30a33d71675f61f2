//! Names of people, found by `ApplyGuardrail`: a guardrail of the gateway's own account and region, with a policy for
//! sensitive information that knows `NAME`.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::error::ProvideErrorMetadata;
use aws_sdk_bedrockruntime::operation::apply_guardrail::ApplyGuardrailOutput;
use aws_sdk_bedrockruntime::types::{
    GuardrailContentBlock, GuardrailContentSource, GuardrailOutputScope, GuardrailPiiEntityType,
    GuardrailTextBlock,
};
use futures_util::future::try_join_all;
use tollgate_core::catalogue::Guardrail;
use tollgate_core::ports::{Names, NamesError};

use crate::bedrock::runtime::client;

/// How much text one call takes: 25 units of a thousand characters are what an account has per second by default.
const MOST_CHARS: usize = 20_000;

/// How many calls are made for one request.
const MOST_CALLS: usize = 8;

/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Bedrock's guardrails.
#[derive(Clone, Debug)]
pub struct GuardrailNames {
    client: Client,
    patience: Duration,
}

impl GuardrailNames {
    /// With the function's own role, in its own region.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: client(config), patience: PATIENCE }
    }

    async fn ask(&self, guardrail: &Guardrail, text: String) -> Result<Vec<String>, NamesError> {
        let unavailable = |cause| NamesError::Unavailable(cause);
        let block = GuardrailTextBlock::builder().text(text).build();
        let block = block.map_err(|error| unavailable(Box::new(error)))?;
        let answer = self
            .client
            .apply_guardrail()
            .guardrail_identifier(&guardrail.id)
            .guardrail_version(&guardrail.version)
            .source(GuardrailContentSource::Input)
            .output_scope(GuardrailOutputScope::Full)
            .content(GuardrailContentBlock::Text(block))
            .send()
            .await;
        // The service's own message may repeat the text: only its name is kept.
        let answer = answer.map_err(|error| {
            let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
            unavailable(code.unwrap_or("no answer of the service").into())
        })?;
        Ok(names(&answer))
    }
}

fn names(answer: &ApplyGuardrailOutput) -> Vec<String> {
    let policies = answer.assessments().iter().filter_map(|found| found.sensitive_information_policy());
    let entities = policies.flat_map(|policy| policy.pii_entities());
    let people = entities.filter(|entity| *entity.r#type() == GuardrailPiiEntityType::Name);
    people.map(|entity| entity.r#match().to_owned()).collect()
}

#[async_trait]
impl Names for GuardrailNames {
    async fn find(&self, guardrail: &Guardrail, texts: &[String]) -> Result<Vec<String>, NamesError> {
        let parts = parts(texts);
        if parts.len() > MOST_CALLS {
            return Err(NamesError::TooLong);
        }
        let asked = try_join_all(parts.into_iter().map(|part| self.ask(guardrail, part)));
        let found = tokio::time::timeout(self.patience, asked).await.map_err(|_| NamesError::TimedOut)??;
        Ok(found.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect())
    }
}

/// The texts in parts that one call takes. A text that is longer is cut at a space, which may cut a name: so the parts
/// overlap by a line's length.
fn parts(texts: &[String]) -> Vec<String> {
    const OVERLAP: usize = 200;
    let mut parts = vec![String::new()];
    for text in texts.iter().filter(|text| !text.trim().is_empty()) {
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let end = chars.len().min(at + MOST_CHARS);
            let piece: String = chars[at..end].iter().collect();
            let last = parts.last().map_or(0, |part| part.chars().count());
            if last > 0 && last + 1 + (end - at) > MOST_CHARS {
                parts.push(String::new());
            }
            if let Some(part) = parts.last_mut() {
                let is_begun = !part.is_empty();
                part.extend(["\n"].into_iter().filter(|_| is_begun));
                part.push_str(&piece);
            }
            at = if end == chars.len() { end } else { end - OVERLAP };
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests;
