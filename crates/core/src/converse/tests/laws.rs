use proptest::prelude::*;

use super::*;

fn texts() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", " ", "\n\t", "a", "b c", "{}", "{\"a\":1}", "[", "é"])
        .prop_map(str::to_owned)
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let urls = prop::sample::select(vec!["data:image/png;base64,aGk=", "data:,", "https://x/y.png"]);
    let part = prop_oneof![
        8 => texts().prop_map(Part::Text),
        2 => texts().prop_map(Part::Refusal),
        1 => urls.prop_map(image),
    ];
    prop::collection::vec(part, 0..3)
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let roles =
        prop::sample::select(vec![Role::User, Role::Assistant, Role::User, Role::Assistant, Role::System]);
    let seals = prop::sample::select(vec!["s.c2ln", "r.aGk", "r.", "x"]);
    let item = prop_oneof![
        6 => (roles, parts()).prop_map(|(role, parts)| Item::Message { role, parts }),
        2 => texts().prop_map(|arguments| call("c", &arguments)),
        2 => parts().prop_map(|parts| result("c", &parts)),
        1 => (texts(), seals).prop_map(|(text, seal)| reasoning(&[&text], Some(TARGET_ID), seal)),
    ];
    prop::collection::vec(item, 0..8)
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn has_blank(block: &Block) -> bool {
    match block {
        Block::Text(text) => is_blank(text),
        Block::ToolResult { content, .. } => {
            content.iter().any(|content| matches!(content, Content::Text(text) if is_blank(text)))
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn turns_alternate_from_the_user_on_and_nothing_in_them_is_blank(
        items in items(), has_tools in any::<bool>(), seed in any::<bool>(),
    ) {
        let tools = if has_tools { vec![weather()] } else { Vec::new() };
        let extra = if seed { vec![(Parameter::Seed, json!(1))] } else { Vec::new() };

        if let Ok((request, _)) = ask(&Prompt { tools, ..of(items) }, &json!({}), &extra) {
            for (index, turn) in request.messages.iter().enumerate() {
                let expected = if index % 2 == 0 { Speaker::User } else { Speaker::Assistant };
                prop_assert_eq!(turn.role, expected);
                prop_assert!(!turn.content.is_empty());
                prop_assert!(!turn.content.iter().any(has_blank));
            }
            prop_assert!(!request.messages.is_empty());
            prop_assert!(!request.system.iter().any(|text| matches!(text, Content::Text(text) if is_blank(text))));
        }
    }

    #[test]
    fn no_setting_makes_it_panic(values in prop::collection::vec(0..9_usize, 21)) {
        let values = values.into_iter().map(|kind| match kind {
            0 => json!(null), 1 => json!(true), 2 => json!(-1), 3 => json!(1.5e308), 4 => json!("x"),
            5 => json!([]), 6 => json!({}), 7 => json!(u64::MAX), _ => json!(["a", 1]),
        });
        let all = [
            Parameter::MaxOutputTokens, Parameter::Temperature, Parameter::TopP, Parameter::Stop, Parameter::Seed,
            Parameter::PresencePenalty, Parameter::FrequencyPenalty, Parameter::LogitBias, Parameter::Logprobs,
            Parameter::TopLogprobs, Parameter::N, Parameter::ReasoningEffort, Parameter::ReasoningSummary,
            Parameter::Verbosity, Parameter::ParallelToolCalls, Parameter::ServiceTier, Parameter::Store,
            Parameter::Metadata, Parameter::User, Parameter::SafetyIdentifier, Parameter::PromptCacheKey,
        ];
        let wire = json!({"effort": "nested", "schema": "text-format"});

        for setting in all.into_iter().zip(values) {
            let _unfit_or_not = ask(&hello(), &wire, &[setting]);
        }
    }
}
