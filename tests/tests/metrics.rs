//! What the dashboard and the alarms of the template name is what the suite emits, and the other way round.

use std::collections::BTreeSet;

use serde_json::Value;
use tollgate_core::metrics::ALL;

const TEMPLATE: &str = include_str!("../../template.yaml");

/// Stands for the parameter.
const NAMESPACE: &str = "OURS";

/// A metric by its name, and the names of its dimensions.
type Named = (String, Vec<String>);

#[test]
fn every_metric_that_is_looked_at_is_emitted_and_every_one_that_is_emitted_is_looked_at() {
    let (dashboard, alarms) = (of_dashboard(), of_alarms());
    assert!(dashboard.len() > 25 && alarms.len() > 8, "{dashboard:?} {alarms:?}");

    let looked_at: BTreeSet<Named> = dashboard.union(&alarms).cloned().collect();

    let emitted: BTreeSet<Named> = ALL
        .iter()
        .flat_map(|series| series.dimension_sets().into_iter().map(|set| named(series.name, set)))
        .collect();
    let unknown: Vec<&Named> = looked_at.difference(&emitted).collect();
    assert!(unknown.is_empty(), "nobody emits {unknown:?}");
    let names = |all: &BTreeSet<Named>| all.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    let (looked_at, emitted) = (names(&looked_at), names(&emitted));
    let unseen: Vec<&String> = emitted.difference(&looked_at).collect();
    assert!(unseen.is_empty(), "nobody looks at {unseen:?}");
}

#[test]
fn every_alarm_tells_people_when_it_comes_and_when_it_goes() {
    let ours = |(name, block): &(&str, &str)| {
        *name != "TokensDetector" && block.contains("Namespace: !Ref MetricNamespace")
    };
    for (name, block) in alarms().filter(ours) {
        for action in ["AlarmActions", "OKActions"] {
            let tells = block.lines().any(|line| {
                line.trim_start().starts_with(&format!("{action}:")) && line.contains("!Ref AlertsTopic")
            });
            assert!(tells, "{name}: {action}");
        }
        assert!(block.contains("TreatMissingData: notBreaching"), "{name}");
    }
}

#[test]
fn every_alarm_has_its_entry_in_the_runbook() {
    let runbook = include_str!("../../docs/OPERATIONS.md");
    for (name, block) in alarms() {
        let line = block
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("AlarmName: !Sub ${AWS::StackName}-"));
        let Some(alarm) = line else {
            assert!(block.contains("AnomalyDetector"), "{name} has no name");
            continue;
        };
        assert!(runbook.contains(&format!("`{alarm}`")), "{alarm}");
    }
}

#[test]
fn widgets_lie_beside_each_other_on_a_grid_of_24_columns() {
    let mut taken = BTreeSet::new();
    for widget in widgets() {
        let side = |name: &str| widget[name].as_u64().unwrap_or_else(|| panic!("{name} of {widget}"));
        let (x, y, width, height) = (side("x"), side("y"), side("width"), side("height"));
        assert!(x + width <= 24, "{widget}");
        for column in x..x + width {
            for row in y..y + height {
                assert!(taken.insert((column, row)), "{widget} lies on another");
            }
        }
    }
}

fn named(name: &str, dimensions: &[&str]) -> Named {
    let mut dimensions: Vec<String> = dimensions.iter().map(|name| (*name).to_owned()).collect();
    dimensions.sort();
    (name.to_owned(), dimensions)
}

/// The dashboard's widgets; parameters are 1, where they stand for a number.
fn widgets() -> Vec<Value> {
    let (_, rest) = TEMPLATE.split_once("DashboardBody: !Sub |\n").expect("there is a dashboard");
    let body: Vec<&str> = rest.lines().take_while(|line| line.starts_with("        ")).collect();
    let mut body = body.join("\n").replace("${MetricNamespace}", NAMESPACE);
    while let Some(begin) = body.find("${") {
        let length = body[begin..].find('}').expect("a parameter ends");
        body.replace_range(begin..=begin + length, "1");
    }
    let mut body: Value = serde_json::from_str(&body).expect("the body is JSON");
    match body["widgets"].take() {
        Value::Array(widgets) => widgets,
        other => panic!("{other} are no widgets"),
    }
}

fn of_dashboard() -> BTreeSet<Named> {
    let rows = widgets().into_iter().flat_map(|widget| match &widget["properties"]["metrics"] {
        Value::Array(rows) => rows.clone(),
        _ => Vec::new(),
    });
    rows.filter_map(|row| of_row(&row)).collect()
}

fn of_row(row: &Value) -> Option<Named> {
    let Some(expression) = row[0]["expression"].as_str() else {
        assert_eq!(row[0], NAMESPACE, "{row}");
        let path: Vec<&str> = row.as_array()?.iter().filter_map(Value::as_str).collect();
        let dimensions: Vec<&str> = path[2..].iter().step_by(2).copied().collect();
        return Some(named(path[1], &dimensions));
    };
    let (_, search) = expression.split_once(&format!("SEARCH('{{{NAMESPACE},"))?;
    let (dimensions, rest) = search.split_once("} MetricName=\"").expect("a search names a metric");
    let (name, _) = rest.split_once('"').expect("the name ends");
    Some(named(name, &dimensions.split(',').collect::<Vec<_>>()))
}

/// The alarms, by their logical names.
fn alarms() -> impl Iterator<Item = (&'static str, &'static str)> {
    let (_, resources) = TEMPLATE.split_once("\nResources:\n").expect("there are resources");
    let starts: Vec<usize> = resources
        .match_indices("\n  ")
        .filter(|(place, _)| resources[place + 3..].starts_with(|first: char| first.is_ascii_uppercase()))
        .map(|(place, _)| place + 1)
        .chain([resources.len()])
        .collect();
    let blocks: Vec<&str> = starts.windows(2).map(|pair| &resources[pair[0]..pair[1]]).collect();
    let is_alarm = |block: &&str| {
        block.contains("Type: AWS::CloudWatch::Alarm\n")
            || block.contains("Type: AWS::CloudWatch::AnomalyDetector\n")
    };
    blocks
        .into_iter()
        .filter(is_alarm)
        .map(|block| (block.trim_start().split(':').next().unwrap_or_default(), block))
}

fn of_alarms() -> BTreeSet<Named> {
    let ours = alarms().filter(|(_, block)| block.contains("Namespace: !Ref MetricNamespace"));
    ours.flat_map(|(logical, block)| {
        let names = block.split("MetricName: ").skip(1);
        let names = names.map(|rest| rest.split([',', '\n']).next().unwrap_or_default());
        let names: Vec<Named> = names.map(|name| named(name, &["Environment"])).collect();
        assert_eq!(
            block.matches("Dimensions: [{Name: Environment, Value: !Ref Environment}]").count(),
            names.len(),
            "{logical}"
        );
        names
    })
    .collect()
}
