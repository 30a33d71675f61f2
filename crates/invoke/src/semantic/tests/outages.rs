use super::*;

#[tokio::test(start_paused = true)]
async fn whatever_is_down_slow_or_garbled_is_a_miss_within_its_time() {
    let garbage = || whole(&json!({"data": [{"embedding": [0.0, 0.0]}]}));
    let lost = || fails(ModelError::Unavailable("down".into()));
    let slow = || embedding([1.0, 0.0]).after(Duration::from_secs(60));
    for broken in [garbage, lost, slow] {
        let world = fixed([broken(), answer("a")]);
        check_miss(&world, "r-1").await;
    }
    for mood in [Mood::Down, Mood::Silent] {
        let world = fixed([embedding([1.0, 0.0]), answer("a")]);
        world.vectors.set_mood(mood);
        check_miss(&world, "r-1").await;
    }
    let world = world(&json!({}), [embedding([1.0, 0.0]), answer("a")]);
    world.evidence.set_mood(Mood::Down);
    check_miss(&world, "r-1").await;
}

async fn check_miss(world: &World, id: &str) {
    let begun = tokio::time::Instant::now();

    let said = world.call(question(CAPITAL)).await;

    assert_eq!((said.status, said.header("x-tollgate-cache")), (200, "miss"));
    assert!(begun.elapsed() <= Duration::from_millis(1_300), "{:?}", begun.elapsed());
    assert_eq!(looked(world, id).0, Finding::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn an_embedding_that_may_have_been_billed_is_charged_at_its_bound() {
    let world = fixed([embedding([1.0, 0.0]).after(Duration::from_secs(60)), answer("a")]);

    world.call(question(CAPITAL)).await;

    let record = world.record();
    let end = record.end.unwrap();
    let embedded = end.semantic.unwrap().embedded;
    assert!(end.estimated && embedded.tokens > 30, "{embedded:?}");
    assert_eq!(record.charged_tokens, 35 + embedded.tokens);
}
