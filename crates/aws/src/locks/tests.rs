use tollgate_core::enforcement::Throttle;

use super::*;

#[test]
fn plans_are_read_with_their_throughput() {
    let plans = parse_plans("abc=200/400, def=1/2").unwrap();

    let plan = |id: &str, rate, burst| Plan { id: id.to_owned(), throttle: Throttle { rate, burst } };
    assert_eq!(plans, [plan("abc", 200, 400), plan("def", 1, 2)]);
}

#[test]
fn what_names_no_plans_is_refused() {
    for text in ["", "abc", "abc=200", "abc=200/", "=1/2", "abc=1.5/2", "abc=-1/2", "abc=1/2,"] {
        assert_eq!(parse_plans(text), Err(PlanError), "{text}");
    }
}
