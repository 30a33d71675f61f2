use super::*;

const FOREIGN: &str = "not a notice of AWS Budgets, Cost Anomaly Detection, CloudWatch or our own";

#[tokio::test]
async fn what_is_no_notice_is_kept_whole_and_counted() {
    let desk = Desk::open();

    assert_eq!(desk.hand(&nonsense()).await, Summary { dead_lettered: 1, ..Summary::default() });

    assert_eq!(desk.kept(), [(nonsense()["Records"][0].clone(), FOREIGN.to_owned())]);
    assert!(desk.state().flag.enabled && desk.told().is_empty());
    let put = desk.metrics.put.lock().unwrap().clone();
    let environment = vec![("environment", "dev".to_owned())];
    assert_eq!((put[0].name, &put[0].dimensions), ("Enforcer.Unreadable.Count", &environment));
    assert_eq!((put[0].values.as_slice(), put[0].counts.as_slice()), (&[1.0][..], &[1.0][..]));
}

#[tokio::test]
async fn what_cannot_be_counted_is_kept_all_the_same() {
    let metrics = MemoryMetrics { is_down: true, ..MemoryMetrics::default() };
    let desk = Desk::new(MemoryEnforcement::default(), MemoryDeadLetters::default(), metrics);

    assert_eq!(desk.hand(&nonsense()).await.dead_lettered, 1);
}

#[tokio::test]
async fn a_letter_that_cannot_be_kept_fails_so_that_it_comes_again() {
    let dead_letters = MemoryDeadLetters { is_down: true, ..MemoryDeadLetters::default() };
    let desk = Desk::new(MemoryEnforcement::default(), dead_letters, MemoryMetrics::default());

    let error = desk.handler.handle(&nonsense(), NOON).await.unwrap_err();

    assert_eq!(error.error_type, "dead_letter_not_kept");
    assert!(desk.state().flag.enabled);
}

#[tokio::test]
async fn an_event_that_is_none_of_sns_is_kept_whole() {
    let events = [
        json!(null),
        json!(7),
        json!("AWS Budget Notification"),
        json!([]),
        json!({}),
        json!({ "Records": null }),
        json!({ "Records": [] }),
        json!({ "Records": { "Sns": {} } }),
        json!({ "records": [{}] }),
    ];
    for event in events {
        let desk = Desk::open();

        assert_eq!(desk.hand(&event).await.dead_lettered, 1, "{event}");

        assert_eq!(desk.kept(), [(event, "the event holds no records of SNS".to_owned())]);
        assert!(desk.state().flag.enabled);
    }
}

#[tokio::test]
async fn bad_input_is_said() {
    let text = forecast()["Records"][0]["Sns"]["Message"].as_str().unwrap().to_owned();
    let sns = |message: Value| json!({ "Sns": { "MessageId": "m-1", "Message": message } });
    let (no_id, no_message) = ("the record holds no Sns.MessageId", "the record holds no Sns.Message");
    let cases = [
        (json!(null), no_id),
        (json!([]), no_id),
        (json!({ "Sns": null }), no_id),
        (json!({ "Sns": { "Message": text } }), no_id),
        (json!({ "Sns": { "MessageId": "", "Message": text } }), no_id),
        (json!({ "Sns": { "MessageId": 7, "Message": text } }), no_id),
        (json!({ "Sns": { "MessageId": "m-1" } }), no_message),
        (sns(json!(null)), no_message),
        (sns(json!("")), no_message),
        (sns(json!({ "AlarmName": "x" })), no_message),
        (sns(json!("{\"impact\":{\"totalActualSpend\":9000}}")), FOREIGN),
        (sns(json!("\u{0}\u{ffff}")), FOREIGN),
        (sns(json!(text.replace("Budget Name: test", ""))), "the line \"Budget Name:\" is missing"),
        (
            sns(json!(text.replace("Budget Name: test", "Budget Name:"))),
            "the line \"Budget Name:\" cannot be read",
        ),
        (sns(json!(text.replace("Alert Type: FORECASTED", ""))), "the line \"Alert Type:\" is missing"),
        (
            sns(json!(text.replace("Type: FORECASTED", "Type: GUESSED"))),
            "the line \"Alert Type:\" cannot be read",
        ),
        (sns(json!(text.replace("Amount: $0.02", "Amount: €0.02"))), "the amounts are not in US dollars"),
        (
            sns(json!(text.replace("Amount: $0.02", "Amount: $-1"))),
            "the line \"Budgeted Amount:\" cannot be read",
        ),
        (
            sns(json!(text.replace("Amount: $0.95", "Amount: $1e9"))),
            "the line \"FORECASTED Amount:\" cannot be read",
        ),
        (
            sns(json!(text.replace("FORECASTED Amount: $0.95", ""))),
            "the line \"FORECASTED Amount:\" is missing",
        ),
    ];
    for (record, why) in cases {
        let desk = Desk::open();

        assert_eq!(desk.hand(&json!({ "Records": [record] })).await.dead_lettered, 1, "{record}");

        assert_eq!(desk.kept(), [(record, why.to_owned())]);
        assert!(desk.state().flag.enabled);
    }
}
