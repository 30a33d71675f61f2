//! Forecasts, of who began today and of who has spent evenly for weeks.

use serde_json::{Value, json};
use tollgate_core::time::Day;
use tollgate_tests::books::{balance, metric};
use tollgate_tests::stack::Stack;

use crate::{today, wake};

/// A dollar.
const EACH_DAY: &str = "1000000000";

pub(crate) async fn the_month_is_forecast(stack: &Stack) {
    let books = balance(stack).await;

    let done = wake(stack, &json!({"task": "forecast"})).await;

    let (shown, is_done) = stack.tollgate(&["forecast"]).await;
    assert!(is_done, "{shown}");
    let rows = shown["forecasts"].as_array().expect("rows");
    assert_eq!(done["forecast"], rows.len(), "{shown}");
    let organisation = &rows[0];
    assert_eq!(
        (&organisation["scope"], &organisation["settled_usd"], &organisation["method"]),
        (&"org".into(), &books.ledger.to_string().into(), &"pace".into()),
        "{shown}"
    );
    let scopes: Vec<&str> = rows.iter().filter_map(|row| row["scope"].as_str()).collect();
    for scope in ["tenant#acme", "tenant#default", "team#acme/lab", "team#default/search"] {
        assert!(scopes.contains(&scope), "{scopes:?}");
    }
    let published = metric(stack, "Cost.Forecast.Month", "Maximum").await;
    let settled: f64 = books.ledger.to_string().parse().expect("dollars");
    assert!(published.iter().filter_map(Value::as_f64).any(|dollars| dollars >= settled), "{published:?}");

    even_spend_goes_on_evenly(stack).await;
}

async fn even_spend_goes_on_evenly(stack: &Stack) {
    let (today, table) = (today(), stack.stack_output("RollupsTable").await);
    for back in 0..=31 {
        let day = today.before(back).to_string();
        let item =
            json!({"scope": {"S": "team#default/steady"}, "day": {"S": day}, "cost_nanos": {"N": EACH_DAY}});
        stack.aws("dynamodb", "put_item", &json!({"TableName": table, "Item": item})).await;
    }

    let (shown, _) = stack.tollgate(&["forecast", "--team", "steady"]).await;

    let row = &shown["forecasts"][0];
    assert_eq!((&row["method"], &row["days"]), (&"weekdays".into(), &28.into()), "{shown}");
    assert_eq!(row["month_end_usd"], days_of_month(today).to_string(), "{shown}");
}

fn days_of_month(today: Day) -> usize {
    let first = today.first_of_month();
    std::iter::successors(Some(first), |day| Some(day.next()))
        .take_while(|day| day.month() == first.month())
        .count()
}
