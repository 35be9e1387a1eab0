use tests::cloud::Cloud;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::super::settlement::scene::{FORWARD, Settlement};
use super::super::statements::Posting;
use super::scene::{Correction, paid};

async fn shown(reader: &Client, payment: &Posting, before: Option<i32>, most: i32) -> Vec<Row> {
    let sql = "SELECT * FROM ledger.corrections_of($1, $2, $3, $4)";
    let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
        (&payment.tenant, Type::UUID),
        (&payment.key, Type::UUID),
        (&before, Type::INT4),
        (&most, Type::INT4),
    ];
    reader.query_typed(sql, &parameters).await.unwrap()
}

/// Amount, what was given back and what is left, of the payment.
fn sums(rows: &[Row]) -> [i64; 3] {
    ["payment_amount", "corrected", "left_over"].map(|name| rows[0].get(name))
}

#[tokio::test]
async fn corrections_are_shown_newest_first_in_pages_with_what_is_left() {
    let cloud = Cloud::running();
    let (poster, reader) = (cloud.pooled_as("poster").await, cloud.pooled_as("reader").await);
    let (_, payment) = paid(&cloud, 100).await;
    let untouched = shown(&reader, &payment, None, 10).await;
    assert_eq!((untouched.len(), sums(&untouched)), (1, [100, 0, 100]));
    assert_eq!(untouched[0].get::<_, Option<i32>>("number"), None);
    let mut keys = Vec::new();
    for amount in [10, 20, 30] {
        let refund = Correction::refund(&payment, Some(amount));
        refund.decide(&poster).await;
        keys.push(refund.key);
        Correction::refund(&payment, Some(1000)).decide(&poster).await;
    }
    keys.reverse();
    let mut walked = Vec::new();
    for (before, most) in [(None, 2), (Some(2), 2)] {
        let page = shown(&reader, &payment, before, most).await;
        assert_eq!(sums(&page), [100, 60, 40]);
        walked.extend(page.iter().map(|row| row.get::<_, Uuid>("ledger_key")));
    }
    assert_eq!(walked, keys, "refused ones are none");
    let beyond = shown(&reader, &payment, Some(1), 2).await;
    assert_eq!((beyond.len(), beyond[0].get::<_, Option<i32>>("number")), (1, None));
}

#[tokio::test]
async fn of_what_is_not_posted_nothing_is_left_and_what_is_no_payment_is_not_shown() {
    let cloud = Cloud::running();
    let (poster, reader) = (cloud.pooled_as("poster").await, cloud.pooled_as("reader").await);
    let settler = cloud.pooled_as("settler").await;
    let (us, payment) = paid(&cloud, 100).await;
    let declined = us.payment(payment.source, payment.destination, 100);
    declined.decide(&poster).await;
    assert_eq!(sums(&shown(&reader, &declined, None, 1).await), [100, 0, 0]);
    let (_, settlement) = Settlement::accepted(&cloud).await;
    for step in FORWARD {
        assert_eq!(sums(&shown(&reader, &settlement.request, None, 1).await), [400, 0, 0]);
        settlement.course(&settler, &[step]).await;
    }
    assert_eq!(sums(&shown(&reader, &settlement.request, None, 1).await), [400, 0, 400]);

    let deposit = us.deposit(payment.source, 5);
    deposit.decide(&poster).await;
    let refund = Correction::refund(&payment, None);
    refund.decide(&poster).await;
    let foreign = Posting {
        tenant: settlement.tenant(),
        ..payment.clone()
    };
    let of_refund = payment.clone().with_key(refund.key);
    for nothing in [deposit, foreign, of_refund, payment.with_key(Uuid::new_v4())] {
        assert_eq!(shown(&reader, &nothing, None, 1).await.len(), 0, "{nothing:?}");
    }
}
