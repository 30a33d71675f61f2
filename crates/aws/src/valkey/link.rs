//! A connection to one server, or to a cluster.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClientBuilder, TlsMode};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo, RedisConnectionInfo, RedisResult,
    TlsCertificates,
};
use secrecy::ExposeSecret;
use tollgate_core::model::Cause;
use tollgate_core::time::Timestamp;

use super::{Login, Options, token};

/// A cache that takes longer is worth no wait.
const RESPONSE: Duration = Duration::from_millis(400);

const CONNECT: Duration = Duration::from_secs(1);

/// A connection; its clones share it.
#[derive(Clone)]
pub(super) enum Link {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// A connection, and since when it is open.
pub(super) struct Open {
    pub(super) link: Link,
    pub(super) since: Timestamp,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open since {}", self.since)
    }
}

impl Link {
    pub(super) async fn open(options: &Options, now: Timestamp) -> Result<Self, Cause> {
        let scheme = if options.is_encrypted { "rediss" } else { "redis" };
        let login = login(&options.login, now).await?;
        let address = format!("{scheme}://{}", options.endpoint).into_connection_info()?;
        let info = address.set_redis_settings(login);
        let certificates = TlsCertificates { client_tls: None, root_cert: options.authority.clone() };
        if options.is_cluster {
            return Self::open_cluster(info, certificates, options.is_encrypted).await;
        }
        let client = match options.is_encrypted {
            true => Client::build_with_tls(info, certificates)?,
            false => Client::open(info)?,
        };
        let patience = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(RESPONSE));
        Ok(Self::Server(client.get_multiplexed_async_connection_with_config(&patience).await?))
    }

    async fn open_cluster(
        info: redis::ConnectionInfo,
        certificates: TlsCertificates,
        is_encrypted: bool,
    ) -> Result<Self, Cause> {
        let login = info.redis_settings();
        let (user, password) = (login.username().map(str::to_owned), login.password().map(str::to_owned));
        let mut builder = ClusterClientBuilder::new([info])
            .retries(1)
            .connection_timeout(CONNECT)
            .response_timeout(RESPONSE);
        if let (Some(user), Some(password)) = (user, password) {
            builder = builder.username(user).password(password);
        }
        if is_encrypted {
            builder = builder.tls(TlsMode::Secure).certs(certificates);
        }
        Ok(Self::Cluster(builder.build()?.get_async_connection().await?))
    }

    pub(super) async fn query<T: FromRedisValue>(&mut self, question: &Cmd) -> RedisResult<T> {
        match self {
            Self::Server(connection) => question.query_async(connection).await,
            Self::Cluster(connection) => question.query_async(connection).await,
        }
    }
}

async fn login(login: &Login, now: Timestamp) -> Result<RedisConnectionInfo, Cause> {
    let bare = RedisConnectionInfo::default().set_skip_set_lib_name();
    Ok(match login {
        Login::Nobody => bare,
        Login::Password { user, password } => bare.set_username(user).set_password(password.expose_secret()),
        Login::Iam { user, cache_name, sdk } => {
            let password = token::token(sdk, (cache_name, user), now).await?;
            bare.set_username(user).set_password(password)
        }
    })
}
