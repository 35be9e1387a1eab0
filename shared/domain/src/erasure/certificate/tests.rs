use serde_json::Value;
use time::macros::datetime;
use uuid::Uuid;

use super::super::Whom;
use super::*;
use crate::signature::tests::Signer;

fn certificate(customer: Option<u128>) -> Certificate {
    let asked = Asked {
        whom: Whom {
            tenant: Uuid::from_u128(1).into(),
            customer: customer.map(|id| Uuid::from_u128(id).into()),
        },
        by: "arn:aws:iam::123456789012:user/ada".to_owned(),
        reason: "asked for by letter".to_owned(),
        at: datetime!(2026-11-23 10:00 UTC),
    };
    let destroyed = match customer {
        Some(_) => Destroyed::Subject {
            wrapped_key_sha256: Hash::of(b"wrapped"),
            ciphertext_sha256: Some(Hash::of(b"sealed")),
        },
        None => Destroyed::Tenant {
            secret: "stack/tenant-keys/1".to_owned(),
            customers: 3,
            erased_before: 1,
            customers_sha256: Hash::of(b"lines"),
        },
    };
    let id = Uuid::from_u128(9).into();
    Certificate::of(id, &asked, datetime!(2026-11-23 10:01 UTC), destroyed, "key".to_owned())
}

fn signed(signer: &Signer, text: String) -> Certified {
    let signature = signer.sign(&text);
    Certified::new(text, signature)
}

/// These bytes are what was signed: changed, no older certificate is read any more.
#[test]
fn the_text_of_version_1_is_what_it_was() {
    let hashes = [Some(2), None].map(|customer| Hash::of(certificate(customer).text().as_bytes()).to_string());
    assert_eq!(
        hashes,
        [
            "46ce2060e48305c4bb8c0002e36e456701ee1b8ad4b201c18c893d8c0ea5b37f",
            "c10ddeb57c86fb9a3a6194e26dccb55f78059ff6f313dbd70b705e4c1e9e7e3d",
        ]
    );
}

#[test]
fn members_stand_in_the_order_of_the_text() {
    let text = certificate(Some(2)).text();
    let at = |name: &str| text.find(&format!("\"{name}\":")).unwrap();
    let members = [
        "version",
        "erasure_id",
        "scope",
        "tenant_id",
        "customer_id",
        "asked_by",
        "asked_at",
        "reason",
        "erased_at",
        "destroyed",
        "proof",
        "remains",
        "limit",
        "key_id",
    ];
    assert!(members.is_sorted_by_key(|name| at(name)), "{text}");
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read.as_object().unwrap().len(), members.len());
}

#[test]
fn a_certificate_opens_with_the_key_that_signed_it_and_with_no_other() {
    let (signer, other) = (Signer::new(), Signer::new());
    for certificate in [certificate(Some(2)), certificate(None)] {
        let kept = signed(&signer, certificate.text());
        assert_eq!(Certified::read(&kept.document()), Ok(kept.clone()));
        assert_eq!(kept.open(&signer.public()), Ok(certificate));
        assert_eq!(kept.open(&other.public()), Err(Forged::Signature));
    }
}

#[test]
fn a_document_that_differs_in_any_byte_is_none() {
    let signer = Signer::new();
    let document = signed(&signer, certificate(Some(2)).text()).document();
    let key = signer.public();
    for at in 0..document.len() {
        let mut changed = document.clone();
        changed[at] ^= 1 << (at % 8);
        let opened = Certified::read(&changed).and_then(|kept| kept.open(&key));
        assert!(opened.is_err(), "byte {at}: {opened:?}");
    }
    for longer in [
        [b" ".as_slice(), &document].concat(),
        [&document, b"\n".as_slice()].concat(),
    ] {
        assert_eq!(Certified::read(&longer), Err(Forged::Unreadable));
    }
}

#[test]
fn another_form_or_another_version_is_none_though_it_is_signed() {
    let signer = Signer::new();
    let text = certificate(Some(2)).text();
    for other in [
        text.replace(':', ": "),
        text.replacen("\"version\":1", "\"version\":2", 1),
        text.replacen('{', "{\"more\":1,", 1),
        "{}".to_owned(),
    ] {
        assert_eq!(signed(&signer, other).open(&signer.public()), Err(Forged::Unreadable));
    }
}

#[test]
fn it_says_the_same_in_other_words_or_by_another_key_and_not_of_anything_else() {
    for issued in [certificate(Some(2)), certificate(None)] {
        let mut reworded = issued.clone();
        reworded.proof.clear();
        reworded.limit = "none".to_owned();
        reworded.key_id = "a successor".to_owned();
        reworded.erased_at = "later".to_owned();
        assert!(issued.says_the_same_as(&reworded) && issued != reworded);
        let (mut another, mut anothers, mut less) = (issued.clone(), issued.clone(), issued.clone());
        another.erasure_id = Uuid::from_u128(8).into();
        anothers.customer_id = Some(Uuid::from_u128(3).into());
        less.destroyed = Destroyed::Subject {
            wrapped_key_sha256: Hash::of(b"another"),
            ciphertext_sha256: None,
        };
        for other in [another, anothers, less] {
            assert!(!issued.says_the_same_as(&other), "{other:?}");
        }
    }
}

#[test]
fn what_was_not_there_is_not_said_to_have_been_removed() {
    let mut without = certificate(Some(2));
    without.destroyed = Destroyed::Subject {
        wrapped_key_sha256: Hash::of(b"wrapped"),
        ciphertext_sha256: None,
    };
    let words = |of: &Certificate| serde_json::to_string(&super::wording::proof(&of.destroyed)).unwrap();
    assert!(words(&certificate(Some(2))).contains("after its removal\",\"found\":\"no record"));
    assert!(words(&without).contains("there was none to destroy"));
}
