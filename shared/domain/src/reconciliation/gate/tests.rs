use serde_json::json;
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::answer::ANSWER_VERSION;
use crate::gate::Standing;
use crate::ids::Owner;
use crate::intent::Operation;
use crate::money::Amount;
use crate::outcome::{Outcome, Refusal};

const NOW_MS: i64 = 1_790_000_000_000;
const TENANT: u128 = 7;
const THIS: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

/// A key of version 7, minted that many seconds before now.
fn key(age_s: i64) -> ClientKey {
    let at = u128::try_from(NOW_MS - age_s * 1000).unwrap();
    Uuid::from_u128(at << 80 | 0x7000_8000_0000_0000_0001).into()
}

fn row(of: ClientKey, tenant: u128, outcome: Outcome, answer_version: i16) -> Recorded {
    Recorded {
        ledger_key: LedgerKey::derive(Uuid::from_u128(TENANT).into(), of, Step::Request),
        tenant: Uuid::from_u128(tenant).into(),
        operation: Operation::Payment,
        fingerprint: Fingerprint::from(THIS),
        outcome,
        source: Uuid::from_u128(1).into(),
        destination: Uuid::from_u128(2).into(),
        amount: Amount::new(1999).unwrap(),
        currency: "EUR".parse().unwrap(),
        details: json!({"metadata": {}}),
        answer_version,
        created_at: datetime!(2026-09-21 12:00 UTC),
    }
}

fn posted(of: ClientKey) -> Recorded {
    row(of, TENANT, Outcome::Posted, ANSWER_VERSION)
}

fn expired() -> Answer {
    ProblemBody::from(Problem::IdempotencyKeyExpired).answer()
}

/// An item whose lease ended a quarter of an hour ago.
fn item(of: ClientKey, status: Status, answer: Option<Answer>) -> Item {
    Item {
        tenant: Uuid::from_u128(TENANT).into(),
        key: of,
        record: Record {
            status,
            owner: Uuid::from_u128(3).into(),
            lease_until_ms: NOW_MS - 900_000,
            attempt: 1,
            fingerprint: Fingerprint::from(THIS),
            answer,
            expires_at_s: NOW_MS / 1000 + TTL_SECONDS - 915,
        },
    }
}

#[test]
fn an_item_is_judged_when_its_lease_is_over_for_the_margin() {
    let at = |left_ms: i64| {
        let mut item = item(key(900), Status::Processing, None);
        item.record.lease_until_ms = NOW_MS + left_ms;
        item.against(Word::Nothing, NOW_MS)
    };
    for (left_ms, verdict) in [
        (15_000, Verdict::Young),
        (0, Verdict::Young),
        (-59_999, Verdict::Young),
        (-60_000, Verdict::Abandoned),
        (3_600_000, Verdict::Young),
        (3_600_001, Verdict::Wrong(Wrong::TimesAhead)),
        (i64::MAX - NOW_MS, Verdict::Wrong(Wrong::TimesAhead)),
    ] {
        assert_eq!(at(left_ms), verdict, "{left_ms} ms");
    }
}

#[test]
fn what_a_claim_takes_for_absent_is_not_judged() {
    let at = |left_s: i64| {
        let mut forged = item(key(900), Status::Complete, Some(expired()));
        forged.record.expires_at_s = NOW_MS / 1000 + left_s;
        forged.against(Word::Nothing, NOW_MS)
    };
    assert_eq!(at(-1), Verdict::Expired);
    assert_eq!(at(0), Verdict::Wrong(Wrong::WithoutOutcome), "a claim still meets it");
    let ahead = TTL_SECONDS + AHEAD_SECONDS;
    assert_eq!(at(ahead), Verdict::Wrong(Wrong::WithoutOutcome));
    assert_eq!(at(ahead + 1), Verdict::Wrong(Wrong::TimesAhead));
}

#[test]
fn only_a_key_whose_window_has_passed_may_have_been_told_so() {
    let told = |age_s| item(key(age_s), Status::Complete, Some(expired())).against(Word::Nothing, NOW_MS);
    assert_eq!(told(BACK_SECONDS + 1), Verdict::Sound);
    assert_eq!(told(BACK_SECONDS), Verdict::Wrong(Wrong::WithoutOutcome));
    let untimed = Uuid::from_u128(u128::MAX / 3).into();
    let told = item(untimed, Status::Complete, Some(expired())).against(Word::Nothing, NOW_MS);
    assert_eq!(told, Verdict::Wrong(Wrong::WithoutOutcome));
}

#[test]
fn the_texts_of_an_expired_key_s_answer_may_have_been_others() {
    let mut answer = expired();
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["detail"] = json!("as it was said last year");
    answer.body = body.to_string().into();
    let old = key(BACK_SECONDS * 2);
    let told = item(old, Status::Complete, Some(answer)).against(Word::Nothing, NOW_MS);
    assert_eq!(told, Verdict::Sound);
}

