use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::types::error::NoSuchKey;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use tollgate_core::idempotency::Form;

use super::*;

const NAME: &str = "idem/ab/r-1";

fn claim() -> Claim {
    Claim {
        id: "idem#ab".to_owned(),
        fingerprint: "cd".to_owned(),
        request_id: "r-1".to_owned(),
        expires_at: 86_400,
    }
}

/// Longer, when packed, than what an item takes.
fn large() -> Answered {
    let mut random = fastrand::Rng::with_seed(7);
    let body: Bytes = (0..2 * MAX_INLINE_BYTES).map(|_| random.u8(..)).collect();
    Answered { status: 200, form: Form::Json, target: None, body }
}

fn answers(dynamo: &[&Rule], s3: &[&Rule]) -> DynamoAnswers {
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, dynamo);
    let objects = Objects::new(mock_client!(aws_sdk_s3, RuleMode::Sequential, s3), "bucket".to_owned());
    DynamoAnswers::new(client, "cache".to_owned(), Some(objects))
}

fn in_object() -> Kept {
    Kept { status: 200, form: Form::Json, target: None, place: Place::Object(NAME.to_owned()) }
}

#[tokio::test]
async fn a_large_answer_is_an_object_of_its_own_before_the_claim_points_to_it() {
    let put = mock!(aws_sdk_s3::Client::put_object)
        .match_requests(|request| request.bucket() == Some("bucket") && request.key() == Some(NAME))
        .then_output(|| PutObjectOutput::builder().build());
    let item = mock!(Client::put_item)
        .match_requests(|request| {
            let item = request.item().cloned().unwrap_or_default();
            item.get("object") == Some(&AttributeValue::S(NAME.to_owned()))
                && !item.contains_key("reply")
                && request.condition_expression() == Some("#request = :ours")
        })
        .then_output(|| PutItemOutput::builder().build());

    let keeping = answers(&[&item], &[&put]).keep(&claim(), &large()).await.unwrap();

    assert_eq!(keeping, Keeping::Done);
    assert_eq!((put.num_calls(), item.num_calls()), (1, 1));
}

#[tokio::test]
async fn an_answer_that_the_bucket_does_not_take_is_not_promised() {
    let refused = mock!(aws_sdk_s3::Client::put_object)
        .then_error(|| PutObjectError::generic(aws_sdk_s3::error::ErrorMetadata::builder().build()));

    assert!(answers(&[], &[&refused]).keep(&claim(), &large()).await.is_err());
}

#[tokio::test]
async fn an_answer_longer_than_any_that_is_kept_is_written_nowhere() {
    let body = Bytes::from(vec![b'x'; MAX_ANSWER_BYTES + 1]);
    let longest = Answered { body, ..large() };

    assert_eq!(answers(&[], &[]).keep(&claim(), &longest).await.unwrap(), Keeping::TooLarge);
}

#[tokio::test]
async fn an_object_is_unpacked_and_one_that_is_gone_is_none() {
    let found = mock!(aws_sdk_s3::Client::get_object)
        .match_requests(|request| request.bucket() == Some("bucket") && request.key() == Some(NAME))
        .then_output(|| {
            let packed = packing::pack(b"{}").unwrap();
            GetObjectOutput::builder().body(packed.into()).build()
        });
    let gone = mock!(aws_sdk_s3::Client::get_object)
        .then_error(|| GetObjectError::NoSuchKey(NoSuchKey::builder().build()));

    assert_eq!(answers(&[], &[&found]).body(&in_object()).await.unwrap().unwrap(), "{}");
    assert_eq!(answers(&[], &[&gone]).body(&in_object()).await.unwrap(), None);
}

#[tokio::test]
async fn without_a_bucket_an_object_is_gone() {
    let client = mock_client!(aws_sdk_dynamodb, []);
    let answers = DynamoAnswers::new(client, "cache".to_owned(), None);

    assert_eq!(answers.body(&in_object()).await.unwrap(), None);
}
