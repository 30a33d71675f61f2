use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType,
};
use futures_util::future::join_all;
use tollgate_aws::key_register::{KeyRegister, Revocation, Rotation, Successor, Switch, Update};
use tollgate_aws::keys::DynamoKeys;
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::caller::change::{ChangeRefusal, Edit, KeyChange};
use tollgate_core::caller::rotation::RotationRefusal;
use tollgate_core::caller::{KeyRecord, KeyStatus, Role, Suspension};
use tollgate_core::key::tag::{Tags, collect};
use tollgate_core::money::Nanos;
use tollgate_core::name::Name;
use tollgate_core::ports::Keys;
use tollgate_core::rate::RatePolicy;
use tollgate_core::time::Timestamp;

use crate::table::Table;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);
const DAY: Duration = Duration::from_secs(86_400);

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn record() -> KeyRecord {
    KeyRecord {
        key_id: name("777777777777"),
        user: name("alice"),
        team: name("search"),
        tenant: name("acme"),
        role: Role::Operator,
        status: KeyStatus::Active,
        rate: RatePolicy { interval_us: 100_000, burst: 20, requests_per_day: Some(1_000) },
        key_rate: None,
        plan: None,
        budget: Budget { day: Some(Nanos(5_000_000_000)), ..Budget::default() },
        flow: FlowPolicy::default(),
        models: vec!["gpt-5.5".to_owned()],
        output: tollgate_core::output_policy::OutputPolicy::default(),
        sharing: tollgate_core::cache::Sharing::default(),
        created_at: "2026-11-22T12:00:00Z".to_owned(),
        expires_at: None,
        tags: collect(["app=search bar", "env=prod"].map(|tag| tag.parse().unwrap())).unwrap(),
        replaces: None,
        replaced_by: None,
        suspension: None,
    }
}

fn suspension() -> Suspension {
    Suspension { who: "ann".to_owned(), why: "it loops".to_owned(), since: NOW.to_string() }
}

/// The keys table with its index, and one key in it under the hash `old`.
struct Bunch {
    base: Table,
    table: String,
    register: KeyRegister,
    keys: DynamoKeys,
}

impl Bunch {
    async fn of(test: &str, record: &KeyRecord) -> Option<Self> {
        let base = Table::create(test, "key_hash").await?;
        let table = format!("{}-indexed", base.name);
        create_with_index(&base.client, &table).await;
        let register = KeyRegister::new(&base.client, &table);
        register.enter("old", record).await.unwrap();
        let keys = DynamoKeys::new(base.client.clone(), table.clone());
        Some(Self { base, table, register, keys })
    }

    async fn rotate(&self, id: &str, new_id: &str, grace: Duration) -> Rotation {
        let hash = format!("hash of {new_id}");
        let successor = Successor { id: &name(new_id), hash: &hash };
        self.register.rotate(&name(id), successor, grace, NOW).await.unwrap()
    }

    async fn find(&self, hash: &str) -> KeyRecord {
        self.keys.find(hash).await.unwrap().unwrap()
    }

    async fn drop(self) {
        self.base.client.delete_table().table_name(&self.table).send().await.unwrap();
        self.base.drop().await;
    }
}