/// Every combination, against what must hold of each verdict.
#[test]
fn every_combination_of_item_and_row_has_the_verdict_that_is_safe() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for age_s in [900, BACK_SECONDS + 900] {
        let of = key(age_s);
        let refused = row(of, TENANT, Outcome::Refused(Refusal::InsufficientFunds), ANSWER_VERSION);
        let rows = [
            None,
            Some(posted(of)),
            Some(refused),
            Some(row(of, TENANT + 1, Outcome::Posted, ANSWER_VERSION)),
            Some(row(of, TENANT, Outcome::Posted, ANSWER_VERSION + 1)),
        ];
        let right = Answer::of(&posted(of)).unwrap();
        let answers = [
            None,
            Some(right.clone()),
            Some(Answer {
                status: 200,
                ..right.clone()
            }),
            Some(Answer {
                content_type: String::new(),
                ..right.clone()
            }),
            Some(Answer {
                body: b"{}".to_vec(),
                ..right
            }),
            Some(expired()),
        ];
        for (row, answer) in rows
            .iter()
            .flat_map(|row| answers.iter().map(move |answer| (row, answer)))
        {
            for status in [Status::Pending, Status::Processing, Status::Complete] {
                for fingerprint in [THIS, OTHER].map(Fingerprint::from) {
                    let mut item = item(of, status, answer.clone());
                    item.record.fingerprint = fingerprint;
                    let word = row.as_ref().map_or(Word::Nothing, Word::Decided);
                    let verdict = item.against(word, NOW_MS);
                    is_safe(&item, row.as_ref(), &verdict);
                    *seen
                        .entry(format!("{verdict:?}").chars().take(16).collect())
                        .or_default() += 1;
                }
            }
        }
    }
    assert_eq!(seen.values().sum::<usize>(), 2 * 5 * 6 * 3 * 2);
    assert!(seen.len() >= 9, "each verdict is reached: {seen:?}");
}

/// What must be true, whatever the order in which the verdict was found.
fn is_safe(item: &Item, row: Option<&Recorded>, verdict: &Verdict) {
    let own = row.filter(|row| row.tenant == item.tenant);
    let rendered = own.and_then(|row| Some((row.fingerprint, Answer::of(row).ok()?)));
    let is_complete = item.record.status == Status::Complete;
    let kept = item.record.answer.as_ref();
    match verdict {
        Verdict::Young | Verdict::Expired => panic!("its times are those of one to be judged"),
        Verdict::Sound => {
            assert!(is_complete);
            match rendered {
                Some((fingerprint, answer)) => {
                    assert_eq!((item.record.fingerprint, kept), (fingerprint, Some(&answer)));
                }
                None => assert!(row.is_none() && kept == Some(&expired())),
            }
        }
        Verdict::Abandoned => assert!(!is_complete && kept.is_none() && row.is_none()),
        Verdict::Repair { fingerprint, answer } => {
            assert!(!is_complete && kept.is_none());
            assert_eq!(rendered, Some((*fingerprint, answer.clone())));
        }
        Verdict::Wrong(Wrong::WithoutOutcome) => assert!(is_complete && row.is_none()),
        Verdict::Wrong(Wrong::RowOfAnother) => assert!(row.is_some() && own.is_none()),
        Verdict::Wrong(Wrong::RowUnreadable) => assert!(own.is_some() && rendered.is_none()),
        Verdict::Wrong(Wrong::AnsweredUnfinished) => assert!(!is_complete && kept.is_some()),
        Verdict::Wrong(Wrong::WithoutAnswer) => assert!(is_complete && kept.is_none() && rendered.is_some()),
        Verdict::Wrong(Wrong::AnswerDiffers) => {
            assert!(is_complete && kept.is_some() && kept != rendered.as_ref().map(|(_, answer)| answer));
        }
        Verdict::Wrong(Wrong::FingerprintDiffers) => {
            assert!(is_complete && rendered.is_some_and(|(print, _)| print != item.record.fingerprint));
        }
        Verdict::Wrong(Wrong::TimesAhead) => panic!("its times are in order"),
    }
}

/// Whoever retries after a repair is answered by the gate, whatever the claim it replaced stood for.
#[test]
fn a_repaired_item_is_replayed_to_its_own_request_and_refused_to_any_other() {
    let of = key(900);
    for (status, claimed) in [(Status::Pending, OTHER), (Status::Processing, THIS)] {
        let mut item = item(of, status, None);
        item.record.fingerprint = Fingerprint::from(claimed);
        let Verdict::Repair { fingerprint, answer } = item.against(Word::Decided(&posted(of)), NOW_MS) else {
            panic!("{status} with an outcome is repaired");
        };
        let repaired = Record {
            status: status.next(crate::gate::Event::Repair).unwrap(),
            fingerprint,
            answer: Some(answer.clone()),
            ..item.record
        };
        let me: Owner = Uuid::from_u128(99).into();
        let standing = |print| repaired.standing(me, Fingerprint::from(print), NOW_MS);
        assert_eq!(standing(THIS), Standing::Replay(&answer));
        assert_eq!(standing(OTHER), Standing::Mismatch);
        let again = Item {
            record: repaired.clone(),
            ..item
        };
        assert_eq!(again.against(Word::Decided(&posted(of)), NOW_MS), Verdict::Sound);
    }
}

#[test]
fn no_two_findings_have_one_name() {
    let names: std::collections::BTreeSet<_> = Wrong::ALL.map(Wrong::as_str).into();
    assert_eq!(names.len(), Wrong::ALL.len());
}
