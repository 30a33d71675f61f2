//! `target/local/env`: all that an OpenAI client, the AWS SDKs and the `tollgate` command need to find the stack.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::settings::Settings;
use crate::emulator::ROOT_KEY;
use crate::stack::{Stack, StackError};

/// Variables, in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Environment(Vec<(String, String)>);

/// Where a function finds AWS and the models. One address stands for the hosts of all providers that speak OpenAI's wire.
pub(super) fn endpoints(stack: &Stack, settings: &Settings) -> [(String, String); 4] {
    [
        ("AWS_ENDPOINT_URL", stack.endpoint.clone()),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", settings.standin_url()),
        ("AWS_ENDPOINT_URL_S3VECTORS", settings.standin_url()),
        ("PROVIDER_ENDPOINT", settings.standin_url()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

impl Environment {
    /// All but the key, which is made with the help of the others.
    pub(super) fn of(stack: &Stack, settings: &Settings) -> Result<Self, StackError> {
        let variables = [
            ("OPENAI_BASE_URL", format!("{}/v1", settings.front_door_url())),
            ("AWS_ENDPOINT_URL", stack.endpoint.clone()),
            ("AWS_REGION", stack.region.clone()),
            ("AWS_ACCESS_KEY_ID", ROOT_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", ROOT_KEY.to_owned()),
            ("TOLLGATE_STACK", stack.name.clone()),
            ("TOLLGATE_BUDGET_TOPIC_ARN", stack.output("NoticesTopicArn")?.to_owned()),
            ("TOLLGATE_BUDGET_NAME", stack.output("BudgetName")?.to_owned()),
            ("TOLLGATE_STANDIN_URL", settings.standin_url()),
        ];
        Ok(Self(variables.map(|(name, value)| (name.to_owned(), value)).into()))
    }

    /// What `cargo lambda watch` gives to every function alike: the variables of all of them, and the account's key.
    pub(super) fn of_functions(stack: &Stack, settings: &Settings) -> Self {
        let own = stack.functions.values().flat_map(|function| function.environment.clone());
        let mut variables: BTreeMap<String, String> = own.collect();
        variables.extend(endpoints(stack, settings));
        let account = [
            ("AWS_REGION", stack.region.as_str()),
            ("AWS_ACCESS_KEY_ID", ROOT_KEY),
            ("AWS_SECRET_ACCESS_KEY", ROOT_KEY),
        ];
        variables.extend(account.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Self(variables.into_iter().collect())
    }

    pub(super) fn with_key(mut self, key: &str) -> Self {
        self.0.push(("OPENAI_API_KEY".to_owned(), key.to_owned()));
        self
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Writes the file so that only its owner can read it.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        // An older file may have wider permissions, and `mode` holds for new files only.
        if let Err(error) = std::fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        file.write_all(self.render().as_bytes())
    }

    /// A value with a sign of its own is quoted, as shells and `cargo lambda watch` read it.
    fn render(&self) -> String {
        let line = |(name, value): (&str, &str)| match value.contains('=') {
            true => format!("{name}='{value}'\n"),
            false => format!("{name}={value}\n"),
        };
        self.variables().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_value_with_a_sign_of_its_own_is_quoted() {
        let plans = ("USAGE_PLANS".to_owned(), "a=1/2,b=3/4".to_owned());
        let region = ("AWS_REGION".to_owned(), "us-east-1".to_owned());

        assert_eq!(
            Environment(vec![plans, region]).render(),
            "USAGE_PLANS='a=1/2,b=3/4'\nAWS_REGION=us-east-1\n"
        );
    }

    #[test]
    fn is_written_for_its_owner_only() {
        let path = std::env::temp_dir().join(format!("tollgate-env-{}", uuid::Uuid::now_v7()));
        std::fs::write(&path, "older").unwrap();
        let environment =
            Environment(vec![("AWS_REGION".to_owned(), "us-east-1".to_owned())]).with_key("tg-1");

        environment.write(&path).unwrap();

        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "AWS_REGION=us-east-1\nOPENAI_API_KEY=tg-1\n");
        std::fs::remove_file(path).unwrap();
    }
}
