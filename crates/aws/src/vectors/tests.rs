use aws_sdk_s3vectors::config::retry::RetryConfig;
use aws_sdk_s3vectors::operation::delete_vectors::DeleteVectorsOutput;
use aws_sdk_s3vectors::operation::list_vectors::ListVectorsOutput;
use aws_sdk_s3vectors::operation::put_vectors::{PutVectorsError, PutVectorsOutput};
use aws_sdk_s3vectors::operation::query_vectors::{QueryVectorsError, QueryVectorsOutput};
use aws_sdk_s3vectors::types::error::{
    AccessDeniedException, NotFoundException, ServiceQuotaExceededException, ServiceUnavailableException,
    TooManyRequestsException, ValidationException,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use tollgate_core::time::Timestamp;

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn index() -> VectorIndex {
    VectorIndex { bucket: "vectors".to_owned(), index: "questions-2".to_owned(), dimension: 2 }
}

fn vectors(client: Client) -> S3Vectors {
    S3Vectors { client, index: index() }
}

fn near(vector: &[f32]) -> Near<'_> {
    Near { partition: "acme/x", vector, most: 5, now: NOON }
}

fn found(key: &str, distance: Option<f32>) -> QueryOutputVector {
    QueryOutputVector::builder().key(key).set_distance(distance).build().unwrap()
}

fn query_output(
    vectors: impl IntoIterator<Item = QueryOutputVector>,
    metric: DistanceMetric,
) -> QueryVectorsOutput {
    let vectors = vectors.into_iter().collect();
    QueryVectorsOutput::builder().set_vectors(Some(vectors)).distance_metric(metric).build().unwrap()
}

fn text(value: &str) -> Document {
    Document::String(value.to_owned())
}

