//! Connections for calls that count twice when they are sent twice: fresh ones, and whether anything has left over them.

use std::error::Error;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use hyper_util::client::legacy::Error as ClientError;

/// A client that connects anew for every call. A connection that is kept may die while the function is frozen, and a
/// request over it fails as if the reply had been lost.
pub(crate) fn connect_anew() -> SharedHttpClient {
    Builder::new().pool_max_idle_per_host(0).tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
}

/// Whether there was no connection over which anything could have left.
pub(crate) fn never_left(error: &(dyn Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(current) = source {
        if current.downcast_ref::<ClientError>().is_some_and(ClientError::is_connect) {
            return true;
        }
        source = current.source();
    }
    false
}
