//! What is found, and what only looks like it.

use super::super::{Class, Redact, find};

fn found(text: &str) -> Vec<(Class, &str)> {
    let findings = find(text, &Redact::default().classes, &[]);
    findings.into_iter().map(|finding| (finding.class, &text[finding.range])).collect()
}

#[test]
fn what_is_found_is_found_whole() {
    let cases = [
        ("to max.muster@firma.example.", Class::Email, "max.muster@firma.example"),
        (r#"{"note":"line\nmax@firma.example"}"#, Class::Email, "max@firma.example"),
        ("call (212) 555-0188 now", Class::Phone, "(212) 555-0188"),
        ("(0170 1234567)", Class::Phone, "0170 1234567"),
        ("+49 (0)89 1234567, please", Class::Phone, "+49 (0)89 1234567"),
        ("4111 1111 1111 1111 12/29", Class::Card, "4111 1111 1111 1111"),
        ("de89 3704 0044 0532 0130 00 Max", Class::Iban, "de89 3704 0044 0532 0130 00"),
        ("NINO QQ is none, AB123456C is", Class::NationalId, "AB123456C"),
        ("X-1234567-L", Class::NationalId, "X-1234567-L"),
        ("AHV 756.9217.0769.85", Class::NationalId, "756.9217.0769.85"),
        ("RSSMRA85T10A562S", Class::NationalId, "RSSMRA85T10A562S"),
        ("2 69 05 49 588 157 80", Class::NationalId, "2 69 05 49 588 157 80"),
        ("86095742719", Class::NationalId, "86095742719"),
        ("at 192.0.2.17:8443", Class::Ip, "192.0.2.17"),
        ("from 2001:db8::8a2e:370:7334.", Class::Ip, "2001:db8::8a2e:370:7334"),
        ("AKIAIOSFODNN7EXAMPLE", Class::Secret, "AKIAIOSFODNN7EXAMPLE"),
        ("mysql://root:s3cr3t@db/x", Class::Secret, "s3cr3t"),
        ("password: 'hunter2hunter'", Class::Secret, "hunter2hunter"),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            Class::Secret,
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
    ];
    for (text, class, piece) in cases {
        assert_eq!(found(text), [(class, piece)], "{text}");
    }
}

#[test]
fn a_private_key_is_found_to_its_end_even_where_that_is_missing() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIabc123+/=\n-----END PRIVATE KEY-----";
    let cut = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc123";

    assert_eq!(found(key), [(Class::Secret, key)]);
    assert_eq!(found(cut), [(Class::Secret, cut)]);
}

#[test]
fn what_fails_its_check_is_left() {
    for text in [
        "4111 1111 1111 1112",
        "DE88 3704 0044 0532 0130 00",
        "X-1234567-A",
        "756.9217.0769.86",
        "RSSMRA85T10A562T",
        "2 69 05 49 588 157 81",
        "256.1.1.1 and 1.2.3.4.5",
        "version 1.2.3.4",
        "127.0.0.1",
        "std::vec and a::b",
        "666-12-3456 and 123-00-4567",
        "token = os.environ[\"TOKEN_1\"]",
        "2026-11-26 12:30, 1.299,00",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn text_that_two_classes_claim_is_of_one() {
    let url = "https://bot:tiger#77@git.firma.example/x";

    assert_eq!(found(url), [(Class::Secret, "tiger#77")]);
    assert_eq!(find("nothing", &Redact::nothing().classes, &[]), []);
}
