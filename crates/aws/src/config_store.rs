//! The config table as an operator sees it: documents with their versions, and the heads that say which are in force.

mod history;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_attribute_value, to_item};
use tollgate_core::ports::StoreError;
use tollgate_core::settings::{Document, FLAG_ID, Flag, HEAD_COPIES, SIGNING_ID, STANDING_ID, head_id};

use crate::enforcement::StandingItem;
use crate::{contention, unreachable};

pub use self::history::Version;

const STORE: &str = "config";

/// How often a seed that lost a race is begun anew.
const TRIES: u32 = 8;

/// Documents and heads.
#[derive(Clone, Debug)]
pub struct ConfigStore {
    client: Client,
    table: String,
}

/// What a seed did to one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub document: Document,
    /// The version before; `None` where there was none.
    pub before: Option<u64>,
    /// The version in force; the one before where the text is the same.
    pub version: u64,
}

/// The outcome of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// It was written.
    Done(Vec<Change>),
    /// Others wrote at the same time, again and again; nothing was written.
    Contended,
}

/// A document as it is stored.
#[derive(Deserialize)]
struct Stored {
    version: u64,
    #[serde(rename = "document")]
    text: String,
}

/// What the table holds at the begin of a seed; each part is a condition of its transaction.
struct Before {
    documents: BTreeMap<Document, Stored>,
    flag: Option<Flag>,
    standing: Option<StandingItem>,
    has_signing_key: bool,
}

impl ConfigStore {
    /// Over the table of that name.
    #[must_use]
    pub fn new(client: &Client, table: &str) -> Self {
        Self { client: client.clone(), table: table.to_owned() }
    }

    /// Writes those documents whose text is new, and all copies of the head, at once. The flag stays as it is;
    /// where there is none it becomes `first_flag`.
    pub async fn seed(
        &self,
        texts: &BTreeMap<Document, String>,
        first_flag: &Flag,
    ) -> Result<Seed, StoreError> {
        let same = |_: &Before| Ok::<_, Infallible>(texts.clone());
        match self.write(same, first_flag).await? {
            Ok(seed) => Ok(seed),
            Err(never) => match never {},
        }
    }

    /// Changes one document: `change` is given the text in force, again after each lost race, and may refuse.
    pub async fn edit<E>(
        &self,
        document: Document,
        change: impl Fn(Option<&str>) -> Result<String, E>,
        first_flag: &Flag,
    ) -> Result<Result<Seed, E>, StoreError> {
        let changed = |before: &Before| {
            let text = before.documents.get(&document).map(|stored| stored.text.as_str());
            Ok([(document, change(text)?)].into())
        };
        self.write(changed, first_flag).await
    }

    async fn write<E>(
        &self,
        texts: impl Fn(&Before) -> Result<BTreeMap<Document, String>, E>,
        first_flag: &Flag,
    ) -> Result<Result<Seed, E>, StoreError> {
        for attempt in 0..TRIES {
            contention::pause(attempt).await;
            let before = self.before().await?;
            let texts = match texts(&before) {
                Ok(texts) => texts,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let changes = changes(&texts, &before);
            match self.transact(self.writes(&texts, &before, &changes, first_flag)?).await {
                Ok(()) => return Ok(Ok(Seed::Done(changes))),
                Err(error) if is_lost_race(&error) => {}
                Err(error) => return Err(unreachable(STORE)(error)),
            }
        }
        Ok(Ok(Seed::Contended))
    }

    async fn before(&self) -> Result<Before, StoreError> {
        let mut documents = BTreeMap::new();
        for document in Document::ALL {
            if let Some(stored) = self.read(document.id()).await? {
                documents.insert(document, stored);
            }
        }
        let has_signing_key = self.read::<IgnoredAny>(SIGNING_ID).await?.is_some();
        let (flag, standing) = (self.read(FLAG_ID).await?, self.read(STANDING_ID).await?);
        Ok(Before { documents, flag, standing, has_signing_key })
    }

    async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<(), SdkError<TransactWriteItemsError>> {
        self.client.transact_write_items().set_transact_items(Some(writes)).send().await.map(drop)
    }

    fn writes(
        &self,
        texts: &BTreeMap<Document, String>,
        before: &Before,
        changes: &[Change],
        first_flag: &Flag,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut writes = Vec::new();
        for change in changes {
            match texts.get(&change.document) {
                Some(text) if change.before != Some(change.version) => {
                    writes.extend([self.put_document(change, text), self.keep(change, text)]);
                }
                _ => writes.push(self.check_number(change.document.id(), "version", change.version)),
            }
        }
        writes.push(match &before.flag {
            Some(flag) => self.check_number(FLAG_ID, "since_us", flag.since_us.as_micros()),
            None => self.put_flag(first_flag)?,
        });
        writes.push(match &before.standing {
            Some(standing) => self.check_number(STANDING_ID, "revision", standing.revision),
            None => self.check_absent(STANDING_ID),
        });
        if !before.has_signing_key {
            writes.push(self.put_signing_key()?);
        }
        let flag =
            to_attribute_value(before.flag.as_ref().unwrap_or(first_flag)).map_err(unreachable(STORE))?;
        let standing = before.standing.clone().unwrap_or_default().standing;
        let held = [("flag", flag), ("standing", to_attribute_value(standing).map_err(unreachable(STORE))?)];
        writes.extend((0..HEAD_COPIES).map(|copy| self.update_head(copy, &held, changes)));
        Ok(writes)
    }

    fn put_document(&self, change: &Change, text: &str) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.table)
            .item("id", AttributeValue::S(change.document.id().to_owned()))
            .item("version", number(change.version))
            .item("document", AttributeValue::S(text.to_owned()))
            .expression_attribute_names("#version", "version");
        let put = match change.before {
            None => put.condition_expression("attribute_not_exists(#version)"),
            Some(version) => put
                .condition_expression("#version = :before")
                .expression_attribute_values(":before", number(version)),
        };
        let put = put.build().expect("a put of a document has a table and an item");
        TransactWriteItem::builder().put(put).build()
    }

    fn put_signing_key(&self) -> Result<TransactWriteItem, StoreError> {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret).map_err(unreachable(STORE))?;
        let put = Put::builder()
            .table_name(&self.table)
            .item("id", AttributeValue::S(SIGNING_ID.to_owned()))
            .item("secret", AttributeValue::S(hex::encode(secret)))
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", "id")
            .build()
            .expect("a put of the signing key has a table and an item");
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn put_flag(&self, flag: &Flag) -> Result<TransactWriteItem, StoreError> {
        let item: HashMap<String, AttributeValue> = to_item(flag).map_err(unreachable(STORE))?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .item("id", AttributeValue::S(FLAG_ID.to_owned()))
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", "id")
            .build()
            .expect("a put of the flag has a table and an item");
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn check_number(&self, id: &str, attribute: &str, expected: u64) -> TransactWriteItem {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_owned()))
            .condition_expression("#attribute = :expected")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":expected", number(expected))
            .build()
            .expect("a check has a table, a key and a condition");
        TransactWriteItem::builder().condition_check(check).build()
    }

    fn check_absent(&self, id: &str) -> TransactWriteItem {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_owned()))
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", "id")
            .build()
            .expect("a check has a table, a key and a condition");
        TransactWriteItem::builder().condition_check(check).build()
    }

    /// Flag and restrictions are written too: a copy that was lost would else admit whom the others refuse.
    fn update_head(
        &self,
        copy: u8,
        held: &[(&str, AttributeValue)],
        changes: &[Change],
    ) -> TransactWriteItem {
        let mut update =
            Update::builder().table_name(&self.table).key("id", AttributeValue::S(head_id(copy)));
        let mut sets = Vec::new();
        for (attribute, value) in held {
            sets.push(format!("#{attribute} = :{attribute}"));
            update = update
                .expression_attribute_names(format!("#{attribute}"), *attribute)
                .expression_attribute_values(format!(":{attribute}"), value.clone());
        }
        for Change { document, version, .. } in changes {
            let attribute = document.version_attribute();
            sets.push(format!("#{attribute} = :{attribute}"));
            update = update
                .expression_attribute_names(format!("#{attribute}"), attribute)
                .expression_attribute_values(format!(":{attribute}"), number(*version));
        }
        let update = update
            .update_expression(format!("SET {}", sets.join(", ")))
            .build()
            .expect("an update of a head has a table, a key and an expression");
        TransactWriteItem::builder().update(update).build()
    }

    async fn read<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>, StoreError> {
        let reply = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        reply.item.map(from_item).transpose().map_err(unreachable(STORE))
    }
}

