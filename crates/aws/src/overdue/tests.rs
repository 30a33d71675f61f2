use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_sdk_dynamodb::types::error::InternalServerError;
use aws_smithy_mocks::{RuleMode, mock, mock_client};

use super::*;

fn record() -> Record {
    serde_json::from_value(serde_json::json!({
        "request_id": "r-1", "state": "sent", "open": "open#07", "deadline_us": 5, "created_us": 1, "expires_at": 9,
        "key_id": "k", "user": "alice", "team": "search", "tenant": "default", "model": "gpt-5.5", "stream": false,
        "day": "2026-11-22", "reserved_nanos": 100, "charged_nanos": 100, "attempts": 1, "target": "t", "cache": "miss"
    }))
    .unwrap()
}

fn ledger(client: Client) -> DynamoOverdue {
    DynamoOverdue::new(client, "ledger".to_owned())
}

#[tokio::test]
async fn a_page_asks_for_what_is_overdue_after_the_page_before() {
    let rule = mock!(Client::query)
        .match_requests(|request| {
            let start = request.exclusive_start_key().unwrap();
            request.table_name() == Some("ledger")
                && request.index_name() == Some("open")
                && request.key_condition_expression() == Some("#open = :open AND #deadline < :now")
                && request.expression_attribute_values().unwrap()[":now"] == AttributeValue::N("8".to_owned())
                && start["open"] == AttributeValue::S("open#07".to_owned())
                && start["deadline_us"] == AttributeValue::N("5".to_owned())
                && start["request_id"] == AttributeValue::S("r-1".to_owned())
        })
        .then_output(|| {
            QueryOutput::builder()
                .items(serde_dynamo::to_item(record()).unwrap())
                .set_last_evaluated_key(Some(start_key("open#07", after("r-1"))))
                .build()
        });
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, &[&rule]);

    let page = ledger(client).page("open#07", Timestamp::from_micros(8), Some(after("r-1"))).await.unwrap();

    assert_eq!(page.records, [record()]);
    assert_eq!(page.next, Some(after("r-1")));
}

fn after(request_id: &str) -> PageStart {
    PageStart { request_id: request_id.to_owned(), deadline_us: Timestamp::from_micros(5) }
}

#[tokio::test]
async fn an_item_that_is_no_record_holds_up_nobody_else() {
    let rule = mock!(Client::query).then_output(|| {
        let mut broken: Item = serde_dynamo::to_item(record()).unwrap();
        broken.insert("request_id".to_owned(), AttributeValue::S("r-0".to_owned()));
        broken.insert("reserved_nanos".to_owned(), AttributeValue::S("much".to_owned()));
        QueryOutput::builder().items(broken).items(serde_dynamo::to_item(record()).unwrap()).build()
    });
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, &[&rule]);

    let page = ledger(client).page("open#07", Timestamp::from_micros(8), None).await.unwrap();

    assert_eq!((page.records.len(), page.unreadable, page.next), (1, vec!["r-0".to_owned()], None));
}

#[tokio::test]
async fn a_table_that_fails_is_unreachable() {
    let rule = mock!(Client::query)
        .then_error(|| QueryError::InternalServerError(InternalServerError::builder().build()));
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, &[&rule]);

    let error = ledger(client).page("open#07", Timestamp::from_micros(8), None).await.unwrap_err();

    assert_eq!(error.to_string(), "the ledger table cannot be reached");
}
