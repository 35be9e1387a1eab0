use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::Value;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::digest::hash::Hash;
use crate::signature::tests::Signer;

const NOW: OffsetDateTime = datetime!(2026-11-23 10:00:00.000_120 UTC);

fn asking() -> Asker {
    Asker {
        actor: "arn:aws:iam::123456789012:user/ada".to_owned(),
        request_id: "5f3e-7a".to_owned(),
        at: NOW,
    }
}

fn statement(act: Act) -> Statement {
    Statement::of(act, "7", "it was looked into", &asking())
}

fn signed(signer: &Signer, statement: &Statement) -> Justification {
    Justification::signed(statement, signer.sign(&statement.text()))
}

/// The row that a function of ours writes of it.
fn recorded(statement: &Statement, justification: Justification) -> Recorded {
    Recorded {
        at: NOW + Duration::seconds(2),
        actor: statement.actor.clone(),
        act: statement.act.to_string(),
        subject: Some(statement.subject.clone()),
        terms: statement.terms.clone(),
        reason: Some(statement.reason.clone()),
        justification: Some(justification),
        is_repeated: false,
    }
}

#[test]
fn an_act_reads_back_what_it_writes_and_a_statement_calls_it_the_same() {
    let names: HashSet<_> = Act::ALL.map(Act::as_str).into();
    assert_eq!(names.len(), Act::ALL.len());
    for act in Act::ALL {
        assert_eq!(act.to_string().parse(), Ok(act));
        assert_eq!(serde_json::to_value(act).unwrap(), Value::from(act.as_str()));
    }
    assert_eq!("freezes_listed".parse::<Act>(), Err(UnknownAct));
}

/// These bytes are what was signed: changed, no older justification is read any more.
#[test]
fn the_text_of_version_1_is_what_it_was() {
    let plain = statement(Act::AccountFrozen).text();
    assert_eq!(
        plain,
        "{\"version\":1,\"act\":\"account_frozen\",\"subject\":\"7\",\"terms\":null,\
         \"actor\":\"arn:aws:iam::123456789012:user/ada\",\"reason\":\"it was looked into\",\
         \"at\":\"2026-11-23T10:00:00.000120Z\",\"request_id\":\"5f3e-7a\"}"
    );
    let with_terms = statement(Act::ResolutionProposed).with_terms("refund").text();
    assert!(with_terms.contains(",\"terms\":\"refund\","), "{with_terms}");
    assert_eq!(
        Signature::digest_of(&plain),
        Hash::of(plain.as_bytes()),
        "what is signed is the text and nothing else"
    );
}

#[test]
fn a_justification_opens_with_the_key_that_signed_it_and_with_no_other() {
    let (signer, other) = (Signer::new(), Signer::new());
    for act in Act::ALL {
        let statement = statement(act);
        let justification = signed(&signer, &statement);
        assert_eq!(justification.open(&signer.public()), Ok(statement));
        assert_eq!(justification.open(&other.public()), Err(Forged::Signature));
    }
}

proptest! {
    #[test]
    fn whatever_byte_of_a_statement_is_changed_it_no_longer_verifies(
        subject in ".{1,40}", reason in ".{1,200}", terms in proptest::option::of(".{0,20}"), at in any::<proptest::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let signer = Signer::new();
        let mut statement = Statement::of(Act::ResolutionApproved, subject, &reason, &asking());
        statement.terms = terms;
        let justification = signed(&signer, &statement);
        prop_assert_eq!(justification.open(&signer.public()), Ok(statement));
        let mut changed = justification.statement.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        // What is not text at all, no row can hold.
        if let Ok(changed) = String::from_utf8(changed) {
            let forged = Justification { statement: changed, ..justification };
            prop_assert_eq!(forged.open(&signer.public()), Err(Forged::Signature));
        }
    }
}

#[test]
fn another_form_or_another_version_is_none_though_it_is_signed() {
    let signer = Signer::new();
    let text = statement(Act::AccountFrozen).text();
    for other in [
        text.replace(':', ": "),
        text.replacen("\"version\":1", "\"version\":2", 1),
        text.replacen('{', "{\"more\":1,", 1),
        text.replace("account_frozen", "freezes_listed"),
        "{}".to_owned(),
    ] {
        let signature = signer.sign(&other);
        let unsigned = Justification::kept(other.clone(), None, None);
        let kept = Justification::kept(other, Some(signature.base64), Some(signature.key_id));
        assert_eq!(kept.open(&signer.public()), Err(Forged::Unreadable));
        assert_eq!(unsigned.open(&signer.public()), Err(Forged::Unreadable));
    }
}

#[test]
fn a_row_that_says_what_was_signed_has_no_flaw() {
    let signer = Signer::new();
    for act in Act::ALL {
        let statement = statement(act).with_terms("so");
        let row = recorded(&statement, signed(&signer, &statement));
        assert_eq!(row.flaw(&signer.public()), None, "{act}");
    }
    let looked = Recorded {
        act: "freezes_listed".to_owned(),
        justification: None,
        ..recorded(
            &statement(Act::AccountFrozen),
            Justification::kept(String::new(), None, None),
        )
    };
    assert_eq!(looked.flaw(&signer.public()), None);
}

/// What somebody does to a row.
type Change = fn(&mut Recorded);

#[test]
fn a_row_that_says_anything_else_is_found() {
    let signer = Signer::new();
    let statement = statement(Act::ResolutionProposed).with_terms("refund");
    let sound = recorded(&statement, signed(&signer, &statement));
    let changes: [(&str, Change); 9] = [
        ("act", |row| row.act = "resolution_approved".to_owned()),
        ("subject", |row| row.subject = Some("8".to_owned())),
        ("subject", |row| row.subject = None),
        ("terms", |row| row.terms = Some("release".to_owned())),
        ("terms", |row| row.terms = None),
        ("actor", |row| row.actor.push('a')),
        ("reason", |row| row.reason = None),
        ("time", |row| row.at += Duration::minutes(6)),
        ("time", |row| row.at -= Duration::minutes(6)),
    ];
    for (what, change) in changes {
        let mut row = sound.clone();
        change(&mut row);
        assert_eq!(row.flaw(&signer.public()), Some(Flaw::Differs(what)));
    }
    let repeated = Recorded {
        is_repeated: true,
        ..sound.clone()
    };
    assert_eq!(repeated.flaw(&signer.public()), Some(Flaw::Repeated));
    assert_eq!(
        sound.flaw(&Signer::new().public()),
        Some(Flaw::Forged(Forged::Signature))
    );
    let out_of_place = Recorded {
        act: "freezes_listed".to_owned(),
        ..sound
    };
    assert_eq!(out_of_place.flaw(&signer.public()), Some(Flaw::OutOfPlace));
}

#[test]
fn without_a_signature_only_what_stops_money_is_told_from_what_is_forged() {
    let key = Signer::new().public();
    let stops: Vec<_> = Act::ALL.into_iter().filter(|act| act.only_stops()).collect();
    assert_eq!(stops, [Act::AccountFrozen, Act::PostingsHalted]);
    for act in Act::ALL {
        let statement = statement(act);
        let flaw = recorded(&statement, Justification::unsigned(&statement)).flaw(&key);
        let expected = if act.only_stops() {
            Flaw::Unsigned
        } else {
            Flaw::Unjustified
        };
        assert_eq!(flaw, Some(expected), "{act}");
        let mut bare = recorded(&statement, Justification::unsigned(&statement));
        bare.justification = None;
        assert_eq!(bare.flaw(&key), Some(Flaw::Unjustified), "{act}");
    }
}
