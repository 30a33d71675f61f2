use super::*;

#[test]
fn settings_are_said_in_converse() {
    let wire = json!({"effort": "flat", "guardrail": {"id": "gr-1", "version": "2"}});
    let extra = [
        (Parameter::Temperature, json!(0.5)),
        (Parameter::TopP, json!(1)),
        (Parameter::Stop, json!(["END", "\n"])),
        (Parameter::ReasoningEffort, json!("low")),
        (Parameter::ServiceTier, json!("auto")),
        (Parameter::N, json!(1)),
        (Parameter::Logprobs, json!(false)),
        (Parameter::PresencePenalty, json!(0.0)),
        (Parameter::LogitBias, json!({})),
        (Parameter::ParallelToolCalls, json!(false)),
        (Parameter::User, json!("u")),
        (Parameter::Metadata, json!({"a": "b"})),
        (Parameter::SafetyIdentifier, json!("s")),
        (Parameter::Store, json!(false)),
    ];

    let (request, notes) = ask(&hello(), &wire, &extra).unwrap();

    assert_eq!(
        json!(request),
        json!({
            "messages": [{"role": "user", "content": [{"text": "hello"}]}],
            "inferenceConfig": {"maxTokens": 50, "temperature": 0.5, "topP": 1, "stopSequences": ["END", "\n"]},
            "additionalModelRequestFields": {"reasoning_effort": "low"},
            "guardrailConfig": {"guardrailIdentifier": "gr-1", "guardrailVersion": "2"}
        })
    );
    assert!(notes.is_empty());
}

#[test]
fn a_tier_of_its_own_is_asked_for() {
    let (request, _) = ask(&hello(), &json!({}), &[(Parameter::ServiceTier, json!("flex"))]).unwrap();

    assert_eq!(json!(request)["serviceTier"], json!({"type": "flex"}));
}

#[test]
fn openais_models_take_effort_verbosity_and_schema_in_their_own_fields() {
    let wire = json!({"effort": "nested", "schema": "text-format"});
    let extra = [(Parameter::ReasoningEffort, json!("high")), (Parameter::Verbosity, json!("low"))];
    let prompt = Prompt { format: schema(Some(true)), ..hello() };

    let (request, notes) = ask(&prompt, &wire, &extra).unwrap();

    let format = json!({
        "type": "json_schema", "name": "answer", "description": "It.", "strict": true,
        "schema": {"type": "object", "properties": {"a": {"type": "integer"}}}
    });
    let expected = json!({"reasoning": {"effort": "high"}, "text": {"verbosity": "low", "format": format}});
    assert_eq!(json!(request.additional), expected);
    assert!(notes.is_empty());

    let prompt = Prompt { format: Some(Format::JsonObject), ..hello() };
    let (request, _) = ask(&prompt, &wire, &[]).unwrap();
    assert_eq!(json!(request.additional), json!({"text": {"format": {"type": "json_object"}}}));
}

#[test]
fn a_schema_goes_to_the_output_config_where_the_model_takes_it_there() {
    let prompt = Prompt { format: schema(None), ..hello() };

    let (request, _) = ask(&prompt, &json!({"schema": "output-config"}), &[]).unwrap();

    let request = json!(request);
    let schema = &request["outputConfig"]["textFormat"]["structure"]["jsonSchema"];
    assert_eq!(request["outputConfig"]["textFormat"]["type"], "json_schema");
    assert_eq!((&schema["name"], &schema["description"]), (&json!("answer"), &json!("It.")));
    assert!(schema["schema"].as_str().unwrap().starts_with(r#"{"#));
    assert!(request["additionalModelRequestFields"].is_null());
}

#[test]
fn what_a_target_can_do_without_is_left_out_and_said() {
    let extra = [
        (Parameter::Seed, json!(7)),
        (Parameter::PromptCacheKey, json!("k")),
        (Parameter::ReasoningSummary, json!("auto")),
        (Parameter::Store, json!(true)),
        (Parameter::Verbosity, json!("low")),
    ];
    let prompt = Prompt {
        tools: vec![weather()],
        ..of(vec![
            message(Role::User, "a"),
            reasoning(&["x"], Some("mantle/other"), "gAAAA"),
            reasoning(&["x"], None, "s.c2ln"),
            Item::Reasoning { summary: vec!["x".to_owned()], sealed: None },
            message(Role::User, "b"),
        ])
    };

    let (request, mut notes) = ask(&prompt, &json!({}), &extra).unwrap();

    notes.sort_unstable();
    assert_eq!(
        notes,
        [
            "encrypted_reasoning=dropped",
            "prompt_cache_key=dropped",
            "reasoning_summary=dropped",
            "seed=dropped",
            "store=dropped",
            "strict=dropped",
            "verbosity=dropped",
        ]
    );
    let texts = json!([{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]);
    assert_eq!(json!(request.messages), texts);
    assert!(!json!(request.tool_config).to_string().contains("strict"));
}

#[test]
fn settings_that_would_change_the_meaning_are_unfit() {
    for (parameter, value) in [
        (Parameter::MaxOutputTokens, json!(0)),
        (Parameter::Temperature, json!("hot")),
        (Parameter::Stop, json!([""])),
        (Parameter::ReasoningEffort, json!("low")),
        (Parameter::ServiceTier, json!("reserved")),
        (Parameter::ParallelToolCalls, json!(false)),
        (Parameter::N, json!(2)),
        (Parameter::Logprobs, json!(true)),
        (Parameter::TopLogprobs, json!(3)),
        (Parameter::LogitBias, json!({"5": 1})),
        (Parameter::PresencePenalty, json!(0.1)),
        (Parameter::FrequencyPenalty, json!(-1)),
    ] {
        let prompt = Prompt { tools: vec![weather()], ..hello() };

        assert_eq!(refused(&prompt, &json!({}), &[(parameter, value)]), parameter.as_str());
    }
}
