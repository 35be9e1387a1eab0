//! The files of leaves' hashes: covered, gone, or not the first of their name.

use super::{Books, kinds, sealed_by};
use crate::ledger::scratch::in_scratch_database;

#[tokio::test]
async fn what_is_put_over_leaves_loses_nothing() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let paid = books.pay(10).await;
        books.seal_all(2).await;
        for cover in ["s3.put_object(Bucket=bucket, Key=name, Body=b'junk')", "s3.delete_object(Bucket=bucket, Key=name)"] {
            let all = format!(
                "for name in [each['Key'] for each in s3.list_object_versions(Bucket=bucket, Prefix='leaves/')['Versions'] if each['IsLatest']]:\n    {cover}"
            );
            books.at_the_bucket(&all).await;
            assert_eq!(books.compared().await, [], "{cover}");
        }
        let sql = format!("UPDATE ledger.ledger_entries SET amount = 11 WHERE transaction_id = '{paid}'");
        super::tampering::tampered(&books.cloud.superuser().await, &sql).await;
        assert_eq!(books.compared().await, [("transaction_changed".to_owned(), paid.to_string())]);
    })
    .await;
}

#[tokio::test]
async fn of_leaves_that_are_gone_the_rows_are_judged_by_the_root() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        let paid = books.pay(10).await;
        books.seal_all(1).await;
        books.at_the_bucket("remove('leaves/')").await;
        let found = books.compared().await;
        let gone = kinds(&found);
        assert!(
            !gone.is_empty() && gone.iter().all(|what| *what == "leaves_missing"),
            "{gone:?}"
        );

        let sql = format!("UPDATE ledger.ledger_entries SET amount = 11 WHERE transaction_id = '{paid}'");
        super::tampering::tampered(&books.cloud.superuser().await, &sql).await;
        let found = books.compared().await;
        let differ: Vec<_> = found.iter().filter(|(what, _)| what != "leaves_missing").collect();
        let seals = books.seals().await;
        let of_the_payment = seals.iter().rfind(|seal| seal["transactions"] == 1).unwrap();
        let expected = (
            "root_differs".to_owned(),
            of_the_payment["from_transaction"].to_string(),
        );
        assert_eq!(differ, [&expected]);
    })
    .await;
}

/// Their name is their hash, which whoever reads the ledger can compute before they are sealed.
#[tokio::test]
async fn leaves_are_kept_though_something_else_took_their_name_first() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.settled().await;
        let dying = books.setup().set("DIGEST_KEY", "no-such-key").start().await.unwrap();
        assert_eq!(sealed_by(&dying).await["seals"], 0);
        let take = r#"
names = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="leaves/")["Contents"]]
remove("leaves/")
for name in names:
    s3.put_object(Bucket=bucket, Key=name, Body=b"junk")
told = len(names)
"#;
        assert_eq!(books.at_the_bucket(take).await, 1);
        books.seal_all(1).await;
        assert_eq!(books.compared().await, []);
        let told = books
            .at_the_bucket(r#"told = len(s3.list_objects_v2(Bucket=bucket, Prefix="leaves/")["Contents"])"#)
            .await;
        assert_eq!(told, 2, "what took the name, and the leaves");
    })
    .await;
}
