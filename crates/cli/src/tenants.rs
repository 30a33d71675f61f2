//! `tollgate tenants`: the accounts in which tenants' calls run.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use clap::Subcommand;
use serde::Serialize;
use tollgate_core::name::Name;
use tollgate_core::settings::Tenant;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::{Column, Screen, Table, write_fields};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register a tenant, or change one
    ///
    /// With a role, the tenant's calls run in the account of that role, whose trust policy must ask for the
    /// external id; without one they run in the gateway's own account.
    #[command(verbatim_doc_comment)]
    Put {
        /// Name of the tenant
        id: Name,
        /// Role in the tenant's account that the gateway assumes
        #[arg(long, value_name = "ARN", value_parser = parse_role_arn, requires = "external_id")]
        role_arn: Option<String>,
        /// External id that the role's trust policy asks for
        #[arg(long, value_name = "ID", value_parser = parse_external_id, requires = "role_arn")]
        external_id: Option<String>,
    },
    /// List tenants
    List,
}

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let tenants = Deployment::find(stack).await?.tenants;
    match command {
        Command::Put { id, .. } if id == Name::default_tenant() => Err(Error::ReservedTenant),
        Command::Put { id, role_arn, external_id } => {
            let tenant = Tenant { role_arn, external_id };
            tenants.put(&id, &tenant).await?;
            screen.show(&TenantView { id: id.to_string(), tenant })
        }
        Command::List => screen.show(&TenantList::of(tenants.list().await?)),
    }
}

#[derive(Debug, Serialize)]
struct TenantView {
    id: String,
    #[serde(flatten)]
    tenant: Tenant,
}

impl Display for TenantView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fields(
            f,
            &[
                ("id", Some(self.id.clone())),
                ("role", Some(role_text(&self.tenant))),
                ("external id", self.tenant.external_id.clone()),
            ],
        )
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct TenantList(Vec<TenantView>);

impl TenantList {
    fn of(tenants: BTreeMap<String, Tenant>) -> Self {
        Self(tenants.into_iter().map(|(id, tenant)| TenantView { id, tenant }).collect())
    }
}

impl Display for TenantList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "No tenants but default, the gateway's own account.");
        }
        let mut table = Table::new(["ID", "ROLE", "EXTERNAL ID"].map(Column::Left));
        for TenantView { id, tenant } in &self.0 {
            table.push([id.clone(), role_text(tenant), tenant.external_id.clone().unwrap_or_default()]);
        }
        table.fmt(f)
    }
}

fn role_text(tenant: &Tenant) -> String {
    tenant.role_arn.clone().unwrap_or_else(|| "the gateway's own account".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role's ARN is arn:aws:iam::<12 digits>:role/<name>")]
struct RoleArnError;

fn parse_role_arn(text: &str) -> Result<String, RoleArnError> {
    let [arn, partition, service, region, account, resource] =
        text.splitn(6, ':').collect::<Vec<_>>().try_into().map_err(|_| RoleArnError)?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let name = resource.strip_prefix("role/").unwrap_or_default();
    let is_name = !name.is_empty() && name.bytes().all(|byte| is_word(byte) || b"+=,.@/-".contains(&byte));
    let is_role = arn == "arn" && partition.starts_with("aws") && service == "iam" && region.is_empty();
    if is_role && is_account && is_name { Ok(text.to_owned()) } else { Err(RoleArnError) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an external id has 2 to 1224 characters of A-Z a-z 0-9 _ + = , . @ : / -")]
struct ExternalIdError;

fn parse_external_id(text: &str) -> Result<String, ExternalIdError> {
    let is_allowed = |byte: u8| is_word(byte) || b"+=,.@:/-".contains(&byte);
    if (2..=1224).contains(&text.len()) && text.bytes().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err(ExternalIdError)
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_an_iam_role() {
        for arn in
            ["arn:aws:iam::123456789012:role/tollgate-tenant-acme", "arn:aws-cn:iam::123456789012:role/a/b"]
        {
            assert_eq!(parse_role_arn(arn).as_deref(), Ok(arn));
        }
        for text in [
            "",
            "tollgate-tenant-acme",
            "arn:aws:iam::123:role/x",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/x y",
            "arn:aws:sts::123456789012:role/x",
        ] {
            assert_eq!(parse_role_arn(text), Err(RoleArnError), "{text}");
        }
    }

    #[test]
    fn an_external_id_is_one_that_sts_takes() {
        assert!(parse_external_id("acme:7/x").is_ok());
        for text in ["", "x", "a b", "ä1", &"x".repeat(1225)] {
            assert_eq!(parse_external_id(text), Err(ExternalIdError), "{text}");
        }
    }

    #[test]
    fn tenants_are_listed_by_name() {
        let acme = Tenant {
            role_arn: Some("arn:aws:iam::123456789012:role/tollgate-tenant-acme".to_owned()),
            external_id: Some("acme-7".to_owned()),
        };
        let tenants = [("beta".to_owned(), Tenant::default()), ("acme".to_owned(), acme)];

        insta::assert_snapshot!(TenantList::of(tenants.into()), @"
        ID    ROLE                                                 EXTERNAL ID
        acme  arn:aws:iam::123456789012:role/tollgate-tenant-acme  acme-7
        beta  the gateway's own account
        ");
        insta::assert_snapshot!(TenantList::of(BTreeMap::new()), @"No tenants but default, the gateway's own account.");
    }
}
