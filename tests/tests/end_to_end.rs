//! One call after the other through the whole suite, with the official clients: what a platform team would try first.

#[path = "end_to_end/answers.rs"]
mod answers;
#[path = "end_to_end/brakes.rs"]
mod brakes;
#[path = "end_to_end/breakers.rs"]
mod breakers;
#[path = "end_to_end/caches.rs"]
mod caches;
#[path = "end_to_end/continued.rs"]
mod continued;
#[path = "end_to_end/disconnects.rs"]
mod disconnects;
#[path = "end_to_end/enforcement.rs"]
mod enforcement;
#[path = "end_to_end/failures.rs"]
mod failures;
#[path = "end_to_end/leftovers.rs"]
mod leftovers;
#[path = "end_to_end/malformed.rs"]
mod malformed;
#[path = "end_to_end/routing.rs"]
mod routing;
#[path = "end_to_end/semantic.rs"]
mod semantic;
#[path = "end_to_end/surface.rs"]
mod surface;
#[path = "end_to_end/tenants.rs"]
mod tenants;

use tollgate_tests::books::{balance, metric};
use tollgate_tests::stack::{Iam, Stack};

#[tokio::test]
async fn the_suite_serves_counts_and_stops() {
    scenario(&Stack::start("open", Iam::Ignored).await).await;
}

#[tokio::test]
async fn the_suite_works_under_the_templates_own_roles() {
    scenario(&Stack::start("roles", Iam::Enforced).await).await;
}

async fn scenario(stack: &Stack) {
    breakers::are_held_closed(stack).await;
    leftovers::a_lambda_dies_after_sending(stack).await;
    answers::json_is_answered_then_served_from_the_cache(stack).await;
    answers::streams_arrive_as_they_are_made(stack).await;
    answers::models_are_listed(stack).await;
    answers::a_second_model_speaks_converse(stack).await;
    brakes::a_wrong_key_is_refused(stack).await;
    brakes::a_burst_is_refused_with_honest_figures(stack).await;
    brakes::a_spent_budget_is_refused(stack).await;
    brakes::refused_calls_are_counted_once_each(stack).await;
    malformed::what_is_malformed_is_said_and_changes_nothing(stack).await;
    failures::a_dead_primary_is_failed_over_for_one_charge(stack).await;
    failures::a_client_that_leaves_is_charged_what_the_provider_counted(stack).await;
    disconnects::a_client_may_leave_anywhere_and_is_charged_what_the_provider_counted(stack).await;
    failures::a_broken_stream_ends_with_an_error(stack).await;
    continued::a_broken_stream_is_gone_on_with_where_its_route_says_so(stack).await;
    surface::every_client_reaches_every_kind_of_provider(stack).await;
    tenants::a_tenants_call_is_made_with_the_assumed_role(stack).await;
    routing::a_change_of_routing_is_obeyed_in_time_and_can_be_taken_back(stack).await;
    caches::nobody_is_served_what_was_kept_for_others(stack).await;
    caches::an_answer_serves_callers_who_want_it_in_another_form(stack).await;
    caches::of_identical_calls_at_once_one_is_paid(stack).await;
    caches::an_operator_sees_explains_and_purges(stack).await;
    semantic::what_means_the_same_is_served_within_its_circle_only(stack).await;
    semantic::a_shadow_serves_nothing_and_learns(stack).await;
    semantic::vectors_that_fail_are_a_miss(stack).await;
    breakers::failures_open_a_breaker_and_an_operator_has_the_last_word(stack).await;
    leftovers::an_unreadable_notice_is_set_aside_whole(stack).await;
    leftovers::an_unreadable_record_is_set_aside_whole(stack).await;
    brakes::a_budget_notice_stops_the_next_call_and_resume_serves_again(stack).await;
    enforcement::each_grade_is_obeyed_recorded_and_undone(stack).await;

    leftovers::the_dead_call_is_charged_as_reserved(stack).await;

    let books = balance(stack).await;
    assert!(books.calls > 10, "{books:?}");
    for percentile in ["p50", "p95", "p99"] {
        let values = metric(stack, "Latency", percentile).await;
        let milliseconds = values.first().and_then(serde_json::Value::as_f64).unwrap_or_default();
        assert!(milliseconds > 1.0, "{percentile} of Latency is {values:?}");
    }
}
