//! What a call costs of the rate, by its route: `POST /v1/responses=2,POST /v1/embeddings=1`.

use std::collections::BTreeMap;

use tollgate_core::rate::Units;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Units by route; one where a route is not named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs(BTreeMap<String, Units>);

impl Costs {
    /// Reads a list of `METHOD /path=UNITS`; no text at all is an empty list.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut costs = BTreeMap::new();
        if text.trim().is_empty() {
            return Ok(Self(costs));
        }
        for entry in text.split(',') {
            let (route, units) =
                entry.trim().rsplit_once('=').ok_or("has an entry that is not METHOD /path=UNITS")?;
            let units = units.parse().ok().and_then(Units::new);
            let units = units.ok_or("has an entry whose units are no whole number from 1 to 4294967295")?;
            if !is_route(route) {
                return Err("has an entry whose route is not METHOD /path");
            }
            if costs.insert(route.to_owned(), units).is_some() {
                return Err("names a route twice");
            }
        }
        Ok(Self(costs))
    }

    /// What a call of this route, such as `GET /v1/models/{model}`, costs.
    pub(crate) fn of(&self, route: &str) -> Units {
        self.0.get(route).copied().unwrap_or(Units::ONE)
    }
}

fn is_route(text: &str) -> bool {
    let Some((method, path)) = text.split_once(' ') else { return false };
    METHODS.contains(&method)
        && path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_costs_what_is_said_and_one_otherwise() {
        let costs = Costs::parse("POST /v1/responses=2, GET /v1/models/{model}=10").unwrap();

        let routes =
            ["POST /v1/responses", "GET /v1/models/{model}", "GET /v1/responses", "POST /v1/embeddings"];
        assert_eq!(routes.map(|route| costs.of(route).count()), [2, 10, 1, 1]);
        assert_eq!(Costs::parse(" "), Ok(Costs::default()));
    }

    #[test]
    fn what_is_no_list_of_costs_is_said() {
        let (form, route, units) = (
            "has an entry that is not METHOD /path=UNITS",
            "has an entry whose route is not METHOD /path",
            "has an entry whose units are no whole number from 1 to 4294967295",
        );
        for (text, fault) in [
            ("POST /v1/responses", form),
            ("POST /v1/responses=2,", form),
            ("POST /v1/responses=0", units),
            ("POST /v1/responses=-1", units),
            ("POST /v1/responses=1.5", units),
            ("POST /v1/responses= 2", units),
            ("POST /v1/responses=4294967296", units),
            ("/v1/responses=2", route),
            ("post /v1/responses=2", route),
            ("POST v1/responses=2", route),
            ("POST  /v1/responses=2", route),
            ("POST /v1/responses =2", route),
            ("POST /v1/a=1=2", route),
            ("POST /v1/a=1,GET /v1/a=1,POST /v1/a=1", "names a route twice"),
        ] {
            assert_eq!(Costs::parse(text), Err(fault), "{text}");
        }
    }
}
