//! What a deployment is made of, as the outputs of its CloudFormation stack say: the same on AWS and on a laptop.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};

/// The names that an operator needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Flags, catalogue, prices, routing and tenants.
    pub config_table: String,
    /// Answers.
    pub cache_table: String,
    /// API keys.
    pub keys_table: String,
    /// Calls, one record each.
    pub ledger_table: String,
    /// Rates, spend and escrow.
    pub limits_table: String,
    /// Sums of days.
    pub rollups_table: String,
    /// The secret that keys the hash of API keys.
    pub key_pepper_secret_arn: String,
    /// The role through which the last grade of enforcement works.
    pub lock_role_arn: String,
    /// The name of invoke's role.
    pub invoke_role: String,
    /// The policy that denies it calls of models.
    pub deny_policy_arn: String,
    /// The usage plans with their throughput.
    pub usage_plans: String,
}

/// Why a stack's names are not known.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// It is not deployed, or somewhere else.
    #[error("no stack is called \"{0}\" in this account and region")]
    Unknown(String),
    /// It is something else, or its deployment has failed.
    #[error("the stack \"{stack}\" has no output {output}: is it Tollgate, and was it deployed to the end?")]
    MissingOutput {
        /// Its name.
        stack: String,
        /// What it should have.
        output: &'static str,
    },
    /// Nobody could say.
    #[error("CloudFormation cannot be asked about the stack \"{stack}\"")]
    Unreachable {
        /// Its name.
        stack: String,
        /// What the client library said.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Stack {
    /// Asks CloudFormation for the stack of that name.
    pub async fn find(client: &Client, name: &str) -> Result<Self, StackError> {
        let unknown = || StackError::Unknown(name.to_owned());
        let reply = client.describe_stacks().stack_name(name).send().await.map_err(|error| {
            // CloudFormation has no error of its own for a stack that does not exist.
            if error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ValidationError") {
                return unknown();
            }
            unreachable(name, error)
        })?;
        let stack = reply.stacks().first().ok_or_else(unknown)?;
        Self::from_outputs(name, |key| {
            let output = stack.outputs().iter().find(|output| output.output_key() == Some(key))?;
            output.output_value().map(str::to_owned)
        })
    }

    fn from_outputs(stack: &str, read: impl Fn(&str) -> Option<String>) -> Result<Self, StackError> {
        let require = |output: &'static str| {
            read(output).ok_or_else(|| StackError::MissingOutput { stack: stack.to_owned(), output })
        };
        Ok(Self {
            config_table: require("ConfigTable")?,
            cache_table: require("CacheTable")?,
            keys_table: require("KeysTable")?,
            ledger_table: require("LedgerTable")?,
            limits_table: require("LimitsTable")?,
            rollups_table: require("RollupsTable")?,
            key_pepper_secret_arn: require("KeyPepperSecretArn")?,
            lock_role_arn: require("LockRoleArn")?,
            invoke_role: require("InvokeRoleName")?,
            deny_policy_arn: require("DenyModelsPolicyArn")?,
            usage_plans: require("UsagePlans")?,
        })
    }
}

fn unreachable<E>(stack: &str, error: SdkError<E>) -> StackError
where
    E: std::error::Error + Send + Sync + 'static,
{
    StackError::Unreachable { stack: stack.to_owned(), cause: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::error::ErrorMetadata;
    use aws_sdk_cloudformation::operation::describe_stacks::{DescribeStacksError, DescribeStacksOutput};
    use aws_sdk_cloudformation::types::{self, Output};
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    use super::*;

    #[tokio::test]
    async fn a_stack_is_described_by_its_name() {
        let describe = mock!(Client::describe_stacks)
            .match_requests(|request| request.stack_name() == Some("mine"))
            .then_output(|| {
                let tables =
                    ["ConfigTable", "CacheTable", "KeysTable", "LedgerTable", "LimitsTable", "RollupsTable"];
                let others = [
                    "KeyPepperSecretArn",
                    "LockRoleArn",
                    "InvokeRoleName",
                    "DenyModelsPolicyArn",
                    "UsagePlans",
                ];
                let names = tables.into_iter().chain(others);
                let output = |name: &str| {
                    Output::builder().output_key(name).output_value(format!("my {name}")).build()
                };
                let stack = types::Stack::builder().set_outputs(Some(names.map(output).collect())).build();
                DescribeStacksOutput::builder().stacks(stack).build()
            });

        let stack = Stack::find(&mock_client!(aws_sdk_cloudformation, [&describe]), "mine").await.unwrap();

        assert_eq!(stack.keys_table, "my KeysTable");
    }

    #[tokio::test]
    async fn a_stack_that_is_not_there_is_told_from_one_that_nobody_can_see() {
        let find = async |code: &'static str| {
            let error = move || DescribeStacksError::generic(ErrorMetadata::builder().code(code).build());
            let describe = mock!(Client::describe_stacks).then_error(error);
            let client = mock_client!(aws_sdk_cloudformation, RuleMode::MatchAny, [&describe]);
            Stack::find(&client, "mine").await.unwrap_err()
        };

        assert!(matches!(find("ValidationError").await, StackError::Unknown(name) if name == "mine"));
        assert!(matches!(find("AccessDenied").await, StackError::Unreachable { .. }));
    }

    #[test]
    fn names_are_read_from_the_outputs() {
        let stack = Stack::from_outputs("t", |output| Some(format!("the {output}"))).unwrap();

        assert_eq!(stack.config_table, "the ConfigTable");
        assert_eq!(stack.keys_table, "the KeysTable");
        assert_eq!(stack.ledger_table, "the LedgerTable");
        assert_eq!(stack.limits_table, "the LimitsTable");
        assert_eq!(stack.rollups_table, "the RollupsTable");
        assert_eq!(stack.key_pepper_secret_arn, "the KeyPepperSecretArn");
        assert_eq!(stack.deny_policy_arn, "the DenyModelsPolicyArn");
    }

    #[test]
    fn an_output_that_is_missing_is_named() {
        let read = |output: &str| (output != "LedgerTable").then(|| "x".to_owned());

        let error = Stack::from_outputs("mine", read).unwrap_err();

        assert_eq!(
            error.to_string(),
            "the stack \"mine\" has no output LedgerTable: is it Tollgate, and was it deployed to the end?"
        );
    }
}
