//! Seals that follow each other, and those that do not.

use time::macros::datetime;

use super::*;
use crate::digest::leaf::tests::payment;

/// The seal of these payments after `head`, up to the number behind the last.
pub(crate) fn sealed(head: &Head, numbers: std::ops::Range<u64>) -> Seal {
    let mut sealing = Sealing::default();
    let to = numbers.end;
    for number in numbers {
        sealing.add(&payment(number));
    }
    sealing.end_file(to);
    sealing.close(head, to, datetime!(2026-02-04 00:20 UTC))
}

fn chain() -> (Head, Seal) {
    let first = sealed(&Head::default(), 1..4);
    let text = first.text();
    let head = Head::of(first, &text);
    let second = sealed(&head, 4..6);
    (head, second)
}

#[test]
fn the_text_of_a_seal_is_this_for_ever() {
    let text = sealed(&Head::default(), 1..2).text();
    let leaf = payment(1).hash();
    let file = Hash::of(&[payment(1).transaction_id.uuid().as_bytes().as_slice(), leaf.as_bytes()].concat());
    assert_eq!(
        text,
        format!(
            r#"{{"version":1,"number":1,"day":"2026-02-03","previous":null,"from_transaction":0,"to_transaction":2,"sealed_at":"2026-02-04T00:20:00.000000Z","transactions":1,"entries":2,"sums":[{{"currency":"EUR","debits":"1250","credits":"1250","all_debits":"1250","all_credits":"1250"}}],"root":"{leaf}","leaves":[{{"to_transaction":2,"count":1,"sha256":"{file}"}}]}}"#
        )
    );
    assert_eq!(serde_json::from_str::<Seal>(&text).unwrap().text(), text);
}

#[test]
fn a_seal_follows_the_one_before_it_and_adds_to_its_sums() {
    let (head, second) = chain();
    assert_eq!(head.followed_by(&second), Ok(()));
    assert_eq!(second.previous, head.hash);
    assert_eq!((second.from_transaction, second.to_transaction), (4, 6));
    let sums = &second.sums[0];
    assert_eq!((sums.debits, sums.all_debits), (Total(2 * 1250), Total(5 * 1250)));
    // A day without transactions is sealed all the same, and carries the sums on.
    let text = second.text();
    let head = Head::of(second, &text);
    let mut idle = Sealing::default();
    assert_eq!(idle.end_file(9), None);
    let idle = idle.close(&head, 9, datetime!(2026-02-05 00:20 UTC));
    assert_eq!(head.followed_by(&idle), Ok(()));
    assert_eq!(
        (idle.sums[0].credits, idle.sums[0].all_credits),
        (Total(0), Total(5 * 1250))
    );
}

#[test]
fn whatever_does_not_follow_is_named() {
    let (head, sound) = chain();
    let broken = |bend: &dyn Fn(&mut Seal)| {
        let mut seal = sound.clone();
        bend(&mut seal);
        head.followed_by(&seal).unwrap_err()
    };
    assert_eq!(broken(&|seal| seal.number = 3), Broken::Number);
    assert_eq!(broken(&|seal| seal.previous = None), Broken::Previous);
    assert_eq!(broken(&|seal| seal.previous = Some(seal.root)), Broken::Previous);
    assert_eq!(broken(&|seal| seal.from_transaction = 5), Broken::Range);
    assert_eq!(broken(&|seal| seal.to_transaction = 4), Broken::Range);
    assert_eq!(broken(&|seal| seal.transactions = 3), Broken::Files);
    assert_eq!(broken(&|seal| seal.leaves[0].to_transaction = 7), Broken::Files);
    assert_eq!(broken(&|seal| seal.leaves[0].to_transaction = 4), Broken::Files);
    assert_eq!(broken(&|seal| seal.sums[0].all_debits = Total(1)), Broken::Sums);
    assert_eq!(broken(&|seal| seal.sums.clear()), Broken::Sums);
}

#[test]
fn a_horizon_that_went_back_is_refused() {
    let (head, _) = chain();
    assert_eq!(head.reaches(5), Ok(true));
    assert_eq!(head.reaches(4), Ok(false));
    assert_eq!(head.reaches(3), Err(Regressed { horizon: 3, sealed: 4 }));
}

#[test]
fn the_day_is_the_one_that_has_just_ended() {
    assert_eq!(day(datetime!(2026-02-04 00:20 UTC)).to_string(), "2026-02-03");
    assert_eq!(day(datetime!(2026-02-04 00:20 +02:00)).to_string(), "2026-02-03");
    assert_eq!(day(datetime!(2026-02-04 13:00 UTC)).to_string(), "2026-02-04");
}

#[test]
fn a_file_holds_ids_and_hashes() {
    let mut sealing = Sealing::default();
    sealing.add(&payment(7));
    sealing.add(&payment(8));
    let (hash, bytes) = sealing.end_file(9).unwrap();
    assert_eq!((hash, bytes.len()), (Hash::of(&bytes), 96));
    let second = entries_of(&bytes).nth(1).unwrap();
    assert_eq!(
        second,
        (payment(8).transaction_id.uuid().into_bytes(), payment(8).hash())
    );
}