/// A version for each document that is or will be there.
fn changes(texts: &BTreeMap<Document, String>, before: &Before) -> Vec<Change> {
    let change = |document: Document| {
        let stored = before.documents.get(&document);
        let version = match (stored, texts.get(&document)) {
            (Some(stored), Some(text)) if stored.text != *text => stored.version + 1,
            (Some(stored), _) => stored.version,
            (None, Some(_)) => 1,
            (None, None) => return None,
        };
        Some(Change { document, before: stored.map(|stored| stored.version), version })
    };
    Document::ALL.into_iter().filter_map(change).collect()
}

fn is_lost_race(error: &SdkError<TransactWriteItemsError>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return false;
    };
    let is_race = |code: &str| matches!(code, "ConditionalCheckFailed" | "TransactionConflict");
    cancelled.cancellation_reasons().iter().any(|reason| reason.code().is_some_and(is_race))
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::{InternalServerError, TransactionCanceledException};
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
    use tollgate_core::time::Timestamp;

    use super::*;

    async fn seed(write: &Rule) -> Result<Seed, StoreError> {
        let get = mock!(Client::get_item)
            .match_requests(|request| request.consistent_read() == Some(true))
            .then_output(|| GetItemOutput::builder().build());
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&get, write]);
        let flag = Flag {
            enabled: true,
            who: "seed".to_owned(),
            why: "first".to_owned(),
            since_us: Timestamp::from_secs(1),
            until_us: None,
        };
        let texts = [(Document::Routing, "{}".to_owned())].into();
        ConfigStore::new(&client, "tollgate-config").seed(&texts, &flag).await
    }

    fn cancelled(code: &'static str) -> Rule {
        mock!(Client::transact_write_items).then_error(move || {
            let reasons = ["None", code].map(|code| CancellationReason::builder().code(code).build());
            let cancelled = TransactionCanceledException::builder();
            let cancelled = cancelled.set_cancellation_reasons(Some(reasons.into())).build();
            TransactWriteItemsError::TransactionCanceledException(cancelled)
        })
    }

    #[tokio::test(start_paused = true)]
    async fn races_that_are_lost_again_and_again_are_said() {
        for code in ["ConditionalCheckFailed", "TransactionConflict"] {
            let write = cancelled(code);

            assert_eq!(seed(&write).await.unwrap(), Seed::Contended, "{code}");
            assert_eq!(write.num_calls(), usize::try_from(TRIES).unwrap(), "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_race_is_not_tried_again() {
        let broken = || TransactWriteItemsError::InternalServerError(InternalServerError::builder().build());
        let broken = mock!(Client::transact_write_items).then_error(broken);
        for write in [cancelled("ValidationError"), broken] {
            assert_eq!(seed(&write).await.unwrap_err().store, "config");
            assert_eq!(write.num_calls(), 1);
        }
    }
}
