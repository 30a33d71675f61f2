use aws_sdk_sts::operation::assume_role::{AssumeRoleError, AssumeRoleInput, AssumeRoleOutput};
use aws_sdk_sts::primitives::DateTime;
use aws_sdk_sts::types::Credentials as Given;
use aws_sdk_sts::types::error::RegionDisabledException;
use aws_smithy_mocks::{Rule, mock, mock_client};
use tollgate_core::settings::Tenant;

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);
const HOUR: Duration = Duration::from_secs(3_600);
const ROLE: &str = "arn:aws:iam::123456789012:role/tollgate";

fn tenant(role_arn: &str) -> Tenant {
    Tenant { role_arn: Some(role_arn.to_owned()), external_id: Some("e-1".to_owned()) }
}

fn identity<'a>(tenant: &'a Tenant, team: &'a str) -> Identity<'a> {
    Identity { user: "alice", team, tenant_id: "acme", tenant }
}

/// What STS gives at `now`, for an hour.
fn given(access_key_id: &str, now: Timestamp) -> AssumeRoleOutput {
    let expires = i64::try_from(now.plus(HOUR).as_secs()).unwrap();
    let given = Given::builder()
        .access_key_id(access_key_id)
        .secret_access_key("secret")
        .session_token("session")
        .expiration(DateTime::from_secs(expires));
    AssumeRoleOutput::builder().credentials(given.build().unwrap()).build()
}

fn is_right(request: &AssumeRoleInput) -> bool {
    let tags = request.tags().iter().map(|tag| (tag.key(), tag.value()));
    request.role_arn() == Some(ROLE)
        && request.external_id() == Some("e-1")
        && request.role_session_name() == Some("tollgate-search")
        && request.duration_seconds() == Some(3_600)
        && tags.eq([("tollgate:tenant", "acme"), ("tollgate:team", "search")])
}

fn credentials(rules: &[&Rule]) -> CallCredentials {
    let own = Credentials::new("own", "secret", None, None, "test");
    CallCredentials {
        own: SharedCredentialsProvider::new(own),
        sts: mock_client!(aws_sdk_sts, aws_smithy_mocks::RuleMode::Sequential, rules),
        assumed: Mutex::default(),
    }
}

async fn key_at(credentials: &CallCredentials, identity: &Identity<'_>, now: Timestamp) -> String {
    credentials.for_call(identity, now).await.unwrap().access_key_id().to_owned()
}

#[tokio::test]
async fn without_a_role_the_functions_own_credentials_are_used() {
    let credentials = credentials(&[]);

    assert_eq!(key_at(&credentials, &identity(&Tenant::default(), "search"), NOON).await, "own");
}

#[tokio::test]
async fn a_tenants_role_is_assumed_for_its_team_and_kept_until_ten_minutes_before_its_end() {
    let first = mock!(Client::assume_role).match_requests(is_right).then_output(|| given("first", NOON));
    let second = mock!(Client::assume_role).match_requests(is_right).then_output(|| given("second", NOON));
    let credentials = credentials(&[&first, &second]);
    let tenant = tenant(ROLE);
    let identity = identity(&tenant, "search");

    let fresh = credentials.for_call(&identity, NOON).await.unwrap();
    assert_eq!((fresh.access_key_id(), fresh.session_token()), ("first", Some("session")));
    let last = NOON.plus(Duration::from_secs(3_600 - 601));
    assert_eq!(key_at(&credentials, &identity, last).await, "first");
    assert_eq!(first.num_calls(), 1);

    let margin = NOON.plus(Duration::from_secs(3_600 - 600));
    assert_eq!(key_at(&credentials, &identity, margin).await, "second");
    assert_eq!(second.num_calls(), 1);
}

#[tokio::test]
async fn another_role_or_another_team_is_assumed_anew() {
    let rules = [("one", ROLE), ("two", "arn:other"), ("three", "arn:other")].map(|(key, role)| {
        mock!(Client::assume_role)
            .match_requests(move |request| request.role_arn() == Some(role))
            .then_output(move || given(key, NOON))
    });
    let credentials = credentials(&rules.each_ref());
    let (before, after) = (tenant(ROLE), tenant("arn:other"));

    assert_eq!(key_at(&credentials, &identity(&before, "search"), NOON).await, "one");
    assert_eq!(key_at(&credentials, &identity(&after, "search"), NOON).await, "two");
    assert_eq!(key_at(&credentials, &identity(&after, "ads"), NOON).await, "three");
    assert_eq!(key_at(&credentials, &identity(&after, "search"), NOON).await, "two");
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_not_authorized_and_is_tried_again() {
    let refused = mock!(Client::assume_role)
        .then_error(|| AssumeRoleError::RegionDisabledException(RegionDisabledException::builder().build()));
    let empty = mock!(Client::assume_role).then_output(|| AssumeRoleOutput::builder().build());
    let granted = mock!(Client::assume_role).then_output(|| given("late", NOON));
    let credentials = credentials(&[&refused, &empty, &granted]);
    let tenant = tenant(ROLE);
    let identity = identity(&tenant, "search");

    for _ in 0..2 {
        let failed = credentials.for_call(&identity, NOON).await.unwrap_err();
        assert!(matches!(failed, ModelError::Unauthorized(_)), "{failed}");
    }
    assert_eq!(key_at(&credentials, &identity, NOON).await, "late");
}

#[test]
fn a_session_name_is_never_too_long() {
    assert_eq!(session_name("a@b.c_d-e"), "tollgate-a@b.c_d-e");
    assert_eq!(session_name(&"x".repeat(64)).len(), 64);
}
