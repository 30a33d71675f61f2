use futures_util::future::join_all;
use tollgate_aws::bypasses::{Bypasses, Counted, DayCount, PrincipalCalls};
use tollgate_core::bypass::ModelCall;
use tollgate_core::time::Timestamp;

use crate::table::Table;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn call(event_id: usize, principal: &str) -> ModelCall {
    ModelCall {
        event_id: format!("e-{event_id}"),
        principal: principal.to_owned(),
        account: "1".to_owned(),
        region: "us-east-1".to_owned(),
        operation: "Converse".to_owned(),
        model: None,
        refusal: None,
    }
}

#[tokio::test]
async fn each_event_is_counted_once_however_often_and_at_once_it_comes() {
    let Some(table) = Table::with_range("bypasses", "scope", "day").await else { return };
    let bypasses = Bypasses::new(&table.client, &table.name);
    let calls = [call(0, "eve"), call(1, "eve"), call(2, "mallory")];

    let counted = join_all((0..12).map(|turn| bypasses.count(&calls[turn % 3], NOON))).await;

    let now = counted.into_iter().filter(|one| matches!(one, Ok(Counted::Now))).count();
    assert_eq!(now, 3);
    assert_eq!(bypasses.day(NOON.day()).await.unwrap(), DayCount { calls: 3, published: 0 });
    let of = |principal: &str, calls| PrincipalCalls { principal: principal.to_owned(), calls };
    assert_eq!(bypasses.principals(NOON.day()).await.unwrap(), [of("eve", 2), of("mallory", 1)]);

    bypasses.note_published(NOON.day(), 3).await.unwrap();
    assert_eq!(bypasses.day(NOON.day()).await.unwrap(), DayCount { calls: 3, published: 3 });
    table.drop().await;
}
