use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use tollgate_aws::settings::DynamoSettings;
use tollgate_core::enforcement::Standing;
use tollgate_core::ports::Settings;
use tollgate_core::settings::{Document, Flag, HEAD_COPIES, Head, Tenant, head_id};
use tollgate_core::time::Timestamp;

use crate::table::{Item, Table};

async fn settings(test: &str) -> Option<(Table, DynamoSettings)> {
    let table = Table::create(test, "id").await?;
    let settings = DynamoSettings::new(table.client.clone(), table.name.clone());
    Some((table, settings))
}

async fn put(table: &Table, id: &str, value: impl Serialize) {
    let mut item: Item = serde_dynamo::to_item(value).unwrap();
    item.insert("id".to_owned(), AttributeValue::S(id.to_owned()));
    table.put(item).await;
}

#[tokio::test]
async fn every_copy_of_the_head_is_read_and_none_is_no_head() {
    let Some((table, settings)) = settings("settings-head").await else { return };
    assert_eq!(settings.head().await.unwrap(), None);
    for copy in 0..HEAD_COPIES {
        let flag = Flag {
            enabled: true,
            who: "ops".to_owned(),
            why: "seeded".to_owned(),
            since_us: Timestamp::from_secs(1_795_348_800),
            until_us: None,
        };
        put(
            &table,
            &head_id(copy),
            Head {
                flag,
                catalogue: u64::from(copy),
                prices: 1,
                routing: 2,
                budgets: 3,
                purges: 4,
                enforcement: 0,
                standing: Standing::default(),
            },
        )
        .await;
    }

    let mut copies = std::collections::BTreeSet::new();
    for _ in 0..400 {
        copies.insert(settings.head().await.unwrap().unwrap().catalogue);
    }

    // Each of the 16 is missed by 400 draws once in ten thousand million runs.
    assert_eq!(copies.len(), usize::from(HEAD_COPIES));
    table.drop().await;
}

#[tokio::test]
async fn documents_and_tenants_are_read_by_name() {
    let Some((table, settings)) = settings("settings-documents").await else { return };
    for document in Document::ALL {
        let item = serde_json::json!({"version": 3, "document": format!("{{\"is\":\"{}\"}}", document.id())});
        put(&table, document.id(), item).await;
    }
    let acme = Tenant {
        role_arn: Some("arn:aws:iam::123456789012:role/tollgate".to_owned()),
        external_id: Some("e-1".to_owned()),
    };
    put(&table, "tenant#acme", &acme).await;
    put(&table, "tenant#plain", Tenant::default()).await;

    for document in Document::ALL {
        let expected = format!("{{\"is\":\"{}\"}}", document.id());
        assert_eq!(settings.document(document).await.unwrap(), Some(expected));
    }
    assert_eq!(settings.tenant("acme").await.unwrap(), Some(acme));
    assert_eq!(settings.tenant("plain").await.unwrap(), Some(Tenant::default()));
    assert_eq!(settings.tenant("nobody").await.unwrap(), None);
    table.drop().await;
}

#[tokio::test]
async fn a_document_that_was_never_seeded_is_none() {
    let Some((table, settings)) = settings("settings-unseeded").await else { return };

    assert_eq!(settings.document(Document::Prices).await.unwrap(), None);
    table.drop().await;
}
