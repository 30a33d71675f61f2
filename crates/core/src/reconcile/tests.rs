use proptest::prelude::*;

use super::*;

fn shipped() -> Catalogue {
    serde_json::from_str(include_str!("../../../../config/catalogue.json")).unwrap()
}

fn meter(model_id: &str) -> Meter {
    Meter { namespace: Namespace::Mantle, region: "us-east-1".to_owned(), model_id: model_id.to_owned() }
}

#[test]
fn every_target_of_bedrock_has_a_meter_and_no_other_has() {
    let catalogue = shipped();

    let meters = meters(&catalogue);

    let counted: Vec<_> = meters.values().flatten().collect();
    for (id, target) in &catalogue.targets {
        let is_bedrock = !matches!(&target.wire, Wire::Openai { auth: Auth::Bearer { .. } | Auth::None, .. });
        assert_eq!(counted.contains(&id), is_bedrock, "{id}");
    }
    assert_eq!(meters[&meter("openai.gpt-5.5")], ["mantle-us-east-1/gpt-5.5"]);
    let oss = Meter {
        namespace: Namespace::Runtime,
        region: "us-east-1".to_owned(),
        model_id: "openai.gpt-oss-20b-1:0".to_owned(),
    };
    assert!(meters[&oss].len() > 1, "one model over several operations has one meter");
}

#[test]
fn differences_do_not_cancel_each_other_out() {
    let tokens = |input, output| Tokens { input, output };

    let seen = Comparison::of(
        "2026-11-26".parse().unwrap(),
        [
            (meter("a"), tokens(100, 10), tokens(100, 10)),
            (meter("b"), tokens(100, 10), tokens(150, 10)),
            (meter("c"), tokens(100, 10), tokens(50, 9)),
            (meter("d"), tokens(0, 0), tokens(0, 0)),
        ],
    );

    let lines: Vec<_> =
        seen.lines.iter().map(|line| (line.difference.input, line.difference.output)).collect();
    assert_eq!(lines, [(0, 0), (50, 0), (-50, -1)]);
    assert_eq!(seen.tokens, 101);
}

#[test]
fn an_amount_is_read_to_the_nano_dollar() {
    for (text, expected) in [
        ("0", 0),
        ("12.3456789012", 12_345_678_901),
        ("-0.5", -500_000_000),
        ("2.1E-7", 210),
        ("1e2", 100_000_000_000),
        ("0.00000000001", 0),
    ] {
        assert_eq!(nanos(text), Ok(expected), "{text}");
    }
    for text in ["", "-", ".5", "1,000", "USD 1", "1e", "1e99", "99999999999999999999", "1.2.3", "NaN"] {
        assert_eq!(nanos(text), Err(NoAmount(text.to_owned())), "{text}");
    }
}

#[test]
fn services_are_named_whole_or_by_an_end() {
    let services = Services::parse("Amazon Bedrock, *(Amazon Bedrock Edition)").unwrap();

    for (service, is_one) in [
        ("Amazon Bedrock", true),
        ("OpenAI GPT-5.5 (Amazon Bedrock Edition)", true),
        ("Amazon Bedrock AgentCore", false),
        ("Amazon DynamoDB", false),
    ] {
        assert_eq!(services.contain(service), is_one, "{service}");
    }
    assert_eq!(Services::parse(" , "), None);
}

proptest! {
    #[test]
    fn an_amount_reads_as_it_was_written(amount in -9_000_000_000_000_000_000_i64..9_000_000_000_000_000_000) {
        let (sign, size) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
        let text = format!("{sign}{}.{:09}", size / 1_000_000_000, size % 1_000_000_000);

        prop_assert_eq!(nanos(&text), Ok(amount));
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,40}") {
        let _either_way = nanos(&text);
    }

    #[test]
    fn what_agrees_differs_by_nothing(counts in proptest::collection::vec((0..1_000_000_i64, 0..1_000_000_i64), 0..9)) {
        let both = counts.iter().map(|(input, output)| Tokens { input: *input, output: *output });

        let seen = Comparison::of("2026-11-26".parse().unwrap(), both.map(|tokens| (meter("m"), tokens, tokens)));

        prop_assert_eq!(seen.tokens, 0);
    }
}
