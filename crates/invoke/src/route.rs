//! Which endpoint a request is for.

use http::Method;
use percent_encoding::percent_decode_str;
use tollgate_core::dialect::Dialect;
use tollgate_core::error::Error;

/// The endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A question to a model.
    Ask(Dialect),
    /// What a caller says of an answer.
    Feedback,
    /// The list of models.
    Models,
    /// One model.
    Model(String),
    /// Whether the function answers at all.
    Health,
}

impl Route {
    /// The endpoint of a method and a path, which is as the client wrote it.
    pub(crate) fn find(method: &Method, path: &str) -> Result<Self, Error> {
        let unknown = || Error::NotFound { method: method.to_string(), path: path.to_owned() };
        match (method.as_str(), path) {
            ("POST", "/v1/chat/completions") => Ok(Self::Ask(Dialect::Chat)),
            ("POST", "/v1/responses") => Ok(Self::Ask(Dialect::Responses)),
            ("POST", "/v1/embeddings") => Ok(Self::Ask(Dialect::Embeddings)),
            ("POST", "/v1/feedback") => Ok(Self::Feedback),
            ("GET", "/v1/models") => Ok(Self::Models),
            ("GET", "/health") => Ok(Self::Health),
            ("GET", path) => {
                let id = path.strip_prefix("/v1/models/").filter(|id| !id.is_empty()).ok_or_else(unknown)?;
                let alias = percent_decode_str(id).decode_utf8().map_err(|_| unknown())?;
                Ok(Self::Model(alias.into_owned()))
            }
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_is_found() {
        let find = |method: Method, path: &str| Route::find(&method, path).ok();

        assert_eq!(find(Method::POST, "/v1/chat/completions"), Some(Route::Ask(Dialect::Chat)));
        assert_eq!(find(Method::POST, "/v1/responses"), Some(Route::Ask(Dialect::Responses)));
        assert_eq!(find(Method::POST, "/v1/embeddings"), Some(Route::Ask(Dialect::Embeddings)));
        assert_eq!(find(Method::GET, "/v1/models"), Some(Route::Models));
        assert_eq!(find(Method::GET, "/v1/models/a%2Fb"), Some(Route::Model("a/b".to_owned())));
        assert_eq!(find(Method::GET, "/health"), Some(Route::Health));
        assert_eq!(find(Method::POST, "/v1/feedback"), Some(Route::Feedback));
    }

    #[test]
    fn everything_else_is_unknown() {
        for (method, path) in [
            (Method::GET, "/v1/chat/completions"),
            (Method::POST, "/v1/models"),
            (Method::GET, "/v1/models/"),
            (Method::GET, "/v1/models/%FF"),
            (Method::POST, "/v1/responses/"),
            (Method::GET, "/"),
            (Method::DELETE, "/health"),
        ] {
            assert!(matches!(Route::find(&method, path), Err(Error::NotFound { .. })), "{method} {path}");
        }
    }
}
