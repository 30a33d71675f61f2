//! Converse and ConverseStream.
//!
//! The bodies are our own. The SDK keeps schemas and arguments in hash maps: their members would stand in another order
//! in each call, which models heed, and which no prompt cache knows again.

mod document;
mod hear;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::http::HttpRequest;
use aws_sdk_bedrockruntime::error::ProvideErrorMetadata;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tollgate_core::converse::ConverseRequest;
use tollgate_core::model::{Call, ModelError, Reply, Said};

use crate::bedrock::converse::hear::Listener;
use crate::bedrock::runtime::{break_off, client, failure, named, place, trace};

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
        let body = request.body(&call.identity).map_err(|error| ModelError::Unavailable(Box::new(error)))?;
        let answer = async {
            if call.stream {
                self.stream(call, body, credentials).await
            } else {
                self.whole(call, body, credentials).await
            }
        };
        tokio::time::timeout(call.timeout, answer).await.map_err(|_| ModelError::TimedOut)?
    }

    async fn whole(
        &self,
        call: &Call<'_>,
        body: Bytes,
        credentials: Credentials,
    ) -> Result<Reply, ModelError> {
        let output = self
            .client
            .converse()
            .model_id(&call.target.model_id)
            .customize()
            .mutate_request(put(call, body))
            .config_override(place(call, credentials))
            .send()
            .await
            .map_err(failure)?;
        Ok(Reply::Whole(Said::Events(hear::whole(&output)?)))
    }

    async fn stream(
        &self,
        call: &Call<'_>,
        body: Bytes,
        credentials: Credentials,
    ) -> Result<Reply, ModelError> {
        let output = self
            .client
            .converse_stream()
            .model_id(&call.target.model_id)
            .customize()
            .mutate_request(put(call, body))
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
                        Err(break_off(is_throttled, listener.progress(), named(error.code())))
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

/// Puts body and trace into a request, before it is signed.
fn put(call: &Call<'_>, body: Bytes) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    let traceparent = call.traceparent.to_owned();
    move |request| {
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body.clone());
        trace(request, &traceparent);
    }
}

#[cfg(test)]
mod tests;
