use uuid::Uuid;

use super::*;
use crate::settlement::step::Sum;

const TENANT: u128 = 7;
const SETTLEMENT: u128 = 0x0192_f0c1_2b3a_8731_8a54_b40d_c9b8_b89e;
const FAILED: &str = "hold=posted verify=approved release=posted collect_fee=account_unknown";

fn key(action: Action) -> LedgerKey {
    LedgerKey::of_action(
        Uuid::from_u128(TENANT).into(),
        Uuid::from_u128(SETTLEMENT).into(),
        action,
    )
}

/// Of 400 with a fee of 10, with rows from text such as `hold=posted verify=approved` and the entries of those.
fn books(status: Status, rows: &str) -> Books {
    let mut books = Books {
        tenant: Uuid::from_u128(TENANT).into(),
        settlement: Uuid::from_u128(SETTLEMENT).into(),
        status,
        was_in_limbo: status == Status::Limbo,
        amount: Amount::new(400).unwrap(),
        fee: 10,
        rows: Vec::new(),
        moved: Moved::default(),
    };
    for row in rows.split_whitespace() {
        let (kind, outcome) = row.split_once('=').unwrap();
        let action: Action = kind.parse().unwrap();
        books.rows.push(Row {
            key: key(action),
            kind: kind.to_owned(),
            outcome: outcome.to_owned(),
        });
        let Some(leg) = action.leg().filter(|_| outcome == "posted") else {
            continue;
        };
        let minor = if leg.sum == Sum::Fee { 10 } else { 400 };
        *share(&mut books.moved, leg.from) -= minor;
        *share(&mut books.moved, leg.to) += minor;
    }
    books
}

fn share(moved: &mut Moved, party: Party) -> &mut i64 {
    match party {
        Party::Buyer => &mut moved.buyer,
        Party::Escrow => &mut moved.escrow,
        Party::Merchant => &mut moved.merchant,
        Party::Platform => &mut moved.platform,
    }
}

/// Books as they come about, of every status there is.
fn sound() -> Vec<Books> {
    let settled = "hold=posted verify=approved release=posted collect_fee=posted";
    let burnt = "hold=posted verify=rejected release=burnt collect_fee=burnt";
    let resolved = Books {
        was_in_limbo: true,
        ..books(
            Status::Settled,
            &format!("{burnt} resolve_release=posted resolve_fee=posted"),
        )
    };
    let refunded = Books {
        was_in_limbo: true,
        ..books(
            Status::Compensated,
            &format!("{FAILED} undo_release=posted undo_hold=posted"),
        )
    };
    vec![
        books(Status::Accepted, ""),
        books(Status::Held, "hold=posted"),
        books(Status::Parked, "hold=posted"),
        books(Status::Verified, "hold=posted verify=approved"),
        books(Status::Released, "hold=posted verify=approved release=posted"),
        books(Status::Settled, settled),
        books(Status::Compensating, "hold=posted verify=rejected"),
        books(Status::Compensating, burnt),
        books(Status::Compensating, FAILED),
        books(Status::Compensated, &format!("{burnt} undo_hold=posted")),
        books(
            Status::Compensated,
            "hold=burnt verify=burnt release=burnt collect_fee=burnt",
        ),
        books(Status::Limbo, burnt),
        books(Status::Limbo, FAILED),
        books(Status::Limbo, &format!("{burnt} resolve_release=posted")),
        resolved,
        refunded,
    ]
}

#[test]
fn sound_books_have_no_fault() {
    for books in sound() {
        assert_eq!(books.faults(), [], "{books:?}");
    }
}

#[test]
fn another_status_is_found() {
    for books in sound() {
        for status in Status::ALL {
            let parks = [books.status, status].contains(&Status::Parked) && books.rows.len() == 1;
            if status == books.status || parks && status == Status::Held || parks && books.status == Status::Held {
                continue;
            }
            let forged = Books {
                status,
                ..books.clone()
            };
            let differs = |fault: &Fault| matches!(fault, Fault::StatusDiffers { .. });
            assert!(forged.faults().iter().any(differs), "{status}: {books:?}");
        }
    }
}

#[test]
fn a_minor_unit_more_or_less_at_any_party_is_found() {
    for books in sound() {
        for party in [Party::Buyer, Party::Escrow, Party::Merchant, Party::Platform] {
            for by in [-1, 1, 400] {
                let mut forged = books.clone();
                *share(&mut forged.moved, party) += by;
                assert_eq!(forged.faults().len(), 1, "{by} to {party:?}: {books:?}");
            }
        }
        let mut forged = books.clone();
        forged.moved.elsewhere = 1;
        assert_eq!(forged.faults(), [Fault::EntriesElsewhere(1)]);
    }
}

#[test]
fn a_row_that_is_lost_or_changed_is_found() {
    for books in sound() {
        for at in 0..books.rows.len() {
            let mut lost = books.clone();
            lost.rows.remove(at);
            assert_ne!(lost.faults(), [], "{at} of {books:?}");

            let mut renamed = books.clone();
            renamed.rows[at].kind = "payment".to_owned();
            assert!(
                matches!(renamed.faults()[..], [Fault::LogImpossible(_), ..]),
                "{at} of {books:?}"
            );

            let mut moved = books.clone();
            moved.rows[at].key = books.settlement;
            assert!(
                matches!(moved.faults()[..], [Fault::LogImpossible(_), ..]),
                "{at} of {books:?}"
            );

            let mut unknown = books.clone();
            unknown.rows[at].outcome = "gone".to_owned();
            assert!(
                matches!(unknown.faults()[..], [Fault::LogImpossible(_), ..]),
                "{at} of {books:?}"
            );
        }
    }
}

#[test]
fn what_has_ended_with_money_in_escrow_or_another_fee_is_called_so() {
    let settled = || {
        books(
            Status::Settled,
            "hold=posted verify=approved release=posted collect_fee=posted",
        )
    };
    let mut left = settled();
    (left.moved.escrow, left.moved.merchant) = (400, -10);
    let faults = left.faults();
    assert_eq!(faults[0], Fault::EscrowLeft { left: 400 });
    let mut untaken = settled();
    (untaken.moved.platform, untaken.moved.merchant) = (9, 391);
    assert!(untaken.faults().contains(&Fault::FeeWrong { expected: 10, taken: 9 }));
    // Also if nothing can be made of its log.
    let mut tampered = left;
    tampered.rows.clear();
    assert!(tampered.faults().contains(&Fault::EscrowLeft { left: 400 }));
}

#[test]
fn without_a_fee_the_release_settles() {
    let mut free = books(Status::Settled, "hold=posted verify=approved release=posted");
    free.fee = 0;
    assert_eq!(free.faults(), []);
}