#[tokio::test]
async fn the_nearest_fresh_ones_of_the_partition_are_asked_for_and_told_nearest_first() {
    let query = mock!(Client::query_vectors)
        .match_requests(|request| {
            let filter = object([(
                "$and",
                Document::Array(vec![
                    object([("partition", object([("$eq", text("acme/x"))]))]),
                    object([("expires_at", object([("$gt", whole(1_795_348_800))]))]),
                ]),
            )]);
            request.vector_bucket_name() == Some("vectors")
                && request.index_name() == Some("questions-2")
                && request.top_k() == Some(5)
                && request.query_vector() == Some(&VectorData::Float32(vec![0.6, 0.8]))
                && request.filter() == Some(&filter)
                && request.return_distance() == Some(true)
                && request.return_metadata().is_none()
        })
        .then_output(|| {
            let near = [
                found("far", Some(0.5)),
                found("near", Some(0.01)),
                found("nowhere", Some(f32::NAN)),
                found("beyond", Some(f32::INFINITY)),
            ];
            query_output(near, DistanceMetric::Cosine)
        });
    let vectors = vectors(mock_client!(aws_sdk_s3vectors, [&query]));

    let neighbours = vectors.nearest(&near(&[0.6, 0.8])).await.unwrap();

    let said = neighbours.iter().map(|near| (near.key.as_str(), near.similarity.millionths()));
    let expected = [("near", 990_000), ("far", 500_000), ("nowhere", -1_000_000), ("beyond", -1_000_000)];
    assert_eq!(said.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn more_than_the_service_gives_is_not_asked_for() {
    let query = mock!(Client::query_vectors)
        .match_requests(|request| request.top_k() == Some(100))
        .then_output(|| query_output([], DistanceMetric::Cosine));
    let vectors = vectors(mock_client!(aws_sdk_s3vectors, [&query]));

    let most = vectors.nearest(&Near { most: 255, ..near(&[0.6, 0.8]) }).await.unwrap();
    let none = vectors.nearest(&Near { most: 0, ..near(&[0.6, 0.8]) }).await.unwrap();

    assert_eq!((most, none, query.num_calls()), (vec![], vec![], 1));
}

#[tokio::test]
async fn a_vector_of_another_length_is_a_typed_error_and_no_call() {
    let query = mock!(Client::query_vectors).then_output(|| query_output([], DistanceMetric::Cosine));
    let put = mock!(Client::put_vectors).then_output(|| PutVectorsOutput::builder().build());
    let vectors = vectors(mock_client!(aws_sdk_s3vectors, RuleMode::MatchAny, [&query, &put]));
    let point = Point { key: "k".to_owned(), partition: "p".to_owned(), vector: vec![], expires_at: 1 };

    let asked = vectors.nearest(&near(&[1.0, 0.0, 0.0])).await.unwrap_err();
    let kept = vectors.put(&point).await.unwrap_err();

    assert_eq!(asked.cause.downcast_ref(), Some(&OtherLength { expected: 2, found: 3 }));
    assert_eq!(kept.cause.downcast_ref(), Some(&OtherLength { expected: 2, found: 0 }));
    assert_eq!((query.num_calls(), put.num_calls()), (0, 0));
}

#[tokio::test]
async fn a_reply_that_cannot_be_meant_is_an_error() {
    for (vectors_found, metric, says) in [
        (vec![found("k", None)], DistanceMetric::Cosine, "no distance"),
        (vec![found("k", Some(0.1))], DistanceMetric::Euclidean, "cosines"),
        (vec![], DistanceMetric::from("manhattan"), "cosines"),
    ] {
        let query = mock!(Client::query_vectors)
            .then_output(move || query_output(vectors_found.clone(), metric.clone()));
        let vectors = vectors(mock_client!(aws_sdk_s3vectors, [&query]));

        let error = vectors.nearest(&near(&[0.6, 0.8])).await.unwrap_err();

        assert!(error.store == "vectors" && error.cause.to_string().contains(says), "{error:?}");
    }
}

/// A client that tries once.
fn impatient(rule: &Rule) -> Client {
    mock_client!(aws_sdk_s3vectors, RuleMode::MatchAny, [rule], |config| config
        .retry_config(RetryConfig::disabled()))
}

#[tokio::test]
async fn every_error_of_the_service_is_the_store_s() {
    let asked: [fn() -> QueryVectorsError; 5] = [
        || {
            QueryVectorsError::ValidationException(
                ValidationException::builder().message("no").build().unwrap(),
            )
        },
        || QueryVectorsError::NotFoundException(NotFoundException::builder().message("no").build().unwrap()),
        || {
            QueryVectorsError::AccessDeniedException(
                AccessDeniedException::builder().message("no").build().unwrap(),
            )
        },
        || {
            QueryVectorsError::TooManyRequestsException(
                TooManyRequestsException::builder().message("no").build().unwrap(),
            )
        },
        || {
            QueryVectorsError::ServiceUnavailableException(
                ServiceUnavailableException::builder().message("no").build().unwrap(),
            )
        },
    ];
    let kept: [fn() -> PutVectorsError; 2] = [
        || {
            PutVectorsError::ServiceQuotaExceededException(
                ServiceQuotaExceededException::builder().message("no").build().unwrap(),
            )
        },
        || {
            PutVectorsError::TooManyRequestsException(
                TooManyRequestsException::builder().message("no").build().unwrap(),
            )
        },
    ];

    for error in asked {
        let query = mock!(Client::query_vectors).then_error(error);
        let vectors = vectors(impatient(&query));
        assert_eq!(vectors.nearest(&near(&[0.6, 0.8])).await.unwrap_err().store, "vectors");
    }
    for error in kept {
        let put = mock!(Client::put_vectors).then_error(error);
        let vectors = vectors(impatient(&put));
        let (key, partition) = ("k".to_owned(), "p".to_owned());
        let point = Point { key, partition, vector: vec![0.6, 0.8], expires_at: 1 };
        assert_eq!(vectors.put(&point).await.unwrap_err().store, "vectors");
    }
}

#[tokio::test]
async fn a_point_is_kept_with_its_partition_and_its_age() {
    let put = mock!(Client::put_vectors)
        .match_requests(|request| {
            let metadata = object([("partition", text("acme/x")), ("expires_at", whole(42))]);
            let [vector] = request.vectors() else { return false };
            request.vector_bucket_name() == Some("vectors")
                && request.index_name() == Some("questions-2")
                && vector.key() == "abc"
                && vector.data() == Some(&VectorData::Float32(vec![0.6, 0.8]))
                && *vector.metadata() == metadata
        })
        .then_output(|| PutVectorsOutput::builder().build());
    let vectors = vectors(mock_client!(aws_sdk_s3vectors, [&put]));
    let (key, partition) = ("abc".to_owned(), "acme/x".to_owned());

    vectors.put(&Point { key, partition, vector: vec![0.6, 0.8], expires_at: 42 }).await.unwrap();

    assert_eq!(put.num_calls(), 1);
}

fn listed(key: &str, metadata: Option<Document>) -> ListOutputVector {
    ListOutputVector::builder().key(key).set_metadata(metadata).build().unwrap()
}

#[tokio::test]
async fn every_segment_is_listed_once_whichever_comes_first() {
    let page = mock!(Client::list_vectors)
        .match_requests(|request| {
            request.segment_count() == Some(16)
                && request.max_results() == Some(500)
                && request.return_metadata() == Some(true)
                && request.return_data().is_none()
        })
        .then_compute_output(|request| {
            let (segment, token) = (request.segment_index().unwrap(), request.next_token());
            let key = format!("{segment}{}", token.unwrap_or_default());
            let next = (segment == 3 && token.is_none()).then(|| "a.b".to_owned());
            ListVectorsOutput::builder()
                .vectors(listed(&key, Some(object([("expires_at", whole(7))]))))
                .set_next_token(next)
                .build()
                .unwrap()
        });
    let vectors = vectors(mock_client!(aws_sdk_s3vectors, RuleMode::MatchAny, [&page]));
    let (mut keys, mut next) = (Vec::new(), None);

    loop {
        let page = vectors.page(next.as_deref()).await.unwrap();
        keys.extend(page.points);
        next = page.next;
        if next.is_none() {
            break;
        }
    }

    keys.sort();
    let mut expected: Vec<_> = (0..16).map(|segment| (segment.to_string(), 7)).collect();
    expected.push(("3a.b".to_owned(), 7));
    expected.sort();
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn what_says_nothing_of_its_age_has_expired() {
    let page = mock!(Client::list_vectors).then_output(|| {
        let odd = [
            None,
            Some(Document::Null),
            Some(object([])),
            Some(object([("expires_at", text("soon"))])),
            Some(object([("expires_at", Document::Number(Number::NegInt(-1)))])),
        ];
        let odd = odd.into_iter().map(|metadata| listed("k", metadata)).collect();
        ListVectorsOutput::builder().set_vectors(Some(odd)).build().unwrap()
    });
    let vectors = vectors(mock_client!(aws_sdk_s3vectors, [&page]));

    let page = vectors.page(Some("0.0.")).await.unwrap();

    assert_eq!(page.points, vec![("k".to_owned(), 0); 5]);
}

#[tokio::test]
async fn a_token_that_is_none_of_ours_is_an_error() {
    let page = mock!(Client::list_vectors)
        .then_output(|| ListVectorsOutput::builder().set_vectors(Some(vec![])).build().unwrap());
    let vectors = vectors(mock_client!(aws_sdk_s3vectors, [&page]));

    for token in ["", "1", "1.2", "16.0.", "0.16.", "-1.0.", "x.y.z"] {
        assert_eq!(vectors.page(Some(token)).await.unwrap_err().store, "vectors", "{token}");
    }
    assert_eq!(page.num_calls(), 0);
}

#[tokio::test]
async fn some_are_forgotten_and_none_are_no_call() {
    let delete = mock!(Client::delete_vectors)
        .match_requests(|request| {
            request.index_name() == Some("questions-2") && request.keys() == ["a".to_owned(), "b".to_owned()]
        })
        .then_output(|| DeleteVectorsOutput::builder().build());
    let vectors = vectors(mock_client!(aws_sdk_s3vectors, [&delete]));

    vectors.remove(&["a".to_owned(), "b".to_owned()]).await.unwrap();
    vectors.remove(&[]).await.unwrap();

    assert_eq!(delete.num_calls(), 1);
}

#[test]
fn an_index_is_named_whole_or_not_at_all() {
    let read = |given: &'static [(&str, &str)]| {
        VectorIndex::from_vars(&move |name: &str| {
            given.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned())
        })
    };
    let named = |index: Option<VectorIndex>| index.map(|index| (index.bucket, index.index, index.dimension));
    let whole = Some(("b".to_owned(), "i".to_owned(), 1_024));

    assert_eq!(read(&[("VECTOR_BUCKET", ""), ("VECTOR_INDEX", "")]), Ok(None));
    assert_eq!(named(read(&[("VECTOR_BUCKET", "b"), ("VECTOR_INDEX", "i")]).unwrap()), whole);
    assert_eq!(read(&[("VECTOR_BUCKET", "b")]).unwrap_err().name, "VECTOR_INDEX");
    assert_eq!(read(&[("VECTOR_INDEX", "i")]).unwrap_err().name, "VECTOR_BUCKET");
    for wrong in ["0", "many"] {
        let given = [("VECTOR_BUCKET", "b"), ("VECTOR_INDEX", "i"), ("VECTOR_DIMENSION", wrong)];
        let error = VectorIndex::from_vars(&|name: &str| {
            given.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned())
        });
        assert_eq!(error.unwrap_err().name, "VECTOR_DIMENSION");
    }
}
