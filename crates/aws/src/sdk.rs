//! The SDK's configuration: loaded once, at start.

use std::time::Duration;

use aws_config::BehaviorVersion;
pub use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

/// How patient the clients of a Lambda are.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For one call with all of its tries.
    pub operation: Duration,
    /// For one try.
    pub attempt: Duration,
    /// Tries at most; the callers do not retry on top of them.
    pub attempts: u32,
}

impl Patience {
    /// For what a caller waits for.
    pub const SHORT: Self =
        Self { operation: Duration::from_secs(2), attempt: Duration::from_millis(900), attempts: 3 };
    /// For what nobody waits for.
    pub const LONG: Self =
        Self { operation: Duration::from_secs(20), attempt: Duration::from_secs(5), attempts: 4 };
}

/// Loads region, credentials and endpoints from the environment, as the SDK does.
pub async fn load(patience: Patience) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(800).min(patience.attempt))
        .operation_attempt_timeout(patience.attempt)
        .operation_timeout(patience.operation)
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(patience.attempts))
        .load()
        .await
}
