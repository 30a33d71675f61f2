//! How a comparison is shown.

use std::fmt::{self, Display};

use serde::{Serialize, Serializer};
use tollgate_aws::bypasses::PrincipalCalls;
use tollgate_core::reconcile::{Comparison, Line, Tokens};

use crate::screen::{Column, Table, thousands};

/// A day's comparison, and the calls past the gateway.
#[derive(Debug, Serialize)]
pub(crate) struct ReconcileView {
    #[serde(flatten)]
    pub(crate) comparison: Comparison,
    #[serde(serialize_with = "calls")]
    pub(crate) bypasses: Vec<PrincipalCalls>,
}

fn calls<S: Serializer>(bypasses: &[PrincipalCalls], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Row<'a> {
        principal: &'a str,
        calls: u64,
    }
    let row = |one: &'_ PrincipalCalls| (one.principal.clone(), one.calls);
    let rows: Vec<_> = bypasses.iter().map(row).collect();
    serializer.collect_seq(rows.iter().map(|(principal, calls)| Row { principal, calls: *calls }))
}

impl Display for ReconcileView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Comparison { day, lines, tokens } = &self.comparison;
        writeln!(f, "{day}: {} tokens differ\n", thousands(*tokens))?;
        if lines.is_empty() {
            writeln!(f, "Nothing was counted.")?;
        } else {
            write_lines(f, lines)?;
        }
        if self.bypasses.is_empty() {
            return writeln!(f, "\nNo calls past the gateway were seen.");
        }
        writeln!(f)?;
        let mut table = Table::new([Column::Left("CALLED PAST THE GATEWAY"), Column::Right("CALLS")]);
        for PrincipalCalls { principal, calls } in &self.bypasses {
            table.push([principal.clone(), thousands(*calls)]);
        }
        table.fmt(f)
    }
}

fn write_lines(f: &mut fmt::Formatter<'_>, lines: &[Line]) -> fmt::Result {
    let mut columns = ["METRICS", "REGION", "MODEL"].map(Column::Left).to_vec();
    let figures = ["LEDGER IN", "LEDGER OUT", "BEDROCK IN", "BEDROCK OUT", "DIFF IN", "DIFF OUT"];
    columns.extend(figures.map(Column::Right));
    let mut table = Table::new(columns);
    for Line { meter, ledger, provider, difference } in lines {
        let mut cells =
            vec![meter.namespace.as_str().to_owned(), meter.region.clone(), meter.model_id.clone()];
        for Tokens { input, output } in [ledger, provider, difference] {
            cells.extend([signed(*input), signed(*output)]);
        }
        table.push(cells);
    }
    table.fmt(f)
}

fn signed(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", thousands(count.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use tollgate_core::reconcile::{Meter, Namespace};

    use super::*;

    fn view() -> ReconcileView {
        let meter = |namespace, model: &str| Meter {
            namespace,
            region: "us-east-1".to_owned(),
            model_id: model.to_owned(),
        };
        let tokens = |input, output| Tokens { input, output };
        let counts = [
            (meter(Namespace::Runtime, "us.openai.gpt-5.6-sol"), tokens(10, 5), tokens(10, 5)),
            (meter(Namespace::Mantle, "openai.gpt-5.5"), tokens(1_000, 60), tokens(2_500, 50)),
        ];
        let eve = PrincipalCalls { principal: "arn:aws:iam::1:user/eve".to_owned(), calls: 2 };
        ReconcileView {
            comparison: Comparison::of("2026-11-25".parse().unwrap(), counts),
            bypasses: vec![eve],
        }
    }

    #[test]
    fn each_model_is_compared_and_each_bypass_has_a_name() {
        insta::assert_snapshot!(view(), @r"
        2026-11-25: 1,510 tokens differ

        METRICS            REGION     MODEL                  LEDGER IN  LEDGER OUT  BEDROCK IN  BEDROCK OUT  DIFF IN  DIFF OUT
        AWS/Bedrock        us-east-1  us.openai.gpt-5.6-sol         10           5          10            5        0         0
        AWS/BedrockMantle  us-east-1  openai.gpt-5.5             1,000          60       2,500           50    1,500       -10

        CALLED PAST THE GATEWAY  CALLS
        arn:aws:iam::1:user/eve      2
        ");
    }

    #[test]
    fn machines_get_the_same() {
        let shown = serde_json::to_value(view()).unwrap();

        assert_eq!((&shown["day"], &shown["tokens"]), (&"2026-11-25".into(), &1_510.into()));
        assert_eq!(shown["lines"][1]["namespace"], "AWS/BedrockMantle");
        assert_eq!(
            shown["bypasses"],
            serde_json::json!([{"principal": "arn:aws:iam::1:user/eve", "calls": 2}])
        );
    }

    #[test]
    fn a_quiet_day_says_so() {
        let quiet = ReconcileView {
            comparison: Comparison::of("2026-11-25".parse().unwrap(), []),
            bypasses: Vec::new(),
        };

        insta::assert_snapshot!(quiet, @r"
        2026-11-25: 0 tokens differ

        Nothing was counted.

        No calls past the gateway were seen.
        ");
    }
}
