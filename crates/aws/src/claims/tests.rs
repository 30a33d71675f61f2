use bytes::Bytes;

use super::*;

fn claimed(progress: Progress) -> Claimed {
    let claim = Claim {
        id: "idem#ab".to_owned(),
        fingerprint: "cd".to_owned(),
        request_id: "r-1".to_owned(),
        expires_at: 86_400,
    };
    Claimed { claim, progress }
}

fn done(place: Place) -> Claimed {
    claimed(Progress::Done(Kept {
        status: 200,
        form: Form::Events,
        target: Some("bedrock/gpt".to_owned()),
        place,
    }))
}

#[test]
fn a_claim_is_read_as_it_was_written() {
    for claimed in [
        claimed(Progress::Running),
        done(Place::Inline(Bytes::from_static(b"\xff\x00"))),
        done(Place::Object("ab/r-1".to_owned())),
    ] {
        assert_eq!(read(write(&claimed).unwrap()).unwrap(), claimed);
    }
}

#[test]
fn its_expiry_is_the_tables_time_to_live() {
    let item = write(&claimed(Progress::Running)).unwrap();

    assert_eq!(item["cacheKey"], AttributeValue::S("idem#ab".to_owned()));
    assert_eq!(item["expiresAt"], AttributeValue::N("86400".to_owned()));
    assert_eq!(item["state"], AttributeValue::S("running".to_owned()));
    assert_eq!(item.len(), 5);
}

#[test]
fn an_answer_without_its_parts_is_an_error() {
    for part in [BODY, "status", "form", "fingerprint"] {
        let mut item = write(&done(Place::Inline(Bytes::from_static(b"x")))).unwrap();
        item.remove(part);

        assert!(read(item).is_err(), "{part}");
    }
}
