//! A table of its own for each test.

use std::collections::HashMap;
use std::io::Write;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    key: &'static str,
    range: Option<&'static str>,
}

impl Table {
    /// An empty table with this key; `None` where there is no local DynamoDB.
    pub(crate) async fn create(test: &str, key: &'static str) -> Option<Self> {
        Self::of(test, key, None).await
    }

    /// The same, with a sort key.
    pub(crate) async fn with_range(test: &str, key: &'static str, range: &'static str) -> Option<Self> {
        Self::of(test, key, Some(range)).await
    }

    async fn of(test: &str, key: &'static str, range: Option<&'static str>) -> Option<Self> {
        let Some(url) = tollgate_aws::vars::read("TOLLGATE_DYNAMODB_URL") else {
            // Past the test harness, which hides what `eprintln!` says in a test that passes.
            let why = format!("skipped {test}: TOLLGATE_DYNAMODB_URL names no DynamoDB Local\n");
            std::io::stderr().write_all(why.as_bytes()).unwrap();
            return None;
        };
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(url)
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .build();
        let table = Self {
            client: Client::from_conf(config),
            name: format!("{test}-{:08x}", fastrand::u32(..)),
            key,
            range,
        };
        table.make().await;
        Some(table)
    }

    pub(crate) async fn put(&self, item: Item) {
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await.unwrap();
    }

    pub(crate) async fn get(&self, id: &str) -> Option<Item> {
        let key = AttributeValue::S(id.to_owned());
        let get = self.client.get_item().table_name(&self.name).key(self.key, key).consistent_read(true);
        get.send().await.unwrap().item
    }

    pub(crate) async fn drop(self) {
        self.client.delete_table().table_name(&self.name).send().await.unwrap();
    }

    async fn make(&self) {
        let keys = [(Some(self.key), KeyType::Hash), (self.range, KeyType::Range)];
        let mut request = self.client.create_table().table_name(&self.name);
        for (name, kind) in keys.into_iter().filter_map(|(name, kind)| Some((name?, kind))) {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let attribute = attribute.attribute_type(ScalarAttributeType::S).build().unwrap();
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
            request = request.attribute_definitions(attribute).key_schema(key);
        }
        request.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    }
}
