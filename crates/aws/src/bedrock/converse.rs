//! Converse and ConverseStream.

mod document;
mod hear;
mod words;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{GuardrailConfiguration, GuardrailStreamConfiguration};
use futures_util::{StreamExt, stream};
use tollgate_core::converse::ConverseRequest;
use tollgate_core::model::{Call, ModelError, Reply, Said};

use crate::bedrock::converse::hear::Listener;
use crate::bedrock::converse::words::Words;
use crate::bedrock::runtime::{break_off, client, failure, place};

#[derive(Debug)]
pub(super) struct ConverseClient {
    client: Client,
}

impl ConverseClient {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self { client: client(config) }
    }

    pub(super) async fn call(
        &self,
        call: &Call<'_>,
        request: &ConverseRequest,
        credentials: Credentials,
    ) -> Result<Reply, ModelError> {
        let words =
            Words::new(request, &call.identity).map_err(|error| ModelError::Unavailable(Box::new(error)))?;
        let answer = async {
            if call.stream {
                self.stream(call, request, words, credentials).await
            } else {
                self.whole(call, request, words, credentials).await
            }
        };
        tokio::time::timeout(call.timeout, answer).await.map_err(|_| ModelError::TimedOut)?
    }

    async fn whole(
        &self,
        call: &Call<'_>,
        request: &ConverseRequest,
        words: Words,
        credentials: Credentials,
    ) -> Result<Reply, ModelError> {
        let guardrail = request.guardrail.as_ref().map(|guardrail| {
            GuardrailConfiguration::builder()
                .guardrail_identifier(&guardrail.id)
                .guardrail_version(&guardrail.version)
                .build()
        });
        let output = self
            .client
            .converse()
            .model_id(&call.target.model_id)
            .set_system(words.system)
            .set_messages(Some(words.messages))
            .inference_config(words.inference)
            .set_tool_config(words.tools)
            .set_output_config(words.output)
            .set_additional_model_request_fields(words.additional)
            .set_request_metadata(Some(words.metadata))
            .set_service_tier(words.tier)
            .set_guardrail_config(guardrail)
            .customize()
            .config_override(place(call, credentials))
            .send()
            .await
            .map_err(failure)?;
        Ok(Reply::Whole(Said::Events(hear::whole(&output)?)))
    }

    async fn stream(
        &self,
        call: &Call<'_>,
        request: &ConverseRequest,
        words: Words,
        credentials: Credentials,
    ) -> Result<Reply, ModelError> {
        let guardrail = request.guardrail.as_ref().map(|guardrail| {
            GuardrailStreamConfiguration::builder()
                .guardrail_identifier(&guardrail.id)
                .guardrail_version(&guardrail.version)
                .build()
        });
        let output = self
            .client
            .converse_stream()
            .model_id(&call.target.model_id)
            .set_system(words.system)
            .set_messages(Some(words.messages))
            .inference_config(words.inference)
            .set_tool_config(words.tools)
            .set_output_config(words.output)
            .set_additional_model_request_fields(words.additional)
            .set_request_metadata(Some(words.metadata))
            .set_service_tier(words.tier)
            .set_guardrail_config(guardrail)
            .customize()
            .config_override(place(call, credentials))
            .send()
            .await
            .map_err(failure)?;
        let pieces = stream::unfold(Some((output.stream, Listener::default())), async |reading| {
            let (mut events, mut listener) = reading?;
            loop {
                let heard = match events.recv().await {
                    Ok(Some(event)) => listener.hear(&event),
                    Ok(None) if listener.is_finished() => return None,
                    Ok(None) => Err(ModelError::Broken("the stream ended without a stop".into())),
                    Err(error) => {
                        let error = error.into_service_error();
                        let is_throttled = error.is_throttling_exception();
                        Err(break_off(is_throttled, listener.progress(), Box::new(error)))
                    }
                };
                match heard {
                    Ok(said) if said.is_empty() => {}
                    Ok(said) => return Some((Ok(Said::Events(said)), Some((events, listener)))),
                    Err(error) => return Some((Err(error), None)),
                }
            }
        });
        Ok(Reply::Stream(pieces.boxed()))
    }
}

#[cfg(test)]
mod tests;
