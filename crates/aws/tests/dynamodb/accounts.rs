//! A ledger with its spend, and what the two tables say about each other.

use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_aws::ledger::DynamoLedger;
use tollgate_aws::writes::Tables;
use tollgate_core::budget::{Amount, Budget};
use tollgate_core::caller::Caller;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Granted, Ledger, Reservation, StoreError, Transition};
use tollgate_core::record::{CacheOutcome, End, Opening, Record};
use tollgate_core::reservation::{Limits, Taking};
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;
use tollgate_core::write::Write;

use crate::table::Table;

pub(crate) const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);
pub(crate) const NO_LIMIT: Budget = Budget::UNLIMITED;

/// Nobody has a limit, and a dry lane is granted what is lacking.
pub(crate) const UNLIMITED: Limits =
    Limits { user: Budget::UNLIMITED, parents: [Budget::UNLIMITED; 3], chunk: Amount::ZERO, lanes: 1 };

pub(crate) struct Accounts {
    pub(crate) ledger: DynamoLedger,
    pub(crate) records: Table,
    pub(crate) limits: Table,
    pub(crate) cache: Table,
}

impl Accounts {
    /// Empty ones; `None` where there is no local DynamoDB.
    pub(crate) async fn open(test: &str) -> Option<Self> {
        let records = Table::create(&format!("{test}-ledger"), "request_id").await?;
        let limits = Table::create(&format!("{test}-limits"), "scope").await?;
        let cache = Table::create(&format!("{test}-cache"), "cacheKey").await?;
        let [ledger, limits_name, cache_name] = [&records, &limits, &cache].map(|table| table.name.clone());
        let tables = Tables { ledger, limits: limits_name, cache: cache_name };
        let ledger = DynamoLedger::new(records.client.clone(), tables);
        Some(Self { ledger, records, limits, cache })
    }

    /// What the counters of `record`'s user hold: its day and its month. Nothing where there are none.
    pub(crate) async fn spent(&self, record: &Record) -> Option<(i128, i128)> {
        let spend = record.spend_item();
        let item = self.limits.get(&spend.key).await?;
        let read = |name: &str| item[name].as_n().unwrap().parse().unwrap();
        Some((read(&spend.day_attribute), read("month")))
    }

    /// How the ledger says that this call stands.
    pub(crate) async fn record(&self, id: &str) -> Option<Record> {
        self.records.get(id).await.map(|item| serde_dynamo::from_item(item).unwrap())
    }

    /// The money that all records say the counters hold.
    pub(crate) async fn charged(&self) -> i128 {
        let scan = self.records.client.scan().table_name(&self.records.name).consistent_read(true);
        let items = scan.send().await.unwrap().items.unwrap_or_default();
        items.iter().map(|item| charged_nanos(&item["charged_nanos"])).sum()
    }

    /// Reserves a call whose user has this budget.
    pub(crate) async fn reserve(&self, record: &Record, user: &Budget) -> Result<Reservation, StoreError> {
        self.reserve_with(record, user, None).await
    }

    /// Reserves a call, and writes its claim along with it.
    pub(crate) async fn reserve_with(
        &self,
        record: &Record,
        user: &Budget,
        claim: Option<Write>,
    ) -> Result<Reservation, StoreError> {
        let limits = Limits { user: *user, ..UNLIMITED };
        self.ledger.take(Taking::new(None, record.clone(), &limits, claim, record.created_us)).await
    }

    /// Adds to a reservation.
    pub(crate) async fn extend(
        &self,
        before: &Record,
        after: &Record,
        user: &Budget,
    ) -> Result<Reservation, StoreError> {
        let limits = Limits { user: *user, ..UNLIMITED };
        self.ledger.take(Taking::new(Some(before), after.clone(), &limits, None, NOON)).await
    }

    /// Reserves and sends.
    pub(crate) async fn sent(&self, reserved: &Record) -> Record {
        self.reserve(reserved, &NO_LIMIT).await.unwrap();
        let sent = reserved.sent("target");
        assert_eq!(self.ledger.send(reserved, &sent).await.unwrap(), Transition::Done);
        sent
    }

    pub(crate) async fn drop(self) {
        self.records.drop().await;
        self.limits.drop().await;
        self.cache.drop().await;
    }
}

/// The reservation that was made for this record.
pub(crate) fn granted(record: &Record) -> Reservation {
    Reservation::Granted(Box::new(Granted { record: record.clone(), tokens: None }))
}

fn charged_nanos(value: &AttributeValue) -> i128 {
    value.as_n().unwrap().parse().unwrap()
}

/// A limit per day.
pub(crate) const fn per_day(nanos: u64) -> Budget {
    Budget { day: Some(Nanos(nanos)), ..Budget::UNLIMITED }
}

/// A call by alice, reserved at `bound` nano-dollars.
pub(crate) fn reserved(id: &str, bound: u64) -> Record {
    reserved_at(id, bound, NOON)
}

/// The same, at another time.
pub(crate) fn reserved_at(id: &str, bound: u64, now: Timestamp) -> Record {
    let context = |name: &str| match name {
        "keyId" => Some("777777777777".to_owned()),
        "user" => Some("alice".to_owned()),
        "team" => Some("search".to_owned()),
        "tenant" => Some("acme".to_owned()),
        "role" => Some("caller".to_owned()),
        "models" => Some(String::new()),
        _ => None,
    };
    let caller = Caller::from_context(context).unwrap();
    let opening = Opening {
        request_id: id.to_owned(),
        model: "gpt-5.5".to_owned(),
        stream: false,
        trace_id: None,
        cache: CacheOutcome::Miss,
        bound: Nanos(bound).into(),
        lane: Some(0),
        now,
        deadline: now,
        retention_days: 400,
    };
    Record::open(&caller, opening)
}

/// How a call ended, with `outcome`.
pub(crate) fn end(outcome: &str) -> End {
    End {
        ended_us: NOON,
        outcome: outcome.to_owned(),
        provider: Some("bedrock".to_owned()),
        usage: Usage { input: 30, output: 20, cached: 5, ..Usage::default() },
        estimated: false,
        response_id: None,
        saved_nanos: Nanos::ZERO,
        saved_tokens: 0,
        semantic: None,
        latency_us: 1_000,
        first_token_us: Some(500),
    }
}
