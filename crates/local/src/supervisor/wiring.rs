//! From the deployed stack's description to its running parts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodbstreams::config::{BehaviorVersion, Region};
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use bytes::Bytes;

use super::environment::endpoints;
use super::error::describe;
use super::settings::Settings;
use crate::credentials::{self, RoleCredentials};
use crate::embedded_metrics::EmbeddedMetrics;
use crate::front_door::Stage;
use crate::function::{Function, FunctionSpec, InvokeError};
use crate::pump::{Bucket, Limits, Mapping, Outcome, Policy, Pump, Responses, Target};
use crate::schedule::Schedule;
use crate::stack::{DeployedFunction, Rule, Stack, StackError, StreamMapping};

/// The functions, by logical id.
pub(super) type Functions = BTreeMap<String, Arc<Function>>;

pub(super) fn functions(stack: &Stack, settings: &Settings) -> Functions {
    let build = |(id, deployed): (&String, &DeployedFunction)| {
        let role = Arc::new(role_of(stack, deployed));
        (id.clone(), Arc::new(Function::new(spec(deployed, stack, settings), role)))
    };
    stack.functions.iter().map(build).collect()
}

/// The stage that the front door serves.
pub(super) fn stage(stack: &Stack) -> Result<Stage, StackError> {
    let arn = &stack.function("InvokeFunction")?.arn;
    Ok(Stage {
        api_id: stack.output("ApiId")?.to_owned(),
        name: stack.output("StageName")?.to_owned(),
        region: stack.region.clone(),
        account_id: arn.split(':').nth(4).unwrap_or_default().to_owned(),
        api_keys: stack.api_keys.clone(),
    })
}

/// The pump of a stream mapping. It leaves what it gives up under the function's role, as on AWS; it reads as the account,
/// because the emulator asks for the right to read every stream where the role names one.
pub(super) fn pump(
    stack: &Stack,
    functions: &Functions,
    stream: &StreamMapping,
) -> Result<Pump<Arc<Function>>, StackError> {
    let deployed = stack.function(&stream.function)?;
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(stack.region.clone()))
        .endpoint_url(&stack.endpoint)
        .credentials_provider(credentials::root())
        .build();
    let on_failure = stream.on_failure_bucket.as_ref().map(|name| Bucket {
        endpoint: stack.endpoint.clone(),
        region: stack.region.clone(),
        name: name.clone(),
        credentials: SharedCredentialsProvider::new(role_of(stack, deployed)),
    });
    let mapping = Mapping {
        id: stream.id.clone(),
        stream_arn: stream.stream_arn.clone(),
        function_arn: deployed.arn.clone(),
        starting_position: ShardIteratorType::from(stream.starting_position.as_str()),
        limits: Limits { records: stream.batch_size, window: Duration::from_secs(stream.window_secs) },
        responses: if stream.partial { Responses::Partial } else { Responses::Whole },
        policy: Policy { bisect: stream.bisect, max_retries: u32::try_from(stream.max_retries).ok() },
        on_failure,
    };
    let streams = aws_sdk_dynamodbstreams::Client::from_conf(config);
    Ok(Pump::new(mapping, streams, running(functions, &stream.function)?))
}

pub(super) fn schedule(functions: &Functions, rule: &Rule) -> Result<Schedule, StackError> {
    Ok(Schedule {
        rate: Duration::from_secs(rule.rate_secs),
        rule_arn: rule.rule_arn.clone(),
        input: rule.input.clone(),
        function: running(functions, &rule.function)?,
    })
}

/// What turns the functions' log lines into metrics.
pub(super) fn embedded_metrics(stack: &Stack, settings: &Settings) -> EmbeddedMetrics {
    let logs = stack.functions.values().map(|deployed| settings.log_file(&deployed.binary)).collect();
    EmbeddedMetrics::new(&stack.endpoint, &stack.region, logs)
}

fn running(functions: &Functions, id: &str) -> Result<Arc<Function>, StackError> {
    functions.get(id).cloned().ok_or_else(|| StackError::missing("function", id))
}

fn role_of(stack: &Stack, deployed: &DeployedFunction) -> RoleCredentials {
    RoleCredentials::new(&stack.endpoint, &stack.region, &deployed.role_arn, &deployed.name)
}

fn spec(deployed: &DeployedFunction, stack: &Stack, settings: &Settings) -> FunctionSpec {
    let mut environment = deployed.environment.clone();
    environment.extend(endpoints(stack, settings));
    FunctionSpec {
        name: deployed.name.clone(),
        arn: deployed.arn.clone(),
        binary: settings.binaries.join(&deployed.binary),
        environment,
        timeout: Duration::from_secs(deployed.timeout_secs),
        memory_mb: deployed.memory_mb,
        concurrency: deployed.reserved_concurrency,
        log_file: settings.log_file(&deployed.binary),
    }
}

impl Target for Arc<Function> {
    async fn invoke(&self, event: Bytes) -> Outcome {
        match self.call(event).await {
            Ok(payload) => Outcome::Answered(payload),
            Err(InvokeError::Function(error)) => Outcome::Failed(error.to_string()),
            Err(error) => Outcome::NotInvoked(describe(&error)),
        }
    }
}