async fn create_with_index(client: &Client, table: &str) {
    let schema =
        |key: &str| KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash).build().unwrap();
    let text = |key: &str| {
        let definition = AttributeDefinition::builder().attribute_name(key);
        definition.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let all = Projection::builder().projection_type(ProjectionType::All).build();
    let index = GlobalSecondaryIndex::builder().index_name("by-id").key_schema(schema("key_id"));
    client
        .create_table()
        .table_name(table)
        .attribute_definitions(text("key_hash"))
        .attribute_definitions(text("key_id"))
        .key_schema(schema("key_hash"))
        .global_secondary_indexes(index.projection(all).build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_reads_as_it_was_written() {
    let Some(table) = Table::create("keys", "key_hash").await else { return };
    let record = record();
    let mut item: crate::table::Item = serde_dynamo::to_item(&record).unwrap();
    item.insert("key_hash".to_owned(), AttributeValue::S("abc".to_owned()));
    table.put(item).await;
    let keys = DynamoKeys::new(table.client.clone(), table.name.clone());

    assert_eq!(keys.find("abc").await.unwrap(), Some(record));
    assert_eq!(keys.find("other").await.unwrap(), None);
    table.drop().await;
}

#[tokio::test]
async fn a_rotation_writes_both_keys_and_each_names_the_other() {
    let Some(bunch) = Bunch::of("rotate", &record()).await else { return };

    let rotation = bunch.rotate("777777777777", "k2", DAY).await;

    let Rotation::Done(rotated) = rotation else { panic!("{rotation:?}") };
    let (old, new) = (bunch.find("old").await, bunch.find("hash of k2").await);
    assert_eq!((&old, &new), (&rotated.old, &rotated.new));
    assert_eq!((old.expires_at, old.replaced_by), (Some(NOW.as_secs() + 86_400), Some(name("k2"))));
    assert_eq!((new.expires_at, new.replaces), (None, Some(name("777777777777"))));
    assert_eq!(new.tags, record().tags);
    bunch.drop().await;
}

#[tokio::test]
async fn grace_never_outlasts_a_keys_own_expiry() {
    let own = Some(NOW.as_secs() + 60);
    let Some(bunch) = Bunch::of("rotate-expiring", &KeyRecord { expires_at: own, ..record() }).await else {
        return;
    };

    let rotation = bunch.rotate("777777777777", "k2", DAY).await;

    assert!(matches!(rotation, Rotation::Done(_)), "{rotation:?}");
    assert_eq!((bunch.find("old").await.expires_at, bunch.find("hash of k2").await.expires_at), (own, own));
    bunch.drop().await;
}

#[tokio::test]
async fn of_rotations_at_once_exactly_one_wins_and_the_others_leave_nothing() {
    let Some(bunch) = Bunch::of("rotate-race", &record()).await else { return };

    let ids: Vec<String> = (0..8).map(|n| format!("new{n}")).collect();
    let outcomes = join_all(ids.iter().map(|id| bunch.rotate("777777777777", id, DAY))).await;

    let winners: Vec<&String> = ids
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| matches!(outcome, Rotation::Done(_)))
        .map(|(id, _)| id)
        .collect();
    let [winner] = winners[..] else { panic!("{outcomes:?}") };
    for outcome in &outcomes {
        let is_typed = match outcome {
            Rotation::Done(_) | Rotation::Lost => true,
            Rotation::Refused(RotationRefusal::Replaced(by)) => by.as_str() == winner,
            Rotation::Refused(_) | Rotation::Unknown => false,
        };
        assert!(is_typed, "{outcome:?}");
    }
    assert_eq!(bunch.find("old").await.replaced_by, Some(name(winner)));
    assert_eq!(bunch.register.list().await.unwrap().len(), 2);
    bunch.drop().await;
}

#[tokio::test]
async fn a_rotation_never_takes_a_row_that_is_there() {
    let Some(bunch) = Bunch::of("rotate-taken", &record()).await else { return };
    let other = KeyRecord { key_id: name("k2"), ..record() };
    bunch.register.enter("hash of k3", &other).await.unwrap();

    let successor = Successor { id: &name("k3"), hash: "hash of k3" };
    let rotation = bunch.register.rotate(&name("777777777777"), successor, DAY, NOW).await;

    assert_eq!(rotation.unwrap_err().store, "keys");
    assert_eq!((bunch.find("old").await, bunch.find("hash of k3").await), (record(), other));
    bunch.drop().await;
}

#[tokio::test]
async fn what_does_not_work_is_not_rotated() {
    let Some(bunch) = Bunch::of("rotate-refused", &record()).await else { return };
    let id = record().key_id;

    bunch.register.suspend(&id, &suspension()).await.unwrap();
    let suspended = bunch.rotate(id.as_str(), "k2", DAY).await;
    bunch.register.resume(&id).await.unwrap();
    bunch.register.revoke(&id).await.unwrap();
    let revoked = bunch.rotate(id.as_str(), "k3", DAY).await;
    let unknown = bunch.rotate("nobody", "k4", DAY).await;

    assert_eq!(suspended, Rotation::Refused(RotationRefusal::Suspended));
    assert_eq!((revoked, unknown), (Rotation::Refused(RotationRefusal::Revoked), Rotation::Unknown));
    assert_eq!(bunch.register.list().await.unwrap().len(), 1);
    bunch.drop().await;
}

#[tokio::test]
async fn a_suspension_is_shown_and_taken_back() {
    let Some(bunch) = Bunch::of("suspend", &record()).await else { return };
    let id = record().key_id;

    let first = bunch.register.suspend(&id, &suspension()).await.unwrap();
    let other = Suspension { who: "bob".to_owned(), ..suspension() };
    let second = bunch.register.suspend(&id, &other).await.unwrap();
    let held = bunch.find("old").await;
    let third = bunch.register.resume(&id).await.unwrap();
    let fourth = bunch.register.resume(&id).await.unwrap();

    assert_eq!(
        [first, second, third, fourth],
        [Switch::Done, Switch::Already, Switch::Done, Switch::Already]
    );
    let expected = KeyRecord { status: KeyStatus::Suspended, suspension: Some(suspension()), ..record() };
    assert_eq!((held, bunch.find("old").await), (expected, record()));
    assert_eq!(bunch.register.resume(&name("nobody")).await.unwrap(), Switch::Unknown);
    bunch.drop().await;
}

#[tokio::test]
async fn no_update_brings_a_revoked_key_back() {
    let Some(bunch) = Bunch::of("resurrect", &record()).await else { return };
    let (id, register) = (record().key_id, &bunch.register);
    register.suspend(&id, &suspension()).await.unwrap();

    assert_eq!(register.revoke(&id).await.unwrap(), Revocation::Done);

    let other = suspension();
    let changes = join_all((0..4).map(async |n| match n % 2 {
        0 => register.suspend(&id, &other).await.unwrap(),
        _ => register.resume(&id).await.unwrap(),
    }));
    assert_eq!(changes.await, [Switch::Revoked; 4]);
    assert_eq!(bunch.rotate(id.as_str(), "k2", DAY).await, Rotation::Refused(RotationRefusal::Revoked));
    assert_eq!(bunch.find("old").await.status, KeyStatus::Revoked);
    bunch.drop().await;
}

#[tokio::test]
async fn a_change_is_read_as_it_was_made_and_taken_away_again() {
    let Some(bunch) = Bunch::of("update", &record()).await else { return };
    let id = record().key_id;
    let set = KeyChange {
        requests_per_day: Edit::Clear,
        day: Edit::Clear,
        month_tokens: Edit::Set(7),
        max_concurrent: Edit::Set(3),
        key_interval_us: Edit::Set(5),
        key_burst: Some(2),
        plan: Edit::Set(name("premium")),
        tags: vec!["env=test".parse().unwrap()],
        ..KeyChange::default()
    };
    let back = KeyChange {
        requests_per_day: Edit::Set(1_000),
        day: Edit::Set(Nanos(5_000_000_000)),
        month_tokens: Edit::Clear,
        max_concurrent: Edit::Clear,
        key_interval_us: Edit::Clear,
        plan: Edit::Clear,
        tags: vec!["env=prod".parse().unwrap()],
        ..KeyChange::default()
    };

    for (change, expected) in [(&set, set.apply(&record()).unwrap()), (&back, record())] {
        let update = bunch.register.update(&id, change).await.unwrap();

        assert_eq!(update, Update::Done(Box::new(expected.clone())));
        assert_eq!(bunch.find("old").await, expected);
        assert_eq!(bunch.register.find(&id).await.unwrap(), Some(expected));
    }
    assert_eq!(bunch.register.update(&name("nobody"), &set).await.unwrap(), Update::Unknown);
    assert_eq!(bunch.register.find(&name("nobody")).await.unwrap(), None);
    bunch.drop().await;
}

#[tokio::test]
async fn changes_of_different_limits_at_once_overwrite_none_of_each_other() {
    let Some(bunch) = Bunch::of("update-race", &record()).await else { return };
    let id = record().key_id;
    let changes = [
        KeyChange { burst: Some(7), ..KeyChange::default() },
        KeyChange { month_tokens: Edit::Set(8), ..KeyChange::default() },
        KeyChange { max_concurrent: Edit::Set(9), ..KeyChange::default() },
        KeyChange { plan: Edit::Set(name("premium")), ..KeyChange::default() },
    ];

    let updates = join_all(changes.iter().map(|change| bunch.register.update(&id, change))).await;

    let mut expected = record();
    for (change, update) in changes.iter().zip(updates) {
        match update.unwrap() {
            Update::Done(_) => expected = change.apply(&expected).unwrap(),
            Update::Lost => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bunch.find("old").await, expected);
    bunch.drop().await;
}

#[tokio::test]
async fn no_in_flight_update_resurrects_a_revoked_key() {
    let Some(bunch) = Bunch::of("update-resurrect", &record()).await else { return };
    let (id, register) = (record().key_id, &bunch.register);
    let change = async |limit: u64| {
        let change = KeyChange { month_tokens: Edit::Set(limit), ..KeyChange::default() };
        register.update(&id, &change).await.unwrap()
    };
    let changes = join_all((1..=12).map(change));
    let revocation = async {
        tokio::task::yield_now().await;
        register.revoke(&id).await.unwrap()
    };

    let (updates, revocation) = futures_util::future::join(changes, revocation).await;

    assert_eq!(revocation, Revocation::Done);
    for update in updates {
        let is_typed = matches!(update, Update::Done(_) | Update::Lost)
            || update == Update::Refused(ChangeRefusal::Revoked);
        assert!(is_typed, "{update:?}");
    }
    assert_eq!(bunch.find("old").await.status, KeyStatus::Revoked);
    assert_eq!(change(99).await, Update::Refused(ChangeRefusal::Revoked));
    bunch.drop().await;
}

/// Whichever comes first, the successor never works with a limit that was taken back before it came.
#[tokio::test]
async fn a_rotation_at_the_same_time_inherits_a_changed_limit_or_refuses_the_change() {
    let Some(bunch) = Bunch::of("update-rotate", &record()).await else { return };
    let id = record().key_id;
    let change = KeyChange { burst: Some(1), ..KeyChange::default() };

    let (update, rotation) =
        futures_util::future::join(bunch.register.update(&id, &change), bunch.rotate(id.as_str(), "k2", DAY))
            .await;

    let Rotation::Done(_) = rotation else { panic!("{rotation:?}") };
    let successor = bunch.find("hash of k2").await;
    match update.unwrap() {
        Update::Done(_) => assert_eq!(successor.rate.burst, 1),
        Update::Refused(refusal) => {
            assert_eq!(refusal, ChangeRefusal::Replaced(name("k2")));
            assert_eq!(successor.rate, record().rate);
        }
        other => panic!("{other:?}"),
    }
    bunch.drop().await;
}

#[tokio::test]
async fn a_key_without_tags_is_read_as_one_that_has_none() {
    let bare = KeyRecord { tags: Tags::new(), ..record() };
    let Some(bunch) = Bunch::of("untagged", &bare).await else { return };

    assert_eq!(bunch.find("old").await, bare);
    bunch.drop().await;
}
