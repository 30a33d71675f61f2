//! Streams: passed on as they are made, cut when they break, and stopped by no client that leaves.

use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::door::{Door, openapi};
use crate::stage::{Gate, function, soon, spec};

/// Reads until that text has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.contains(text) {
        let count = soon(stream.read(&mut buffer)).await.unwrap();
        assert_ne!(count, 0, "the connection ended after {seen:?}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    seen
}

#[tokio::test]
async fn sends_the_head_the_function_wrote() {
    let door = Door::open().await;
    let script = json!({
        "status": 418,
        "headers": [
            ["content-type", "text/event-stream"],
            ["x-tollgate-model", "m"],
            ["set-cookie", "a=1"],
            ["www-authenticate", "Bearer"],
        ],
        "steps": [{"say": "short"}],
    });

    let reply = door.script(&script).await;

    assert_eq!((reply.status, reply.body.as_str(), reply.is_whole), (418, "short", true));
    assert_eq!(reply.headers["content-type"], "text/event-stream");
    assert_eq!(reply.headers["x-tollgate-model"], "m");
    assert_eq!(reply.headers["set-cookie"], "a=1");
    assert_eq!(reply.headers["x-amzn-remapped-www-authenticate"], "Bearer");
    assert!(!reply.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn sends_each_chunk_before_the_next_is_made() {
    let door = Door::open().await;
    let gate = Gate::new().await;
    let script = json!({"steps": [
        {"say": "one,"}, gate.step("first"), {"say": "two,"}, gate.step("second"), {"say": "three."}
    ]});

    let mut client = door.send("POST", "/v1/stream", "connection: close\r\n", &script.to_string()).await;
    let at_first = gate.meet("first").await;
    let begun = read_until(&mut client, "one,").await;
    drop(at_first);
    let at_second = gate.meet("second").await;
    read_until(&mut client, "two,").await;
    drop(at_second);
    let ended = read_until(&mut client, "\r\n0\r\n\r\n").await;

    assert!(begun.starts_with("HTTP/1.1 200"), "{begun}");
    assert!(ended.contains("three."), "{ended}");
}

#[tokio::test]
async fn lets_the_function_finish_when_its_client_has_left() {
    let door = Door::open().await;
    let gate = Gate::new().await;
    let steps = json!([
        {"say": "one,"}, gate.step("left alone"),
        {"pour": 8}, gate.step("half way"),
        {"pour": 8}, gate.step("finished"),
    ]);
    let script = json!({"steps": steps, "after": [gate.step("settled")]});

    let mut client = door.send("POST", "/v1/stream", "", &script.to_string()).await;
    read_until(&mut client, "one,").await;
    let alone = gate.meet("left alone").await;
    drop(client);
    drop(alone);

    // Each half of 8 MB is more than the buffers on the way hold: it was made because it was taken.
    drop(gate.meet("half way").await);
    drop(gate.meet("finished").await);
    drop(gate.meet("settled").await);
    soon(door.stream.all_free()).await;
    assert_eq!(door.stream.environments().len(), 1);
}

#[tokio::test]
async fn lets_the_function_finish_when_its_client_leaves_before_the_head() {
    let door = Door::open().await;
    let gate = Gate::new().await;
    let script = json!({"before": gate.step("thinking"), "after": [gate.step("settled")]});

    let client = door.send("POST", "/v1/stream", "", &script.to_string()).await;
    let thinking = gate.meet("thinking").await;
    drop(client);
    drop(thinking);

    drop(gate.meet("settled").await);
    soon(door.stream.all_free()).await;
}

#[tokio::test]
async fn cuts_the_connection_when_the_function_dies_after_the_head() {
    let door = Door::open().await;
    let gate = Gate::new().await;
    let script = json!({"steps": [{"say": "one,"}, gate.step("dying"), "crash"]});

    let mut client = door.send("POST", "/v1/stream", "", &script.to_string()).await;
    let dying = gate.meet("dying").await;
    read_until(&mut client, "one,").await;
    drop(dying);
    let mut rest = Vec::new();
    // A reset is an end as good as any, as long as it is no clean one.
    let ended = soon(client.read_to_end(&mut rest)).await;

    let rest = String::from_utf8_lossy(&rest);
    assert!(!rest.contains("0\r\n\r\n"), "{ended:?} {rest}");
}

#[tokio::test]
async fn gives_no_work_to_an_environment_that_its_extension_holds() {
    let door = Door::open().await;
    let gate = Gate::new().await;
    let held = json!({"steps": [{"say": "done"}], "after": [gate.step("settling")]});

    let first = door.script(&held).await;
    let settling = gate.meet("settling").await;
    let second = door.script(&json!({"steps": [{"say": "done too"}]})).await;
    let environments = door.stream.environments();
    drop(settling);
    soon(door.stream.all_free()).await;

    assert_eq!((first.body.as_str(), first.is_whole), ("done", true));
    assert_eq!((second.body.as_str(), second.is_whole), ("done too", true));
    assert_eq!(environments.len(), 2);
    assert!(environments.iter().any(|environment| environment.is_busy));
}

#[tokio::test]
async fn holds_an_environment_until_its_extension_is_done() {
    let mut spec = spec("front_stream");
    spec.concurrency = Some(1);
    let door = Door::with(&openapi(), function(spec)).await;
    let gate = Gate::new().await;
    let held = json!({"steps": [{"say": "done"}], "after": [gate.step("settling")]});

    door.script(&held).await;
    let settling = gate.meet("settling").await;
    let during = door.script(&json!({})).await;
    drop(settling);
    soon(door.stream.all_free()).await;
    let after = door.script(&json!({})).await;

    assert_eq!((during.status, after.status), (500, 200));
}

#[tokio::test]
async fn keeps_a_connection_for_the_next_request() {
    let door = Door::open().await;
    let script = json!({"steps": [{"say": "one"}]}).to_string();

    let mut client = door.send("POST", "/v1/stream", "", &script).await;
    read_until(&mut client, "\r\n0\r\n\r\n").await;
    let again = format!(
        "POST /v1/stream HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{script}",
        script.len()
    );
    tokio::io::AsyncWriteExt::write_all(&mut client, again.as_bytes()).await.unwrap();
    let second = read_until(&mut client, "\r\n0\r\n\r\n").await;

    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
}
