//! InvokeModel and its stream, whose bodies are the models' own: Chat Completions for gpt-oss, and embeddings.

use std::sync::{Arc, OnceLock};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::http::HttpRequest;
use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockruntime::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_bedrockruntime::types::ResponseStream;
use aws_smithy_types::Blob;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};
use tollgate_core::catalogue::{InvokeBody, Wire};
use tollgate_core::converse::request_metadata;
use tollgate_core::embedding::{self, Embeddings};
use tollgate_core::model::{Call, ModelError, Reply, Said};

use crate::bedrock::runtime::{Progress, break_off, client, failure, named, place, trace};

const JSON: &str = "application/json";

/// Calls of one request for embeddings that are under way at once, at most.
const AT_ONCE: usize = 4;

#[derive(Debug)]
pub(super) struct InvokeClient {
    client: Client,
}

impl InvokeClient {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self { client: client(config) }
    }

    pub(super) async fn call(
        &self,
        call: &Call<'_>,
        bodies: &[Bytes],
        credentials: Credentials,
    ) -> Result<Reply, ModelError> {
        let answer = async {
            match (&call.target.wire, bodies) {
                (Wire::Invoke { body: InvokeBody::Chat }, [body]) if call.stream => {
                    self.stream(call, body, credentials).await
                }
                (Wire::Invoke { body: InvokeBody::Chat }, [body]) => {
                    let (json, _) = self.whole(call, body, credentials).await?;
                    Ok(Reply::Whole(Said::Json(json)))
                }
                (Wire::Invoke { body: kind }, [first, rest @ ..]) if *kind != InvokeBody::Chat => {
                    let vectors = self.embed(call, (first, rest), credentials, *kind).await?;
                    Ok(Reply::Whole(Said::Embeddings(vectors)))
                }
                _ => Err(ModelError::Unavailable("these are no bodies for this target".into())),
            }
        };
        tokio::time::timeout(call.timeout, answer).await.map_err(|_| ModelError::TimedOut)?
    }

    /// The body of an answer, and the input tokens that its header counts.
    async fn whole(
        &self,
        call: &Call<'_>,
        body: &Bytes,
        credentials: Credentials,
    ) -> Result<(Bytes, Option<u64>), ModelError> {
        let tokens = InputTokens::default();
        let output = self
            .client
            .invoke_model()
            .model_id(&call.target.model_id)
            .content_type(JSON)
            .accept(JSON)
            .body(Blob::new(body.to_vec()))
            .request_metadata(metadata(call))
            .customize()
            .interceptor(tokens.clone())
            .mutate_request(hand_on(call))
            .config_override(place(call, credentials))
            .send()
            .await
            .map_err(failure)?;
        Ok((output.body.into_inner().into(), tokens.0.get().copied()))
    }

    async fn stream(
        &self,
        call: &Call<'_>,
        body: &Bytes,
        credentials: Credentials,
    ) -> Result<Reply, ModelError> {
        let output = self
            .client
            .invoke_model_with_response_stream()
            .model_id(&call.target.model_id)
            .content_type(JSON)
            .accept(JSON)
            .body(Blob::new(body.to_vec()))
            .request_metadata(metadata(call))
            .customize()
            .mutate_request(hand_on(call))
            .config_override(place(call, credentials))
            .send()
            .await
            .map_err(failure)?;
        let pieces = stream::unfold(Some((output.body, Progress::Silent)), async |reading| {
            let (mut chunks, progress) = reading?;
            loop {
                match chunks.recv().await {
                    Ok(Some(ResponseStream::Chunk(part))) => {
                        let json = part.bytes.map(Blob::into_inner).filter(|json| !json.is_empty());
                        if let Some(json) = json {
                            let rest = Some((chunks, Progress::Begun));
                            return Some((Ok(Said::Json(json.into())), rest));
                        }
                    }
                    Ok(Some(_)) => {}
                    // Whether the answer was at its end is for the reader of its last chunk to say.
                    Ok(None) if progress == Progress::Begun => return None,
                    Ok(None) => return Some((Err(ModelError::Broken("an empty stream".into())), None)),
                    Err(error) => {
                        let error = error.into_service_error();
                        let is_throttled = error.is_throttling_exception();
                        return Some((Err(break_off(is_throttled, progress, named(error.code()))), None));
                    }
                }
            }
        });
        Ok(Reply::Stream(pieces.boxed()))
    }

    /// The first call goes alone: most failures show in it, while nothing is billed yet.
    async fn embed(
        &self,
        call: &Call<'_>,
        (first, rest): (&Bytes, &[Bytes]),
        credentials: Credentials,
        kind: InvokeBody,
    ) -> Result<Embeddings, ModelError> {
        let vectors = async |body: &Bytes| {
            let (json, counted) = self.whole(call, body, credentials.clone()).await?;
            let heard = embedding::hear(kind, &json).map_err(|error| ModelError::Garbled(Box::new(error)))?;
            Ok(Embeddings { input_tokens: heard.input_tokens.or(counted), ..heard })
        };
        let mut all = vectors(first).await?;
        let mut others = stream::iter(rest.iter().map(&vectors)).buffered(AT_ONCE);
        while let Some(next) = others.next().await {
            let next = next.map_err(after_a_billed_call)?;
            all.vectors.extend(next.vectors);
            // A sum with a part unknown is unknown.
            all.input_tokens = all.input_tokens.zip(next.input_tokens).map(|(sum, more)| sum + more);
        }
        Ok(all)
    }
}

/// Whatever stopped this call, the ones before it are billed.
fn after_a_billed_call(error: ModelError) -> ModelError {
    if error.may_be_billed() { error } else { ModelError::Broken(Box::new(error)) }
}

/// The same as in Converse, in the JSON text that InvokeModel takes it in.
fn metadata(call: &Call<'_>) -> String {
    let pairs = request_metadata(&call.identity).into_iter();
    let members: Map<String, Value> = pairs.map(|(name, value)| (name, Value::String(value))).collect();
    Value::Object(members).to_string()
}

fn hand_on(call: &Call<'_>) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    let traceparent = call.traceparent.to_owned();
    move |request| trace(request, &traceparent)
}

/// Catches `X-Amzn-Bedrock-Input-Token-Count`, which the SDK's outputs do not hold.
#[derive(Clone, Debug, Default)]
struct InputTokens(Arc<OnceLock<u64>>);

impl Intercept for InputTokens {
    fn name(&self) -> &'static str {
        "InputTokens"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let header = context.response().headers().get("x-amzn-bedrock-input-token-count");
        if let Some(count) = header.and_then(|count| count.parse().ok()) {
            self.0.get_or_init(|| count);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
