use super::*;
use crate::catalogue::Catalogue;

fn target() -> Target {
    let catalogue: Catalogue =
        serde_json::from_str(include_str!("../../../../config/catalogue.json")).unwrap();
    catalogue.targets["mantle-us-east-1/gpt-5.5"].clone()
}

fn constraint(text: &str) -> Constraint {
    serde_json::from_str(text).unwrap()
}

fn allows(text: &str, target: &Target) -> bool {
    constraint(text).allows(target)
}

#[test]
fn a_region_is_allowed_by_its_name_or_by_what_it_begins_with() {
    let target = target();

    assert!(allows(r#"{"regions": ["us-east-1"]}"#, &target));
    assert!(allows(r#"{"regions": ["eu-*", "us-*"]}"#, &target));
    assert!(!allows(r#"{"regions": ["us-east-10", "eu-*"]}"#, &target));
}

#[test]
fn a_profile_across_regions_needs_all_of_them() {
    let of = |model_id: &str| Target { model_id: model_id.to_owned(), ..target() };

    assert!(!allows(r#"{"regions": ["us-east-1"]}"#, &of("us.openai.gpt-5.6-sol")));
    assert!(allows(r#"{"regions": ["us-*"]}"#, &of("us.openai.gpt-5.6-sol")));
    assert!(!allows(r#"{"regions": ["us-*", "eu-*"]}"#, &of("global.openai.gpt-5.6-sol")));
    let mut narrowed = of("global.openai.gpt-5.6-sol");
    narrowed.handling.processed_in = vec!["eu-west-1".to_owned(), "eu-central-1".to_owned()];
    assert!(allows(r#"{"regions": ["eu-*"]}"#, &narrowed));
    assert!(!allows(r#"{"regions": ["eu-west-1"]}"#, &narrowed));
}

#[test]
fn what_is_not_known_of_a_target_is_not_allowed() {
    let mut target = target();
    target.handling = crate::catalogue::Handling::default();
    let wanted = [r#"{"agreements": ["aws"]}"#, r#"{"max_retention_days": 30}"#, r#"{"no_training": true}"#];
    assert!(wanted.iter().all(|text| !allows(text, &target)));

    target.handling.agreement = Some("aws".to_owned());
    target.handling.retention_days = Some(30);
    target.handling.trains = Some(false);
    assert!(wanted.iter().all(|text| allows(text, &target)));

    target.handling.retention_days = Some(31);
    target.handling.trains = Some(true);
    assert!(!allows(wanted[1], &target) && !allows(wanted[2], &target));
}

#[test]
fn what_holds_for_a_call_is_all_that_its_tenant_and_its_headers_say() {
    let constraints: Constraints = serde_json::from_str(
        r#"{"tenants": {"acme": {"providers": ["bedrock"]}}, "residencies": {"eu": {"regions": ["eu-*"]}},
            "data_classes": {"health": {"no_training": true}}}"#,
    )
    .unwrap();
    let name = |text: &str| Some(text.parse().unwrap());
    let of = |tenant: &str, residency, data_class| {
        let terms = Terms { residency, data_class, ..Terms::default() };
        constraints.of(&tenant.parse().unwrap(), &terms).map(|all| all.len())
    };

    assert_eq!(of("default", None, None), Ok(0));
    assert_eq!(of("acme", name("eu"), name("health")), Ok(3));
    assert_eq!(of("default", None, name("personal")), Ok(0));
    assert_eq!(of("default", None, name("general")), Ok(0));
    let unknown = of("acme", name("mars"), None).unwrap_err().to_string();
    assert_eq!(unknown, "x-tollgate-residency: \"mars\" is not known; known: eu");
    assert!(
        of("acme", None, name("secret"))
            .unwrap_err()
            .to_string()
            .contains("known: general, personal, health")
    );
}

#[test]
fn what_allows_nothing_is_a_fault() {
    for text in
        [r#"{"regions": []}"#, r#"{"providers": []}"#, r#"{"regions": ["*-1"]}"#, r#"{"regions": [""]}"#]
    {
        assert!(constraint(text).fault().is_some(), "{text}");
    }
    assert_eq!(constraint(r#"{"regions": ["*"], "no_training": true}"#).fault(), None);
    assert!(serde_json::from_str::<Constraint>(r#"{"region": "eu"}"#).is_err());
}
