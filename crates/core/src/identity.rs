//! On whose behalf a provider is called.

use crate::settings::Tenant;

/// On whose behalf a call is made.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The user.
    pub user: &'a str,
    /// The team.
    pub team: &'a str,
    /// The tenant's name.
    pub tenant_id: &'a str,
    /// The tenant, whose role is assumed where it has one.
    pub tenant: &'a Tenant,
}
