//! Calls in a tenant's own account.

use serde_json::{Value, json};
use tollgate_tests::client::Client;
use tollgate_tests::stack::{Stack, root};
use tollgate_tests::standin::{calls, reset};

/// The tenant's account, as the emulator knows it.
const ACCOUNT: &str = "222222222222";
const EXTERNAL_ID: &str = "an-external-id-of-acme";

pub(crate) async fn a_tenants_call_is_made_with_the_assumed_role(stack: &Stack) {
    reset(stack).await;
    make_role(stack).await;
    let role = format!("arn:aws:iam::{ACCOUNT}:role/tollgate-tenant-acme");
    let registration = ["tenants", "put", "acme", "--role-arn", &role, "--external-id", EXTERNAL_ID];
    let (said, is_done) = stack.tollgate(&registration).await;
    assert!(is_done, "{said}");
    let key = stack.key("nina", "lab", &["--tenant", "acme"]).await;

    for model in ["gpt-5.5", "gpt-5.6-sol"] {
        let answer =
            Client::Python.event(stack, &key, &["chat", "--model", model, "--text", "From acme."]).await;

        assert_eq!(answer["event"], "answer", "{answer}");
        let call = calls(stack).await.pop().expect("the stand-in was asked");
        assert_eq!(call["has_session_token"], true, "{call}");
        let access_key = json!({"AccessKeyId": call["access_key_id"]});
        let owner: Value = stack.aws("sts", "get_access_key_info", &access_key).await;
        assert_eq!(owner["Account"], ACCOUNT, "{owner} {call}");
    }
    assert_eq!(calls(stack).await.len(), 2);
}

async fn make_role(stack: &Stack) {
    let template =
        std::fs::read_to_string(root().join("policies/tenant-role.yaml")).expect("the template is there");
    let parameters = [
        ("InvokeRoleArn", stack.stack_output("InvokeRoleArn").await),
        ("ExternalId", EXTERNAL_ID.to_owned()),
        ("TenantName", "acme".to_owned()),
    ];
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| json!({"ParameterKey": name, "ParameterValue": value}))
        .collect();
    let creation = json!({
        "StackName": "tollgate-tenant",
        "TemplateBody": template,
        "Parameters": parameters,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    });
    stack.aws_as(Some(ACCOUNT), "cloudformation", "create_stack", &creation).await;
}
