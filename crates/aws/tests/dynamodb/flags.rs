use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use tollgate_aws::flags::DynamoFlags;
use tollgate_core::ports::{FlagChange, Flags};
use tollgate_core::settings::{FLAG_ID, Flag, HEAD_COPIES, Head, head_id};
use tollgate_core::time::Timestamp;

use crate::table::{Item, Table};

fn flag(enabled: bool, why: &str) -> Flag {
    let since_us = Timestamp::from_secs(1_795_348_800);
    Flag { enabled, who: "aws-budgets".to_owned(), why: why.to_owned(), since_us }
}

async fn flags(test: &str, copies: u8) -> Option<(Table, DynamoFlags)> {
    let table = Table::create(test, "id").await?;
    for copy in 0..copies {
        let head =
            Head { flag: flag(true, "seeded"), catalogue: 3, prices: 4, routing: 5, budgets: 6, purges: 7 };
        let mut item: Item = serde_dynamo::to_item(head).unwrap();
        item.insert("id".to_owned(), AttributeValue::S(head_id(copy)));
        table.put(item).await;
    }
    let flags = DynamoFlags::new(table.client.clone(), table.name.clone());
    Some((table, flags))
}

async fn heads(table: &Table) -> Vec<Head> {
    let mut heads = Vec::new();
    for copy in 0..HEAD_COPIES {
        heads.push(serde_dynamo::from_item(table.get(&head_id(copy)).await.unwrap()).unwrap());
    }
    heads
}

#[tokio::test]
async fn every_copy_says_what_the_flag_says_and_keeps_its_versions() {
    let Some((table, flags)) = flags("flags-copies", HEAD_COPIES).await else { return };
    assert_eq!(flags.read().await.unwrap(), None);

    let change = flags.set(&flag(false, "it is spent"), Some("m-1")).await.unwrap();

    assert_eq!(change, FlagChange::Written);
    assert_eq!(flags.read().await.unwrap(), Some(flag(false, "it is spent")));
    let expected =
        Head { flag: flag(false, "it is spent"), catalogue: 3, prices: 4, routing: 5, budgets: 6, purges: 7 };
    assert_eq!(heads(&table).await, vec![expected; usize::from(HEAD_COPIES)]);
    table.drop().await;
}

#[tokio::test]
async fn a_notice_never_loosens_and_a_duplicate_never_undoes_a_resume() {
    let Some((table, flags)) = flags("flags-order", HEAD_COPIES).await else { return };
    let stop =
        |why: &'static str, id: &'static str| async { flags.set(&flag(false, why), Some(id)).await.unwrap() };
    let resume = flag(true, "looked at");

    assert_eq!(stop("first", "m-1").await, FlagChange::Written);
    assert_eq!(stop("second", "m-2").await, FlagChange::Unchanged);
    assert_eq!(flags.read().await.unwrap(), Some(flag(false, "first")));

    assert_eq!(flags.set(&resume, None).await.unwrap(), FlagChange::Written);
    assert_eq!(stop("first", "m-1").await, FlagChange::Unchanged);
    assert_eq!(heads(&table).await[7].flag, resume);

    assert_eq!(stop("third", "m-3").await, FlagChange::Written);
    assert_eq!(heads(&table).await[7].flag, flag(false, "third"));
    table.drop().await;
}

#[tokio::test]
async fn of_many_notices_at_once_one_is_obeyed() {
    let Some((table, flags)) = flags("flags-race", HEAD_COPIES).await else { return };
    let off = flag(false, "it is spent");
    let ids: Vec<String> = (0..8).map(|notice| format!("m-{notice}")).collect();

    let changes = join_all(ids.iter().map(|id| flags.set(&off, Some(id)))).await;

    let written = changes.into_iter().filter(|change| *change.as_ref().unwrap() == FlagChange::Written);
    assert_eq!(written.count(), 1);
    table.drop().await;
}

#[tokio::test]
async fn where_a_copy_is_missing_nothing_is_written() {
    let Some((table, flags)) = flags("flags-unseeded", HEAD_COPIES - 1).await else { return };

    let error = flags.set(&flag(false, "it is spent"), Some("m-1")).await.unwrap_err();

    assert_eq!(error.cause.to_string(), "the config table was never seeded; run `tollgate config seed`");
    assert!(table.get(FLAG_ID).await.is_none());
    assert!(table.get(&head_id(HEAD_COPIES - 1)).await.is_none());
    table.drop().await;
}
