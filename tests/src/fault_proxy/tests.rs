use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

/// Answers everything with 200 and how many requests it has seen.
struct Tiny {
    url: String,
    seen: Arc<AtomicU64>,
    _server: JoinSet<()>,
}

impl Tiny {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(AtomicU64::new(0));
        let mut server = JoinSet::new();
        server.spawn({
            let seen = Arc::clone(&seen);
            async move {
                let mut connections = JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let seen = Arc::clone(&seen);
                    connections.spawn(async move {
                        let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
                        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                    });
                }
            }
        });
        Self { url, seen, _server: server }
    }

    fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }
}

async fn answer(request: Request<Incoming>, seen: Arc<AtomicU64>) -> Result<Response<Full<Bytes>>, Cut> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let number = seen.fetch_add(1, Ordering::SeqCst) + 1;
    let consumed = json!({"TableName": "t", "CapacityUnits": 2.0});
    let answer = json!({"number": number, "asked": asked, "ConsumedCapacity": consumed});
    Ok(Response::new(Full::new(answer.to_string().into())))
}

async fn ask(proxy: &FaultProxy, operation: &str) -> Result<(u16, Value), reqwest::Error> {
    let target = format!("DynamoDB_20120810.{operation}");
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    let request = client.post(proxy.url()).header("x-amz-target", target).body(r#"{"TableName":"t"}"#);
    let answer = request.send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

#[tokio::test]
async fn what_no_plan_touches_is_passed_on_and_metered() {
    let tiny = Tiny::start().await;
    let proxy = FaultProxy::start(&tiny.url).await.unwrap();

    let (status, answer) = ask(&proxy, "PutItem").await.unwrap();

    assert_eq!((status, &answer["number"]), (200, &1.into()));
    assert_eq!(answer["asked"], json!({"TableName": "t", "ReturnConsumedCapacity": "TOTAL"}));
    let consumed = Consumed { operation: "PutItem".into(), table: "t".into(), units: "2.0".into(), items: 1 };
    assert_eq!(proxy.take_consumed(), [consumed]);
    assert_eq!((proxy.take_consumed(), proxy.arrived()), (Vec::new(), 1));
    let (_, described) = ask(&proxy, "DescribeTable").await.unwrap();
    assert_eq!(described["asked"], json!({"TableName": "t"}));
}

#[tokio::test]
async fn refusals_are_those_of_the_service_and_reach_nobody() {
    let tiny = Tiny::start().await;
    let proxy = FaultProxy::start(&tiny.url).await.unwrap();
    let v1 = |name: &str| format!("com.amazonaws.dynamodb.v20120810#{name}");
    let faults = [
        (Fault::conflict(&[false, true]), 400, v1("TransactionCanceledException")),
        (Fault::exceeded(), 400, v1("ProvisionedThroughputExceededException")),
        (Fault::throttled(), 400, "com.amazon.coral.availability#ThrottlingException".to_owned()),
        (Fault::in_progress(), 400, v1("TransactionInProgressException")),
        (Fault::internal(), 500, v1("InternalServerError")),
    ];
    for (fault, status, kind) in faults {
        drop(proxy.follow(move |_| fault.clone()));

        let (answered, body) = ask(&proxy, "TransactWriteItems").await.unwrap();

        assert_eq!((answered, body["__type"].as_str()), (status, Some(kind.as_str())));
    }
    drop(proxy.follow(|_| Fault::conflict(&[false, true])));
    let (_, body) = ask(&proxy, "TransactWriteItems").await.unwrap();
    let codes: Vec<_> = body["CancellationReasons"].as_array().unwrap().iter().map(|r| &r["Code"]).collect();
    assert_eq!(codes, ["None", "TransactionConflict"]);
    assert_eq!(tiny.seen(), 0);
}

#[tokio::test]
async fn a_reset_comes_before_and_a_lost_reply_after_the_service() {
    let tiny = Tiny::start().await;
    let proxy = FaultProxy::start(&tiny.url).await.unwrap();

    drop(proxy.follow(|_| Fault::Reset));
    assert!(ask(&proxy, "PutItem").await.is_err());
    assert_eq!(tiny.seen(), 0);
    drop(proxy.follow(|_| Fault::LoseReply));
    assert!(ask(&proxy, "PutItem").await.is_err());
    assert_eq!(tiny.seen(), 1);
}

#[tokio::test]
async fn a_plan_sees_numbers_and_operations_from_its_own_beginning() {
    let tiny = Tiny::start().await;
    let proxy = FaultProxy::start(&tiny.url).await.unwrap();
    ask(&proxy, "GetItem").await.unwrap();

    drop(proxy.follow(|arrived| match (arrived.number, arrived.operation.as_str()) {
        (2, "PutItem") => Fault::internal(),
        _ => Fault::Delay(Moment::After, Duration::from_millis(1)),
    }));

    let mut statuses = Vec::new();
    for operation in ["PutItem", "PutItem", "PutItem"] {
        statuses.push(ask(&proxy, operation).await.unwrap().0);
    }
    assert_eq!(statuses, [200, 500, 200]);
    proxy.forward_all();
    assert_eq!(proxy.arrived(), 0);
}

#[tokio::test]
async fn a_stopped_request_waits_for_the_test() {
    let tiny = Tiny::start().await;
    let proxy = FaultProxy::start(&tiny.url).await.unwrap();
    for (moment, seen_at_stop) in [(Moment::Before, 0), (Moment::After, 2)] {
        let mut stops = proxy.follow(move |_| Fault::Stop(moment));
        let watch = async {
            let stopped = stops.recv().await.unwrap();
            assert_eq!((stopped.arrived.number, tiny.seen()), (1, seen_at_stop));
            stopped.go_on();
        };

        let (answer, ()) = futures_util::future::join(ask(&proxy, "PutItem"), watch).await;

        assert_eq!(answer.unwrap().0, 200);
    }
}

#[tokio::test]
async fn a_stopped_request_that_is_dropped_never_goes_on() {
    let tiny = Tiny::start().await;
    let proxy = FaultProxy::start(&tiny.url).await.unwrap();
    let mut stops = proxy.follow(|_| Fault::Stop(Moment::Before));
    let watch = async { drop(stops.recv().await.unwrap()) };

    let (answer, ()) = futures_util::future::join(ask(&proxy, "PutItem"), watch).await;

    assert!(answer.is_err());
    assert_eq!(tiny.seen(), 0);
}
