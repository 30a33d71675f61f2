use std::collections::BTreeMap;

use futures_util::future::join_all;
use tollgate_aws::config_store::{ConfigStore, Seed};
use tollgate_aws::enforcement::DynamoEnforcement;
use tollgate_core::enforcement::{Caps, Change, Grade, Lift, LockReport, Order, Restriction};
use tollgate_core::ports::{Acted, Enforcement};
use tollgate_core::settings::{Document, FLAG_ID, Flag, HEAD_COPIES, Head, head_id};
use tollgate_core::time::Timestamp;

use crate::table::Table;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn order(id: &str, change: Change) -> Order {
    Order {
        id: id.to_owned(),
        at_us: NOON,
        who: "aws-budgets".to_owned(),
        why: "it is spent".to_owned(),
        change,
        taken: Vec::new(),
        locks: Vec::new(),
    }
}

fn restriction(scope: &str, grade: Grade) -> Restriction {
    let caps = Caps { max_output_tokens: (grade == Grade::Cap).then_some(100), ..Caps::default() };
    Restriction {
        scope: scope.parse().unwrap(),
        grade,
        caps,
        why: "it is spent".to_owned(),
        origin: "m-1".to_owned(),
        since_us: NOON,
        until_us: Some(NOON.day().end()),
    }
}

fn stop(id: &str) -> Order {
    order(
        id,
        Change::Restrict(vec![restriction("everyone", Grade::Stop), restriction("team:a/b", Grade::Cap)]),
    )
}

fn store(table: &Table) -> ConfigStore {
    ConfigStore::new(&table.client, &table.name)
}

fn first_flag() -> Flag {
    let (who, why) = ("seed".to_owned(), "new".to_owned());
    Flag { enabled: true, who, why, since_us: Timestamp::from_secs(1), until_us: None }
}

async fn seeded(test: &str) -> Option<(Table, DynamoEnforcement)> {
    let table = Table::create(test, "id").await?;
    let texts: BTreeMap<Document, String> = [(Document::Enforcement, "{}".to_owned())].into();
    assert!(matches!(store(&table).seed(&texts, &first_flag()).await.unwrap(), Seed::Done(_)));
    let enforcement = DynamoEnforcement::new(table.client.clone(), table.name.clone());
    Some((table, enforcement))
}

async fn heads(table: &Table) -> Vec<Head> {
    let mut heads = Vec::new();
    for copy in 0..HEAD_COPIES {
        let mut item = table.get(&head_id(copy)).await.unwrap();
        for version in ["catalogue", "prices", "routing"] {
            item.entry(version.to_owned())
                .or_insert(aws_sdk_dynamodb::types::AttributeValue::N("1".to_owned()));
        }
        heads.push(serde_dynamo::from_item(item).unwrap());
    }
    heads
}

#[tokio::test]
async fn every_copy_says_what_stands_and_the_trail_says_why() {
    let Some((table, enforcement)) = seeded("enforcement-copies").await else { return };
    assert_eq!(enforcement.policy().await.unwrap().as_deref(), Some("{}"));

    let Acted::Done(action) = enforcement.act(&stop("m-1")).await.unwrap() else { panic!("done before") };

    let state = enforcement.state().await.unwrap().unwrap();
    assert_eq!(state, action.after);
    assert!(!state.flag.enabled && state.standing.0 == [restriction("team:a/b", Grade::Cap)]);
    for head in heads(&table).await {
        assert_eq!((&head.flag, &head.standing), (&state.flag, &state.standing));
    }
    assert_eq!(enforcement.actions().await.unwrap(), [*action]);
    table.drop().await;
}

#[tokio::test]
async fn a_duplicate_never_undoes_a_resume() {
    let Some((table, enforcement)) = seeded("enforcement-order").await else { return };
    enforcement.act(&stop("m-1")).await.unwrap();

    enforcement.act(&order("operator-1", Change::Lift(Lift::default()))).await.unwrap();
    let again = enforcement.act(&stop("m-1")).await.unwrap();

    assert!(matches!(again, Acted::Before(_)));
    let state = enforcement.state().await.unwrap().unwrap();
    assert!(state.flag.enabled && state.standing.is_empty());
    assert!(heads(&table).await.iter().all(|head| head.flag.enabled && head.standing.is_empty()));
    table.drop().await;
}

#[tokio::test]
async fn of_orders_at_once_none_is_lost() {
    let Some((table, enforcement)) = seeded("enforcement-race").await else { return };
    let orders: Vec<Order> = (0..5)
        .map(|team| {
            let cap = restriction(&format!("team:a/t{team}"), Grade::Stop);
            order(&format!("m-{team}"), Change::Restrict(vec![cap]))
        })
        .collect();

    let acted = join_all(orders.iter().map(|order| enforcement.act(order))).await;

    assert!(acted.iter().all(|acted| matches!(acted, Ok(Acted::Done(_)))), "{acted:?}");
    assert_eq!(enforcement.standing().await.unwrap().0.len(), 5);
    table.drop().await;
}

#[tokio::test]
async fn what_was_locked_is_noted() {
    let Some((table, enforcement)) = seeded("enforcement-note").await else { return };
    enforcement.act(&stop("m-1")).await.unwrap();
    let report = LockReport { keys: vec!["k1".to_owned()], ..LockReport::default() };

    enforcement.note("m-1", Some(&report), true).await.unwrap();
    enforcement.note("m-1", None, false).await.unwrap();

    let action = &enforcement.actions().await.unwrap()[0];
    assert_eq!((action.lock.as_ref(), action.is_pending), (Some(&report), false));
    assert!(enforcement.note("m-2", None, false).await.is_err());
    table.drop().await;
}

#[tokio::test]
async fn a_seed_gives_a_lost_copy_what_stands() {
    let Some((table, enforcement)) = seeded("enforcement-mend").await else { return };
    enforcement.act(&stop("m-1")).await.unwrap();
    let delete = table.client.delete_item().table_name(&table.name);
    let id = aws_sdk_dynamodb::types::AttributeValue::S(head_id(7));
    delete.key("id", id).send().await.unwrap();

    store(&table).seed(&BTreeMap::new(), &first_flag()).await.unwrap();

    let heads = heads(&table).await;
    assert_eq!((heads[7].flag.enabled, &heads[7].standing), (false, &heads[0].standing));
    assert!(!heads[7].standing.is_empty());
    table.drop().await;
}

#[tokio::test]
async fn where_nothing_was_seeded_nothing_is_written() {
    let Some(table) = Table::create("enforcement-unseeded", "id").await else { return };
    let enforcement = DynamoEnforcement::new(table.client.clone(), table.name.clone());

    let error = enforcement.act(&stop("m-1")).await.unwrap_err();

    assert_eq!(error.cause.to_string(), "the config table was never seeded; run `tollgate config seed`");
    assert!(table.get(FLAG_ID).await.is_none() && table.get("action#m-1").await.is_none());
    table.drop().await;
}
