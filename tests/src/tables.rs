//! The tables that a call needs, with the keys and indexes that the template gives them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};

/// The tables of a test, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Calls.
    pub ledger: String,
    /// Spend.
    pub limits: String,
    /// Documents and heads.
    pub config: String,
    /// Answers.
    pub cache: String,
}

impl Tables {
    /// Names that begin so.
    #[must_use]
    pub fn named(prefix: &str) -> Self {
        let [ledger, limits, config, cache] =
            ["ledger", "limits", "config", "cache"].map(|table| format!("{prefix}-{table}"));
        Self { ledger, limits, config, cache }
    }
}

pub(crate) async fn make_tables(client: &Client, tables: &Tables) {
    let index = GlobalSecondaryIndex::builder()
        .index_name("open")
        .key_schema(key("open", KeyType::Hash))
        .key_schema(key("deadline_us", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .expect("an index with a name and keys");
    let calls = client
        .create_table()
        .table_name(&tables.ledger)
        .attribute_definitions(attribute("request_id", ScalarAttributeType::S))
        .attribute_definitions(attribute("open", ScalarAttributeType::S))
        .attribute_definitions(attribute("deadline_us", ScalarAttributeType::N))
        .key_schema(key("request_id", KeyType::Hash))
        .global_secondary_indexes(index)
        .billing_mode(BillingMode::PayPerRequest);
    calls.send().await.expect("the ledger can be made");
    for (table, name) in [(&tables.limits, "scope"), (&tables.config, "id"), (&tables.cache, "cacheKey")] {
        let plain = client
            .create_table()
            .table_name(table)
            .attribute_definitions(attribute(name, ScalarAttributeType::S))
            .key_schema(key(name, KeyType::Hash))
            .billing_mode(BillingMode::PayPerRequest);
        plain.send().await.expect("a table can be made");
    }
}

pub(crate) async fn drop_tables(client: &Client, tables: &Tables) {
    for table in [&tables.ledger, &tables.limits, &tables.config, &tables.cache] {
        client.delete_table().table_name(table).send().await.expect("the table was made");
    }
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(kind)
        .build()
        .expect("an attribute with a name and a type")
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key with a name")
}
